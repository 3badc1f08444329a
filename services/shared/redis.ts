/** Connections to Redis, one way for processes that answer people and one for those that must not lose work. */
import { Redis } from "ioredis";
import type { RedisOptions } from "ioredis";
import type { Logger } from "./log.ts";
import { parseRedisUrl } from "./redis-url.ts";

export type { Redis };

/**
 * `answering`: a command fails at once while Redis is away (the api says 503). `working`: commands wait for Redis and
 * are sent again after a reconnection, so scripts must stand a repetition. `listening`: pub/sub and blocking reads.
 */
export type RedisRole = "answering" | "working" | "listening";

const roles: Record<RedisRole, RedisOptions> = {
  answering: {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 10_000,
  },
  working: { enableOfflineQueue: true, maxRetriesPerRequest: null },
  listening: { enableOfflineQueue: true, maxRetriesPerRequest: null },
};

export function connectRedis(options: { url: string; role: RedisRole; log: Logger }): Redis {
  const { url, role, log } = options;
  const settings: RedisOptions & { replyMapping: "legacy" } = {
    ...parseRedisUrl(url),
    ...roles[role],
    replyMapping: "legacy",
    connectionName: role,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), 1000),
    reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : false),
  };
  const redis = new Redis(settings);
  let away = false;
  redis.on("error", (error) => {
    if (!away) log.warn({ err: error, role }, "Redis cannot be reached; trying again");
    away = true;
  });
  redis.on("ready", () => {
    if (away) log.info({ role }, "Redis is back");
    away = false;
  });
  return redis;
}

const awayCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "NR_CLOSED",
]);
const awayMessages =
  /Connection is closed|isn't writeable|max retries per request|Command timed out|^(LOADING|READONLY|MASTERDOWN|UNBLOCKED)|Connection is in|connect ETIMEDOUT|Reached the max|sentinels are unreachable/;

/** Whether an error says that Redis is away (503, Retry-After), as opposed to a fault of ours. */
export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return (
    error.name === "MaxRetriesPerRequestError" ||
    awayMessages.test(error.message) ||
    ("syscall" in error && awayCodes.has(code))
  );
}

/** Ends a connection without waiting for a Redis that is away. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status === "ready") await redis.quit().catch(() => redis.disconnect());
  else redis.disconnect();
}
