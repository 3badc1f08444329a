/**
 * `npm run bench -- --fair`: ten thousand tiny jobs of one project wait, then another project asks for one, and again.
 * How long it waits, behind how many starts of the others, and what choosing whose turn it is costs.
 *
 *     npm run bench -- --fair                         10,000 jobs, 8 workers of one slot, 20 jobs of the other project
 *     npm run bench -- --fair --jobs 500 --workers 2 --asks 5
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createLog } from "../../services/shared/log.ts";
import { createRecords } from "../../services/shared/records/index.ts";
import { keys } from "../../services/shared/redis-keys.ts";
import { closeRedis, connectRedis, type Redis } from "../../services/shared/redis.ts";
import { root } from "../peers/load.ts";
import { environment } from "../report.ts";
import { jobOn, uploadOf } from "../soak/strokes.ts";
import { json, startStack } from "../stack.ts";

const { values: options } = parseArgs({
  options: {
    fair: { type: "boolean", default: true },
    jobs: { type: "string", default: "10000" },
    workers: { type: "string", default: "8" },
    asks: { type: "string", default: "20" },
    choices: { type: "string", default: "300" },
  },
});
const [jobs, workers, asks, choices] = [options.jobs, options.workers, options.asks, options.choices].map(Number);
const postedAtOnce = 32;

interface Tenant {
  project: string;
  dataset: string;
  ask: <Answer>(path: string, body?: object) => Promise<Answer>;
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];
const shown = (values: readonly number[], unit: string): string =>
  `median ${quantile(values, 0.5).toFixed(1)}${unit}, 95 of 100 within ${quantile(values, 0.95).toFixed(1)}${unit}, most ${Math.max(...values).toFixed(1)}${unit}`;

const asking =
  (url: string, key: string): Tenant["ask"] =>
  (path, body) =>
    json(`${url}${path}`, {
      headers: { authorization: `Bearer ${key}`, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
    });

/** A project with a key and a small dataset of its own. */
async function tenant(url: string, admin: Tenant["ask"], name: string): Promise<Tenant> {
  const { id: project } = await admin<{ id: string }>("/v1/projects", { name });
  const { key } = await admin<{ key: string }>("/v1/keys", { name, project });
  const ask = asking(url, key);
  const { body, contentType } = uploadOf(1, 60);
  const headers = { authorization: `Bearer ${key}`, "content-type": contentType };
  const { id: dataset } = await json<{ id: string }>(`${url}/v1/datasets`, { method: "POST", headers, body });
  while ((await ask<{ status: string }>(`/v1/datasets/${dataset}`)).status !== "ready") await pause(100);
  return { project, dataset, ask };
}

const submit = async ({ ask, dataset }: Tenant): Promise<string> =>
  (await ask<{ id: string }>("/v1/jobs", jobOn(dataset, 0))).id;

/** Answers the ids, in order of arrival. */
async function submitMany(by: Tenant, count: number): Promise<string[]> {
  const ids: string[] = [];
  let left = count;
  const submitter = async (): Promise<void> => {
    while (left-- > 0) ids.push(await submit(by));
  };
  await Promise.all(Array.from({ length: postedAtOnce }, submitter));
  return ids;
}

/** One job of a project that has none: how long until it starts, and how many turns others had meanwhile. */
async function askOnce(redis: Redis, by: Tenant): Promise<{ seconds: number; turns: number }> {
  const before = Number(await redis.get(keys.turn));
  const id = await submit(by);
  for (;;) {
    const job = await by.ask<{ createdAt: string; startedAt: string | null; terminal: boolean }>(`/v1/jobs/${id}`);
    if (job.startedAt !== null && job.terminal) {
      const own = Number(await redis.hget(keys.project(by.project), "served:training"));
      return { seconds: (Date.parse(job.startedAt) - Date.parse(job.createdAt)) / 1000, turns: own - before - 1 };
    }
    await pause(50);
  }
}

/** Milliseconds of each taking of a turn, and of each of as many trips to Redis that do nothing. */
async function measureChoices(redis: Redis, waiting: readonly string[]): Promise<{ turns: number[]; trips: number[] }> {
  const { turns } = createRecords(redis);
  const [taken, trips]: [number[], number[]] = [[], []];
  const timed = async (into: number[], doing: () => Promise<unknown>): Promise<void> => {
    const from = performance.now();
    await doing();
    into.push(performance.now() - from);
  };
  // What is taken here is a worker's to run once it gets that ticket.
  for (const id of waiting) {
    await timed(trips, () => redis.ping());
    await timed(taken, () => turns.take("training", `${id}-1`, { most: 1e12, redisRun: "bench" }));
  }
  return { turns: taken, trips };
}

const adminKey = `fm_${randomBytes(32).toString("hex")}`;
const stack = await startStack({ AUTH: "keys", ADMIN_KEY: adminKey, WORKER_THREADS: "1", WORKER_SLOTS: "1" }, adminKey);
const redis = connectRedis({
  url: stack.redisUrl,
  role: "working",
  log: createLog({ level: "silent", service: "bench" }),
});
const more = Array.from({ length: workers - 1 }, () =>
  spawn(process.execPath, [join(root, "dist", "services", "worker", "main.js")], {
    env: {
      ...process.env,
      REDIS_URL: stack.redisUrl,
      DATA_DIR: stack.folder,
      LOG_LEVEL: "warn",
      WORKER_THREADS: "1",
      WORKER_SLOTS: "1",
    },
    stdio: ["ignore", "ignore", "inherit"],
  }),
);
try {
  const { processor, load } = environment();
  console.log(`fair: ${processor}; load ${load}; ${workers} workers`);
  const admin = asking(stack.url, adminKey);
  const [loud, quiet] = [await tenant(stack.url, admin, "loud"), await tenant(stack.url, admin, "quiet")];
  const from = performance.now();
  const ids = await submitMany(loud, jobs);
  const seconds = (performance.now() - from) / 1000;
  const waiting = async (): Promise<number> => redis.zcard(keys.waiting(loud.project, "training"));
  console.log(`${jobs} jobs accepted in ${seconds.toFixed(1)} s; ${await waiting()} of them wait`);
  const asked: { seconds: number; turns: number }[] = [];
  for (let each = 0; each < asks; each++) asked.push(await askOnce(redis, quiet));
  console.log(
    `the other project's job starts after: ${shown(
      asked.map((each) => each.seconds),
      " s",
    )}`,
  );
  console.log(
    `starts of the first project's meanwhile: ${shown(
      asked.map(({ turns }) => turns),
      "",
    )}`,
  );
  const { turns, trips } = await measureChoices(redis, ids.slice(-choices));
  console.log(
    `choosing, of ${await waiting()} that wait: ${shown(turns, " ms")}; a trip to Redis: ${shown(trips, " ms")}`,
  );
} finally {
  for (const worker of more) worker.kill("SIGTERM");
  await Promise.all(more.map(async (worker) => (worker.exitCode === null ? once(worker, "exit") : null)));
  await closeRedis(redis);
  await stack.stop();
}
