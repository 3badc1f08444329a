/** A worker that is slower than planned: the schedule is fitted to the time left, reaches its end, and can be repeated. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { endedSweep, sweepOf } from "../support/sweeps.ts";
import { putTinyDataset } from "../support/tiny-dataset.ts";
import { slowJob, startTrial, type Trial } from "../support/trials.ts";

let trial: Trial;

beforeAll(async () => {
  trial = await startTrial({ workers: 1 });
  await putTinyDataset({ ...trial, counts: { train: 900, validation: 0, test: 90 }, alias: "undivided" });
  await putTinyDataset({ ...trial, counts: { train: 9000, validation: 120, test: 90 }, alias: "larger" });
});
afterAll(() => trial.stop());

async function warningsOf(id: string): Promise<{ code: string; detail: string }[]> {
  const events = (await trial.ask(`/v1/jobs/${id}/events?limit=1000&order=desc`)).body.data;
  const warnings = events.filter(({ type }: { type: string }) => type === "warning");
  return warnings.map(({ data }: { data: object }) => data);
}

async function train(body: object) {
  const answer = await trial.ask("/v1/jobs", { body });
  expect([answer.status, answer.body.errors]).toEqual([202, undefined]);
  const job = await trial.ended(answer.body.id);
  const rows = (await trial.ask(`/v1/jobs/${job.id}/metrics?series=epoch&maxPoints=3`)).body.data;
  return { job, last: rows.at(-1), warnings: await warningsOf(job.id) };
}

async function reproduced(id: string) {
  const { body } = await trial.ask(`/v1/jobs/${id}/reproduce`, { method: "POST" });
  return trial.ended(body.id);
}

test("far too many epochs: the schedule ends in time, the receipt says how, and another run makes the same bits", async () => {
  const schedule = { kind: "cosine", minimum: 0.0001 };
  const { job, last, warnings } = await train(
    slowJob({ dataset: "undivided", epochs: 5000, schedule, stopWhen: { maxSeconds: 4 } }),
  );
  expect(job).toMatchObject({ status: "succeeded", result: { stopReason: "maxSeconds" } });
  const { rescheduled, stoppedAtStep } = job.receipt;
  expect(rescheduled.at(-1).end).toBe(stoppedAtStep);
  expect([job.result.steps, job.progress.step, job.progress.steps]).toEqual([
    stoppedAtStep,
    stoppedAtStep,
    stoppedAtStep,
  ]);
  expect(job.progress.epochs).toBe(Math.ceil(stoppedAtStep / 180));
  expect(last.step).toBe(stoppedAtStep);
  expect(last.learningRate).toBeCloseTo(0.0001, 9);
  expect(warnings.at(-1)).toMatchObject({
    code: "rescheduled",
    detail: expect.stringContaining(`ends with batch ${rescheduled[0].end} instead of ${5000 * 180}`),
  });

  const again = await reproduced(job.id);
  expect(again).toMatchObject({ reproduction: { agrees: true }, receipt: { rescheduled, stoppedAtStep } });
  expect((await reproduced(again.id)).reproduction).toMatchObject({ agrees: true });
});

test("trials have their schedules fitted to the time of their sweep, unless they wait at the end of a rung", async () => {
  const { dataset: _dataset, ...base } = slowJob({ epochs: 5000, schedule: { kind: "cosine", minimum: 0.0001 } });
  const swept = async (search: object) => {
    const body = sweepOf({ base, search, parallel: 2, stopWhen: { maxSeconds: 8 } });
    const { id } = (await trial.ask("/v1/sweeps", { body })).body;
    const sweep = await endedSweep(trial, id);
    expect(sweep).toMatchObject({ status: "succeeded", error: null });
    const { body: job } = await trial.ask(`/v1/jobs/${sweep.best.job}`);
    const codes = (await warningsOf(job.id)).map(({ code }) => code);
    return { job, isFitted: codes.includes("rescheduled") };
  };
  const whole = await swept({ kind: "random", trials: 1 });
  expect(whole.isFitted).toBe(true);
  expect(whole.job.progress.steps).toBeLessThan(5000 * 180);
  // Its best epoch may be one from before.
  const { rescheduled } = whole.job.receipt;
  expect(await reproduced(whole.job.id)).toMatchObject({ reproduction: { agrees: true }, receipt: { rescheduled } });
  const waits = await swept({ kind: "halving", trials: 2, reduction: 2, firstEpochs: 2500 });
  expect(waits).toMatchObject({ isFitted: false, job: { result: { stopReason: "sweep" } } });
});

test("a schedule without an end is not touched", async () => {
  const { job, warnings } = await train(slowJob({ dataset: "undivided", epochs: 5000, stopWhen: { maxSeconds: 1 } }));
  expect(job).toMatchObject({ result: { stopReason: "maxSeconds" }, receipt: { rescheduled: [] } });
  expect([job.progress.steps, warnings]).toEqual([5000 * 180, []]);
});

test("what the rule chose by rates that were too good ends with the best there is, its schedule at its end", async () => {
  const speeds = await trial.records.speeds.readAll();
  expect(speeds.size).toBeGreaterThan(0);
  const tooGood = 1e15;
  for (const key of speeds.keys()) await trial.records.speeds.note(key, tooGood);
  const { job, last } = await train({
    dataset: "larger",
    stopWhen: { maxSeconds: 3 },
    checkpoints: { everyEpochs: 7 },
  });
  expect(job).toMatchObject({
    status: "succeeded",
    request: { schedule: { kind: "one-cycle" } },
    result: { stopReason: "maxSeconds", validation: { samples: 120 } },
  });
  expect(job.progress.step).toBe(job.progress.steps);
  expect(job.request.epochs).toBeGreaterThan(job.progress.epochs);
  const { learningRate } = job.request.optimiser;
  expect(last.learningRate / learningRate).toBeCloseTo(job.request.schedule.end, 9);
  expect((await reproduced(job.id)).reproduction).toMatchObject({ agrees: true });
});
