/** A thread's hold on a planned training, on one thread with the reference kernels. */
import { describe, expect, test } from "vitest";
import { network } from "../schemas/network.ts";
import { optimiser } from "../schemas/optimiser.ts";
import { planExecution } from "./execution-plan.ts";
import { Execution } from "./execution.ts";
import { plainSpec } from "./inspection.ts";
import { headerSamples } from "./kernels/kernels.ts";
import { createReference } from "./kernels/reference/reference.ts";
import { createMemory } from "./memory.ts";
import { settingsWriter } from "./optimiser.ts";
import type { TrainingSpec } from "./training.ts";

const input = { channels: 1, height: 7, width: 5 };
const plain = plainSpec({
  network: network.parse({
    layers: [
      { kind: "convolution", maps: 2, size: 3, activation: "tanh" },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
  }),
  loss: "cross-entropy",
  input,
  classes: 3,
  count: 22,
  batchSize: 11,
  seed: 5,
});

function execute(changes: Partial<TrainingSpec> = {}, options = { inspects: true }): Execution {
  const plan = planExecution({ ...plain, dtype: "float32", ...changes }, 4, options);
  const memory = createMemory(plan.memory);
  const kernels = createReference({ buffer: memory.buffer, realBytes: 4 });
  const execution = new Execution({ plan, buffer: memory.buffer, kernels, thread: 0 });
  const { views } = execution;
  execution.install();
  for (const layer of plan.network.layers) layer.initialise(views, 5);
  const { optimiser: planned, moved } = plan.training;
  settingsWriter({ views, optimiser: planned, weightDecay: 0, moved })(0.1, 1);
  const { order, averageScale, splits } = plan.regions;
  views.reals(averageScale, 1)[0] = 1 / 11;
  views.reals(splits.train.samplesAddress, 22 * 35).forEach((_, at, all) => (all[at] = Math.sin(at)));
  for (let at = 0; at < 22; at++) {
    views.words[order / 4 + at] = 21 - at;
    views.ints[splits.train.labelsAddress / 4 + at] = at % 3;
  }
  return execution;
}

const step = { start: 0, epoch: 1, withNorm: false } as const;
const weightsOf = ({ plan, views }: Execution): number[] =>
  plan.network.tensors.flatMap(({ address, size }) => Array.from(views.reals(address, size)));

describe("kinds of steps", () => {
  test("a whole batch moves the weights; an inspection leaves them", () => {
    const execution = execute();
    const before = weightsOf(execution);
    const seen = execution.runStep({ ...step, kind: "gradient" });
    expect(weightsOf(execution)).toEqual(before);
    expect(execution.runStep({ ...step, kind: "forward" })).toEqual(seen);
    expect(execution.runStep({ ...step, kind: "whole" })).toEqual(seen);
    expect(weightsOf(execution)).not.toEqual(before);
  });

  test("a batch is found by its place in the order, not in the split", () => {
    const execution = execute();
    execution.runStep({ ...step, kind: "forward", start: 11 });
    const { groups } = execution.plan.training.steps.forward ?? { groups: [] };
    // Identities of its lanes: the order is the split from its end.
    const first = groups[0].slots[0].header / 4 + headerSamples;
    expect(Array.from(execution.views.ints.subarray(first, first + 8))).toEqual([10, 9, 8, 7, 6, 5, 4, 3]);
  });

  test.each(["forward", "gradient", "curvature", "last"] as const)("'%s' that was not planned is refused", (kind) =>
    expect(() => execute({}, { inspects: false }).runStep({ ...step, kind })).toThrow(
      `planned without steps of the kind '${kind}'`,
    ),
  );

  test("second derivatives are planned where the optimiser wants them, a last batch where there is one", () => {
    const { steps } = execute({
      optimiser: optimiser.parse({ kind: "diagonal-levenberg-marquardt" }),
      counts: { train: 22, validation: 0, test: 0 },
      batchSize: 9,
    }).plan.training;
    expect(steps.curvature).not.toBeNull();
    expect(steps.last?.cut.samples).toBe(4);
  });
});

test("a loss that is not finite leaves the weights as they were", () => {
  const execution = execute();
  const { address, size } = execution.plan.network.tensors[0];
  execution.views.reals(address, size).fill(Number.NaN);
  const before = weightsOf(execution);
  expect(execution.runStep({ ...step, kind: "whole" }).loss).toBeNaN();
  expect(weightsOf(execution)).toEqual(before);
});

test("a split without samples cannot be evaluated", () =>
  expect(() => execute().runEvaluation({ split: "test", first: 0, count: 1 })).toThrow("'test' has no samples"));

test.each([
  ["a normalisation that ends a block makes its sum as well", { activation: "linear" }, 0],
  ["one that has an activation of its own does not", { activation: "tanh" }, 1],
])("%s", (_, last, sums) => {
  const plan = planExecution({
    ...plain,
    network: network.parse({
      layers: [
        { kind: "convolution", maps: 2, size: 3 },
        {
          kind: "residual",
          layers: [
            { kind: "convolution", maps: 2, size: 3, padding: 1 },
            { kind: "batch-normalisation", ...last },
          ],
          activation: "relu",
        },
        { kind: "dense", units: 3, activation: "softmax" },
      ],
    }),
  });
  const names = plan.training.steps.whole!.phases.flatMap(({ programs }) => programs[0].names());
  expect(names.filter((name) => name === "normalisationForward")).toHaveLength(1);
  expect(names.filter((name) => name === "residualForward")).toHaveLength(sums);
});

test("a part of a split may end inside a group of blocks", () => {
  const layers = [
    { kind: "dense", units: 3800, activation: "tanh" },
    { kind: "dense", units: 3, activation: "softmax" },
  ];
  const execution = execute({ network: network.parse({ layers }), counts: { train: 22, validation: 29, test: 0 } });
  const { splits } = execution.plan.regions;
  const { views } = execution;
  views.reals(splits.validation.samplesAddress, 29 * 35).forEach((_, at, all) => (all[at] = Math.cos(at)));
  for (let at = 0; at < 29; at++) views.ints[splits.validation.labelsAddress / 4 + at] = at % 3;
  expect(execution.plan.evaluation.splits.validation?.groups[0].slots).toHaveLength(4);
  const of = (first: number, count: number) => execution.runEvaluation({ split: "validation", first, count });
  const whole = of(0, 29);
  const parts = [of(0, 8), of(8, 11), of(19, 10)];
  expect(parts.reduce((sum, { correct }) => sum + correct, 0)).toBe(whole.correct);
  expect(parts.reduce((sum, { loss }) => sum + loss, 0)).toBeCloseTo(whole.loss, 4);
});
