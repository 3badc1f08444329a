/**
 * What fault tests start from: a stack with a small dataset, jobs of a few seconds, and the digest an undisturbed run
 * ends with.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createLog } from "../../services/shared/log.ts";
import { createRecords } from "../../services/shared/records/index.ts";
import type { Records } from "../../services/shared/records/index.ts";
import { closeRedis, connectRedis } from "../../services/shared/redis.ts";
import type { Redis } from "../../services/shared/redis.ts";
import { createStorage } from "../../services/shared/storage/index.ts";
import type { Storage } from "../../services/shared/storage/index.ts";
import { startStack } from "./stack.ts";
import type { Stack } from "./stack.ts";
import { putTinyDataset } from "./tiny-dataset.ts";

export interface Trial extends Stack {
  redisClient: Redis;
  records: Records;
  storage: Storage;
}

/** With a dataset `tiny` that has a validation split. */
export async function startTrial(options: { workers: number; environment?: Record<string, string> }): Promise<Trial> {
  const stack = await startStack({ workers: 0, ...(options.environment ? { environment: options.environment } : {}) });
  const log = createLog({ level: "silent", service: "test" });
  const redisClient = connectRedis({ url: stack.redis.url, role: "working", log });
  const records = createRecords(redisClient);
  const storage = createStorage({ storageUrl: stack.environment["STORAGE_URL"] ?? "", dataDir: stack.redis.dir });
  const counts = { train: 900, validation: 120, test: 90 };
  await putTinyDataset({ storage, records, counts, alias: "tiny" });
  for (let count = 0; count < options.workers; count++) stack.startWorker();
  return {
    ...stack,
    redisClient,
    records,
    storage,
    stop: async () => {
      await closeRedis(redisClient);
      await stack.stop();
    },
  };
}

/**
 * Steps of about a third of a millisecond; `epochs` of them times 180 make a job last. On one thread: two that share a
 * busy processor wait for each other in every step, and take ten times as long.
 */
export const slowJob = (
  fields: { seed?: number; epochs?: number } & Record<string, unknown> = {},
): Record<string, unknown> => ({
  dataset: "tiny",
  network: {
    layers: [
      { kind: "convolution", maps: 8, size: 3, padding: 1, activation: "tanh" },
      { kind: "convolution", maps: 12, size: 3, padding: 1, activation: "tanh" },
      { kind: "dropout", rate: 0.2 },
      { kind: "dense", units: 40, activation: "tanh" },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
  },
  optimiser: { kind: "adam", learningRate: 0.001 },
  batchSize: 5,
  epochs: 20,
  threads: 1,
  ...fields,
});

/** Asks until an answer comes: while the api or Redis is down, none does. */
export async function insist<Value>(doing: () => Promise<Value>, seconds = 240): Promise<Value> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await doing();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(100);
    }
  }
}
