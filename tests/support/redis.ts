/** A real Redis of a test's own, in a temporary folder. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../services/shared/log.ts";
import { closeRedis, connectRedis } from "../../services/shared/redis.ts";
import type { Redis } from "../../services/shared/redis.ts";
import { provideRedis } from "../../services/stack/redis.ts";
import type { ProvidedRedis } from "../../services/stack/redis.ts";

export interface TestRedis extends ProvidedRedis {
  dir: string;
}

/** Ends and leaves nothing with `stop`. */
export async function startTestRedis(): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), "maps-"));
  const redis = await provideRedis({
    dataDir: dir,
    log: createLog({ level: "silent", service: "test" }),
    durableOnly: true,
  });
  return {
    ...redis,
    dir,
    stop: async () => {
      await redis.stop();
      // A process that a test killed may still be writing its last file.
      await rm(dir, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** The same with a connection such as services work with; `stop` ends both. */
export async function startConnectedRedis(): Promise<{ redis: Redis; stop: () => Promise<void> }> {
  const server = await startTestRedis();
  const log = createLog({ level: "silent", service: "test" });
  const redis = connectRedis({ url: server.url, role: "working", log });
  return {
    redis,
    stop: async () => {
      await closeRedis(redis);
      await server.stop();
    },
  };
}
