import { expect, test } from "vitest";
import type { Validation } from "../../../schemas/validation.ts";
import type { CheckpointRecord } from "./checkpoints.ts";
import { bestOf, expendable, presentCheckpoints } from "./checkpoints.ts";

const checkpoint = (step: number, accuracy: number | null, listed = true): CheckpointRecord => ({
  epoch: Math.ceil(step / 10),
  step,
  at: "2026-01-01T00:00:00.000Z",
  bytes: 1,
  sha256: "a".repeat(64),
  loss: 1,
  accuracy: 0.5,
  validation: accuracy === null ? null : { split: "validation", loss: 1, accuracy },
  key: `k${step}`,
  listed,
  elapsedSeconds: step,
  attempt: 1,
  bestSoFar: null,
});
const asked = (changes: object = {}, validation: Validation = null) => ({
  checkpoints: { everyEpochs: 1, everySeconds: null, keepLast: 2, keepBest: 1, ...changes },
  validation,
});
const steps = (records: readonly CheckpointRecord[]): number[] => records.map(({ step }) => step);

test("the last, the best and the newest stay", () => {
  const records = [
    checkpoint(10, 0.5),
    checkpoint(20, 0.9),
    checkpoint(30, 0.9),
    checkpoint(35, null, false),
    checkpoint(40, 0.7),
    checkpoint(50, 0.8),
    checkpoint(55, null, false),
  ];
  expect(steps(expendable(records, asked()))).toEqual([10, 30, 35]);
  expect(bestOf(records, "validation")?.step).toBe(20);
  expect(steps(expendable(records, asked({ keepLast: 1, keepBest: 2 })))).toEqual([10, 35, 40]);
});

test("keepBest 0 still keeps the best: the model is made of it", () => {
  expect(
    steps(
      expendable([checkpoint(10, 0.9), checkpoint(20, 0.1), checkpoint(30, 0.2)], asked({ keepLast: 1, keepBest: 0 })),
    ),
  ).toEqual([20]);
});

test("recovery points are not shown, figures of the test split make no best unless it was named", () => {
  const ofTest = { ...checkpoint(20, 0.99), validation: { split: "test" as const, loss: 1, accuracy: 0.99 } };
  const records = [checkpoint(10, 0.5), checkpoint(15, null, false), ofTest];
  const shown = presentCheckpoints(records, asked());
  expect(shown.map(({ step, best }) => [step, best])).toEqual([
    [10, true],
    [20, false],
  ]);
  expect(shown[0]).not.toHaveProperty("key");
  expect(presentCheckpoints(records, asked({}, { split: "test" })).at(-1)?.best).toBe(true);
});
