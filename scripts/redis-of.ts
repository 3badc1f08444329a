/** The Redis that a command works on: the one at REDIS_URL, or that of a running `npm start` on DATA_DIR. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../services/shared/config.ts";
import type { Config } from "../services/shared/config.ts";

/** `advice`: what to do where there is none. */
export function redisOf({ redisUrl, dataDir }: Config, advice: string): string {
  if (redisUrl !== null) return redisUrl;
  const socket = join(dataDir, "redis", "redis.sock");
  if (existsSync(socket)) return `unix://${encodeURI(socket)}`;
  throw new ConfigError(`REDIS_URL: not set, and no Redis of \`npm start\` runs on ${dataDir}; ${advice}`);
}
