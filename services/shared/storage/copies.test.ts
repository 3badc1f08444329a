import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Copies } from "./copies.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "copies-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const hourAgo = new Date(Date.now() - 3_600_000);
const contentOf = (name: string): Buffer => Buffer.from(name.repeat(35));
const digestOf = (name: string) => ({
  sha256: createHash("sha256").update(contentOf(name)).digest("hex"),
  bytes: contentOf(name).length,
});

/** Copies on a disk of so many bytes that has nothing else; each takes 35. */
function copiesOn(diskBytes: number, name: string) {
  const at = join(folder, name);
  const taken = async (): Promise<number> => {
    const names = await readdir(at, { recursive: true });
    return names.filter((each) => /[0-9a-f]{64}$/.test(each)).length * 35;
  };
  const copies = new Copies({ folder: at, leaveBytes: 0, freeBytes: async () => diskBytes - (await taken()) });
  const add = (each: string): Promise<string> =>
    copies.add(digestOf(each), async () => Readable.from([contentOf(each)]));
  const isThere = async (each: string): Promise<boolean> => (await copies.find(digestOf(each))) !== null;
  return { copies, add, isThere };
}

describe("copies", () => {
  it("are found by their digest, and whole", async () => {
    const { copies, add, isThere } = copiesOn(1000, "whole");
    expect(await isThere("a")).toBe(false);
    const path = await add("a");
    expect(await readFile(path)).toEqual(contentOf("a"));
    expect(await copies.find(digestOf("a"))).toBe(path);
    const breaking = async function* () {
      yield Buffer.from("half");
      throw new Error("the bucket went away");
    };
    await expect(copies.add(digestOf("b"), async () => Readable.from(breaking()))).rejects.toThrow("went away");
    expect(await isThere("b")).toBe(false);
    expect(await copies.sweep(-1000)).toBe(0);
  });

  it("go where they would take more than stays free, first what was used longest ago", async () => {
    const { add, isThere } = copiesOn(200, "full");
    for (const [at, name] of ["a", "b"].entries()) {
      const usedAt = new Date(hourAgo.getTime() + at * 1000);
      await utimes(await add(name), usedAt, usedAt);
    }
    await add("c");
    expect(await Promise.all(["a", "b", "c"].map(isThere))).toEqual([false, true, true]);
  });

  it("stay while somebody may be about to open them", async () => {
    const { add, isThere } = copiesOn(200, "in-use");
    for (const name of ["a", "b", "c"]) await add(name);
    expect(await Promise.all(["a", "b", "c"].map(isThere))).toEqual([true, true, true]);
  });
});
