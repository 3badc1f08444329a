/**
 * Where blocks live. Activations and sensitivities belong to a *thread* and are reused block after block, so they stay
 * in its cache; only what must outlive the block (a whole-batch layer, or the inputs of a deferred gradient) belongs to
 * a *block* and stays resident for the step.
 */
import { sizeOf } from "../schemas/shape.ts";
import type { Cut } from "./batches.ts";
import { threadsOf } from "./batches.ts";
import { headerInts } from "./kernels/kernels.ts";
import type { MemoryPlan } from "./memory.ts";
import type { NetworkPlan, Unit } from "./network.ts";

/** Hands out the same address for the same (owner, buffer) again. */
class Buffers {
  readonly #known = new Map<string, number>();
  readonly #memory: MemoryPlan;

  constructor(memory: MemoryPlan) {
    this.#memory = memory;
  }

  /** `size`: elements of one sample. */
  at(owner: string, what: string, size: number, lanes: number): number {
    const key = `${owner} ${lanes} ${what}`;
    const address =
      this.#known.get(key) ??
      this.#memory.reserve({ what: `${what} of ${owner}`, element: "real", count: size * lanes });
    this.#known.set(key, address);
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
  threads: number;
  purpose: "training" | "evaluation";
  /** Buffers for second derivatives besides. */
  curvature: boolean;
}

/** Plans units for any number of cuts that never run at the same time: they share their buffers. */
export function unitPlanner(options: UnitsOptions): {
  totals: (shard: number) => number;
  plan: (cut: Cut) => PlannedUnit[];
} {
  const { memory, plan, threads, purpose, curvature } = options;
  const buffers = new Buffers(memory);
  const training = purpose === "training";
  const headers = new Map<number, number>();
  const totals = new Map<number, number>();
  const once = (
    known: Map<number, number>,
    key: number,
    what: string,
    element: "int" | "double",
    count: number,
  ): number => {
    const address = known.get(key) ?? memory.reserve({ what, element, count });
    known.set(key, address);
    return address;
  };
  const headerOf = (index: number): number => once(headers, index, "a header", "int", headerInts);
  const totalsOf = (shard: number): number => once(totals, shard, "totals", "double", 2);
  const resident = (layer: number): boolean => training && (plan.meets || plan.layers[layer]?.deferred !== undefined);
  const perBlock = training && (plan.meets || plan.layers.some((layer) => layer.deferred));

  const unit = ({
    index,
    shard,
    thread,
    blocks,
    lanes,
  }: {
    index: number;
    shard: number;
    thread: number;
    blocks: number[];
    lanes: 1 | 8;
  }): PlannedUnit => {
    const at = (owner: string, what: string, size: number): number => buffers.at(owner, what, size, lanes);
    const owner = (stays: boolean): string => (stays ? `block ${blocks[0]}` : `thread ${thread}`);
    const x0 = at(owner(resident(0)), "the input", sizeOf(plan.input));
    const outputs: number[] = [];
    for (const [number, layer] of plan.layers.entries()) {
      if (!training && layer.transparent) outputs.push(outputs.at(-1) ?? x0);
      else
        outputs.push(
          at(
            owner(resident(number + 1) || (training && plan.meets)),
            `the output of layer ${number}`,
            sizeOf(layer.output),
          ),
        );
    }
    const deltas = plan.layers.map((layer, number) =>
      training ? at(owner(resident(number)), `the sensitivity of layer ${number}`, sizeOf(layer.output)) : 0,
    );
    const own = plan.layers.map((layer, number) =>
      [...layer.buffers, ...(curvature ? layer.curvatureBuffers : [])].map((size, which) =>
        at(owner(resident(number)), `buffer ${which} of layer ${number}`, size),
      ),
    );
    const y = plan.softmax ? at(owner(training && plan.meets), "the softmax", plan.classes) : outputs.at(-1)!;
    return {
      lanes,
      header: headerOf(index),
      shard,
      totals: totalsOf(shard),
      thread,
      blocks,
      x0,
      outputs,
      deltas,
      own,
      y,
    };
  };

  return {
    totals: totalsOf,
    plan(cut: Cut): PlannedUnit[] {
      const owners = threadsOf(cut, threads);
      // A unit is a run of blocks of one shard and as many lanes; of one block where that stays resident.
      const runs: number[][] = [];
      for (const [index, { shard, lanes }] of cut.blocks.entries()) {
        const before = cut.blocks[index - 1];
        if (!perBlock && before?.shard === shard && before.lanes === lanes) runs.at(-1)!.push(index);
        else runs.push([index]);
      }
      return runs.map((blocks, index) => {
        const { shard, lanes } = cut.blocks[blocks[0]];
        return unit({ index, shard, thread: owners[shard], blocks, lanes });
      });
    },
  };
}
