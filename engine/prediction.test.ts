import { expect, test } from "vitest";
import { network as networkSchema } from "../schemas/network.ts";
import { implementations } from "../services/shared/implementations.ts";
import { smallSpec, startTraining } from "../tests/support/training.ts";
import { createMemory, createPredictor, planPrediction, probabilitiesOf } from "./index.ts";
import type { TrainingSpec } from "./index.ts";

const layers = [
  { kind: "convolution", maps: 4, size: 3, padding: 1, activation: "tanh" },
  { kind: "batch-normalisation" },
  { kind: "subsampling", factor: 2, activation: "sigmoid" },
  { kind: "dropout", rate: 0.5 },
  { kind: "convolution", maps: 5, size: 2, activation: "relu", inputs: { learned: { filters: "per-input" } } },
  { kind: "dense", units: 3, activation: "softmax" },
];

/** Dense layers that blocks go through together. */
const large = [
  layers[0],
  { kind: "dropout", rate: 0.5 },
  { kind: "dense", units: 950, activation: "tanh" },
  { kind: "dense", units: 140, activation: "relu" },
  layers.at(-1)!,
];

/** A trained network, its test samples, and what the trainer's own evaluation says of them. */
async function trained(of = layers, changes: Partial<TrainingSpec> = {}) {
  const spec = smallSpec(of, changes);
  const { trainer, plan, memory, close } = await startTraining(spec);
  for (const report of trainer.run()) expect(report.kind).not.toBe("diverged");
  const { samplesAddress, samplesBytes } = plan.splits.test;
  const result = {
    spec,
    weights: trainer.checkpoint(),
    samples: new Uint8Array(memory.buffer, samplesAddress, samplesBytes).slice(),
    outputs: trainer.evaluate("test", { outputs: true }).outputs!,
  };
  await close();
  return result;
}

test.each(implementations().filter(({ realBytes }) => realBytes === 4))(
  "$name: blocks and single samples answer as the trainer's evaluation did",
  async ({ kernels }) => {
    const { spec, weights, samples, outputs } = await trained();
    const { network, input, classes, normalisation, counts } = spec;
    const plan = planPrediction({ network, input, classes, normalisation, batch: 16 });
    const memory = createMemory(plan);
    const predictor = createPredictor({ plan, memory, kernels: kernels(memory), weights });
    const together = predictor.predict(samples, counts.test);
    expect(Math.max(...together.map((value, index) => Math.abs(value - outputs[index])))).toBeLessThan(1e-5);
    const size = samples.length / counts.test;
    for (let sample = 0; sample < counts.test; sample++) {
      const alone = predictor.predict(samples.subarray(sample * size, (sample + 1) * size), 1);
      expect(Math.max(...alone.map((value, unit) => Math.abs(value - outputs[sample * classes + unit])))).toBeLessThan(
        1e-5,
      );
    }
    const maps = predictor.featureMaps(samples.subarray(0, size));
    expect(maps.map(({ shape }) => [shape.channels, shape.height, shape.width])).toEqual([
      [4, 7, 5],
      [4, 7, 5],
      [4, 3, 2],
      [4, 3, 2],
      [5, 2, 1],
      [3, 1, 1],
    ]);
    expect(Math.max(...maps.at(-1)!.values.map((value, unit) => Math.abs(value - outputs[unit])))).toBeLessThan(1e-5);
  },
);

test.each(implementations().filter(({ realBytes }) => realBytes === 4))(
  "$name: blocks that go through a layer together answer to the bit as each by itself",
  async ({ kernels }) => {
    const { spec, weights, samples, outputs } = await trained(large, {
      epochs: 1,
      counts: { train: 30, validation: 5, test: 77 },
    });
    const { network, input, classes, normalisation } = spec;
    for (const numerics of ["reproducible", "fast"] as const) {
      const plan = planPrediction({ network, input, classes, normalisation, batch: 77, numerics });
      const memory = createMemory(plan);
      const predictor = createPredictor({ plan, memory, kernels: kernels(memory), weights });
      const size = samples.length / 77;
      const predict = (from: number, to: number): number[] => [
        ...predictor.predict(samples.subarray(from * size, to * size), to - from),
      ];
      const each = Array.from({ length: 10 }, (_, block) => predict(block * 8, Math.min(77, block * 8 + 8))).flat();
      expect(Math.max(...each.map((value, index) => Math.abs(value - outputs[index])))).toBeLessThan(1e-5);
      for (const count of [77, 64, 40, 33, 17, 9]) expect(predict(0, count)).toEqual(each.slice(0, count * classes));
    }
  },
);

test("outputs of tanh and sigmoid networks become shares of one; all clipped to zero share alike", () => {
  const ending = (activation: string) => networkSchema.parse({ layers: [{ kind: "dense", units: 3, activation }] });
  expect(
    [...probabilitiesOf(Float32Array.of(-1, 0, 1), { network: ending("tanh"), classes: 3 })].map((share) =>
      share.toFixed(4),
    ),
  ).toEqual(["0.0000", "0.3333", "0.6667"]);
  expect(
    [...probabilitiesOf(Float32Array.of(0.25, 0.75, 1.5), { network: ending("linear"), classes: 3 })].map((share) =>
      share.toFixed(4),
    ),
  ).toEqual(["0.1250", "0.3750", "0.5000"]);
  expect(
    [...probabilitiesOf(Float32Array.of(-1, -2, -3), { network: ending("relu"), classes: 3 })].map((share) =>
      share.toFixed(4),
    ),
  ).toEqual(["0.3333", "0.3333", "0.3333"]);
});
