/** Whose turn it is: each project in turn, priority within, each job once, whatever is cancelled meanwhile. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { noLimits } from "../../../schemas/access.ts";
import { uploadSettings } from "../../../schemas/dataset.ts";
import { datasetRecord } from "../../../tests/support/app.ts";
import { makeJob, makeModel } from "../../../tests/support/made-records.ts";
import { startTestRedis, type TestRedis } from "../../../tests/support/redis.ts";
import { newId } from "../ids.ts";
import { createLog } from "../log.ts";
import { closeRedis, connectRedis, type Redis } from "../redis.ts";
import { createRecords, unreadDataset, type Records, type TurnQueue } from "./index.ts";

let server: TestRedis;
let redis: Redis;
let all: Records;
beforeAll(async () => {
  server = await startTestRedis();
  redis = connectRedis({ url: server.url, role: "working", log: createLog({ level: "silent", service: "test" }) });
  all = createRecords(redis);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  await closeRedis(redis);
  await server.stop();
});

interface Tenant {
  project: string;
  make: (priority?: number, bytes?: number) => Promise<string>;
  /** A dataset that waits for its check. */
  upload: (bytes?: number, packed?: boolean) => Promise<string>;
  evaluate: () => Promise<string>;
}

async function tenant(limits: Partial<typeof noLimits> = {}): Promise<Tenant> {
  const project = newId("project");
  const createdAt = new Date().toISOString();
  await all.projects.create({ id: project, name: project, limits: { ...noLimits, ...limits }, createdAt });
  const records = createRecords(redis, project);
  const dataset = datasetRecord();
  await records.datasets.create(dataset);
  const model = await makeModel(records, { name: "m", dataset: dataset.id });
  return {
    project,
    upload: async (bytes = 1000, packed = false) => {
      const id = newId("dataset");
      await records.datasets.create(unreadDataset({ id, name: id, alias: null, status: "receiving" }));
      const files = [{ field: "file", name: "f", key: "k", bytes, packed }];
      await records.datasets.patch(id, { status: "checking", upload: { settings: uploadSettings.parse({}), files } });
      return id;
    },
    evaluate: async () => {
      const id = newId("evaluation");
      const judged = { id: dataset.id, revision: dataset.revision ?? "" };
      const progress = { fraction: 0, samples: 0, total: 7 };
      await records.evaluations.create({ id, model, dataset: judged, split: "test", progress, warnings: [] }, 3);
      return id;
    },
    make: (priority = 0, bytes) =>
      makeJob(records, { name: "j", dataset: dataset.id, priority, ...(bytes === undefined ? {} : { bytes }) }),
  };
}

const worker = { memoryBytes: 1000, redisRun: "r" };
const takeTurn = (delivery: string, memoryBytes = worker.memoryBytes): ReturnType<typeof all.turns.take> =>
  all.turns.take("training", delivery, { most: memoryBytes, redisRun: worker.redisRun });

const ticketOf = (id: string): string => `${id}-1`;

/** Takes the deliveries in this order; answers the jobs. */
async function take(deliveries: readonly string[]): Promise<string[]> {
  const taken: string[] = [];
  for (const each of deliveries) {
    const turn = await takeTurn(each);
    if (turn.kind === "take") taken.push(turn.id);
  }
  return taken;
}

async function begin(id: string): Promise<number> {
  const begun = await all.attempts.begin(id, {
    token: newId("job"),
    worker: "w",
    fromCheckpoint: null,
    crashBudget: 3,
    redisRun: "r",
  });
  return begun.kind === "started" ? begun.number : -1;
}

test("a thousand jobs of one project do not hold up the one of another", async () => {
  const [many, few, one] = [await tenant(), await tenant(), await tenant()];
  const own: string[] = [];
  for (let each = 0; each < 1000; each++) own.push(await many.make());
  const others = [await few.make(), await few.make(), await one.make()];
  const order = await take([...own, ...others].map(ticketOf));
  expect(order).toHaveLength(1003);
  expect(new Set(order).size).toBe(1003);
  expect(order.indexOf(others[2])).toBeLessThan(3);
  expect(order.indexOf(others[0])).toBeLessThan(3);
  expect(order.indexOf(others[1])).toBeLessThan(6);
  // Those of one project in order of arrival.
  expect(order.filter((id) => own.includes(id))).toEqual(own);
});

test("within a project the higher priority goes first, and does not overtake another project", async () => {
  const [loud, quiet] = [await tenant(), await tenant()];
  const jobs = [await loud.make(-100), await loud.make(0), await loud.make(100), await loud.make(0)];
  const other = await quiet.make(-100);
  const order = await take([...jobs, other].map(ticketOf));
  expect(order.filter((id) => id !== other)).toEqual([jobs[2], jobs[1], jobs[3], jobs[0]]);
  expect(order.indexOf(other)).toBeLessThan(2);
});

test("many workers at once take each job once, and a delivery that comes back stands for the same job", async () => {
  const [a, b] = [await tenant(), await tenant()];
  const jobs: string[] = [];
  for (let each = 0; each < 60; each++) jobs.push(await (each % 7 === 0 ? b : a).make(each % 5));
  const turns = await Promise.all(jobs.map((id) => takeTurn(ticketOf(id))));
  const taken = turns.map((turn) => (turn.kind === "take" ? turn.id : turn.kind));
  expect(new Set(taken)).toEqual(new Set(jobs));
  const again = await Promise.all(jobs.map((id) => takeTurn(ticketOf(id))));
  expect(again).toEqual(turns);
});

test("what was cancelled is not taken, and its delivery falls; the others are all taken", async () => {
  const [a, b] = [await tenant(), await tenant()];
  const jobs: string[] = [];
  for (let each = 0; each < 40; each++) jobs.push(await (each % 3 === 0 ? b : a).make());
  const first = await take(jobs.slice(0, 10).map(ticketOf));
  const waiting = jobs.filter((id) => !first.includes(id));
  const cancelled = waiting.filter((_, at) => at % 2 === 0);
  for (const id of cancelled) expect((await all.jobs.cancel(id)).kind).toBe("changed");
  const rest = await take(jobs.slice(10).map(ticketOf));
  expect(new Set(rest)).toEqual(new Set(waiting.filter((id) => !cancelled.includes(id))));
});

test("a project has no more running than it may; others go on", async () => {
  const [small, other] = [await tenant({ runningJobs: 1 }), await tenant()];
  const [first, second] = [await small.make(), await small.make()];
  expect(await take([ticketOf(first)])).toEqual([first]);
  expect(await takeTurn(ticketOf(second))).toEqual({ kind: "wait" });
  const third = await other.make();
  expect(await takeTurn(ticketOf(second))).toMatchObject({ kind: "take", id: third });
  const attempt = await begin(first);
  expect(await takeTurn(ticketOf(third))).toEqual({ kind: "wait" });
  // It crashed and comes back: no second place is asked for.
  expect(await takeTurn(ticketOf(first))).toMatchObject({ kind: "take", id: first });
  await all.jobs.move(first, { "*": "failed" }, { attempt });
  expect(await takeTurn(ticketOf(third))).toMatchObject({ kind: "take", id: second });
});

test("a paused job gives its place back and waits anew when it is resumed", async () => {
  const { make } = await tenant({ runningJobs: 1 });
  const [first, second] = [await make(), await make()];
  await all.jobs.pause(first);
  expect(await take([ticketOf(first), ticketOf(second)])).toEqual([second]);
  await all.jobs.resume(first);
  expect(await takeTurn(`${first}-2`)).toEqual({ kind: "wait" });
  await all.jobs.cancel(second);
  await all.jobs.move(second, { "*": "cancelled" });
  expect(await takeTurn(`${first}-2`)).toMatchObject({ kind: "take", id: first, run: 2 });
});

test("a worker gets the first job that it has the memory for; what needs more keeps its place for one that has it", async () => {
  const [a, b] = [await tenant(), await tenant()];
  const large = await a.make(0, 5000);
  const small = await a.make(0, 1000);
  const other = await b.make(0, 1001);
  // Any ticket will do: the large ones' stand for the small job here.
  expect(await takeTurn(ticketOf(large))).toMatchObject({ kind: "take", id: small });
  expect(await takeTurn(ticketOf(small))).toEqual({ kind: "wait" });
  expect(await takeTurn(ticketOf(other))).toEqual({ kind: "wait" });
  // The turn of project b was longer ago: it never had one.
  expect(await takeTurn(ticketOf(small), 5000)).toMatchObject({ kind: "take", id: other });
  expect(await takeTurn(ticketOf(other), 5000)).toMatchObject({ kind: "take", id: large });
});

test("of many that need too much the one that fits is found behind them all", async () => {
  const { make } = await tenant();
  const large: string[] = [];
  for (let each = 0; each < 250; each++) large.push(await make(0, 5000 + each));
  const small = await make(-100, 64);
  expect(await take([large[7], large[8]].map(ticketOf))).toEqual([small]);
  const rest = [...large.filter((_, at) => at !== 7), small];
  const turns: string[] = [];
  for (const each of rest) {
    const turn = await takeTurn(ticketOf(each), 1e6);
    if (turn.kind === "take") turns.push(turn.id);
  }
  expect(turns).toEqual(large);
});

test("a job that was begun elsewhere waits anew where it does not fit, and its place in the project is free", async () => {
  const { make } = await tenant({ runningJobs: 1 });
  const [large, small] = [await make(0, 5000), await make(0, 10)];
  expect(await takeTurn(ticketOf(large), 5000)).toMatchObject({ kind: "take", id: large });
  await begin(large);
  // Its worker is gone; a small one finds the delivery.
  expect(await takeTurn(ticketOf(large))).toMatchObject({ kind: "take", id: small });
  const record = await all.jobs.read(large);
  expect(record).toMatchObject({ status: "queued", crashes: 1, attempts: [{ reason: "lost" }] });
  expect((await all.jobs.list({ limit: 9, order: "asc", status: "queued" })).data.map(({ id }) => id)).toEqual([
    large,
    small,
  ]);
  expect(await takeTurn(ticketOf(small), 5000)).toEqual({ kind: "wait" });
  await all.jobs.move(small, { "*": "cancelled" });
  expect(await takeTurn(ticketOf(small), 5000)).toMatchObject({ kind: "take", id: large });
});

test("what was asked of a job whose worker is gone is fulfilled by any worker", async () => {
  const { make } = await tenant();
  const large = await make(0, 5000);
  await takeTurn(ticketOf(large), 5000);
  await begin(large);
  await all.jobs.cancel(large);
  expect(await takeTurn(ticketOf(large))).toMatchObject({ kind: "take", id: large });
});

/** Takes deliveries of a queue of which each was made for one of these; answers for which they stood. */
async function takeFrom(queue: TurnQueue, deliveries: readonly string[], most = 1e9): Promise<string[]> {
  const taken: string[] = [];
  for (const each of deliveries) {
    const turn = await all.turns.take(queue, each, { most, redisRun: "r" });
    if (turn.kind === "take") taken.push(turn.id);
  }
  return taken;
}

test.each([
  ["checks", "datasets", ({ upload }: Tenant) => upload()],
  ["evaluations", "evaluations", ({ evaluate }: Tenant) => evaluate()],
] as const)("three hundred %s of one project do not hold up the one of another", async (_what, queue, make) => {
  const [many, few, one] = [await tenant(), await tenant(), await tenant()];
  const own: string[] = [];
  for (let each = 0; each < 300; each++) own.push(await make(many));
  const others = [await make(few), await make(few), await make(one)];
  const order = await takeFrom(queue, [...own, ...others]);
  expect(new Set(order)).toEqual(new Set([...own, ...others]));
  expect(order).toHaveLength(303);
  expect(order.indexOf(others[2])).toBeLessThan(3);
  expect(order.indexOf(others[0])).toBeLessThan(3);
  expect(order.indexOf(others[1])).toBeLessThan(6);
  expect(order.filter((id) => own.includes(id))).toEqual(own);
  // One that comes back stands for what it was taken for.
  expect(await takeFrom(queue, own.slice(0, 5))).toEqual(order.slice(0, 5));
});

test("of a project's uploads small ones go first, those of about the same size in order of arrival", async () => {
  const { upload } = await tenant();
  const uploads = [await upload(2 ** 31), await upload(60_000), await upload(50_000), await upload(700)];
  const [large, first, second, small] = uploads;
  expect(await takeFrom("datasets", uploads, Number.MAX_SAFE_INTEGER)).toEqual([small, first, second, large]);
});

test("a place for quick checks takes small uploads that are not packed; the others wait for another place", async () => {
  const { upload } = await tenant();
  const uploads = [await upload(1000, true), await upload(3000), await upload(2_000_000)];
  const [packed, small, large] = uploads;
  expect(await takeFrom("datasets", [packed], 1_000_000)).toEqual([small]);
  expect(await takeFrom("datasets", [small, large], 1_000_000)).toEqual([]);
  expect(await takeFrom("datasets", [small, large], Number.MAX_SAFE_INTEGER)).toEqual([large, packed]);
});

test("a dataset that is deleted and an evaluation that is cancelled wait no more, and their deliveries fall", async () => {
  const { project, upload, evaluate } = await tenant();
  const records = createRecords(redis, project);
  const uploads = [await upload(), await upload(), await upload()];
  const evaluations = [await evaluate(), await evaluate(), await evaluate()];
  expect(await takeFrom("datasets", [uploads[2]])).toEqual([uploads[0]]);
  expect(await takeFrom("evaluations", [evaluations[2]])).toEqual([evaluations[0]]);
  await records.datasets.delete(uploads[1]);
  await records.evaluations.cancel(evaluations[1]);
  expect(await takeFrom("datasets", uploads)).toEqual([uploads[2], uploads[0]]);
  expect(await takeFrom("evaluations", evaluations)).toEqual([evaluations[2], evaluations[0]]);
  // What is over leaves nothing behind.
  for (const id of [uploads[0], uploads[2]]) await records.datasets.patch(id, { status: "ready" });
  for (const id of [evaluations[0], evaluations[2]]) await records.evaluations.move(id, { queued: "cancelled" });
  expect(await redis.keys("maps:*:waiting:*")).toEqual([]);
  expect(await redis.keys("maps:tickets:*")).toEqual([]);
  expect(await redis.keys("maps:turns:*")).toEqual([]);
});
