/** The way from the outbox to BullMQ, and back out of it, against a real Redis. */
import { Queue } from "bullmq";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startTestRedis } from "../../tests/support/redis.ts";
import type { TestRedis } from "../../tests/support/redis.ts";
import { newId } from "./ids.ts";
import { createLog } from "./log.ts";
import { orders, readOrder } from "./outbox.ts";
import { Queues } from "./queues.ts";
import { keys, queuePrefix } from "./redis-keys.ts";
import { closeRedis, connectRedis } from "./redis.ts";
import type { Redis } from "./redis.ts";

const log = createLog({ level: "silent", service: "test" });
let server: TestRedis;
let redis: Redis;
let queues: Queues;
beforeAll(async () => {
  server = await startTestRedis();
  redis = connectRedis({ url: server.url, role: "working", log });
});
beforeEach(async () => {
  await queues?.close();
  await redis.flushall();
  queues = new Queues({ redis, log });
});
afterAll(async () => {
  await queues.close();
  await closeRedis(redis);
  await server.stop();
});

/** A job as far as the queues read it. */
async function recorded(priority: number, run = 1): Promise<string> {
  const id = newId("job");
  await redis.hset(keys.job(id), { request: JSON.stringify({ priority }), run });
  return id;
}
async function inQueue(name: string): Promise<{ id: string | undefined; data: unknown; priority: number }[]> {
  const queue = new Queue(name, { connection: redis, prefix: queuePrefix });
  const found = await queue.getJobs(["prioritized", "waiting", "delayed"], 0, 99, true);
  await queue.close();
  return found.map(({ id, data, opts }) => ({ id, data: data as unknown, priority: opts.priority ?? 0 }));
}

test("an order becomes one delivery, however often it is relayed, and leaves the outbox", async () => {
  const id = await recorded(0);
  for (let time = 0; time < 2; time++) {
    await redis.zadd(keys.outbox, Date.now() - 5000, orders.training(id, 1));
    expect(await queues.relay(1000)).toBe(1);
  }
  expect(await inQueue("training")).toEqual([{ id: `${id}-1`, data: { version: 1, jobId: id, run: 1 }, priority: 1 }]);
  expect(await redis.zcard(keys.outbox)).toBe(0);
  expect(await queues.hasDelivery(id, 1)).toBe(true);
  expect(await queues.hasDelivery(id, 2)).toBe(false);
});

test("an order younger than asked for stays", async () => {
  await redis.zadd(keys.outbox, Date.now(), orders.datasets(newId("dataset")));
  expect(await queues.relay(60_000)).toBe(0);
  expect(await redis.zcard(keys.outbox)).toBe(1);
});

test("deliveries of trainings are alike: whose turn it is is decided when one is taken", async () => {
  const ids = [await recorded(-100), await recorded(0), await recorded(100)];
  for (const id of ids) await queues.deliverJob(id);
  expect((await inQueue("training")).map(({ id }) => id)).toEqual(ids.map((id) => `${id}-1`));
});

test("checks, evaluations and webhooks go to queues of their own, each event once", async () => {
  const dataset = newId("dataset");
  const job = newId("job");
  const evaluation = newId("evaluation");
  for (let time = 0; time < 2; time++) await queues.deliverEvaluation(evaluation);
  expect(await queues.hasEvaluation(evaluation)).toBe(true);
  await queues.deliverCheck(dataset);
  await queues.deliverCheck(dataset);
  for (const event of [1, 2, 2]) await redis.zadd(keys.outbox, 0, orders.webhooks(job, event));
  await queues.relay();
  expect(await inQueue("datasets")).toEqual([{ id: dataset, data: { version: 1, datasetId: dataset }, priority: 1 }]);
  expect(new Set((await inQueue("webhooks")).map(({ id }) => id))).toEqual(new Set([`${job}-1`, `${job}-2`]));
  expect(await queues.depths()).toEqual({
    training: { waiting: 0, active: 0 },
    datasets: { waiting: 1, active: 0 },
    evaluations: { waiting: 1, active: 0 },
    sweeps: { waiting: 0, active: 0 },
    webhooks: { waiting: 2, active: 0 },
  });
});

test("a delivery is withdrawn by its run; of a run that is not there nothing is", async () => {
  const id = await recorded(0, 3);
  await queues.deliverJob(id);
  await queues.withdraw(id, 2);
  expect(await queues.hasDelivery(id, 3)).toBe(true);
  await queues.withdraw(id, 3);
  expect(await queues.hasDelivery(id, 3)).toBe(false);
});

test("the order of a job that was deleted, or that nobody can read, falls and does not stop the others", async () => {
  const dataset = newId("dataset");
  await redis.zadd(
    keys.outbox,
    "1",
    orders.training(newId("job"), 1),
    "2",
    "from:the:future",
    "3",
    orders.datasets(dataset),
  );
  expect(await queues.relay()).toBe(3);
  expect(await redis.zcard(keys.outbox)).toBe(0);
  expect(await inQueue("training")).toEqual([]);
  expect((await inQueue("datasets")).map(({ id }) => id)).toEqual([dataset]);
});

test("a job that lost its queue is ordered again under the same run", async () => {
  const id = await recorded(0, 4);
  await queues.reorder(id, 4);
  expect(await redis.zrange(keys.outbox, "0", "-1")).toEqual([orders.training(id, 4)]);
});

test("members of the outbox are read back as they were written", () => {
  expect(readOrder(orders.training("job_1", 7))).toEqual({ queue: "training", job: "job_1", run: 7 });
  expect(readOrder(orders.evaluations("evl_1"))).toEqual({ queue: "evaluations", evaluation: "evl_1" });
  expect(readOrder(orders.datasets("ds_1"))).toEqual({ queue: "datasets", dataset: "ds_1" });
  expect(readOrder(orders.webhooks("job_1", 12))).toEqual({ queue: "webhooks", job: "job_1", event: "12" });
  for (const other of ["training:job_1", "training:job_1:x", "datasets", "datasets:", "elsewhere:a:1"])
    expect(readOrder(other)).toBeNull();
});
