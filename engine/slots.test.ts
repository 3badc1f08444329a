/** Where blocks live: what threads share, what they do not, and what stays for the whole step. */
import { describe, expect, test } from "vitest";
import { network as schema } from "../schemas/network.ts";
import { sizeOf } from "../schemas/shape.ts";
import { cutBatch, cutForward } from "./batches.ts";
import { MemoryPlan } from "./memory.ts";
import { planNetwork } from "./network.ts";
import { SlotPlanner } from "./slots.ts";
import type { Slot } from "./passes.ts";
import type { Placement } from "./slots.ts";

const input = { channels: 2, height: 7, width: 5 };
const small = [
  { kind: "convolution", maps: 3, size: 3, padding: 1 },
  { kind: "dropout" },
  { kind: "dense", units: 3, activation: "softmax" },
];
const normalised = [small[0], { kind: "batch-normalisation" }, small[2]];
const wide = [{ kind: "dense", units: 90 }, small[2]];
/** Where blocks go together. */
const large = [small[0], small[1], { kind: "dense", units: 1300 }, small[2]];

function plan(layers: Record<string, unknown>[], threads: number, purpose: "training" | "evaluation") {
  const memory = new MemoryPlan(4);
  const network = planNetwork({
    network: schema.parse({ layers }),
    input,
    classes: 3,
    memory,
    shards: 6,
    batchSize: 43,
    averageScale: 0,
  });
  const slots = new SlotPlanner({ memory, plan: network, threads, purpose, curvature: false });
  return { network, slots, cut: purpose === "training" ? cutBatch(43) : cutForward(43) };
}

interface Used extends Slot {
  thread: number | null;
  task: number;
  blocks: number[];
}

/** Every slot with who uses it, and for which blocks. */
const slotsOf = ({ groups }: Placement): Used[] =>
  groups.flatMap(({ thread, task, slots, rounds }) =>
    slots.map((slot, place) => ({ ...slot, thread, task, blocks: rounds.map((blocks) => blocks[place]) })),
  );

/** Addresses of all that a block's way through a slot writes, with their bytes. */
const regionsOf = ({ lanes, x0, outputs, deltas, own }: Slot, layers: readonly { output: typeof input }[]) => [
  { address: x0, bytes: sizeOf(input) * lanes * 4 },
  ...[...outputs, ...deltas].map((address, at) => ({
    address,
    bytes: sizeOf(layers[at % layers.length].output) * lanes * 4,
  })),
  ...own.flat().map((address) => ({ address, bytes: 4 })),
];

function overlap(one: Slot, other: Slot, layers: readonly { output: typeof input }[]): boolean {
  return regionsOf(one, layers).some((a) =>
    regionsOf(other, layers).some((b) => a.address < b.address + b.bytes && b.address < a.address + a.bytes),
  );
}

describe.each([1, 2, 3])("%i threads", (threads) => {
  test.each([small, normalised, wide, large])("two tasks on different threads write different places", (...layers) => {
    const { network, slots, cut } = plan(layers, threads, "training");
    const planned = slotsOf(slots.plan(cut));
    const apart = (one: Used, other: Used): boolean =>
      one.task !== other.task && (one.thread === null || one.thread !== other.thread);
    const shared = planned.filter((one) =>
      planned.some((other) => apart(one, other) && overlap(one, other, network.layers)),
    );
    expect(shared).toEqual([]);
  });

  test.each([small, normalised, wide, large])("any thread has one slot for every block", (...layers) => {
    const { slots, cut } = plan(layers, threads, "training");
    const planned = slotsOf(slots.plan(cut));
    for (let own = 0; own < threads; own++) {
      const usable = planned.filter(({ thread }) => thread === null || thread === own);
      expect(usable.flatMap(({ blocks }) => blocks)).toEqual(cut.blocks.map((_, at) => at));
      for (const { blocks, shard, lanes } of usable)
        for (const block of blocks) expect(cut.blocks[block]).toMatchObject({ shard, lanes });
    }
  });
});

test.each([normalised, wide])("a block that must outlive its pass has a slot and an input of its own", (...layers) => {
  const { slots, cut } = plan(layers, 1, "training");
  const planned = slotsOf(slots.plan(cut));
  expect(planned).toHaveLength(cut.blocks.length);
  expect(new Set(planned.map(({ x0 }) => x0)).size).toBe(cut.blocks.length);
});

test("otherwise blocks of one thread follow each other through the same place", () => {
  const { slots, cut } = plan(small, 1, "training");
  const whole = slotsOf(slots.plan(cut)).filter(({ lanes }) => lanes === 8);
  expect(whole.length).toBeGreaterThan(1);
  expect(new Set(whole.map(({ x0 }) => x0)).size).toBe(1);
  expect(new Set(whole.map(({ totals }) => totals)).size).toBe(whole.length);
});

test("in evaluation a dropout's output is its input, and nothing has a sensitivity", () => {
  const { slots, cut } = plan(small, 2, "evaluation");
  for (const { outputs, deltas } of slotsOf(slots.plan(cut))) {
    expect(outputs[1]).toBe(outputs[0]);
    expect(deltas).toEqual([0, 0, 0]);
  }
});

test("cuts that never run together share their places", () => {
  const { slots } = plan(small, 1, "training");
  const [whole, last] = [slotsOf(slots.plan(cutBatch(40))), slotsOf(slots.plan(cutBatch(16)))];
  expect(last[0].x0).toBe(whole[0].x0);
});

describe("blocks that go through a layer together", () => {
  const [before, , dense] = [0, 1, 2];

  test("in training keep their maps until all have come back, and share sensitivities below that layer", () => {
    const { slots, cut } = plan(large, 1, "training");
    const { groups } = slots.plan(cut);
    expect(groups.map((group) => group.slots.length)).toEqual([8]);
    const whole = groups[0].slots.filter(({ lanes }) => lanes === 8);
    const different = (addresses: number[]): number => new Set(addresses).size;
    for (const layer of large.keys()) expect(different(whole.map(({ outputs }) => outputs[layer]))).toBe(whole.length);
    expect(different(whole.map(({ x0 }) => x0))).toBe(whole.length);
    expect(different(whole.map(({ deltas }) => deltas[dense]))).toBe(whole.length);
    expect(different(whole.map(({ deltas }) => deltas[dense - 1]))).toBe(whole.length);
    expect(different(whole.map(({ deltas }) => deltas[before]))).toBe(1);
  });

  test("in evaluation keep what that layer reads, whichever layer below it left it there", () => {
    const { slots, cut } = plan(large, 2, "evaluation");
    const { groups } = slots.plan(cut);
    const of = groups.filter(({ thread }) => thread === 0);
    expect(of.flatMap(({ slots: own }) => own.length)).toEqual([3, 3]);
    const [{ slots: group }] = of;
    expect(new Set(group.map(({ x0 }) => x0)).size).toBe(1);
    expect(new Set(group.map(({ outputs }) => outputs[before])).size).toBe(3);
    expect(new Set(group.map(({ outputs }) => outputs[dense])).size).toBe(3);
  });

  test("keep no map of which the way back reads nothing: the input of a maximum", () => {
    const maximum = { kind: "subsampling", factor: 2, reduce: "max", trainable: false };
    const { slots, cut } = plan([small[0], maximum, { kind: "dense", units: 7500 }, small[2]], 1, "training");
    const whole = slots.plan(cut).groups[0].slots.filter(({ lanes }) => lanes === 8);
    const different = (addresses: number[]): number => new Set(addresses).size;
    expect(slots.together).toBe(8);
    expect(different(whole.map(({ outputs }) => outputs[0]))).toBe(1);
    expect(different(whole.flatMap(({ own }) => own[1]))).toBe(2 * whole.length);
    expect(plan([small[0], maximum, small[2]], 1, "evaluation").slots.plan(cut).groups[0].slots[0].own[1]).toEqual([
      0, 0,
    ]);
  });

  test("are fewer, or none, where their maps are large", () => {
    const of = (convolutions: number, purpose: "training" | "evaluation"): number => {
      const below = Array.from({ length: convolutions }, () => ({
        kind: "convolution",
        maps: 60,
        size: 3,
        padding: 1,
      }));
      return plan([...below, large[2], small[2]], 1, purpose).slots.together;
    };
    expect([1, 20, 100].map((convolutions) => of(convolutions, "training"))).toEqual([8, 8, 1]);
    expect(of(100, "evaluation")).toBe(8);
  });
});
