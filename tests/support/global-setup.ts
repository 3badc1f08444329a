/**
 * Once before any ring runs: builds, for threads and processes start from dist/, and sees to it that there is a Redis
 * to start.
 */
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../../scripts/build.mjs";
import { createLog } from "../../services/shared/log.ts";
import { provideRedis } from "../../services/stack/redis.ts";

const cache = fileURLToPath(new URL("../../node_modules/.cache/redis/", import.meta.url));

const isOnPath = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => folder !== "" && existsSync(join(folder, name)));

/**
 * A machine without Redis: the distribution's package is unpacked once for all tests, and commands that start it and
 * ask it put on PATH. Otherwise each test, with a data folder of its own, would fetch it again.
 */
async function bringRedis(): Promise<void> {
  if (isOnPath("redis-server") || isOnPath("valkey-server")) return;
  const redis = await provideRedis({ dataDir: cache, log: createLog({ level: "silent", service: "test" }) });
  await redis.stop();
  const unpacked = join(cache, "redis-package", "usr");
  const server = join(unpacked, "bin", "redis-server");
  if (!existsSync(server)) return;
  const libraries = join(unpacked, "lib");
  const folders = (await readdir(libraries, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(libraries, name));
  const commands = join(cache, "bin");
  await mkdir(commands, { recursive: true });
  for (const name of ["redis-server", "redis-cli"]) {
    const program = join(unpacked, "bin", name);
    await writeFile(
      join(commands, name),
      `#!/bin/sh\nLD_LIBRARY_PATH='${[libraries, ...folders].join(":")}' exec '${program}' "$@"\n`,
    );
    await chmod(join(commands, name), 0o755);
  }
  process.env["PATH"] = `${commands}${delimiter}${process.env["PATH"] ?? ""}`;
}

export default async function setup(): Promise<void> {
  await build();
  await bringRedis();
}
