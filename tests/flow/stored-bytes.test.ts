/**
 * A project never stores more than it may: what workers make is counted before it is written, what has no room ends
 * with a sentence, and leaves nothing.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Stack } from "../support/stack.ts";
import { until } from "../support/stack.ts";
import { startStackWithStrokes, strokesForm, strokesJob } from "../support/strokes.ts";

let stack: Stack;
/** Of the dataset. What is built in stands beside it in storage and is nobody's. */
let data: number;
beforeAll(async () => {
  stack = await startStackWithStrokes();
  data = await used();
});
afterAll(() => stack.stop());
afterEach(() => limit(null));

const limit = (storedBytes: number | null) =>
  stack.ask("/v1/projects/prj_default", { method: "PATCH", body: { limits: { storedBytes } } });
const used = async (): Promise<number> =>
  (await stack.ask("/v1/projects/prj_default")).body.usage.storedBytes as number;

/** Every object below some folders of storage, by its path, without digests and manifests: what is to be counted. */
async function objects(...folders: string[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const folder of folders) {
    const root = join(stack.redis.dir, "storage", folder);
    const paths = await readdir(root, { recursive: true }).catch(() => []);
    for (const path of paths.filter((each) => /\.(bin|safetensors)$/.test(each)))
      found.set(join(folder, path), (await stat(join(root, path))).size);
  }
  return found;
}
const sum = (found: Map<string, number>): number => [...found.values()].reduce((total, bytes) => total + bytes, 0);
const stored = async (): Promise<number> => data + sum(await objects("jobs", "models", "evaluations", "uploads"));

async function train(more: object = {}) {
  const { status, body } = await stack.ask("/v1/jobs", { body: { ...strokesJob, ...more } });
  expect([status, body.detail]).toEqual([202, undefined]);
  return stack.ended(body.id as string);
}

test("what is counted is what stands in storage: checkpoints, a model with its predictions, evaluations", async () => {
  const samples = 600 + 90;
  expect(data).toBe(samples * (35 + 4));
  const job = await train();
  expect(await used()).toBe(await stored());
  const evaluation = await stack.ask(`/v1/models/${job.model}/evaluations`, { body: { dataset: "strokes" } });
  const at = `/v1/models/${job.model}/evaluations/${evaluation.body.id}`;
  await until(
    () => stack.ask(at),
    ({ body }) => body.terminal,
    "the end of an evaluation",
  );
  expect(await used()).toBe(await stored());
  await stack.ask(at, { method: "DELETE" });
  expect(await used()).toBe(await stored());
  await stack.ask(`/v1/models/${job.model}`, { method: "DELETE" });
  await stack.ask(`/v1/jobs/${job.id}`, { method: "DELETE" });
  expect(await used()).toBe(data);
});

test("a training whose model has no room ends before it begins, and says what is stored, the limit, what to do", async () => {
  const before = await used();
  await limit(before + 100);
  const job = await train();
  expect(job).toMatchObject({ status: "failed", model: null, progress: null });
  expect(job.error).toMatchObject({ code: "limit-reached" });
  expect(job.error.detail).toMatch(
    new RegExp(`model of \\d+ bytes has no room.* may store ${before + 100} bytes and stores ${before}; delete`),
  );
  expect([await used(), await objects(`jobs/${job.id}`, "models")]).toEqual([before, new Map()]);
});

test("a checkpoint that has no room is left out, which is said once; those before it stay, and nothing half", async () => {
  const kept = { checkpoints: { keepLast: 100, keepBest: 1 }, epochs: 40 };
  const whole = await train(kept);
  await stack.ask(`/v1/models/${whole.model}`, { method: "DELETE" });
  await stack.ask(`/v1/jobs/${whole.id}`, { method: "DELETE" });
  const first = await train({ ...kept, epochs: 1 });
  const [checkpoint] = (await objects(`jobs/${first.id}`)).values();
  const model = sum(await objects(`models/${first.model}`));
  const before = await used();
  // Room for the model and three checkpoints, which grow by some digits.
  const most = before + model + Math.floor(3.5 * checkpoint);
  await limit(most);
  const job = await train(kept);
  expect(job).toMatchObject({ status: "succeeded", receipt: { weights: whole.receipt.weights } });
  const { body: events } = await stack.ask(`/v1/jobs/${job.id}/events?limit=1000`);
  expect(events.data.filter(({ type }: { type: string }) => type === "warning")).toMatchObject([
    {
      data: {
        code: "storage",
        detail: expect.stringMatching(new RegExp(`checkpoint of \\d+ bytes has no room.* may store ${most} bytes`)),
      },
    },
  ]);
  const { body: recorded } = await stack.ask(`/v1/jobs/${job.id}/checkpoints`);
  expect(recorded.data).toHaveLength(3);
  const left = await objects(`jobs/${job.id}`);
  expect([left.size, await used()]).toEqual([3, before + sum(left) + sum(await objects(`models/${job.model}`))]);
  // What is deleted gives its room to the next.
  await stack.ask(`/v1/models/${job.model}`, { method: "DELETE" });
  await stack.ask(`/v1/jobs/${job.id}`, { method: "DELETE" });
  expect(await train({ ...kept, epochs: 2 })).toMatchObject({ status: "succeeded" });
  expect(await used()).toBe(await stored());
});

test("an evaluation whose predictions have no room is refused when it is asked for", async () => {
  const { model } = await train({ epochs: 1 });
  const before = await used();
  // 90 samples, of 3 classes and the true one.
  await limit(before + 90 * 16 - 1);
  const refused = await stack.ask(`/v1/models/${model}/evaluations`, { body: { dataset: "strokes" } });
  expect([refused.status, refused.body.code]).toEqual([429, "limit-reached"]);
  expect(refused.body.detail).toContain(`stores ${before}`);
  await limit(before + 90 * 16);
  expect((await stack.ask(`/v1/models/${model}/evaluations`, { body: { dataset: "strokes" } })).status).toBe(202);
});

test("an upload that becomes more than there is room for is rejected, and leaves nothing", async () => {
  const before = await used();
  await limit(before + 200_000);
  const form = strokesForm({ fields: { alias: "large", size: "64" } });
  const { status, body } = await stack.ask("/v1/datasets", { body: form });
  expect(status).toBe(202);
  const { body: dataset } = await until(
    () => stack.ask(`/v1/datasets/${body.id}`),
    (answer) => answer.body.terminal,
    "the end of a check",
  );
  expect(dataset).toMatchObject({ status: "rejected", bytes: null });
  expect(dataset.problems[0].detail).toMatch(/^the dataset has \d+ bytes and no room: storedBytes: .*delete/);
  await until(
    () => objects("uploads"),
    ({ size }) => size === 0,
    "an upload that is gone",
  );
  expect(await used()).toBe(before);
  expect([...(await objects("blobs")).values()]).not.toContain(90 * 64 * 64);
});
