/** The api in this process over a real Redis and a temporary storage, without a port: `app.inject` asks it. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { pino } from "pino";
import { buildApp } from "../../services/api/app.ts";
import { Keyring } from "../../services/api/access/keyring.ts";
import { Mirror } from "../../services/api/mirror.ts";
import type { Dependencies } from "../../services/api/dependencies.ts";
import { BodyReader } from "../../services/api/models/reader.ts";
import type { App } from "../../services/api/http/types.ts";
import { Prediction } from "../../services/prediction/index.ts";
import { readConfig } from "../../services/shared/config.ts";
import { newId } from "../../services/shared/ids.ts";
import { EventFeed, jobSequence, sweepSequence } from "../../services/shared/progress/index.ts";
import { Queues } from "../../services/shared/queues.ts";
import { createRecords, migrate, type DatasetRecord, type Records } from "../../services/shared/records/index.ts";
import { closeRedis, connectRedis } from "../../services/shared/redis.ts";
import { untraced } from "../../services/shared/tracing/index.ts";
import { createStorage } from "../../services/shared/storage/index.ts";
import { startTestRedis, type TestRedis } from "./redis.ts";

export interface TestApp {
  app: App;
  dependencies: Dependencies & { records: Records };
  server: TestRedis;
  /** Log lines of level warn and above. */
  lines: { level: number; msg: string }[];
  stop(): Promise<void>;
}

export async function startTestApp(environment: Record<string, string> = {}): Promise<TestApp> {
  const server = await startTestRedis();
  const config = readConfig({
    REDIS_URL: server.url,
    DATA_DIR: server.dir,
    STORAGE_URL: pathToFileURL(join(server.dir, "storage")).href,
    ...environment,
  });
  const lines: TestApp["lines"] = [];
  const log = pino(
    { level: "warn" },
    { write: (line: string) => void lines.push(JSON.parse(line) as TestApp["lines"][number]) },
  );
  const redis = connectRedis({ url: server.url, role: "answering", log });
  const subscriber = connectRedis({ url: server.url, role: "listening", log });
  await new Promise((resolve) => (redis.status === "ready" ? resolve(null) : redis.once("ready", resolve)));
  const changes = connectRedis({ url: server.url, role: "listening", log });
  const mirror = new Mirror({ commands: redis, listener: changes, log });
  await migrate(redis);
  const records = createRecords(redis);
  const queues = new Queues({ redis, log });
  const feed = new EventFeed({ sequence: jobSequence, commands: redis, subscriber, log });
  const sweepFeed = new EventFeed({ sequence: sweepSequence, commands: redis, subscriber, log });
  const prediction = new Prediction({
    kernels: config.kernels,
    cacheBytes: config.predictionCacheBytes,
    threads: config.predictionThreads,
    log,
  });
  const dependencies = {
    version: "0.0.0",
    config,
    log,
    redis,
    /** Of all projects, as a worker has them. */
    records,
    allRecords: records,
    keyring: new Keyring({ records, mirror, log }),
    queues,
    tracing: untraced,
    storage: createStorage(config),
    feed,
    sweepFeed,
    mirror,
    prediction,
    reader: new BodyReader({ log }),
    siblings: null,
  };
  const app = await buildApp(dependencies);
  return {
    app,
    dependencies,
    server,
    lines,
    stop: async () => {
      await app.close();
      feed.close();
      sweepFeed.close();
      mirror.close();
      await Promise.all([prediction.close(), dependencies.reader.close()]);
      await queues.close();
      await Promise.all([redis, subscriber, changes].map(closeRedis));
      await server.stop();
    },
  };
}

/** A ready dataset in the records alone: 7×5 pixels, grey, three classes. */
export const datasetRecord = (fields: Partial<DatasetRecord> = {}): DatasetRecord => ({
  id: newId("dataset"),
  object: "dataset",
  name: "strokes",
  alias: "strokes",
  revision: "a".repeat(64),
  status: "ready",
  terminal: true,
  fraction: 1,
  classes: ["bar", "dash", "dot"],
  splits: { train: 35, validation: 7, test: 9 },
  shape: { channels: 1, height: 7, width: 5 },
  dtype: "uint8",
  conversion: {
    channels: 1,
    height: 7,
    width: 5,
    fit: "fit",
    background: "black",
    range: { minimum: 0, maximum: 255 },
  },
  interpretation: null,
  statistics: {
    mean: [30],
    std: [60],
    minimum: 0,
    maximum: 255,
    classCounts: { train: [12, 12, 11], validation: [3, 2, 2], test: [3, 3, 3] },
  },
  warnings: [],
  problems: [],
  bytes: 51 * 39,
  createdAt: new Date().toISOString(),
  upload: null,
  manifest: null,
  ...fields,
});
