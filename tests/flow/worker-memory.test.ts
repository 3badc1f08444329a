/** Workers of different sizes: a job waits for one that has the memory for it, and says so; others are not held up. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStackWithStrokes, strokesForm, strokesJob } from "../support/strokes.ts";
import { ask, until, type Stack } from "../support/stack.ts";

/** 64 MiB are enough for a small job and too little for one with six million weights. */
const smallWorker = { WORKER_MEMORY_MIB: "64", WORKER_THREADS: "1" };
const large = {
  ...strokesJob,
  network: {
    layers: [
      { kind: "dense", units: 2500, activation: "tanh" },
      { kind: "dense", units: 2400, activation: "tanh" },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
  },
  epochs: 1,
  batchSize: 100,
};
const sentence = (mebibytes: string): RegExp =>
  new RegExp(`a worker with ${mebibytes} MiB of memory for a job: the one that is there has 64 MiB`);

let stack: Stack;
let bytes: number;
beforeAll(async () => {
  stack = await startStackWithStrokes({ environment: smallWorker });
  bytes = (await ask(stack.api.url, "/v1/jobs?dryRun=true", { body: large })).body.bytes;
  expect(bytes).toBeGreaterThan(64 * 2 ** 20);
});
afterAll(() => stack.stop());

const post = async (body: object): Promise<string> => (await ask(stack.api.url, "/v1/jobs", { body })).body.id;
const job = async (id: string) => (await ask(stack.api.url, `/v1/jobs/${id}`)).body;
/** From the list: of one job an answer is kept for some seconds. */
const told = (id: string) =>
  until(
    async () =>
      (await ask(stack.api.url, "/v1/jobs?limit=100")).body.data.find((each: { id: string }) => each.id === id),
    ({ waitingFor }) => waitingFor !== null,
    "a job that says what it waits for",
  );

test("a job that needs more than the workers have waits, says for what, and holds nobody up; then a larger one trains it", async () => {
  const mebibytes = String(Math.ceil(bytes / 2 ** 20));
  const { body: system } = await ask(stack.api.url, "/v1/system");
  expect(system.workers).toMatchObject([{ memoryBytes: 64 * 2 ** 20, threads: 1 }]);
  const { body: estimate } = await ask(stack.api.url, "/v1/jobs?dryRun=true", { body: large });
  expect(estimate.warnings).toContainEqual(expect.stringMatching(sentence(mebibytes)) as string);

  const waiting = [await post(large), await post({ ...large, priority: 100 })];
  for (const id of waiting) expect((await told(id)).waitingFor).toMatch(sentence(mebibytes));
  // Behind them in the queue, and trained all the same.
  expect(await stack.ended(await post(strokesJob))).toMatchObject({ status: "succeeded", waitingFor: null });
  for (const id of waiting) expect(await job(id)).toMatchObject({ status: "queued", attempts: [] });
  const { body: page } = await ask(stack.api.url, "/v1/jobs?status=queued");
  expect(page.data.map(({ waitingFor }: { waitingFor: string }) => waitingFor)).toEqual([
    expect.stringMatching(sentence(mebibytes)),
    expect.stringMatching(sentence(mebibytes)),
  ]);

  const worker = stack.startWorker({ WORKER_MEMORY_MIB: "1024" });
  for (const id of waiting) {
    const ended = await stack.ended(id);
    expect(ended).toMatchObject({ status: "succeeded", waitingFor: null });
    expect(ended.attempts).toHaveLength(1);
  }
  await worker.end();
});

test("a job that was accepted before its dataset was known is measured by the worker, and left to a larger one", async () => {
  // Sent by hand: the job is posted while the upload is checked or still to come.
  const { body: dataset } = await ask(stack.api.url, "/v1/datasets", {
    body: strokesForm({ fields: { alias: "later" } }),
  });
  const id = await post({ ...large, dataset: dataset.id });
  expect((await told(id)).waitingFor).toMatch(/^a worker with \d+ MiB/);
  expect(await job(id)).toMatchObject({ status: "queued", attempts: [] });
  const worker = stack.startWorker({ WORKER_MEMORY_MIB: "1024" });
  expect((await stack.ended(id)).attempts).toHaveLength(1);
  await worker.end();
});

test("a job whose large worker died waits for another large one, though a small one finds it first", async () => {
  const first = stack.startWorker({ WORKER_MEMORY_MIB: "1024" });
  const id = await post({ ...large, epochs: 200 });
  await until(
    () => job(id),
    ({ status, progress }) => status === "running" && progress !== null,
    "a training",
  );
  await first.end("SIGKILL");
  const lost = await until(
    () => job(id),
    ({ status }) => status === "queued",
    "a job that lost its worker",
  );
  expect(lost.attempts).toMatchObject([{ reason: "lost" }]);
  expect(await stack.ended(await post(strokesJob))).toMatchObject({ status: "succeeded" });
  const second = stack.startWorker({ WORKER_MEMORY_MIB: "1024" });
  await until(
    () => job(id),
    ({ status, attempts }) => status === "running" && attempts.length === 2,
    "a second attempt",
  );
  await ask(stack.api.url, `/v1/jobs/${id}/cancel`, { method: "POST" });
  expect(await stack.ended(id)).toMatchObject({ status: "cancelled" });
  await second.end();
});
