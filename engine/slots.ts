/**
 * Where blocks live. Activations and sensitivities belong to a *thread* and are reused block after block, so they stay
 * in its cache; only what must outlive the block (a whole-batch layer, or the inputs of a deferred gradient) belongs to
 * a *block* and stays resident for the step. Any thread may work any shard, so each has slots for all of them; where
 * everything belongs to blocks, the threads share theirs.
 */
import { sizeOf } from "../schemas/shape.ts";
import type { Block, Cut } from "./batches.ts";
import { headerInts } from "./kernels/kernels.ts";
import type { Element, MemoryPlan } from "./memory.ts";
import type { NetworkPlan } from "./network.ts";
import type { Slot } from "./passes.ts";

export interface PlannedSlot extends Slot {
  /** The only one that may use it; null: whoever works the shard. */
  thread: number | null;
  /** The blocks that pass through here, as indices of the cut. */
  blocks: readonly number[];
}

export interface SlotsOptions {
  memory: MemoryPlan;
  plan: NetworkPlan;
  threads: number;
  purpose: "training" | "evaluation";
  /** Buffers for second derivatives besides. */
  curvature: boolean;
}

/** One run of blocks on its way to a slot. */
interface Run {
  /** Of the slot. */
  index: number;
  shard: number;
  thread: number | null;
  blocks: readonly number[];
  lanes: Block["lanes"];
}

/** Plans slots for any number of cuts that never run at the same time: they share their buffers. */
export class SlotPlanner {
  readonly #options: SlotsOptions;
  readonly #known = new Map<string, number>();
  /** Whether a layer's input, sensitivity and own buffers outlive the block, by layer. */
  readonly #resident: readonly boolean[];
  /** The same of a sensitivity, which several layers may share. */
  readonly #residentDelta: readonly boolean[];
  /** Whether everything does. */
  readonly #meets: boolean;

  constructor(options: SlotsOptions) {
    const { plan, purpose } = options;
    const training = purpose === "training";
    this.#options = options;
    this.#meets = training && plan.meets;
    this.#resident = plan.layers.map((layer) => training && (plan.meets || layer.deferred !== undefined));
    this.#residentDelta = plan.deltaOf.map((place) =>
      this.#resident.some((stays, layer) => stays && plan.deltaOf[layer] === place),
    );
  }

  /** Address of the doubles [loss, correct] of a shard. */
  totals(shard: number): number {
    return this.#reserve(`the totals of shard ${shard}`, "double", 2);
  }

  /** Those of thread 0 first, or of all threads. */
  plan(cut: Cut): PlannedSlot[] {
    const runs = this.#runsOf(cut);
    const { threads } = this.#options;
    const users = this.#meets ? [null] : Array.from({ length: threads }, (_, thread) => thread);
    return users.flatMap((thread) =>
      runs.map((blocks, index) => {
        const { shard, lanes } = cut.blocks[blocks[0]];
        return this.#slot({ index, shard, thread, blocks, lanes });
      }),
    );
  }

  /** A run of blocks of one shard and as many lanes shares a slot; each block has its own where it stays resident. */
  #runsOf(cut: Cut): number[][] {
    const perBlock = this.#resident.some(Boolean);
    const runs: number[][] = [];
    for (const [index, { shard, lanes }] of cut.blocks.entries()) {
      const before = cut.blocks[index - 1];
      const run = runs.at(-1);
      if (run && !perBlock && before.shard === shard && before.lanes === lanes) run.push(index);
      else runs.push([index]);
    }
    return runs;
  }

  #slot({ index, shard, thread, blocks, lanes }: Run): PlannedSlot {
    const { plan, purpose, curvature } = this.#options;
    const training = purpose === "training";
    const at = (stays: boolean, what: string, size: number): number =>
      this.#reserve(`${what} of ${stays ? `block ${blocks[0]}` : `thread ${thread}`} (${lanes})`, "real", size * lanes);
    /** Whether the output of a layer (−1: the network's input) is read by one that is resident. */
    const isKept = (layer: number): boolean =>
      this.#meets || plan.nodes.some(({ from }, reader) => from === layer && this.#resident[reader]);
    const x0 = at(isKept(-1), "the input", sizeOf(plan.input));
    const outputs: number[] = [];
    for (const [number, layer] of plan.layers.entries()) {
      const { from } = plan.nodes[number];
      const passes = layer.passes === "always" || (!training && layer.passes === "in evaluation");
      if (passes) outputs.push(from < 0 ? x0 : outputs[from]);
      else outputs.push(at(isKept(number), `the output of layer ${number}`, sizeOf(layer.output)));
    }
    const deltas = plan.layers.map((layer, number) => {
      const what = `the sensitivity of layer ${plan.deltaOf[number]}`;
      return training ? at(this.#residentDelta[number], what, sizeOf(layer.output)) : 0;
    });
    const inputDelta = training && plan.explains ? at(false, "the sensitivity of the input", sizeOf(plan.input)) : 0;
    const own = plan.layers.map((layer, number) =>
      [...layer.buffers, ...(curvature ? layer.curvatureBuffers : [])].map((size, which) =>
        at(this.#resident[number], `buffer ${which} of layer ${number}`, size),
      ),
    );
    const last = outputs.at(-1) ?? x0;
    return {
      lanes,
      header: this.#reserve(`the header of slot ${index} of thread ${thread ?? "any"}`, "int", headerInts),
      shard,
      totals: this.totals(shard),
      thread,
      blocks,
      x0,
      outputs,
      deltas,
      inputDelta,
      own,
      y: plan.softmax ? at(this.#meets, "the softmax", plan.classes) : last,
    };
  }

  /** Hands out the same address for the same words again. */
  #reserve(what: string, element: Element, count: number): number {
    const address = this.#known.get(what) ?? this.#options.memory.reserve({ what, element, count });
    this.#known.set(what, address);
    return address;
  }
}
