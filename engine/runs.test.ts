/** Runs of the update: every number in exactly one, whatever the threads. */
import { describe, expect, test } from "vitest";
import { network as networkSchema } from "../schemas/network.ts";
import { MemoryPlan } from "./memory.ts";
import { planNetwork } from "./network.ts";
import { planMoved } from "./optimiser.ts";
import { planOptimiser } from "./registry.ts";
import { arraysOf, normElements, runsOf, shareOut } from "./runs.ts";
import { optimiser } from "../schemas/optimiser.ts";

const layers = [
  { kind: "convolution", maps: 7, size: 3, activation: "relu" },
  { kind: "convolution", maps: 5, size: 2, inputs: { learned: {} } },
  { kind: "dense", units: 400, activation: "tanh" },
  { kind: "dense", units: 3, activation: "softmax" },
];
const memory = new MemoryPlan(4);
const plan = planNetwork({
  network: networkSchema.parse({ layers }),
  input: { channels: 2, height: 11, width: 9 },
  classes: 3,
  memory,
  shards: 4,
  batchSize: 27,
  averageScale: 0,
});
const moved = planMoved({ memory, tensors: plan.tensors, optimiser: planOptimiser(optimiser.parse({ kind: "sgd" })) });
const arrays = arraysOf(plan, moved, "gradient");
const { runs, partialCount } = runsOf(arrays);

test("every trained tensor has an array, and so have effective filters, which nobody moves", () => {
  expect(arrays.filter((each) => each.moved).map((each) => each.size)).toEqual(moved.map(({ tensor }) => tensor.size));
  expect(arrays.filter((each) => !each.moved)).toMatchObject([{ size: 7 * 5 * 4 }]);
});

test("the first dense layer's gradient is deferred, and its runs are whole rows in sixteens", () => {
  const deferred = arrays.filter((each) => each.deferred);
  expect(deferred).toMatchObject([{ size: 5 * 8 * 6 * 400, grain: 16 * 400 }]);
  for (const { array, from } of runs) expect(from % array.grain).toBe(0);
});

test("every number lies in exactly one run, and every partial sum has a place of its own", () => {
  for (const array of arrays) {
    const own = runs.filter((run) => run.array === array);
    expect(own[0].from).toBe(0);
    expect(own.at(-1)?.to).toBe(array.size);
    for (const [index, { from }] of own.entries()) expect(from).toBe(index === 0 ? 0 : own[index - 1].to);
  }
  const partials = runs.flatMap(({ array, from, to, partial }) =>
    array.moved ? Array.from({ length: Math.ceil((to - from) / normElements) }, (_, at) => partial + at) : [],
  );
  expect(partials).toEqual(Array.from({ length: partialCount }, (_, at) => at));
});

describe("shared out", () => {
  test.each([1, 2, 3, 4])("to %i parts: all runs, in order", (threads) => {
    const shares = shareOut(runs, { parts: threads, blocks: 6 });
    expect(shares).toHaveLength(threads);
    expect(shares.flat()).toEqual(runs);
  });
  test("by cost: a deferred row costs what its blocks cost", () => {
    const costOf = (share: (typeof runs)[number][]): number =>
      share.reduce((sum, { array, from, to }) => sum + (to - from) * (array.deferred ? 12 : 2), 0);
    const [first, second] = shareOut(runs, { parts: 2, blocks: 6 }).map((share) => costOf([...share]));
    expect(Math.max(first, second) / Math.min(first, second)).toBeLessThan(1.3);
  });
  test("nothing to share leaves every part without work", () =>
    expect(shareOut([], { parts: 3, blocks: 1 })).toEqual([[], [], []]));
});
