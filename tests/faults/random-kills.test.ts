/**
 * Jobs on three workers while workers, api and Redis are killed at random. FAULT_JOBS=50 runs it at the length that
 * docs/RELIABILITY.md reports.
 */
import { readFile, readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../support/stack.ts";
import type { Api } from "../support/stack.ts";
import { insist, slowJob, startTrial } from "../support/trials.ts";
import type { Trial } from "../support/trials.ts";

const jobs = Number(process.env["FAULT_JOBS"] ?? 9);
const seeds = [1, 2, 3];
const epochs = 60;
const meanSecondsBetweenKills = 2;
const patienceMs = jobs * 30_000 + 60_000;

let trial: Trial;
let api: Api;
const expected = new Map<number, string>();

const get = async (path: string): Promise<{ status: number; body: Record<string, never> & { data: never[] } }> => {
  const answer = await ask(api.url, path);
  if (answer.status >= 500) throw new Error(`${path}: ${answer.status}`);
  return answer;
};

beforeAll(async () => {
  // Three deaths in a row before a first checkpoint are no bug of the job here, only bad luck: the budget of crashes
  // has tests of its own.
  trial = await startTrial({ workers: 3, environment: { WORKER_CRASH_BUDGET: "100" } });
  api = trial.api;
  for (const seed of seeds) {
    const { body } = await trial.ask("/v1/jobs", { body: slowJob({ seed, epochs }) });
    const ended = await trial.ended(body.id);
    expected.set(seed, ended.receipt.weights);
  }
});
afterAll(() => trial.stop());

/** A reader of one job's events that comes back after every break with the last id it has seen. */
async function follow(id: string, over: () => boolean): Promise<string[]> {
  const seen: string[] = [];
  while (!over()) {
    const page = await get(`/v1/jobs/${id}/events?limit=50&after=${seen.at(-1) ?? "0"}`).catch(() => null);
    for (const event of page?.body.data ?? []) seen.push((event as { id: string }).id);
    await sleep(100);
  }
  const rest = await insist(() => get(`/v1/jobs/${id}/events?limit=1000&after=${seen.at(-1) ?? "0"}`));
  for (const event of rest.body.data) seen.push((event as { id: string }).id);
  return seen;
}

/** One misfortune after another until told to stop. Answers what happened. */
async function misfortunes(over: () => boolean): Promise<Record<string, number>> {
  const happened: Record<string, number> = { worker: 0, api: 0, redis: 0 };
  const count = (what: string): void => void (happened[what] = (happened[what] ?? 0) + 1);
  while (!over()) {
    await sleep(meanSecondsBetweenKills * 1000 * (0.5 + Math.random()));
    const dice = Math.random();
    if (dice < 0.6) {
      const alive = trial.workers.filter(
        (worker) => worker.process.exitCode === null && worker.process.signalCode === null,
      );
      const victim = alive[Math.floor(Math.random() * alive.length)];
      victim.process.kill("SIGKILL");
      trial.startWorker();
      count("worker");
    } else if (dice < 0.8) {
      api.process.kill("SIGKILL");
      api = await trial.startApi();
      count("api");
    } else {
      await trial.redis.kill();
      await sleep(300);
      await trial.redis.start();
      count("redis");
    }
  }
  return happened;
}

test(`${jobs} jobs end with the bits of an undisturbed run, whatever is killed`, { timeout: patienceMs }, async () => {
  expect(new Set(expected.values()).size).toBe(seeds.length);
  let over = false;
  const storm = misfortunes(() => over);
  const posted: { id: string; seed: number }[] = [];
  for (let number = 0; number < jobs; number++) {
    const seed = seeds[number % seeds.length];
    const body = slowJob({ seed, epochs, metadata: { number: String(number) } });
    const answer = await insist(async () => {
      const answered = await ask(api.url, "/v1/jobs", { body, headers: { "idempotency-key": `storm-${number}` } });
      if (answered.status !== 202)
        throw new Error(`POST answered ${answered.status}: ${JSON.stringify(answered.body)}`);
      return answered;
    });
    posted.push({ id: answer.body.id, seed });
  }
  const readers = posted.map(({ id }) => follow(id, () => over));
  const end = performance.now() + patienceMs - 60_000;
  for (;;) {
    const counts = await trial.records.jobs.counts(["succeeded", "failed", "cancelled"]);
    if ((counts["succeeded"] ?? 0) + (counts["failed"] ?? 0) >= jobs + seeds.length || performance.now() > end) break;
    await sleep(250);
  }
  over = true;
  const happened = await storm;
  const attempts: number[] = [];
  for (const [index, { id, seed }] of posted.entries()) {
    const { body } = (await insist(() => get(`/v1/jobs/${id}`))) as { body: Record<string, never> };
    const job = body as unknown as {
      status: string;
      error: unknown;
      receipt: { weights: string };
      attempts: { reason: string | null }[];
      result: { steps: number };
    };
    expect({ id, status: job.status, error: job.error }).toEqual({ id, status: "succeeded", error: null });
    expect(job.receipt.weights).toBe(expected.get(seed));
    expect(job.attempts.filter(({ reason }) => reason === "finished")).toHaveLength(1);
    attempts.push(job.attempts.length);
    const seen = await readers[index];
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, at) => String(at + 1)));
    expect(String(seen.length)).toBe(await trial.redisClient.hget(`maps:job:${id}`, "events"));
    const rows = await insist(() => get(`/v1/jobs/${id}/metrics?series=epoch`));
    expect(rows.body.data.map(({ epoch }) => epoch)).toEqual(Array.from({ length: epochs }, (_, at) => at + 1));
  }
  process.stdout.write(`random kills: ${JSON.stringify(happened)}; attempts a job: ${attempts.join(" ")}\n`);
  await noStrays();
  await noOrphans();
});

/** Every object is named by a record; what killed writers left unfinished is swept. */
async function noStrays(): Promise<void> {
  await insist(async () => {
    if ((await trial.records.jobs.unarchived(0)).length > 0) throw new Error("jobs are still archived");
  });
  await trial.storage.sweep(0);
  const named = new Set<string>();
  const page = await trial.records.jobs.list({ limit: 1000, order: "asc" });
  for (const job of page.data) {
    named.add(`jobs/${job.id}/manifest.json`);
    for (const { key } of await trial.records.checkpoints.list(job.id)) named.add(key);
    const model = job.model === null ? null : await trial.records.models.read(job.model);
    if (model)
      for (const key of [
        model.files.manifest,
        model.files.weights,
        ...Object.values(model.files.predictions).map(({ file }) => file),
      ])
        named.add(key);
  }
  const strays: string[] = [];
  for (const prefix of ["jobs/", "models/"])
    for await (const { key } of trial.storage.list(prefix)) if (!named.has(key)) strays.push(key);
  expect(strays).toEqual([]);
}

async function noOrphans(): Promise<void> {
  await Promise.all([...trial.workers, api].map((service) => service.end()));
  const left: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const [environment, command] = await Promise.all(
      ["environ", "cmdline"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
    );
    if (environment?.includes(trial.redis.dir) && command?.includes("services/")) left.push(command);
  }
  expect(left).toEqual([]);
}
