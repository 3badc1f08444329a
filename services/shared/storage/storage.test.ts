/** One contract over a folder and S3. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestS3 } from "../../../tests/support/s3.ts";
import type { TestS3 } from "../../../tests/support/s3.ts";
import { createStorage, isStorageFault } from "./index.ts";
import type { Storage } from "./index.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const read = async (stream: Readable): Promise<string> => Buffer.concat(await stream.toArray()).toString();
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe.each(["a folder", "S3"])("storage in %s", (kind) => {
  let folder: string;
  let s3: TestS3 | null = null;
  let storage: Storage;
  /** Another process over the same storage: it has compared nothing yet. */
  let other: Storage;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "storage-"));
    s3 = kind === "S3" ? await startTestS3() : null;
    const storageUrl = s3?.url ?? pathToFileURL(join(folder, "objects")).href;
    storage = createStorage({ storageUrl, dataDir: folder });
    other = createStorage({ storageUrl, dataDir: join(folder, "other") });
  });
  afterAll(async () => {
    await s3?.stop();
    await rm(folder, { recursive: true });
  });

  test("bytes and streams come back whole, with size and digest", async () => {
    expect(await storage.put("a/bytes.bin", Buffer.from("seven by five"))).toEqual({ key: "a/bytes.bin", bytes: 13, sha256: sha256("seven by five") });
    await storage.put("a/stream.bin", Readable.from([Buffer.from("seven "), Buffer.from("by five")]));
    for (const key of ["a/bytes.bin", "a/stream.bin"]) {
      expect(text(await other.get(key))).toBe("seven by five");
      expect(await read(await other.stream(key))).toBe("seven by five");
      expect(text(await other.range(key, 6, 2))).toBe("by");
      expect(text(await other.range(key, 9, 100))).toBe("five");
      expect((await readFile(await other.local(key))).toString()).toBe("seven by five");
      expect(await other.stat(key)).toEqual({ key, bytes: 13, sha256: sha256("seven by five") });
      expect(await other.exists(key)).toBe(true);
    }
  });

  test("an object is replaced whole", async () => {
    await storage.put("b", Buffer.from("old"));
    await storage.put("b", Buffer.from("newer"));
    expect(text(await storage.get("b"))).toBe("newer");
    expect(text(await storage.range("b", 0, 9))).toBe("newer");
  });

  test("a stream that breaks leaves nothing", async () => {
    async function* breaking(): AsyncGenerator<Buffer> {
      yield Buffer.from("half");
      throw new Error("cut");
    }
    await expect(storage.put("c/broken", Readable.from(breaking()))).rejects.toThrow(/cut/);
    expect(await storage.exists("c/broken")).toBe(false);
    const left: string[] = [];
    for await (const { key } of storage.list("c/")) left.push(key);
    expect(left).toEqual([]);
  });

  test("lists by prefix, deletes one and all", async () => {
    for (const key of ["d/1", "d/2", "d/deep/3", "e/4"]) await storage.put(key, Buffer.from(key));
    const listed = async (prefix: string): Promise<string[]> => {
      const found: string[] = [];
      for await (const each of storage.list(prefix)) {
        found.push(each.key);
        expect(each.bytes).toBe(each.key.length);
        expect(Math.abs(Date.now() - each.modifiedAt.getTime())).toBeLessThan(60_000);
      }
      return found.sort();
    };
    expect(await listed("d/")).toEqual(["d/1", "d/2", "d/deep/3"]);
    await storage.delete("d/1");
    await storage.delete("d/1");
    expect(await storage.deleteAll("d/")).toBe(2);
    expect(await listed("d/")).toEqual([]);
    expect(await listed("e/")).toEqual(["e/4"]);
  });

  test("what is not there is missing, what is no key is refused", async () => {
    for (const ask of [() => storage.get("nothing"), () => storage.stream("nothing").then(read), () => storage.local("nothing"), () => storage.range("nothing", 0, 1)]) {
      const error: unknown = await ask().catch((thrown: unknown) => thrown);
      expect(isStorageFault(error, "missing"), String(error)).toBe(true);
    }
    expect(await storage.stat("nothing")).toBeNull();
    for (const key of ["../x", "/x", "a//b", "", ".hidden", "a/../b", "a b"]) await expect(storage.put(key, Buffer.from("x")), key).rejects.toMatchObject({ fault: "bad-key" });
  });

  test("answers that it works", async () => {
    await expect(storage.check()).resolves.toBeUndefined();
  });
});
