import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitCodes } from "../shared/start.ts";
import { lockFolder, shortWay } from "./lock.ts";

let root: string;
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), "lock-"))));
afterEach(() => rm(root, { recursive: true, force: true }));

const taken = { exitCode: exitCodes.folderTaken, message: expect.stringContaining("another stack") as string };

test("a folder belongs to one stack, by whichever path it is named", async () => {
  const folder = join(root, "data");
  await mkdir(folder);
  await symlink(folder, join(root, "link"));
  const unlock = await lockFolder(folder);
  for (const path of [folder, `${folder}/`, `${root}/./data`, join(root, "link")])
    await expect(lockFolder(path)).rejects.toMatchObject(taken);
  await unlock();
  await (
    await lockFolder(join(root, "link"))
  )();
});

test("also where its path is too long for a socket, and nothing is left of the way there", async () => {
  const long = join(root, "a".repeat(90), "b".repeat(90));
  await mkdir(long, { recursive: true });
  await symlink(long, join(root, "short"));
  const ways = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("maps-")).length;
  const unlock = await lockFolder(long);
  await expect(lockFolder(join(root, "short"))).rejects.toMatchObject(taken);
  await expect(lockFolder(long)).rejects.toMatchObject(taken);
  await unlock();
  expect(await readdir(long)).toEqual([]);
  const before = await ways();
  const way = await shortWay(long);
  expect([way.path.length < 80, await ways()]).toEqual([true, before + 1]);
  await way.remove();
  expect(await ways()).toBe(before);
});
