/**
 * `npm run gc` lists the objects in storage that nothing refers to; `npm run gc -- --delete` deletes them.
 * REDIS_URL, DATA_DIR and STORAGE_URL are those of the service; without REDIS_URL the Redis of a running `npm start` on
 * DATA_DIR is asked.
 */
import { parseArgs } from "node:util";
import { ConfigError, readConfig } from "../services/shared/config.ts";
import { grouped } from "../services/shared/dataset-limits.ts";
import { createLog } from "../services/shared/log.ts";
import { createRecords } from "../services/shared/records/index.ts";
import { closeRedis, connectRedis } from "../services/shared/redis.ts";
import { createStorage } from "../services/shared/storage/index.ts";
import { RecordsMissing, findGarbage } from "./gc/garbage.ts";
import { redisOf } from "./redis-of.ts";
import { runCommand } from "./run-command.ts";

const minuteMs = 60_000;
const usualMinutes = "60";

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      delete: { type: "boolean", default: false },
      "older-than-minutes": { type: "string", default: usualMinutes },
    },
  });
  const minutes = Number(values["older-than-minutes"]);
  if (!(minutes >= 0))
    throw new ConfigError(`--older-than-minutes: expected a number, found '${values["older-than-minutes"]}'`);
  const config = readConfig(process.env);
  const log = createLog({ level: "error", service: "gc" });
  const redis = connectRedis({ url: redisOf(config, "the records in Redis say what is needed"), role: "working", log });
  try {
    const storage = createStorage(config);
    const garbage = await findGarbage({
      storage,
      records: createRecords(redis),
      olderThanMs: minutes * minuteMs,
      now: Date.now(),
    });
    let bytes = 0;
    for (const each of garbage) {
      bytes += each.bytes;
      process.stdout.write(`${grouped(each.bytes).padStart(15)}  ${each.key}  (${each.reason})\n`);
      if (values.delete) await storage.delete(each.key);
    }
    const what = `${garbage.length} object${garbage.length === 1 ? "" : "s"}, ${grouped(bytes)} bytes, in ${storage.description}`;
    process.stdout.write(
      values.delete
        ? `deleted ${what}\n`
        : garbage.length === 0
          ? `nothing to collect in ${storage.description}\n`
          : `would delete ${what}: run with --delete\n`,
    );
  } finally {
    await closeRedis(redis);
  }
}

await runCommand(run, [RecordsMissing]);
