/**
 * From the shards' gradients to new weights: reduce in shard order, finish (combinations, penalties, tables), norm,
 * clip, update. A task is a stretch of runs (runs.ts). Where no layer has a finish and nothing is clipped, each run
 * goes through all of it while it is in the cache; otherwise there are several phases.
 */
import type { Cut } from "./batches.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import { mostTasks } from "./parallel.ts";
import type { NetworkPlan } from "./network.ts";
import { stretchOf } from "./optimiser.ts";
import type { Moved, PlannedOptimiser } from "./optimiser.ts";
import { wiresOf } from "./passes.ts";
import { blockWords } from "./kernels/kernels.ts";
import { Program } from "./program.ts";
import { arraysOf, normElements, runsOf, shareOut } from "./runs.ts";
import type { Run } from "./runs.ts";
import type { PlannedGroup } from "./slots.ts";

export { shardGradientsOf } from "./runs.ts";

export interface UpdateOptions {
  memory: MemoryPlan;
  plan: NetworkPlan;
  moved: readonly Moved[];
  optimiser: PlannedOptimiser;
  threads: number;
  /** Whether the gradient is shortened where it is too long. */
  clips: boolean;
  averageScale: number;
}

/** Programs that may run side by side, phase after phase. `clips`: the clip scale must be set from the norm before. */
export interface UpdatePhases {
  phases: readonly { programs: readonly Program[]; clips: boolean }[];
}

/** Into so many tasks for each thread a phase is cut where there are several threads. */
const tasksOfThread = 4;

/** How many tasks a phase is cut into. */
export const tasksFor = (threads: number): number => (threads === 1 ? 1 : Math.min(mostTasks, tasksOfThread * threads));

/** Programs that `record` fills, each with every so manieth thing; without those that stay empty. */
export function dealOut<Thing>(
  things: readonly Thing[],
  threads: number,
  record: (program: Program, thing: Thing) => void,
): Program[] {
  const programs = Array.from({ length: tasksFor(threads) }, () => new Program());
  for (const [index, thing] of things.entries()) record(programs[index % programs.length], thing);
  return programs.filter(({ calls }) => calls > 0);
}

/** What the update follows. */
export interface UpdateOf {
  cut: Cut;
  groups: readonly PlannedGroup[];
  pass: "forward" | "gradient" | "curvature";
  withNorm: boolean;
  /** False where the gradient is only summed. */
  moves: boolean;
}

/** A table in memory of the blocks that a deferred gradient sums, by layer. */
type BlockTables = ReadonlyMap<number, { address: number; blocks: number }>;

export class UpdatePlanner {
  readonly #options: UpdateOptions;
  readonly #finishes: boolean;
  /** Address of one real: what the gradient is multiplied by where it is clipped. */
  readonly clipScale: number;
  /** Address of the partial sums of squares and how many there are. */
  readonly partials: number;
  readonly partialCount: number;

  constructor(options: UpdateOptions) {
    const { memory, plan, moved } = options;
    this.#options = options;
    this.#finishes = plan.layers.some((layer) => layer.finish);
    this.partialCount = runsOf(arraysOf(plan, moved, "gradient")).partialCount;
    this.partials = memory.reserve({ what: "partial norms", element: "double", count: this.partialCount });
    this.clipScale = memory.reserve({ what: "the clip scale", element: "real", count: 1 });
  }

  record({ cut, groups, withNorm, pass, moves }: UpdateOf): UpdatePhases {
    const { plan, moved, threads, clips } = this.#options;
    const finish = this.#finishes ? [{ programs: this.#finishPrograms(), clips: false }] : [];
    // Ω is computed where penalties are finished, so a forward pass finishes too.
    if (pass === "forward") return { phases: finish };
    const { runs } = runsOf(arraysOf(plan, moved, pass));
    const shares = shareOut(runs, { parts: tasksFor(threads), blocks: cut.blocks.length });
    const tables = this.#planTables(groups, pass);
    const phase = (...steps: ((program: Program, run: Run) => void)[]) => ({
      // Those that stay empty count as well, so that a thread's own are a part of equal cost.
      programs: shares.map((share) => {
        const program = new Program();
        for (const run of share) for (const step of steps) step(program, run);
        return program;
      }),
      clips: false,
    });
    const reduce = (program: Program, run: Run): void => this.#recordReduce(program, run, { cut, tables });
    const norm = (program: Program, run: Run): void => this.#recordNorm(program, run);
    const move = (program: Program, run: Run): void => this.#recordMove(program, run);
    if (!moves) return { phases: pass === "gradient" ? [phase(reduce), ...finish] : [phase(reduce)] };
    const clipped = { ...phase(move), clips: true };
    if (clips && this.#finishes) return { phases: [phase(reduce), ...finish, phase(norm), clipped] };
    if (clips) return { phases: [phase(reduce, norm), clipped] };
    const last = withNorm ? [norm, move] : [move];
    return { phases: this.#finishes ? [phase(reduce), ...finish, phase(...last)] : [phase(reduce, ...last)] };
  }

  /** The blocks that each deferred gradient sums: a table that all its runs share. */
  #planTables(groups: readonly PlannedGroup[], pass: "gradient" | "curvature"): BlockTables {
    const { memory, plan } = this.#options;
    const tables = new Map<number, { address: number; blocks: number }>();
    // What the gradient reads belongs to blocks: whichever thread's slots say where.
    const blocks = groups.filter(({ thread }) => thread === groups[0].thread).flatMap(({ slots }) => slots);
    for (const [layer, { deferred }] of plan.layers.entries()) {
      if (!deferred) continue;
      const words = blocks.flatMap((slot) => {
        const wires = wiresOf(plan, slot, layer);
        return blockWords({ ...wires, input: deferred.inputOf(wires, pass), below: wires.inputDelta });
      });
      const address = memory.table({ what: `the table of blocks of layer ${layer}`, words });
      tables.set(layer, { address, blocks: blocks.length });
    }
    return tables;
  }

  #recordReduce(program: Program, { array, from, to }: Run, { cut, tables }: { cut: Cut; tables: BlockTables }): void {
    const { memory, averageScale } = this.#options;
    const target = array.address + from * memory.realBytes;
    const count = to - from;
    const { deferred, shard } = array;
    const table = deferred && tables.get(deferred.layer);
    if (deferred && table) {
      const { rowSize } = deferred.plan;
      program.call("denseBlocksGradient", {
        blocks: table.address,
        gradient: target,
        scale: averageScale,
        count: table.blocks,
        from: from / rowSize,
        rows: count / rowSize,
        units: rowSize,
      });
    } else if (shard && shard.address !== array.address) {
      program.call("reduce", {
        gradients: shard.address + from * memory.realBytes,
        output: target,
        scale: averageScale,
        shards: cut.shards,
        stride: shard.stride,
        count,
      });
    }
  }

  #recordNorm(program: Program, { array, from, to, partial }: Run): void {
    if (!array.moved) return;
    for (let at = from, index = partial; at < to; at += normElements, index++) {
      program.call("squaredNorm", {
        gradient: array.address + at * this.#options.memory.realBytes,
        partial: this.partials + 8 * index,
        count: Math.min(normElements, to - at),
      });
    }
  }

  #recordMove(program: Program, { array, from, to }: Run): void {
    if (!array.moved) return;
    const { memory, optimiser, clips } = this.#options;
    const stretch = stretchOf(array.moved, { from, count: to - from, realBytes: memory.realBytes });
    if (clips) program.call("scale", { gradient: stretch.gradient, scale: this.clipScale, count: stretch.count });
    optimiser.record(program, stretch);
  }

  #finishPrograms(): Program[] {
    const { plan, threads } = this.#options;
    return dealOut(plan.layers, threads, (program, layer) => layer.finish?.(program));
  }
}

/** The L2 norm of the whole gradient from its partial sums, in order. */
export function gradientNorm(
  views: Views,
  { partials, partialCount }: Pick<UpdatePlanner, "partials" | "partialCount">,
): number {
  let sum = 0;
  for (let index = 0; index < partialCount; index++) sum += views.doubles[partials / 8 + index];
  return Math.sqrt(sum);
}
