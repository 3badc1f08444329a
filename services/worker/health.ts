/**
 * The health check of a worker's container: ends with 1 where Redis has not seen a worker of this host for ten seconds.
 * Redis away is not the worker's fault: 0.
 */
import { hostname } from "node:os";
import { readConfig } from "../shared/config.ts";
import { createLog } from "../shared/log.ts";
import { createRecords } from "../shared/records/index.ts";
import { connectRedis } from "../shared/redis.ts";

const patienceMs = 4000;

const { redisUrl } = readConfig(process.env);
if (redisUrl === null) process.exit(1);
setTimeout(() => process.exit(0), patienceMs);
const redis = connectRedis({ url: redisUrl, role: "working", log: createLog({ level: "silent", service: "worker" }) });
const workers = await createRecords(redis).workers.list();
process.exit(workers.some(({ host }) => host === hostname()) ? 0 : 1);
