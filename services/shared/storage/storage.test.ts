/** One contract over a folder and an S3-compatible bucket. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile, mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import S3rver from "s3rver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStorage } from "./index.ts";
import type { Storage } from "./index.ts";
import { StorageError, putJson } from "./storage.ts";

let folder: string;
let bucket: InstanceType<typeof S3rver>;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "storage-"));
  bucket = new S3rver({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory: join(folder, "bucket"),
    configureBuckets: [{ name: "maps", configs: [] }],
  });
  port = (await bucket.run()).port;
  process.env["AWS_ACCESS_KEY_ID"] = "S3RVER";
  process.env["AWS_SECRET_ACCESS_KEY"] = "S3RVER";
});
afterAll(async () => {
  await bucket.close();
  await rm(folder, { recursive: true, force: true });
});

/** On Linux: those of this process. */
const openFiles = "/proc/self/fd";

const kinds: Record<string, () => Storage> = {
  folder: () => createStorage({ storageUrl: pathToFileURL(join(folder, "files")).href, dataDir: folder }),
  bucket: () => createStorage({ storageUrl: `s3://maps/below?endpoint=http://127.0.0.1:${port}`, dataDir: folder }),
};

const faultOf = async (doing: Promise<unknown>): Promise<string> =>
  doing.then(
    () => "none",
    (error: unknown) => (error instanceof StorageError ? error.fault : String(error)),
  );
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const keysOf = async (storage: Storage, prefix: string): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix)) keys.push(key);
  return keys;
};

describe.each(Object.keys(kinds))("storage in a %s", (kind) => {
  let storage: Storage;
  beforeAll(() => {
    storage = kinds[kind]();
  });

  test("what was put is got, whole, by stream, in part, and as a file", async () => {
    const stored = await storage.put("a/b/one.bin", Buffer.from("seven by five"));
    expect(stored).toMatchObject({ key: "a/b/one.bin", bytes: 13 });
    expect(text(await storage.get("a/b/one.bin"))).toBe("seven by five");
    expect(text(Buffer.concat(await (await storage.stream("a/b/one.bin")).toArray()))).toBe("seven by five");
    expect(text(await storage.range("a/b/one.bin", 6, 2))).toBe("by");
    expect(text(await storage.range("a/b/one.bin", 9, 100))).toBe("five");
    expect(await storage.local("a/b/one.bin")).toContain("/");
    expect(await storage.stat("a/b/one.bin")).toEqual(stored);
  });

  test("a stream is stored like bytes, and one that breaks leaves nothing", async () => {
    await storage.put("streams/good", Readable.from([Buffer.from("4"), Buffer.from("2")]));
    expect(text(await storage.get("streams/good"))).toBe("42");
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from("half");
        throw new Error("the sender went away");
      })(),
    );
    expect(await faultOf(storage.put("streams/broken", broken))).toBe("unavailable");
    expect(await storage.exists("streams/broken")).toBe(false);
    expect(await keysOf(storage, "streams/")).toEqual(["streams/good"]);
  });

  test("an object can be replaced, listed, deleted", async () => {
    await putJson(storage, "m/x.json", { a: 1 });
    await putJson(storage, "m/x.json", { a: 22 });
    await putJson(storage, "m/y.json", {});
    expect(JSON.parse(text(await storage.get("m/x.json")))).toEqual({ a: 22 });
    expect(await keysOf(storage, "m/")).toEqual(["m/x.json", "m/y.json"]);
    await storage.delete("m/x.json");
    await storage.delete("m/x.json");
    expect(await faultOf(storage.get("m/x.json"))).toBe("missing");
    expect(await storage.deleteAll("m/")).toBe(1);
    expect(await keysOf(storage, "m/")).toEqual([]);
  });

  test.runIf(existsSync(openFiles))("an object whose digest cannot be read leaves nothing open", async () => {
    await storage.put("e/x", Buffer.from("whole"));
    await storage.put("e/x.sha256", Buffer.from("no digest"));
    const before = (await readdir(openFiles)).length;
    for (let tries = 0; tries < 40; tries++) expect(await faultOf(storage.stream("e/x"))).toBe("damaged");
    expect((await readdir(openFiles)).length - before).toBeLessThan(20);
  });

  test("keys that leave the folder are refused; check says that it works", async () => {
    for (const key of ["../x", "/x", "a//b", "a/../b", ".hidden", "a/./b"])
      expect(await faultOf(storage.get(key))).toBe("bad-key");
    await storage.check();
  });
});

test("a damaged object is never read", async () => {
  const storage = kinds["folder"]();
  await storage.put("d/whole", Buffer.from("0123456789"));
  await writeFile(join(folder, "files/d/whole"), "012345678X");
  expect(await faultOf(storage.get("d/whole"))).toBe("damaged");
  expect(await faultOf(storage.range("d/whole", 0, 1))).toBe("damaged");
  expect(await faultOf(storage.local("d/whole"))).toBe("damaged");
  expect(await faultOf((async () => (await storage.stream("d/whole")).toArray())())).toBe("damaged");
  await writeFile(join(folder, "files/d/without"), "no digest beside it");
  expect(await faultOf(storage.get("d/without"))).toBe("damaged");
});

test("what a killed process left unfinished is not listed, and swept when it is old", async () => {
  const storage = kinds["folder"]();
  await mkdir(join(folder, "files/.unfinished"), { recursive: true });
  await writeFile(join(folder, "files/.unfinished/01ABC"), "half");
  expect(await keysOf(storage, "")).not.toContain(".unfinished/01ABC");
  expect(await storage.sweep(60_000)).toBe(0);
  expect(await storage.sweep(-1000)).toBe(1);
  expect(await readdir(join(folder, "files/.unfinished"))).toEqual([]);
});

test("a storage that answers 500 is unavailable, in a sentence", async () => {
  const server = createServer((_request, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const at = typeof address === "object" && address ? address.port : 0;
  const storage = createStorage({ storageUrl: `s3://maps?endpoint=http://127.0.0.1:${at}`, dataDir: folder });
  await expect(storage.put("x", Buffer.from("y"))).rejects.toMatchObject({
    fault: "unavailable",
    message: expect.stringContaining("could not write x") as string,
  });
  server.closeAllConnections();
  server.close();
});
