/**
 * Jobs on three workers while workers, api and Redis are killed at random. FAULT_JOBS=50 runs it at the length that
 * docs/RELIABILITY.md reports.
 */
import { readFile, readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../support/stack.ts";
import { startStorm, type Storm } from "../support/storm.ts";
import { insist, slowJob, startTrial } from "../support/trials.ts";
import type { Trial } from "../support/trials.ts";

const jobs = Number(process.env["FAULT_JOBS"] ?? 9);
const seeds = [1, 2, 3];
const epochs = 60;
const patienceMs = jobs * 60_000 + 240_000;

let trial: Trial;
let storm: Storm | null = null;
const expected = new Map<number, string>();

const urlNow = (): string => (storm ?? trial).api.url;
const get = async (path: string): Promise<{ status: number; body: Record<string, never> & { data: never[] } }> => {
  const answer = await ask(urlNow(), path);
  if (answer.status >= 500) throw new Error(`${path}: ${answer.status}`);
  return answer;
};

beforeAll(async () => {
  // Three deaths in a row before a first checkpoint are no bug of the job here, only bad luck: the budget of crashes
  // has tests of its own.
  trial = await startTrial({ workers: 3, environment: { WORKER_CRASH_BUDGET: "100" } });
  for (const seed of seeds) {
    const { body } = await trial.ask("/v1/jobs", { body: slowJob({ seed, epochs }) });
    const ended = await trial.ended(body.id);
    expected.set(seed, ended.receipt.weights);
  }
});
afterAll(async () => {
  await storm?.end();
  await trial.stop();
});

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

test(
  `${jobs} jobs end with the bits of an undisturbed run, whatever is killed`,
  { timeout: patienceMs + 600_000 },
  async () => {
    expect(new Set(expected.values()).size).toBe(seeds.length);
    let over = false;
    storm = startStorm(trial, { meanSeconds: 2, shares: { worker: 0.6, api: 0.2 }, most: 4 * jobs });
    const posted: { id: string; seed: number }[] = [];
    for (let number = 0; number < jobs; number++) {
      const seed = seeds[number % seeds.length];
      const body = slowJob({ seed, epochs, metadata: { number: String(number) } });
      const answer = await insist(async () => {
        const answered = await ask(urlNow(), "/v1/jobs", { body, headers: { "idempotency-key": `storm-${number}` } });
        if (answered.status !== 202)
          throw new Error(`POST answered ${answered.status}: ${JSON.stringify(answered.body)}`);
        return answered;
      });
      posted.push({ id: answer.body.id, seed });
    }
    const readers = posted.map(({ id }) => follow(id, () => over));
    const end = performance.now() + patienceMs;
    for (;;) {
      const counts = await trial.records.jobs.counts(["succeeded", "failed", "cancelled"]);
      if ((counts["succeeded"] ?? 0) + (counts["failed"] ?? 0) >= jobs + seeds.length || performance.now() > end) break;
      await sleep(250);
    }
    over = true;
    await storm.end();
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
    process.stdout.write(`random kills: ${JSON.stringify(storm.happened)}; attempts a job: ${attempts.join(" ")}\n`);
    await noStrays();
    await noOrphans();
  },
);

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
  await Promise.all([...trial.workers, (storm ?? trial).api].map((service) => service.end()));
  const left: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const [environment, command] = await Promise.all(
      ["environ", "cmdline"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
    );
    if (environment?.includes(trial.redis.dir) && command?.includes("services/")) left.push(command);
  }
  expect(left).toEqual([]);
}
