import { afterAll, beforeAll, expect, test } from "vitest";
import { completeJobRequest, jobRequest } from "../../../schemas/job.ts";
import { startTestRedis } from "../../../tests/support/redis.ts";
import type { TestRedis } from "../../../tests/support/redis.ts";
import { newId, newUlid } from "../ids.ts";
import { createLog } from "../log.ts";
import { jobSequence, readEvents, readMetrics } from "../progress/index.ts";
import { closeRedis, connectRedis } from "../redis.ts";
import type { Redis } from "../redis.ts";
import { createRecords, presentJob } from "./index.ts";
import type { DatasetRecord, NewJob, Records } from "./index.ts";

let server: TestRedis;
let redis: Redis;
let records: Records;
const datasetId = newId("dataset");
const revision = "a".repeat(64);

const dataset: DatasetRecord = {
  id: datasetId,
  object: "dataset",
  name: "strokes",
  alias: "strokes",
  revision,
  status: "ready",
  terminal: true,
  fraction: 1,
  classes: ["a", "b"],
  splits: { train: 35, validation: 7, test: 0 },
  shape: { channels: 1, height: 7, width: 5 },
  dtype: "uint8",
  conversion: null,
  interpretation: null,
  statistics: null,
  warnings: [],
  problems: [],
  bytes: 100,
  createdAt: new Date().toISOString(),
  upload: null,
  manifest: null,
};

const newJob = (changes: Partial<NewJob> = {}): NewJob => ({
  id: newId("job"),
  name: "a job",
  dataset: { id: datasetId, revision },
  request: completeJobRequest.parse({
    ...jobRequest.parse({
      dataset: "strokes",
      network: "toolbox",
      webhook: { url: "https://example.org/hook", secret: "0123456789abcdef" },
    }),
    network: { layers: [{ kind: "dense", units: 2, activation: "softmax" }] },
    loss: "cross-entropy",
  }),
  metadata: { who: "test" },
  ...changes,
});

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectRedis({ url: server.url, role: "working", log: createLog({ level: "silent", service: "test" }) });
  records = createRecords(redis);
  await records.datasets.create(dataset);
});
afterAll(async () => {
  await closeRedis(redis);
  await server.stop();
});

const begin = (id: string, token = newUlid(), crashBudget = 3) =>
  records.attempts.begin(id, { token, worker: "w1", fromCheckpoint: null, crashBudget, redisRun: "r" });

test("a job is created once, hides its secret, and leaves an order in the outbox", async () => {
  const job = newJob();
  expect(await records.jobs.create(job)).toBe("created");
  expect(await records.jobs.create(job)).toBe("exists");
  const record = await records.jobs.read(job.id);
  if (!record) throw new Error("no record");
  expect(record.webhookSecret).toBe("0123456789abcdef");
  expect(JSON.stringify(presentJob(record))).not.toContain("0123456789abcdef");
  expect(presentJob(record)).toMatchObject({
    status: "queued",
    terminal: false,
    attempts: [],
    metadata: { who: "test" },
  });
  expect(await redis.zscore("maps:outbox", `training:${job.id}:1`)).not.toBeNull();
  expect(await records.datasets.users(datasetId)).toContain(job.id);
  expect(await records.jobs.create(newJob({ dataset: { id: newId("dataset"), revision } }))).toBe("no-dataset");
});

test("every change of status keeps to the table, ends release the dataset and call the webhook", async () => {
  const { id } = newJob();
  await records.jobs.create(newJob({ id }));
  expect(await records.jobs.resume(id)).toEqual({ kind: "forbidden", status: "queued" });
  expect(await records.jobs.move(id, { "*": "succeeded" })).toEqual({ kind: "forbidden", status: "queued" });
  expect(await records.jobs.pause(id)).toEqual({ kind: "changed", status: "paused" });
  expect(await records.jobs.resume(id)).toEqual({ kind: "changed", status: "queued" });
  expect((await records.jobs.read(id))?.run).toBe(2);
  expect(await redis.zscore("maps:outbox", `webhooks:${id}:2`)).not.toBeNull();
  expect(await records.jobs.cancel(id)).toEqual({ kind: "changed", status: "cancelled" });
  expect(await records.jobs.cancel(id)).toEqual({ kind: "forbidden", status: "cancelled" });
  expect(await records.datasets.users(datasetId)).not.toContain(id);
  const events = await readEvents(redis, jobSequence, id, { after: "0", limit: 100 });
  expect(events.map((each) => (each.type === "status" ? each.data.status : each.type))).toEqual([
    "queued",
    "paused",
    "queued",
    "cancelled",
  ]);
  expect(events.map((each) => each.id)).toEqual(["1", "2", "3", "4"]);
  expect(await records.jobs.delete(id)).toBe("deleted");
  expect(await records.jobs.read(id)).toBeNull();
});

test("a later attempt fences an earlier one: no row, no checkpoint, no status of the dead", async () => {
  const { id } = newJob();
  await records.jobs.create(newJob({ id }));
  const token = newUlid();
  expect(await begin(id, token)).toEqual({ kind: "started", number: 1, crashes: 0 });
  expect(await begin(id, token)).toEqual({ kind: "started", number: 1, crashes: 0 });
  const row = (step: number) => ({
    kind: "row" as const,
    series: "step" as const,
    step,
    at: new Date().toISOString(),
    row: {
      step,
      epoch: 1,
      at: new Date().toISOString(),
      learningRate: 0.1,
      loss: 1,
      accuracy: 0,
      validationLoss: null,
      validationAccuracy: null,
      split: null,
      samplesPerSecond: 1,
      gradientNorm: 1,
    },
  });
  await records.attempts.publish(id, 1, 1, null, [row(1), row(2)]);
  await records.attempts.publish(id, 1, 1, null, [row(3)]);
  expect(await begin(id)).toMatchObject({ kind: "started", number: 2, crashes: 1 });
  expect(await records.attempts.publish(id, 1, 2, null, [row(9)])).toMatchObject({ kind: "fenced", status: "running" });
  await records.attempts.publish(id, 2, 1, null, [row(2), row(3)]);
  const steps = async (part?: Parameters<typeof readMetrics>[3]): Promise<number[]> =>
    (await readMetrics(redis, id, "step", part)).map(({ step }) => step);
  expect(await steps()).toEqual([1, 2, 3]);
  expect(await steps({ from: 2 })).toEqual([2, 3]);
  expect(await steps({ to: 2 })).toEqual([1, 2]);
  expect(await steps({ from: 4 })).toEqual([]);
  expect(await records.jobs.move(id, { "*": "succeeded" }, { attempt: 1 })).toEqual({
    kind: "fenced",
    status: "running",
  });
  const record = {
    epoch: 1,
    step: 3,
    at: new Date().toISOString(),
    bytes: 1,
    sha256: revision,
    loss: 1,
    accuracy: 0,
    validation: null,
    key: "k",
    listed: true,
    elapsedSeconds: 1,
    bestSoFar: null,
  };
  expect(await records.checkpoints.record(id, { ...record, attempt: 1 }, false)).toBe("fenced");
  expect(await records.checkpoints.record(id, { ...record, attempt: 2 }, false)).toBe("ok");
  expect((await records.jobs.read(id))?.crashes).toBe(0);
  expect(await records.jobs.move(id, { "*": "succeeded" }, { attempt: 2, ending: "finished" })).toEqual({
    kind: "changed",
    status: "succeeded",
  });
  const ended = await records.jobs.read(id);
  expect(ended?.attempts.map((each) => each.reason)).toEqual(["lost", "finished"]);
});

test("three starts without a new checkpoint spend the crash budget", async () => {
  const { id } = newJob();
  await records.jobs.create(newJob({ id }));
  const kinds: string[] = [];
  for (let start = 0; start < 4; start++) kinds.push((await begin(id)).kind);
  expect(kinds).toEqual(["started", "started", "started", "spent"]);
});

test("pages run through all jobs of a status without gap or repeat", async () => {
  const ids: string[] = [];
  for (let count = 0; count < 7; count++) {
    const { id } = newJob();
    ids.push(id);
    await records.jobs.create(newJob({ id }));
    await records.jobs.pause(id);
  }
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = await records.jobs.list({ limit: 3, after, order: "desc", status: "paused" });
    seen.push(...page.data.map((each) => each.id));
    after = page.nextAfter ?? undefined;
  } while (after !== undefined);
  expect(seen).toEqual([...ids].reverse());
  const filtered = await records.jobs.list({
    limit: 100,
    order: "asc",
    status: "paused",
    dataset: datasetId,
  });
  expect(filtered.data.map((each) => each.id)).toEqual(ids);
});

test("datasets: aliases are unique, deletion names the users, revisions must agree", async () => {
  const other = { ...dataset, id: newId("dataset"), alias: "other" };
  expect(await records.datasets.create(other)).toBe("created");
  expect(await records.datasets.create({ ...other, id: newId("dataset") })).toBe("alias-taken");
  expect(await records.datasets.patch(other.id, { alias: "strokes" })).toBe("alias-taken");
  expect(await records.datasets.patch(other.id, { alias: "another", name: "n" })).toBe("ok");
  expect((await records.datasets.find("another"))?.name).toBe("n");
  expect(await records.datasets.find("other")).toBeNull();
  expect(await records.datasets.resolve(`another@${revision.slice(0, 8)}`)).not.toBeNull();
  expect(await records.datasets.resolve("another@bbbbbbbb")).toBeNull();
  await records.datasets.hold(other.id, "job_x");
  expect(await records.datasets.delete(other.id)).toEqual({ kind: "in-use", users: ["job_x"] });
  await records.datasets.release(other.id, "job_x");
  expect(await records.datasets.delete(other.id)).toEqual({ kind: "deleted", evaluations: [] });
  expect(await records.datasets.find("another")).toBeNull();
});

test("a dataset that ten thousand jobs need names them all", async () => {
  const busy = { ...dataset, id: newId("dataset"), alias: "busy" };
  await records.datasets.create(busy);
  const users = Array.from({ length: 10_000 }, (_, number) => `job_${number}`);
  await redis.sadd(`maps:dataset:${busy.id}:users`, ...users);
  const answer = await records.datasets.delete(busy.id);
  expect(answer.kind === "in-use" && answer.users.toSorted()).toEqual(users.toSorted());
});

test("an idempotency key gives the same answer, and the same id after a try that died", async () => {
  const claim = (fingerprint: string, leaseSeconds = 60) =>
    records.idempotency.claim({
      scope: "POST /v1/jobs",
      key: "k1",
      fingerprint,
      ulid: newUlid(),
      leaseSeconds,
      lifeSeconds: 60,
    });
  const first = await claim("a", 0);
  const second = await claim("a");
  expect(first).toEqual(second);
  expect(await claim("a")).toEqual({ kind: "in-flight" });
  expect(await claim("b")).toEqual({ kind: "mismatch" });
  const answer = { status: 202, headers: { location: "/x" }, body: "{}" };
  await records.idempotency.answer({ scope: "POST /v1/jobs", key: "k1", answer });
  expect(await claim("a")).toEqual({ kind: "answered", answer });
});
