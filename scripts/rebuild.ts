/**
 * `npm run rebuild`: after Redis was lost, restores the records of projects, keys, datasets, models, evaluations, ended
 * jobs and ended sweeps from storage alone.
 * REDIS_URL, DATA_DIR and STORAGE_URL are those of the service; without REDIS_URL the Redis of a running `npm start` on
 * DATA_DIR is filled. May run beside the service, and twice.
 */
import { readConfig } from "../services/shared/config.ts";
import { createLog } from "../services/shared/log.ts";
import { createRecords } from "../services/shared/records/index.ts";
import { closeRedis, connectRedis } from "../services/shared/redis.ts";
import { createStorage } from "../services/shared/storage/index.ts";
import { rebuild } from "./rebuild/rebuild.ts";
import { redisOf } from "./redis-of.ts";
import { runCommand } from "./run-command.ts";

async function run(): Promise<void> {
  const config = readConfig(process.env);
  const redis = connectRedis({
    url: redisOf(config, "start it first, or name the Redis to fill"),
    role: "working",
    log: createLog({ level: "error", service: "rebuild" }),
  });
  try {
    const storage = createStorage(config);
    const { projects, keys, datasets, models, evaluations, jobs, sweeps, problems } = await rebuild({
      redis,
      records: createRecords(redis),
      storage,
    });
    process.stdout.write(
      `rebuilt from ${storage.description}: ${projects} projects, ${keys} keys, ${datasets} datasets, ${models} models, ` +
        `${evaluations} evaluations, ${jobs} jobs, ${sweeps} sweeps\n`,
    );
    for (const problem of problems) process.stdout.write(`left out: ${problem}\n`);
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    await closeRedis(redis);
  }
}

await runCommand(run);
