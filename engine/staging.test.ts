/** The ring of distorted samples, seen from a gradient thread that has no augmentation thread beside it. */
import { expect, test } from "vitest";
import { augmentation } from "../schemas/augmentation.ts";
import { network } from "../schemas/network.ts";
import { createAugmenter } from "./augmentation.ts";
import { planExecution } from "./execution-plan.ts";
import { plainSpec } from "./inspection.ts";
import { Views, createMemory } from "./memory.ts";
import { Staging, runAugmentationThread } from "./staging.ts";

const input = { channels: 2, height: 7, width: 5 };
const size = 70;
const [count, batchSize, seed] = [23, 9, 3];
const spec = {
  ...plainSpec({
    network: network.parse({ layers: [{ kind: "dense", units: 3, activation: "softmax" }] }),
    loss: "cross-entropy",
    input,
    classes: 3,
    count,
    batchSize,
    seed,
  }),
  augmentation: augmentation.parse({ shift: 2, flip: true }),
  background: 7,
  epochs: 2,
};

function ring() {
  const { regions, memory: plan } = planExecution(spec);
  const memory = createMemory(plan);
  const views = new Views(memory.buffer, 4);
  const samples = views.reals(regions.splits.train.samplesAddress, count * size);
  for (let at = 0; at < samples.length; at++) samples[at] = Math.sin(at) * 50;
  for (let at = 0; at < count; at++) views.words[regions.order / 4 + at] = count - 1 - at;
  const staging = new Staging({ spec, regions, views });
  const rows = views.floats.subarray((regions.staging?.samples ?? 0) / 4);
  return { memory, staging, samples, rowOf: (row: number) => Array.from(rows.subarray(row * size, (row + 1) * size)) };
}

function distorted(samples: ArrayLike<number>, sample: number, epoch: number): number[] {
  const output = new Float32Array(size);
  createAugmenter({ augmentation: spec.augmentation, shape: input, seed, fill: [7, 7] }).apply({
    input: Float32Array.from(samples),
    inputOffset: sample * size,
    output,
    outputOffset: 0,
    epoch,
    sample,
  });
  return Array.from(output);
}

test("a block that is opened holds its samples, as (seed, epoch, sample) distort them", () => {
  const { staging, samples, rowOf } = ring();
  staging.announce(2, 1);
  const row = staging.open({ epoch: 2, start: batchSize }, { first: 3, count: 4 });
  // Three batches an epoch: this is batch 4, in half 0 of the ring.
  expect(row).toBe(3);
  for (let lane = 0; lane < 4; lane++)
    expect(rowOf(row + lane)).toEqual(distorted(samples, count - 1 - (batchSize + 3 + lane), 2));
});

test("batches alternate between the halves of the ring", () => {
  const { staging } = ring();
  const rows = [0, 1, 2].map((batch) => {
    staging.announce(1, batch);
    return staging.open({ epoch: 1, start: batch * batchSize }, { first: 0, count: 1 });
  });
  expect(rows).toEqual([0, batchSize, 0]);
});

test("nothing is announced beyond the epoch's end, and the augmentation thread ends with the training", () => {
  const { memory, staging } = ring();
  staging.announce(1, 3);
  staging.end();
  const plan = { spec, bytes: 0, splits: planExecution(spec).regions.splits, controlAddress: 0 };
  expect(runAugmentationThread({ plan, memory })).toBe(0);
});
