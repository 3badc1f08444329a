import { expect, test } from "vitest";
import type { TrainingReport } from "../../../engine/index.ts";
import { Pace, ProgressEvents } from "./pace.ts";

const report = (step: number): TrainingReport => ({
  kind: "progress",
  epoch: 1,
  step,
  steps: 1000,
  epochs: 2,
  samples: step * 10,
  loss: 0.5,
  accuracy: 0.8,
  rows: [],
});

test("rate and remaining time follow the steps, not the clock of the wall", () => {
  let now = 5000;
  const pace = new Pace({ before: 7, earlier: null, now: () => now });
  expect(pace.progress(report(0))).toMatchObject({ samplesPerSecond: null, remainingSeconds: null });
  for (let step = 100; step <= 500; step += 100) {
    now += 1000;
    pace.progress(report(step));
  }
  const progress = pace.progress(report(500));
  expect(progress.samplesPerSecond).toBeCloseTo(1000);
  expect(progress.remainingSeconds).toBeCloseTo(5);
  expect(progress.elapsedSeconds).toBeCloseTo(12);
  expect(progress.fraction).toBe(0.5);
});

test("what comes before the first report does not slow the rate; at first it is the plain mean", () => {
  let now = 0;
  const pace = new Pace({ before: 0, earlier: null, now: () => now });
  now = 3000;
  expect(pace.progress(report(10)).samplesPerSecond).toBeNull();
  now = 4000;
  expect(pace.progress(report(110)).samplesPerSecond).toBeCloseTo(1000);
  now = 5000;
  expect(pace.progress(report(410)).samplesPerSecond).toBeCloseTo(2000);
});

test("what is not finite is null; the end is whole", () => {
  const pace = new Pace({ before: 0, earlier: null });
  expect(pace.progress({ ...report(3), loss: Number.NaN })).toMatchObject({ loss: null });
  expect(pace.progress({ ...report(400), kind: "finished", reason: "patience" })).toMatchObject({
    fraction: 1,
    remainingSeconds: 0,
  });
});

test("progress becomes an event at most once a second, and then by share of the way or quarter of a minute", () => {
  const events = new ProgressEvents();
  const at = (fraction: number) => new Pace({ before: 0, earlier: null }).progress({ ...report(fraction * 1000) });
  expect(events.due(at(0), 0)).toBe(true);
  expect(events.due(at(0.5), 900)).toBe(false);
  expect(events.due(at(0.5), 1100)).toBe(true);
  expect(events.due(at(0.501), 5000)).toBe(false);
  expect(events.due(at(0.501), 16_200)).toBe(true);
});
