/**
 * Sweeps whose workers, coordinator and api are killed at random end as undisturbed ones do: same winner, same values,
 * same digests, one job a trial.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sweep } from "../../schemas/sweep.ts";
import { ask, until } from "../support/stack.ts";
import { startStorm } from "../support/storm.ts";
import { endedSweep, sweepOf, trialsOf, uploadTable } from "../support/sweeps.ts";
import { insist, slowJob, startTrial, type Trial } from "../support/trials.ts";

const patienceMs = 480_000;

/** Enough for a sweep to outlast several kills on a fast machine. */
const epochs = 72;
const { dataset: _dataset, ...slow } = slowJob({ epochs });
const halving = sweepOf({
  base: slow,
  space: { "/optimiser/learningRate": { log: [0.0001, 0.03] }, "/batchSize": { choices: [5, 10] } },
  search: { kind: "halving", trials: 9, reduction: 3, firstEpochs: epochs / 9 },
  parallel: 4,
});

let trial: Trial;
beforeAll(async () => {
  trial = await startTrial({ workers: 1, environment: { WORKER_CRASH_BUDGET: "1000" } });
});
afterAll(() => trial.stop());

/** Asks whichever api there is until it answers. */
const asking = (url: () => string) => ({
  ask: (path: string, how?: Parameters<typeof ask>[2]) =>
    insist(async () => {
      const answer = await ask(url(), path, how);
      if (answer.status >= 500) throw new Error(`${path}: ${answer.status}`);
      return answer;
    }, 120),
});

interface Ended {
  sweep: Sweep;
  /** Of each trial what it reached, and how far it was trained. */
  reached: unknown[];
  weights: string;
}

async function sweep(url: () => string, key: string): Promise<Ended> {
  const api = asking(url);
  const headers = { "idempotency-key": key };
  const { body } = await api.ask("/v1/sweeps", { body: halving, headers });
  const end = performance.now() + patienceMs;
  let now = body as Sweep;
  while (!now.terminal && performance.now() < end) {
    await sleep(200);
    now = (await api.ask(`/v1/sweeps/${now.id}`)).body;
  }
  expect(now).toMatchObject({ status: "succeeded", error: null, trials: { stopped: 8, succeeded: 1 } });
  const rows = await trialsOf(api, now.id);
  const { data: jobs } = (await api.ask(`/v1/jobs?sweep=${now.id}&limit=1000`)).body;
  const ids = jobs.map((job: { id: string }) => job.id) as string[];
  expect(ids).toHaveLength(rows.length);
  expect(new Set(ids)).toEqual(new Set(rows.map(({ job }) => job)));
  const best = (await api.ask(`/v1/jobs/${now.best?.job}`)).body;
  const { data: rowsOfBest } = (await api.ask(`/v1/jobs/${best.id}/metrics?series=epoch&maxPoints=1000`)).body;
  expect(rowsOfBest.map(({ epoch }: { epoch: number }) => epoch)).toEqual(
    Array.from({ length: epochs }, (_, at) => at + 1),
  );
  const { data: events } = (await api.ask(`/v1/sweeps/${now.id}/events?limit=1000`)).body;
  expect(events.map(({ id }: { id: string }) => id)).toEqual(events.map((_: unknown, at: number) => String(at + 1)));
  return {
    sweep: now,
    reached: rows.map(({ job: _job, ...row }) => row),
    weights: best.receipt.weights,
  };
}

test("one that waits for its dataset outlasts the end of whoever was about to begin it", async () => {
  const begun = async (alias: string): Promise<string> => {
    await uploadTable(trial, alias);
    const base = { dataset: alias, validation: { fraction: 0.2 } };
    const search = { kind: "random", trials: 3 };
    return (await trial.ask("/v1/sweeps", { body: sweepOf({ base, search }) })).body.id;
  };
  const reached = async (id: string) => {
    const sweep = await endedSweep(trial, id);
    expect(sweep).toMatchObject({ status: "succeeded", trials: { succeeded: 3 } });
    return (await trialsOf(trial, sweep.id)).map(({ job: _job, ...row }) => row);
  };
  const alone = await reached(await begun("undisturbed"));
  await Promise.all(trial.workers.map((worker) => worker.end("SIGKILL")));
  const id = await begun("disturbed");
  // Killed while it may wait, and as soon as somebody sees to it.
  const first = trial.startWorker();
  await until(
    async () => first.lines,
    (lines) => lines.some((line) => line.includes("the worker is ready")),
    "a worker that is ready",
  );
  await first.end("SIGKILL");
  const second = trial.startWorker();
  await until(
    () => trial.ask(`/v1/sweeps/${id}`),
    ({ body }) => body.status !== "queued",
    "a sweep that somebody sees to",
  );
  await second.end("SIGKILL");
  trial.startWorker();
  expect(await reached(id)).toEqual(alone);
});

test("the same winner to the bit on one worker, on two, and under random kills", async () => {
  const alone = await sweep(() => trial.api.url, "alone");
  trial.startWorker();
  const together = await sweep(() => trial.api.url, "together");
  expect(together.reached).toEqual(alone.reached);
  expect(together.weights).toBe(alone.weights);

  const storm = startStorm(trial, { meanSeconds: 1, shares: { worker: 0.7, api: 0.2 }, most: 40 });
  const disturbed = await sweep(() => storm.api.url, "disturbed").finally(() => storm.end());
  process.stdout.write(`random kills: ${JSON.stringify(storm.happened)}\n`);
  expect(storm.happened.worker).toBeGreaterThan(0);
  expect(disturbed.reached).toEqual(alone.reached);
  expect(disturbed.weights).toBe(alone.weights);
  expect(disturbed.sweep.best).toMatchObject({ trial: alone.sweep.best?.trial, value: alone.sweep.best?.value });
});
