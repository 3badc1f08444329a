import { expect, test } from "vitest";
import { completeRequest } from "../schemas/complete.ts";
import { jobRequest } from "../schemas/job.ts";
import { deriveTraining } from "./derivation.ts";

const request = completeRequest(
  jobRequest.parse({
    dataset: "digits",
    network: { layers: [{ kind: "dense", units: 3, activation: "softmax" }] },
    normalisation: "unit",
    threads: 3,
    stopWhen: { validationAccuracy: 0.9, patience: 4 },
  }),
  3,
);
const dataset = {
  input: { channels: 1, height: 7, width: 5 },
  classes: 3,
  dtype: "float32" as const,
  counts: { train: 40, validation: 8, test: 0 },
  statistics: { mean: [0.5], std: [2], minimum: -3, maximum: 7, classCounts: { train: [20, 19, 1] } },
};

test("what the request says about the bits arrives, with the dataset's facts", () => {
  const { network, loss, optimiser, schedule, epochs, batchSize, shuffle, sampling, seed, numerics, augmentation } =
    request;
  const { statistics: _, ...facts } = dataset;
  expect(
    deriveTraining({ request, dataset, mostThreads: 16, stopAtStep: null, rescheduled: [], pauseAfterEpoch: null }),
  ).toEqual({
    ...{
      network,
      loss,
      optimiser,
      schedule,
      epochs,
      batchSize,
      shuffle,
      sampling,
      seed,
      numerics,
      augmentation,
      threads: 3,
    },
    ...facts,
    judge: { split: "validation", decides: true },
    normalisation: { kind: "unit", mean: [-3], std: [10] },
    background: -3,
    targetAccuracy: 0.9,
    patience: 4,
    stopAtStep: null,
    rescheduled: [],
    pauseAfterEpoch: null,
  });
});

test("a reproduction ends at its step alone", () =>
  expect(
    deriveTraining({ request, dataset, mostThreads: 16, stopAtStep: 12, rescheduled: [], pauseAfterEpoch: null }),
  ).toMatchObject({
    stopAtStep: 12,
    targetAccuracy: null,
    patience: null,
  }));

test.each([
  [2, 2],
  [8, 3],
])("of the three threads that it asks for, a worker with %i gives %i", (mostThreads, threads) =>
  expect(
    deriveTraining({ request, dataset, mostThreads, stopAtStep: null, rescheduled: [], pauseAfterEpoch: null }).threads,
  ).toBe(threads),
);

test.each([
  [null, { train: 40, validation: 0, test: 9 }, { split: "test", decides: false }],
  [{ split: "test" as const }, { train: 40, validation: 0, test: 9 }, { split: "test", decides: true }],
  // Ten of twenty, ten of nineteen (9.5 rounds up), and the only one stays.
  [{ fraction: 0.5 }, { train: 20, validation: 20, test: 9 }, { split: "validation", decides: true }],
])("without a validation split, %j leaves %j to %j", (validation, counts, judge) => {
  const without = { ...dataset, counts: { train: 40, validation: 0, test: 9 } };
  expect(
    deriveTraining({
      request: { ...request, validation },
      dataset: without,
      mostThreads: 1,
      stopAtStep: null,
      rescheduled: [],
      pauseAfterEpoch: null,
    }),
  ).toMatchObject({ counts, judge });
});
