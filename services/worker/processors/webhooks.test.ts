/** What a webhook is told, and in which order: against a real Redis and a real server. */
import { createServer } from "node:http";
import type { Server } from "node:http";
import { DelayedError, UnrecoverableError } from "bullmq";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { completeJobRequest, jobRequest } from "../../../schemas/job.ts";
import { startTestRedis } from "../../../tests/support/redis.ts";
import type { TestRedis } from "../../../tests/support/redis.ts";
import { newId, newUlid } from "../../shared/ids.ts";
import { untraced } from "../../shared/tracing/index.ts";
import { createLog } from "../../shared/log.ts";
import { createRecords } from "../../shared/records/index.ts";
import type { DatasetRecord, Records } from "../../shared/records/index.ts";
import { closeRedis, connectRedis } from "../../shared/redis.ts";
import type { Redis } from "../../shared/redis.ts";
import { HostLimits } from "../webhooks/hosts.ts";
import { callWebhook } from "./webhooks.ts";

const log = createLog({ level: "silent", service: "test" });
const datasetId = newId("dataset");
const received: { type: string; timestamp: string; data: Record<string, unknown> }[] = [];
let answer = 204;
let hastened: string[] = [];
let server: Server;
let url: string;
let redis: Redis;
let store: TestRedis;
let records: Records;

beforeAll(async () => {
  store = await startTestRedis();
  redis = connectRedis({ url: store.url, role: "working", log });
  records = createRecords(redis);
  await records.datasets.create({ id: datasetId, alias: null, status: "ready" } as DatasetRecord);
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      received.push(JSON.parse(body) as (typeof received)[number]);
      response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/hook`;
});
beforeEach(() => {
  received.length = 0;
  answer = 204;
  hastened = [];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await closeRedis(redis);
  await store.stop();
});

async function newJob(): Promise<string> {
  const id = newId("job");
  const request = jobRequest.parse({ dataset: "d", network: "toolbox", webhook: { url } });
  await records.jobs.create({
    id,
    name: null,
    dataset: { id: datasetId, revision: "a".repeat(64) },
    request: completeJobRequest.parse({
      ...request,
      network: { layers: [{ kind: "dense", units: 2, activation: "softmax" }] },
      loss: "cross-entropy",
    }),
    metadata: {},
  });
  return id;
}
const begin = (id: string) =>
  records.attempts.begin(id, {
    token: newUlid(),
    worker: "w",
    fromCheckpoint: null,
    crashBudget: 3,
    redisRun: "r",
  });

/** One try of a delivery, as BullMQ makes it. Answers how it ended. */
async function deliver(jobId: string, eventId: string, attemptsMade = 0, limits = { perHost: 2, unproven: 16 }) {
  const delivery = {
    data: { version: 1 as const, jobId, eventId },
    attemptsMade,
    opts: { attempts: 8 },
    moveToDelayed: async () => undefined,
  };
  const hosts = new HostLimits(limits);
  const queues = { hastenWebhook: async (_: string, event: string) => void hastened.push(event) };
  return callWebhook(delivery, "token", { records, queues, hosts, tracing: untraced, log, allowPrivate: true }).then(
    () => "done",
    (error: unknown) =>
      error instanceof DelayedError ? "later" : error instanceof UnrecoverableError ? "given up" : "again",
  );
}
const events = async (jobId: string) => (await records.webhooks.list(jobId)).map(({ event }) => event);

test("a body shows the job as it was at its event, however late the call is made", async () => {
  const id = await newJob();
  await begin(id);
  await records.jobs.move(
    id,
    { running: "failed" },
    { attempt: 1, ending: "failed", set: { error: { code: "diverged", detail: "x", step: 7 } } },
  );
  const [running, failed] = await events(id);
  expect(await deliver(id, running)).toBe("done");
  expect(await deliver(id, failed)).toBe("done");
  expect(received).toMatchObject([
    {
      type: "job.running",
      data: {
        id,
        status: "running",
        terminal: false,
        finishedAt: null,
        error: null,
        attempts: [{ worker: "w", endedAt: null, reason: null }],
      },
    },
    {
      type: "job.failed",
      data: { status: "failed", terminal: true, error: { step: 7 }, attempts: [{ reason: "failed" }] },
    },
  ]);
  expect(received[1]?.data["finishedAt"]).toBe(received[1]?.timestamp);
});

test("an event waits for those before it, and wakes the next when it is told or given up", async () => {
  const id = await newJob();
  await begin(id);
  await records.jobs.cancel(id);
  const [running, cancelling] = await events(id);
  expect(await deliver(id, cancelling)).toBe("later");
  answer = 503;
  expect(await deliver(id, running)).toBe("again");
  expect(await deliver(id, cancelling)).toBe("later");
  expect(hastened).toEqual([]);
  expect(await deliver(id, running, 7)).toBe("again");
  expect(hastened).toEqual([cancelling]);
  answer = 204;
  expect(await deliver(id, cancelling)).toBe("done");
  expect(received.map(({ type }) => type)).toEqual(["job.running", "job.running", "job.cancelling"]);
  expect(await deliver(id, cancelling)).toBe("done");
  expect(received).toHaveLength(3);
});

test("what became of each is recorded, and kept small once it is over", async () => {
  const id = await newJob();
  await begin(id);
  await records.jobs.cancel(id);
  const [running, cancelling] = await events(id);
  answer = 410;
  expect(await deliver(id, running)).toBe("given up");
  answer = 500;
  await deliver(id, cancelling);
  answer = 200;
  await deliver(id, cancelling, 1);
  expect(await records.webhooks.list(id)).toMatchObject([
    { type: "job.running", state: "failed", tries: 1, lastTry: { status: 410 }, snapshot: null },
    { type: "job.cancelling", state: "delivered", tries: 2, lastTry: { status: 200, detail: null }, snapshot: null },
  ]);
});

test("a host whose places are taken is called later, and that is no try", async () => {
  const id = await newJob();
  await begin(id);
  const [running] = await events(id);
  expect(await deliver(id, running, 0, { perHost: 0, unproven: 16 })).toBe("later");
  expect(await records.webhooks.list(id)).toMatchObject([{ state: "waiting", tries: 0, lastTry: null }]);
});

test("of a job that was deleted nobody is told, and nothing of it comes back", async () => {
  const id = await newJob();
  await records.jobs.cancel(id);
  const [cancelled] = await events(id);
  const [record] = await records.webhooks.list(id);
  await records.jobs.delete(id);
  expect(await deliver(id, cancelled)).toBe("done");
  await records.webhooks.note(id, { ...record, tries: 1 });
  expect([received.length, await records.webhooks.list(id)]).toEqual([0, []]);
});
