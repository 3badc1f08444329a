import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStorage } from "./index.ts";
import { NoSpace, holdSpace } from "./space.ts";

let folder: string;
let freeBytes: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "space-"));
  const { bavail, bsize } = await statfs(folder);
  freeBytes = bavail * bsize;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Four parts of what is free; others write on this disk too. */
const part = () => Math.floor(freeBytes / 4);

test("what one holds no other gets, also where both ask at the same moment, until it is released", async () => {
  const ask = () => holdSpace({ folder, bytes: part(), leaveBytes: part() });
  const all = await Promise.allSettled([ask(), ask(), ask(), ask()]);
  const holds = all.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  expect([2, 3]).toContain(holds.length);
  expect(all.find((each) => each.status === "rejected")?.reason).toBeInstanceOf(NoSpace);
  for (const hold of holds) hold.release();
  const again = await holdSpace({ folder, bytes: 2 * part(), leaveBytes: part() });
  again.release();
  again.release();
});

test("a hold shrinks by what has been written, never below nothing", async () => {
  const hold = await holdSpace({ folder, bytes: 2 * part(), leaveBytes: 0 });
  await expect(holdSpace({ folder, bytes: 2 * part(), leaveBytes: part() })).rejects.toThrow(NoSpace);
  hold.shrink(2 * part());
  hold.shrink(5);
  const other = await holdSpace({ folder, bytes: 2 * part(), leaveBytes: part() });
  other.release();
});

test("storage leaves of the disk what it is told to: all of it by what is sent, a quarter by what is made", async () => {
  const dataDir = join(folder, "data");
  const most = { storageUrl: pathToFileURL(join(dataDir, "storage")).href, dataDir };
  const storage = createStorage({ ...most, datasets: { MIN_FREE_BYTES: freeBytes * 2 } });
  const sent = [Buffer.from("bytes"), Readable.from([Buffer.from("by"), Buffer.from("tes")])];
  for (const content of sent)
    await expect(storage.put("a/sent", content, "sent")).rejects.toMatchObject({ fault: "full" });
  expect((await storage.put("a/made", Buffer.from("bytes"))).bytes).toBe(5);
  expect((await storage.put("a/held", Readable.from([Buffer.from("bytes")]), "held")).bytes).toBe(5);
  const none = createStorage({ ...most, datasets: { MIN_FREE_BYTES: freeBytes * 9 } });
  await expect(none.put("b/made", Buffer.from("bytes"))).rejects.toMatchObject({ fault: "full" });
});
