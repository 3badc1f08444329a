/**
 * Where blocks live: who owns a buffer (owners.ts) says where it is. Any thread may work any task, so each has slots
 * for all of them; where everything belongs to blocks, the threads share theirs.
 */
import { sizeOf } from "../schemas/shape.ts";
import { tasksOf } from "./batches.ts";
import type { Block, Cut, Task } from "./batches.ts";
import { headerInts } from "./kernels/kernels.ts";
import type { PlannedLayer } from "./layer.ts";
import type { Element, MemoryPlan } from "./memory.ts";
import type { NetworkPlan } from "./network.ts";
import { ownersOf } from "./owners.ts";
import type { Owner, Owners, Purpose } from "./owners.ts";
import type { Slot } from "./passes.ts";

/** Slots side by side. */
export interface PlannedGroup {
  /** The only one that may use it; null: whoever works the task. */
  thread: number | null;
  task: number;
  slots: readonly Slot[];
  /** The blocks that pass through here one group after the other, as indices of the cut: one for each slot. */
  rounds: readonly (readonly number[])[];
}

/** Where the blocks of a cut pass. */
export interface Placement {
  tasks: readonly Task[];
  /** Those of thread 0 first, or of all threads. */
  groups: readonly PlannedGroup[];
}

export interface SlotsOptions {
  memory: MemoryPlan;
  plan: NetworkPlan;
  threads: number;
  purpose: Purpose;
  /** Buffers for second derivatives besides. */
  curvature: boolean;
}

/** Where a block goes through a group. */
interface Seat {
  /** Of the group. */
  index: number;
  thread: number | null;
  place: number;
  number: number;
  block: Block;
}

/** A layer's own buffers, in the order in which it finds them. */
const buffersOf = ({ buffers, keeps = [], curvatureBuffers }: PlannedLayer, curvature: boolean) => [
  ...buffers.map((size) => ({ size, keeps: false })),
  ...keeps.map((size) => ({ size, keeps: true })),
  ...(curvature ? curvatureBuffers : []).map((size) => ({ size, keeps: false })),
];

/** Plans slots for any number of cuts that never run at the same time: they share their buffers. */
export class SlotPlanner {
  readonly #options: SlotsOptions;
  readonly #known = new Map<string, number>();
  readonly #owners: Owners;
  /** Whether everything belongs to blocks, and whether anything does. */
  readonly #meets: boolean;
  readonly #keeps: boolean;

  constructor(options: SlotsOptions) {
    const { plan, purpose, memory } = options;
    this.#options = options;
    this.#owners = ownersOf({ plan, purpose, realBytes: memory.realBytes });
    this.#meets = purpose === "training" && plan.meets;
    this.#keeps = this.#meets || [...this.#owners.deltas, ...this.#owners.buffers].includes("block");
  }

  /** Most blocks that go through the layers together. */
  get together(): number {
    return this.#owners.together;
  }

  /** Address of the doubles [loss, correct] of a shard. */
  totals(shard: number): number {
    return this.#reserve(`the totals of shard ${shard}`, "double", 2);
  }

  plan(cut: Cut): Placement {
    const { threads } = this.#options;
    const tasks = tasksOf(cut, { threads, together: this.together });
    const users = this.#meets ? [null] : Array.from({ length: threads }, (_, thread) => thread);
    const groups = users.flatMap((thread) => {
      let index = 0;
      return tasks.flatMap((each, task) =>
        this.#roundsOf(cut, each).map((rounds): PlannedGroup => {
          const at = index++;
          const slots = rounds[0].map((number, place) =>
            this.#slot({ index: at, thread, place, number, block: cut.blocks[number] }),
          );
          return { thread, task, slots, rounds };
        }),
      );
    });
    return { tasks, groups };
  }

  /** Groups of a task that pass through the same slots, where no block has one of its own: as many, of the same kind. */
  #roundsOf({ blocks }: Cut, { groups }: Task): (readonly number[])[][] {
    const kindOf = (group: readonly number[]): string =>
      group.map((block) => `${blocks[block].shard} ${blocks[block].lanes}`).join();
    const rounds: (readonly number[])[][] = [];
    for (const group of groups) {
      const run = rounds.at(-1);
      if (run && !this.#keeps && kindOf(run[0]) === kindOf(group)) run.push(group);
      else rounds.push([group]);
    }
    return rounds;
  }

  #slot({ index, thread, place, number, block }: Seat): Slot {
    const { plan, purpose, curvature } = this.#options;
    const { lanes, shard } = block;
    const training = purpose === "training";
    const owners = this.#owners;
    const names = {
      block: `block ${number}`,
      place: `place ${place} of thread ${thread}`,
      thread: `thread ${thread}`,
    };
    const at = (owner: Owner, what: string, size: number): number =>
      this.#reserve(`${what} of ${names[owner]} (${lanes})`, "real", size * lanes);
    const x0 = at(owners.input, "the input", sizeOf(plan.input));
    const outputs: number[] = [];
    for (const [layer, { passes, output }] of plan.layers.entries()) {
      const { from } = plan.nodes[layer];
      if (passes === "always" || (!training && passes === "in evaluation")) outputs.push(from < 0 ? x0 : outputs[from]);
      else outputs.push(at(owners.outputs[layer], `the output of layer ${layer}`, sizeOf(output)));
    }
    const deltas = plan.layers.map(({ output }, layer) => {
      const what = `the sensitivity of layer ${plan.deltaOf[layer]}`;
      return training ? at(owners.deltas[layer], what, sizeOf(output)) : 0;
    });
    const explains = training && plan.explains;
    const inputDelta = explains ? at("thread", "the sensitivity of the input", sizeOf(plan.input)) : 0;
    const own = plan.layers.map((layer, which) =>
      buffersOf(layer, curvature).map(({ size, keeps }, buffer) =>
        keeps && !training ? 0 : at(owners.buffers[which], `buffer ${buffer} of layer ${which}`, size),
      ),
    );
    const last = outputs.at(-1) ?? x0;
    return {
      lanes,
      header: this.#reserve(`the header of slot ${place} of group ${index} of ${names.thread}`, "int", headerInts),
      shard,
      totals: this.totals(shard),
      x0,
      outputs,
      deltas,
      inputDelta,
      own,
      y: plan.softmax ? at(owners.outputs.at(-1)!, "the softmax", plan.classes) : last,
    };
  }

  /** Hands out the same address for the same words again. */
  #reserve(what: string, element: Element, count: number): number {
    const address = this.#known.get(what) ?? this.#options.memory.reserve({ what, element, count });
    this.#known.set(what, address);
    return address;
  }
}
