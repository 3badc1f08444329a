/** Whose turn it is: each project in turn, priority within, each job once, whatever is cancelled meanwhile. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { noLimits } from "../../../schemas/access.ts";
import { datasetRecord } from "../../../tests/support/app.ts";
import { makeJob } from "../../../tests/support/made-records.ts";
import { startTestRedis, type TestRedis } from "../../../tests/support/redis.ts";
import { newId } from "../ids.ts";
import { createLog } from "../log.ts";
import { closeRedis, connectRedis, type Redis } from "../redis.ts";
import { createRecords, type Records } from "./index.ts";

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
  make: (priority?: number) => Promise<string>;
}

async function tenant(limits: Partial<typeof noLimits> = {}): Promise<Tenant> {
  const project = newId("project");
  const createdAt = new Date().toISOString();
  await all.projects.create({ id: project, name: project, limits: { ...noLimits, ...limits }, createdAt });
  const records = createRecords(redis, project);
  const dataset = datasetRecord();
  await records.datasets.create(dataset);
  return { project, make: (priority = 0) => makeJob(records, { name: "j", dataset: dataset.id, priority }) };
}

const ticketOf = (id: string): string => `${id}-1`;

/** Takes the deliveries in this order; answers the jobs. */
async function take(deliveries: readonly string[]): Promise<string[]> {
  const taken: string[] = [];
  for (const each of deliveries) {
    const turn = await all.jobs.takeTurn(each);
    if (turn.kind === "take") taken.push(turn.jobId);
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
  const turns = await Promise.all(jobs.map((id) => all.jobs.takeTurn(ticketOf(id))));
  const taken = turns.map((turn) => (turn.kind === "take" ? turn.jobId : turn.kind));
  expect(new Set(taken)).toEqual(new Set(jobs));
  const again = await Promise.all(jobs.map((id) => all.jobs.takeTurn(ticketOf(id))));
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
  expect(await all.jobs.takeTurn(ticketOf(second))).toEqual({ kind: "wait" });
  const third = await other.make();
  expect(await all.jobs.takeTurn(ticketOf(second))).toMatchObject({ kind: "take", jobId: third });
  const attempt = await begin(first);
  expect(await all.jobs.takeTurn(ticketOf(third))).toEqual({ kind: "wait" });
  // It crashed and comes back: no second place is asked for.
  expect(await all.jobs.takeTurn(ticketOf(first))).toMatchObject({ kind: "take", jobId: first });
  await all.jobs.move(first, { "*": "failed" }, { attempt });
  expect(await all.jobs.takeTurn(ticketOf(third))).toMatchObject({ kind: "take", jobId: second });
});

test("a paused job gives its place back and waits anew when it is resumed", async () => {
  const { make } = await tenant({ runningJobs: 1 });
  const [first, second] = [await make(), await make()];
  await all.jobs.pause(first);
  expect(await take([ticketOf(first), ticketOf(second)])).toEqual([second]);
  await all.jobs.resume(first);
  expect(await all.jobs.takeTurn(`${first}-2`)).toEqual({ kind: "wait" });
  await all.jobs.cancel(second);
  await all.jobs.move(second, { "*": "cancelled" });
  expect(await all.jobs.takeTurn(`${first}-2`)).toMatchObject({ kind: "take", jobId: first, run: 2 });
});
