/**
 * Honest thinning of a curve: the first and last row, the best, the extremes of every column, then the highest and
 * lowest loss of each stretch.
 */
import type { MetricRow } from "../../../schemas/metrics.ts";

type Column =
  | "loss"
  | "accuracy"
  | "validationLoss"
  | "validationAccuracy"
  | "gradientNorm"
  | "learningRate"
  | "samplesPerSecond";
const columns: readonly Column[] = [
  "loss",
  "validationAccuracy",
  "validationLoss",
  "accuracy",
  "gradientNorm",
  "learningRate",
  "samplesPerSecond",
];

/** Places of the smallest and largest value of a column in rows [from, to); the first of equals; none where all are null. */
function extremes(rows: readonly MetricRow[], column: Column, from: number, to: number): number[] {
  let least = { at: -1, value: Number.POSITIVE_INFINITY };
  let most = { at: -1, value: Number.NEGATIVE_INFINITY };
  for (let at = from; at < to; at++) {
    const value = rows[at][column];
    if (value === null) continue;
    if (value < least.value) least = { at, value };
    if (value > most.value) most = { at, value };
  }
  return least.at < 0 ? [] : [least.at, most.at];
}

/** The place of the best row: by accuracy on held-out samples, or on the training samples, or else by the loss. */
function bestOf(rows: readonly MetricRow[]): number[] {
  for (const column of ["validationAccuracy", "accuracy"] as const) {
    const found = extremes(rows, column, 0, rows.length);
    if (found.length > 0) return [found[1]];
  }
  return extremes(rows, "loss", 0, rows.length).slice(0, 1);
}

/** At most `most` of the rows, in their order; all of them where they are no more. */
export function thin(rows: readonly MetricRow[], most: number): { rows: MetricRow[]; sampled: boolean } {
  if (rows.length <= most) return { rows: [...rows], sampled: false };
  const kept = new Set<number>([0, rows.length - 1, ...bestOf(rows)].slice(0, most));
  const keep = (places: readonly number[]): void => {
    for (const place of places) if (kept.size < most) kept.add(place);
  };
  for (const column of columns) keep(extremes(rows, column, 0, rows.length).reverse());
  const stretches = Math.max(1, Math.floor((most - kept.size) / 2));
  for (let stretch = 0; stretch < stretches; stretch++) {
    const [from, to] = [
      Math.floor((stretch * rows.length) / stretches),
      Math.floor(((stretch + 1) * rows.length) / stretches),
    ];
    keep(extremes(rows, "loss", from, to));
  }
  return { rows: [...kept].sort((left, right) => left - right).map((place) => rows[place]), sampled: true };
}
