/** A Redis that takes its time, and one that cannot start: programs of that name, first on PATH. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLog } from "../shared/log.ts";
import { provideRedis } from "./redis.ts";

const log = createLog({ level: "silent", service: "test" });
const { PATH: path = "" } = process.env;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "maps-"));
  process.env["PATH"] = `${folder}${delimiter}${path}`;
});
afterEach(async () => {
  process.env["PATH"] = path;
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
});

async function program(script: string): Promise<void> {
  const file = join(folder, "redis-server");
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}
const start = () => provideRedis({ dataDir: join(folder, "data"), log, durableOnly: true });

test("one that reads a large file first is waited for", async () => {
  // Longer than one is started again that ends by itself.
  await program(`sleep 11; PATH='${path}' exec redis-server "$@"`);
  const redis = await start();
  expect(redis.durable).toBe(true);
  await redis.stop();
});

test("one that cannot start is given up, with what it said", async () => {
  await program("echo 'no room for the log' >&2; exit 1");
  await expect(start()).rejects.toThrow("Redis did not start: no room for the log");
});
