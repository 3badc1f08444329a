/**
 * From the shards' gradients to new weights: reduce in shard order, finish (combinations, penalties, tables), norm,
 * clip, update. The work is cut into pieces that depend on the tensors alone; each thread owns a run of pieces, and
 * only between barriers. Where no layer has a finish and nothing is clipped, a thread takes each run through all of it
 * while it is in its cache; otherwise barriers stand between.
 */
import type { Cut } from "./batches.ts";
import type { Optimiser } from "../schemas/optimiser.ts";
import type { Deferred, PlannedLayer, ShardGradient } from "./layer.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import { wiresOf } from "./network.ts";
import type { NetworkPlan } from "./network.ts";
import { recordUpdate } from "./optimisers.ts";
import type { Moved } from "./optimisers.ts";
import { Program } from "./program.ts";
import type { PlannedUnit } from "./units.ts";

/** Elements whose squares one call adds up; partial sums depend on it. */
const normElements = 4096;
/** Elements that one thread takes through reduction and update at once. */
const runElements = 16_384;
/** Rows of a deferred gradient come in sixteens: a cache line whatever the row's length. */
const rowGrain = 16;

/**
 * An array of gradient numbers: a tensor's, or the effective filters' of a combination (which is reduced but not
 * moved).
 */
interface GradientArray {
  address: number;
  size: number;
  /** Pieces are multiples of this, but for the last. */
  grain: number;
  shard: ShardGradient | null;
  deferred: { layer: number; plan: Deferred } | null;
  moved: Moved | null;
}

interface Run {
  array: GradientArray;
  from: number;
  to: number;
  /** Its first partial sum of squares. */
  partial: number;
}

export interface UpdateOptions {
  memory: MemoryPlan;
  plan: NetworkPlan;
  moved: readonly Moved[];
  optimiser: Optimiser;
  threads: number;
  averageScale: number;
}

/**
 * Programs by thread, with a barrier after each entry but the last. `clips` marks where every thread first sets its
 * clip scale from the norm.
 */
export interface UpdatePhases {
  phases: { programs: Program[]; clips: boolean }[];
}

export interface UpdatePlanner {
  /** Address of the partial sums of squares and how many there are. */
  partials: number;
  partialCount: number;
  /** One real a thread, 64 bytes apart. */
  clipScale: (thread: number) => number;
  /** Writes what the recorded programs look up. */
  install(views: Views): void;
  record(
    cut: Cut,
    units: readonly PlannedUnit[],
    options: { withNorm: boolean; pass: "forward" | "gradient" | "curvature"; moves: boolean },
  ): UpdatePhases;
}

function arraysOf(plan: NetworkPlan, moved: readonly Moved[], pass: "gradient" | "curvature"): GradientArray[] {
  const arrays: GradientArray[] = moved.map((each) => ({
    address: each.tensor.gradient,
    size: each.tensor.size,
    grain: normElements,
    shard: null,
    deferred: null,
    moved: each,
  }));
  const at = (address: number, size: number): GradientArray => {
    const known = arrays.find((each) => each.address === address);
    if (known) return known;
    const effective: GradientArray = { address, size, grain: normElements, shard: null, deferred: null, moved: null };
    arrays.push(effective);
    return effective;
  };
  for (const [index, layer] of plan.layers.entries()) {
    for (const gradient of shardGradientsOf(layer, pass)) at(gradient.target, gradient.size).shard = gradient;
    if (layer.deferred) {
      const array = at(layer.deferred.gradient, layer.deferred.rows * layer.deferred.rowSize);
      array.deferred = { layer: index, plan: layer.deferred };
      array.grain = rowGrain * layer.deferred.rowSize;
    }
  }
  return arrays;
}

export const shardGradientsOf = (layer: PlannedLayer, pass: "gradient" | "curvature"): readonly ShardGradient[] =>
  pass === "curvature" ? (layer.curvatureGradients ?? layer.shardGradients) : layer.shardGradients;

/** Cuts arrays into runs: a property of the network, so that the norm's partial sums are too. */
function runsOf(arrays: readonly GradientArray[]): { runs: Run[]; partialCount: number } {
  const runs: Run[] = [];
  let partialCount = 0;
  for (const array of arrays) {
    const length = Math.max(array.grain, Math.floor(runElements / array.grain) * array.grain);
    for (let from = 0; from < array.size; from += length) {
      const to = Math.min(array.size, from + length);
      runs.push({ array, from, to, partial: partialCount });
      if (array.moved) partialCount += Math.ceil((to - from) / normElements);
    }
  }
  return { runs, partialCount };
}

/** Gives each thread a stretch of runs of about equal cost. */
function shareOut(runs: readonly Run[], threads: number, blocks: number): Run[][] {
  const costs = runs.map(({ array, from, to }) => (to - from) * (array.deferred ? 2 * blocks : 2));
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const shares: Run[][] = Array.from({ length: threads }, () => []);
  let before = 0;
  for (const [index, run] of runs.entries()) {
    const middle = before + costs[index] / 2;
    shares[Math.min(threads - 1, Math.floor((middle * threads) / Math.max(total, 1)))].push(run);
    before += costs[index];
  }
  return shares;
}

export function planUpdate({ memory, plan, moved, optimiser, threads, averageScale }: UpdateOptions): UpdatePlanner {
  const { partialCount } = runsOf(arraysOf(plan, moved, "gradient"));
  const partials = memory.reserve({ what: "partial norms", element: "double", count: partialCount });
  const clipScales = memory.reserve({ what: "clip scales", element: "byte", count: 64 * threads });
  const clipScale = (thread: number): number => clipScales + 64 * thread;
  const clips = optimiser.clipNorm !== null;
  const finishes = plan.layers.some((layer) => layer.finish);
  const { realBytes } = memory;
  const tables: { address: number; words: number[] }[] = [];

  /** The blocks that each deferred gradient sums, by layer: a table that all its runs share. */
  const planTables = (units: readonly PlannedUnit[], pass: "gradient" | "curvature"): ReadonlyMap<number, number> =>
    new Map(
      [...plan.layers.entries()].flatMap(([layer, { deferred }]) => {
        if (!deferred) return [];
        const words = units.flatMap((unit) => {
          const wires = wiresOf(plan, unit, layer);
          return [deferred.inputOf(wires, pass), wires.delta, wires.lanes];
        });
        const address = memory.reserve({
          what: `the table of blocks of layer ${layer}`,
          element: "int",
          count: words.length,
        });
        tables.push({ address, words });
        return [[layer, address] as const];
      }),
    );
  const recordReduce = (
    program: Program,
    { array, from, to }: Run,
    cut: Cut,
    blocks: ReadonlyMap<number, number>,
  ): void => {
    const target = array.address + from * realBytes;
    const count = to - from;
    if (array.deferred) {
      const {
        layer,
        plan: { rowSize },
      } = array.deferred;
      program.call("denseBatchGradient", {
        blocks: blocks.get(layer)!,
        gradient: target,
        scale: averageScale,
        count: cut.blocks.length,
        from: from / rowSize,
        rows: count / rowSize,
        units: rowSize,
      });
    } else if (array.shard && array.shard.address !== array.address) {
      program.call("reduce", {
        gradients: array.shard.address + from * realBytes,
        output: target,
        scale: averageScale,
        shards: cut.shards,
        stride: array.shard.stride,
        count,
      });
    }
  };
  const recordNorm = (program: Program, { array, from, to, partial }: Run): void => {
    if (!array.moved) return;
    for (let at = from, index = partial; at < to; at += normElements, index++) {
      program.call("squaredNorm", {
        gradient: array.address + at * realBytes,
        partial: partials + 8 * index,
        count: Math.min(normElements, to - at),
      });
    }
  };
  const recordMove = (program: Program, { array, from, to }: Run, thread: number): void => {
    if (!array.moved) return;
    if (clips)
      program.call("scale", { gradient: array.address + from * realBytes, scale: clipScale(thread), count: to - from });
    recordUpdate({ program, optimiser, moved: array.moved, from, count: to - from, realBytes });
  };
  const finishPrograms = (): Program[] => {
    const programs = Array.from({ length: threads }, () => new Program());
    for (const [index, layer] of plan.layers.entries()) layer.finish?.(programs[index % threads]);
    return programs;
  };

  return {
    partials,
    partialCount,
    clipScale,
    install(views): void {
      for (const { address, words } of tables) views.words.set(words, address / 4);
    },
    record(cut, units, { withNorm, pass, moves }): UpdatePhases {
      // Ω is computed where penalties are finished, so a forward pass finishes too.
      if (pass === "forward") return { phases: finishes ? [{ programs: finishPrograms(), clips: false }] : [] };
      const shares = shareOut(runsOf(arraysOf(plan, moved, pass)).runs, threads, cut.blocks.length);
      const byThread = (record: (program: Program, run: Run, thread: number) => void): Program[] =>
        shares.map((runs, thread) => {
          const program = new Program();
          for (const run of runs) record(program, run, thread);
          return program;
        });
      const blocks = planTables(units, pass);
      const reduce = (program: Program, run: Run): void => recordReduce(program, run, cut, blocks);
      if (!moves) {
        const reduced = { programs: byThread(reduce), clips: false };
        return {
          phases: pass === "gradient" && finishes ? [reduced, { programs: finishPrograms(), clips: false }] : [reduced],
        };
      }
      const normThenMove = (program: Program, run: Run, thread: number): void => {
        if (withNorm) recordNorm(program, run);
        recordMove(program, run, thread);
      };
      const phases: UpdatePhases["phases"] = [];
      const add = (programs: Program[], clipping = false): void => void phases.push({ programs, clips: clipping });
      if (finishes) {
        add(byThread(reduce));
        add(finishPrograms());
        if (!clips) add(byThread(normThenMove));
      } else if (!clips) {
        add(
          byThread((program, run, thread) => {
            reduce(program, run);
            normThenMove(program, run, thread);
          }),
        );
      }
      if (clips) {
        add(
          byThread((program, run) => {
            if (!finishes) reduce(program, run);
            recordNorm(program, run);
          }),
        );
        add(byThread(recordMove), true);
      }
      return { phases };
    },
  };
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
