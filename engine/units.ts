/**
 * Where blocks live. Activations and sensitivities belong to a *thread* and are reused block after block, so they stay in its cache; only what must
 * outlive the block (a whole-batch layer, or the inputs of a deferred gradient) belongs to a *block* and stays resident for the step.
 */
import { sizeOf } from "../schemas/shape.ts";
import type { Cut } from "./batches.ts";
import { blockSamples, threadOf } from "./batches.ts";
import { headerInts } from "./kernels/kernels.ts";
import type { MemoryPlan } from "./memory.ts";
import type { NetworkPlan, Unit } from "./network.ts";

/** Hands out the same address for the same (owner, buffer) again. */
class Buffers {
  private readonly known = new Map<string, number>();
  private readonly memory: MemoryPlan;
  private readonly lanes: number;

  constructor(memory: MemoryPlan, lanes: number) {
    this.memory = memory;
    this.lanes = lanes;
  }

  /** `size`: elements of one sample. */
  at(owner: string, what: string, size: number): number {
    const key = `${owner} ${what}`;
    const address = this.known.get(key) ?? this.memory.reserve({ what: `${what} of ${owner}`, element: "real", count: size * this.lanes });
    this.known.set(key, address);
    return address;
  }
}

export interface PlannedUnit extends Unit {
  thread: number;
  /** The blocks that pass through here, as indices of the cut. */
  blocks: readonly number[];
}

export interface UnitsOptions {
  memory: MemoryPlan;
  plan: NetworkPlan;
  lanes: 1 | 8;
  threads: number;
  purpose: "training" | "evaluation";
  /** Buffers for second derivatives besides. */
  curvature: boolean;
}

/** Plans units for any number of cuts that never run at the same time: they share their buffers. */
export function unitPlanner(options: UnitsOptions): { totals: (shard: number) => number; plan: (cut: Cut) => PlannedUnit[] } {
  const { memory, plan, lanes, threads, purpose, curvature } = options;
  const buffers = new Buffers(memory, lanes);
  const training = purpose === "training";
  const headers = new Map<number, number>();
  const totals = new Map<number, number>();
  const once = (known: Map<number, number>, key: number, what: string, element: "int" | "double", count: number): number => {
    const address = known.get(key) ?? memory.reserve({ what, element, count });
    known.set(key, address);
    return address;
  };
  const headerOf = (index: number): number => once(headers, index, "a header", "int", headerInts);
  const totalsOf = (shard: number): number => once(totals, shard, "totals", "double", 2);
  const resident = (layer: number): boolean => training && (plan.meets || plan.layers[layer]?.deferred !== undefined);
  const perBlock = training && (plan.meets || plan.layers.some((layer) => layer.deferred));

  const unit = (index: number, shard: number, thread: number, blocks: number[]): PlannedUnit => {
    const owner = (stays: boolean): string => (stays ? `block ${blocks[0]}` : `thread ${thread}`);
    const x0 = buffers.at(owner(resident(0)), "the input", sizeOf(plan.input));
    const outputs: number[] = [];
    for (const [at, layer] of plan.layers.entries()) {
      if (!training && layer.transparent) outputs.push(outputs.at(-1) ?? x0);
      else outputs.push(buffers.at(owner(resident(at + 1) || (training && plan.meets)), `the output of layer ${at}`, sizeOf(layer.output)));
    }
    const deltas = plan.layers.map((layer, at) => (training ? buffers.at(owner(resident(at)), `the sensitivity of layer ${at}`, sizeOf(layer.output)) : 0));
    const own = plan.layers.map((layer, at) =>
      [...layer.buffers, ...(curvature ? layer.curvatureBuffers : [])].map((size, which) => buffers.at(owner(resident(at)), `buffer ${which} of layer ${at}`, size)),
    );
    const y = plan.softmax ? buffers.at(owner(training && plan.meets), "the softmax", plan.classes) : outputs.at(-1)!;
    return { lanes, header: headerOf(index), shard, totals: totalsOf(shard), thread, blocks, x0, outputs, deltas, own, y };
  };

  return {
    totals: totalsOf,
    plan(cut: Cut): PlannedUnit[] {
      const thread = (shard: number): number => threadOf(shard, cut.shards, threads);
      if (perBlock) return cut.blocks.map((block, index) => unit(index, block.shard, thread(block.shard), [index]));
      return Array.from({ length: cut.shards }, (_, shard) =>
        unit(shard, shard, thread(shard), cut.blocks.flatMap((block, index) => (block.shard === shard ? [index] : []))),
      );
    },
  };
}

/** Samples that pass at once. */
export const lanesFor = (batchSize: number): 1 | 8 => (batchSize === 1 ? 1 : blockSamples);
