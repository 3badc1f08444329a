/** A schedule that was fitted to the time left is kept: on any threads, across stops, and when it is done again. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { readSafetensors, request } from "../../engine/index.ts";
import type { TrainingReport, TrainingSpec } from "../../engine/index.ts";
import { augmentation } from "../../schemas/augmentation.ts";
import type { Rescheduling } from "../../schemas/optimiser.ts";
import { smallSpec, startTraining } from "../support/training.ts";

/** Three steps an epoch, twelve in all. */
const spec = (changes: Partial<TrainingSpec> = {}): TrainingSpec =>
  smallSpec(
    [
      { kind: "convolution", maps: 4, size: 2, activation: "tanh" },
      { kind: "dropout", rate: 0.3 },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
    {
      epochs: 4,
      schedule: { kind: "one-cycle", start: 0.1, rise: 0.3, end: 0.001, warmup: 0 },
      augmentation: augmentation.parse({ shift: 1 }),
      ...changes,
    },
  );
/** In the middle of the third epoch. */
const shortened: Rescheduling[] = [{ step: 4, end: 8 }];

const weightsOf = (checkpoint: Uint8Array): string => {
  const hash = createHash("sha256");
  for (const [name, { data }] of readSafetensors(checkpoint).tensors)
    hash.update(name).update(new Uint8Array(data.buffer));
  return hash.digest("hex");
};

interface Trained {
  reports: TrainingReport[];
  rates: number[];
  weights: string;
  checkpoint: Uint8Array;
}

/** `ends`: where the training is told to end after which step. `stopAfter`: the step after which it is stopped. */
async function train(
  of: TrainingSpec,
  { ends = {}, stopAfter, resume }: { ends?: Record<number, number>; stopAfter?: number; resume?: Uint8Array } = {},
): Promise<Trained> {
  const { plan, memory, trainer, close } = await startTraining(of, { ahead: true, ...(resume ? { resume } : {}) });
  const control = new Int32Array(memory.buffer);
  const ask = (step: number): void => {
    Atomics.or(control, plan.controlAddress / 4, step + 1 === stopAfter ? request.stop : request.report);
  };
  ask(0);
  const reports: TrainingReport[] = [];
  for (const report of trainer.run()) {
    reports.push(report);
    if (report.kind !== "progress") continue;
    const end = ends[report.step];
    if (end !== undefined) trainer.endAt(end);
    ask(report.step);
  }
  const checkpoint = trainer.checkpoint();
  await close();
  const rates = reports.flatMap(({ rows }) => rows.map(({ learningRate }) => learningRate));
  return { reports, rates, weights: weightsOf(checkpoint), checkpoint };
}

test("it ends in the middle of an epoch, judged, with the schedule's last rate and no jump on the way", async () => {
  const whole = await train(spec());
  const { reports, rates } = await train(spec(), { ends: { 4: 8 } });
  expect(reports.at(-1)).toMatchObject({ kind: "finished", reason: "rescheduled", epoch: 3, step: 8, steps: 8 });
  expect(reports.at(-2)).toMatchObject({ kind: "epoch", epoch: 3, epochs: 3, validation: { samples: 21 } });
  expect(rates).toHaveLength(8);
  expect(rates.slice(0, 5)).toEqual(whole.rates.slice(0, 5));
  expect(rates[7]).toBeCloseTo(0.05 * 0.001, 12);
  const falls = rates.slice(4).map((rate, at, all) => rate - (all[at + 1] ?? 0));
  for (const fall of falls) expect(fall).toBeGreaterThan(0);
});

test("made longer again up to its epochs, it ends as any other", async () => {
  const { reports, rates } = await train(spec(), { ends: { 4: 8, 6: 12 } });
  expect(reports.at(-1)).toMatchObject({ kind: "finished", reason: "epochs", epoch: 4, step: 12 });
  expect(rates.at(-1)).toBeCloseTo(0.05 * 0.001, 12);
});

test("the same bits on two threads, and where a training is told beforehand and ends with the step", async () => {
  const first = await train(spec(), { ends: { 4: 8 } });
  const onTwo = await train(spec({ threads: 2 }), { ends: { 4: 8 } });
  expect(onTwo.weights).toBe(first.weights);
  const again = await train(spec({ rescheduled: shortened, stopAtStep: 8 }));
  expect(again.reports.at(-1)).toMatchObject({ kind: "finished", reason: "step" });
  expect([again.weights, again.rates]).toEqual([first.weights, first.rates]);
  const otherwise = await train(spec({ stopAtStep: 8 }));
  expect(otherwise.weights).not.toBe(first.weights);
});

test("a checkpoint keeps it, whatever the step", async () => {
  const first = await train(spec(), { ends: { 4: 8 } });
  for (const stopAfter of [5, 6, 7]) {
    const stopped = await train(spec(), { ends: { 4: 8 }, stopAfter });
    expect(stopped.reports.at(-1)).toMatchObject({ kind: "stopped", step: stopAfter });
    const { reports, weights } = await train(spec(), { resume: stopped.checkpoint });
    expect(reports.at(-1)).toMatchObject({ kind: "finished", reason: "rescheduled", step: 8 });
    expect(weights).toBe(first.weights);
  }
});

test("an end that lies behind, or beyond the epochs, is refused", async () => {
  const { trainer, close } = await startTraining(spec());
  expect(() => trainer.endAt(0)).toThrow(/cannot end with step 0/);
  expect(() => trainer.endAt(13)).toThrow(/has done 0 of 12 steps/);
  await close();
});
