/** Records of an older version, brought to this one: once, by whichever process starts first. */
import type { Redis } from "ioredis";
import { jobStatus } from "../../../schemas/job.ts";
import { runScript } from "./scripts.ts";

/** 2: records belong to projects. */
const recordsVersion = 2;
/** Where aliases stood in version 1. */
const aliasesBefore = ["maps:datasets:aliases", "maps:models:aliases"];

/** Harmless to repeat. All processes of the older version must have ended. */
export async function migrate(redis: Redis): Promise<void> {
  await runScript(redis, "migrate-records", [recordsVersion, JSON.stringify(jobStatus.options), ...aliasesBefore]);
}
