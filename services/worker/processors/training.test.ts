/**
 * A compute thread that breaks: the attempt ends as a crash, the user hears of it, and the job waits for the next try.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Job as Delivery } from "bullmq";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completeJobRequest, jobRequest } from "../../../schemas/job.ts";
import type { JobRequestInput } from "../../../schemas/job.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import { startTestRedis } from "../../../tests/support/redis.ts";
import type { TestRedis } from "../../../tests/support/redis.ts";
import { putTinyDataset } from "../../../tests/support/tiny-dataset.ts";
import { newId } from "../../shared/ids.ts";
import { chooseKernels } from "../../shared/kernels.ts";
import { createLog } from "../../shared/log.ts";
import { jobSequence, readEvents } from "../../shared/progress/index.ts";
import { createRecords } from "../../shared/records/index.ts";
import type { DatasetRecord, Records } from "../../shared/records/index.ts";
import { closeRedis, connectRedis } from "../../shared/redis.ts";
import type { Redis } from "../../shared/redis.ts";
import { createStorage } from "../../shared/storage/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { untraced } from "../../shared/tracing/index.ts";
import { ThreadPool } from "../threads/pool.ts";
import type { TrainingDependencies } from "../training/attempt.ts";
import { Archives } from "../training/archive.ts";
import { Sessions } from "../training/sessions.ts";
import { trainJob } from "./training.ts";

const log = createLog({ level: "silent", service: "test" });
let server: TestRedis;
let redis: Redis;
let records: Records;
let storage: Storage;
let dataset: DatasetRecord;
let folder: string;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectRedis({ url: server.url, role: "working", log });
  records = createRecords(redis);
  folder = await mkdtemp(join(tmpdir(), "threads-"));
  storage = createStorage({ storageUrl: pathToFileURL(join(folder, "storage")).href, dataDir: folder });
  dataset = await putTinyDataset({ storage, records, counts: { train: 20, validation: 0, test: 5 }, alias: "tiny" });
});
afterAll(async () => {
  await closeRedis(redis);
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** `script`: what a thread does with a `message`. */
async function processorOver(
  script: string,
  { spare = false } = {},
): Promise<{
  process: (delivery: Delivery<QueuePayload<"training">>) => Promise<void>;
  sessions: Sessions;
  pool: ThreadPool;
}> {
  const entry = join(folder, `${newId("job")}.mjs`);
  await writeFile(
    entry,
    `import { parentPort as port } from "node:worker_threads"; port.on("message", (message) => { ${script} });`,
  );
  const pool = new ThreadPool({ entry: pathToFileURL(entry), keep: 2, log });
  const kernels = chooseKernels({ wanted: "reference", numerics: "reproducible" });
  const sessions = new Sessions();
  const dependencies: TrainingDependencies = {
    tracing: untraced,
    telemetry: { checkpoint: () => undefined },
    records,
    storage,
    pool,
    sessions,
    archives: new Archives({ redis, records, storage, log }),
    log,
    worker: "w",
    threads: 2,
    memoryBytes: 1e9,
    ending: new AbortController().signal,
    planBytes: async () => ({ bytes: 65_536 }),
    hasSpareProcessor: () => spare,
    crashBudget: 2,
    kernels: () => kernels,
    redisRun: () => "r",
  };
  return { pool, sessions, process: (delivery) => trainJob(delivery, "t", dependencies) };
}

async function newJob(
  fields: Partial<JobRequestInput> = {},
): Promise<{ id: string; delivery: Delivery<QueuePayload<"training">> }> {
  const id = newId("job");
  const network = { layers: [{ kind: "dense", units: 3, activation: "softmax" }] };
  const request = completeJobRequest.parse({
    ...jobRequest.parse({ dataset: "tiny", network, ...fields }),
    network,
    loss: "cross-entropy",
  });
  await records.jobs.create({
    id,
    name: null,
    dataset: { id: dataset.id, revision: dataset.revision ?? "" },
    request,
    metadata: {},
  });
  const delivery = { id: `${id}-1`, data: { version: 1, jobId: id, run: 1 }, changePriority: async () => undefined };
  return { id, delivery: delivery as unknown as Delivery<QueuePayload<"training">> };
}

test.each([
  ["throws", 'throw new Error("out of luck")', /out of luck/],
  ["ends by itself", "process.exit(3)", /ended by itself \(code 3\)/],
  ["says that it is broken", 'port.postMessage({ kind: "broken", message: "no memory" })', /no memory/],
])("a thread that %s costs one try; the budget ends it", async (_how, script, reason) => {
  const { process, sessions, pool } = await processorOver(script);
  const { id, delivery } = await newJob();
  await expect(process(delivery)).rejects.toThrow("tried again");
  expect(await records.jobs.read(id)).toMatchObject({
    status: "queued",
    crashes: 1,
    attempts: [{ reason: expect.stringMatching(reason) as string }],
  });
  const warnings = (await readEvents(redis, jobSequence, id, { after: "0", limit: 50 })).filter(
    ({ type }) => type === "warning",
  );
  expect(warnings).toHaveLength(1);
  await expect(process(delivery)).rejects.toThrow("tried again");
  await process(delivery);
  expect(await records.jobs.read(id)).toMatchObject({ status: "failed", error: { code: "crashed" } });
  expect(sessions.jobs).toEqual([]);
  await pool.close();
});

test.each([
  ["where it distorts and a processor is left", { shift: 1 }, true, "augmentation"],
  ["not where no processor is left", { shift: 1 }, false, "alone"],
  ["not where it distorts nothing", { elastic: { alpha: 0 } }, true, "alone"],
])("a training has an augmentation thread %s", async (_where, augmentation, spare, reason) => {
  const { process, pool } = await processorOver(
    `if (message.kind !== "train") return port.postMessage({ kind: "broken", message: message.kind });
     port.postMessage({ kind: "planned", plan: { spec: message.assignment.spec, controlAddress: 0 }, memory: { buffer: new SharedArrayBuffer(4) }, kernels: "none" });
     if (${reason === "alone"}) setTimeout(() => port.postMessage({ kind: "broken", message: "alone" }), 2000);`,
    { spare },
  );
  const { id, delivery } = await newJob({ augmentation, threads: 1 });
  await expect(process(delivery)).rejects.toThrow("tried again");
  expect(await records.jobs.read(id)).toMatchObject({
    attempts: [{ reason: expect.stringContaining(reason) as string }],
  });
  await pool.close();
});

test("a dataset whose bytes are damaged fails the job with the object's name", async () => {
  const { process, pool } = await processorOver("");
  const { id, delivery } = await newJob();
  const key = dataset.manifest?.splits.train?.samples ?? "";
  const whole = await storage.get(key);
  await writeFile(join(folder, "storage", key), Buffer.from(whole).fill(7));
  await process(delivery);
  expect(await records.jobs.read(id)).toMatchObject({
    status: "failed",
    error: { code: "dataset-unreadable", detail: expect.stringContaining(key) as string },
  });
  await pool.close();
});
