/** Records of an older version, brought to this one: once, by whichever process starts first. */
import type { Redis } from "ioredis";
import { jobStatus } from "../../../schemas/job.ts";
import { CannotStart } from "../start.ts";
import { runScript } from "./scripts.ts";

/**
 * 2: records belong to projects. 3: jobs that wait say how much memory they need; projects and keys have manifests. 4:
 * predictions count as stored; checks and evaluations have turns.
 */
export const recordsVersion = 4;
/** Where aliases stood in version 1. */
const aliasesBefore = ["maps:datasets:aliases", "maps:models:aliases"];
/** Where the turns and tickets of jobs stood in version 3. */
const turnsBefore = ["maps:turns", "maps:tickets"];

/** Which kinds of Redis cannot hold the records, and what to do. */
const unfit: Readonly<Record<string, string>> = {
  cluster:
    "REDIS_URL: it names a Redis Cluster, which cannot hold the records: a change of theirs touches many keys at once. Use one Redis, for fail-over with Sentinel: redis+sentinel://sentinel-1,sentinel-2,sentinel-3/mymaster",
  sentinel:
    "REDIS_URL: it names a Sentinel, not the Redis that it watches: write redis+sentinel://host:26379/mymaster, with the name under which the Sentinel knows that Redis",
};

async function refuseUnfit(redis: Redis): Promise<void> {
  const mode = /^redis_mode:(\w+)/m.exec(await redis.info("server"))?.[1] ?? "standalone";
  const sentence = unfit[mode];
  if (sentence !== undefined) throw new CannotStart(sentence);
}

/**
 * Harmless to repeat: one script, so of several processes that start at once one does it and the others find it done.
 * All processes of the older version must have ended. Throws CannotStart where these are records of a newer version, or
 * this Redis cannot hold any.
 */
export async function migrate(redis: Redis): Promise<void> {
  await refuseUnfit(redis);
  const statuses = JSON.stringify(jobStatus.options);
  const [kind, found] = (await runScript(redis, "migrate-records", [
    recordsVersion,
    statuses,
    ...aliasesBefore,
    ...turnsBefore,
  ])) as ["migrated" | "current" | "newer", number];
  if (kind === "newer")
    throw new CannotStart(
      `REDIS_URL: the records there are of version ${found}, and this service knows versions up to ${recordsVersion}: start the newer version of the service again, or restore a backup from before the upgrade`,
    );
}
