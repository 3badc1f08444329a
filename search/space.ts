/**
 * The values of a space: drawn for a trial, or laid out as a grid. Only operations that IEEE 754 rounds in one way
 * are used (a power is a product of square roots), so every machine finds the same bits.
 */
import type { Dimension, Space } from "../schemas/sweep.ts";
import type { TrialParameters } from "../schemas/trial.ts";
import { below, extend, placeOf, share } from "./random.ts";

/** A pointer of the space, what it may be, and the hash that its draws begin with. */
export interface Axis {
  pointer: string;
  dimension: Dimension;
  place: number;
}

/** In the order of their names: the order in which a request lists them decides nothing. */
export const axesOf = (space: Space, seed: number): Axis[] =>
  Object.keys(space)
    .sort()
    .map((pointer) => ({ pointer, dimension: space[pointer], place: placeOf(seed, pointer) }));

/** Twelve digits hide the last roundings (0.01, not 0.010000000000000002) and lose nothing that matters. */
const rounded = (value: number, [least, most]: readonly [number, number]): number =>
  Math.min(most, Math.max(least, Number(value.toPrecision(12))));

/** a·(b/a)^part for 0 ≤ part ≤ 1: the n-th binary digit of `part` brings in the 2ⁿ-th root of b/a. */
function geometric([least, most]: readonly [number, number], part: number): number {
  if (part >= 1) return most;
  let value = least;
  let root = most / least;
  for (let rest = part; rest > 0;) {
    root = Math.sqrt(root);
    rest *= 2;
    if (rest < 1) continue;
    value *= root;
    rest -= 1;
  }
  return value;
}

const linear = ([least, most]: readonly [number, number], part: number): number => least + (most - least) * part;

function drawOf({ dimension, place }: Axis, trial: number): unknown {
  const { log, uniform, integers, choices = [] } = dimension;
  const drawn = extend(place, trial);
  if (log) return rounded(geometric(log, share(drawn)), log);
  if (uniform) return rounded(linear(uniform, share(drawn)), uniform);
  if (integers) return integers[0] + below(drawn, integers[1] - integers[0] + 1);
  return choices[below(drawn, choices.length)];
}

export const drawnParameters = (axes: readonly Axis[], trial: number): TrialParameters =>
  Object.fromEntries(axes.map((axis) => [axis.pointer, drawOf(axis, trial)]));

/** How many different values a dimension has; Infinity for a range of real numbers. */
export function valuesOf({ integers, choices }: Dimension): number {
  if (integers) return integers[1] - integers[0] + 1;
  return choices ? choices.length : Infinity;
}

/** How many values of a dimension stand on the grid: all choices, at most `points` of a range. */
export const gridSize = (dimension: Dimension, points: number): number =>
  dimension.choices ? dimension.choices.length : Math.min(points, valuesOf(dimension));

function gridValue(dimension: Dimension, points: number, index: number): unknown {
  const { log, uniform, integers, choices = [] } = dimension;
  const part = index / (gridSize(dimension, points) - 1);
  if (log) return rounded(geometric(log, part), log);
  if (uniform) return rounded(linear(uniform, part), uniform);
  if (integers) return Math.floor(linear(integers, part) + 0.5);
  return choices[index];
}

/** Trial n of the grid: the last pointer changes fastest, as digits do. */
export function gridParameters(axes: readonly Axis[], points: number, trial: number): TrialParameters {
  let rest = trial;
  const found: [string, unknown][] = [];
  for (const { pointer, dimension } of [...axes].reverse()) {
    const size = gridSize(dimension, points);
    found.push([pointer, gridValue(dimension, points, rest % size)]);
    rest = Math.floor(rest / size);
  }
  return Object.fromEntries(found.reverse());
}
