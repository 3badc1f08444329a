/**
 * How the update is shared out. Every array of gradient numbers is cut into *runs*, a property of the network alone, so
 * that the partial sums of the norm are too; a task is a stretch of runs, all of about equal cost.
 */
import type { Deferred, PlannedLayer, ShardGradient } from "./layer.ts";
import type { NetworkPlan } from "./network.ts";
import type { Moved } from "./optimiser.ts";

/** Elements whose squares one call adds up; partial sums depend on it. */
export const normElements = 4096;
/** Elements that go through reduction and update at once. */
const runElements = 16_384;
/** Rows of a deferred gradient come in sixteens: a cache line whatever the row's length. */
const rowGrain = 16;

/**
 * An array of gradient numbers: a tensor's, or the effective filters' of a combination (which is reduced but not
 * moved).
 */
export interface GradientArray {
  address: number;
  size: number;
  /** Runs are multiples of this, but for the last. */
  grain: number;
  shard: ShardGradient | null;
  deferred: { layer: number; plan: Deferred } | null;
  moved: Moved | null;
}

export interface Run {
  array: GradientArray;
  from: number;
  to: number;
  /** Its first partial sum of squares. */
  partial: number;
}

export const shardGradientsOf = (layer: PlannedLayer, pass: "gradient" | "curvature"): readonly ShardGradient[] =>
  pass === "curvature" ? (layer.curvatureGradients ?? layer.shardGradients) : layer.shardGradients;

export function arraysOf(
  plan: NetworkPlan,
  moved: readonly Moved[],
  pass: "gradient" | "curvature",
): readonly GradientArray[] {
  const fresh = (address: number, size: number, by: Moved | null): GradientArray => ({
    address,
    size,
    grain: normElements,
    shard: null,
    deferred: null,
    moved: by,
  });
  const arrays = moved.map((each) => fresh(each.tensor.gradient, each.tensor.size, each));
  const at = (address: number, size: number): GradientArray => {
    const known = arrays.find((each) => each.address === address);
    if (known) return known;
    const effective = fresh(address, size, null);
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

export function runsOf(arrays: readonly GradientArray[]): { runs: readonly Run[]; partialCount: number } {
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

/** Stretches of runs of about equal cost; `blocks` is how many a deferred gradient sums. */
export function shareOut(
  runs: readonly Run[],
  { parts, blocks }: { parts: number; blocks: number },
): readonly (readonly Run[])[] {
  const costOf = ({ array, from, to }: Run): number => (to - from) * (array.deferred ? 2 * blocks : 2);
  const total = Math.max(
    1,
    runs.reduce((sum, run) => sum + costOf(run), 0),
  );
  const shares: Run[][] = Array.from({ length: parts }, () => []);
  let before = 0;
  for (const run of runs) {
    const cost = costOf(run);
    const middle = before + cost / 2;
    shares[Math.min(parts - 1, Math.floor((middle * parts) / total))].push(run);
    before += cost;
  }
  return shares;
}
