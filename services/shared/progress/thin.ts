/** Honest thinning of a curve: the first and the last row, the best, and in every stretch the extremes. */
import type { MetricRow } from "../../../schemas/metrics.ts";

export interface Thinned {
  rows: MetricRow[];
  /** Whether rows were left out. */
  sampled: boolean;
}

/** A loss that is not finite is written null: it stands above every number. */
const lossOf = (row: MetricRow): number => row.loss ?? Number.POSITIVE_INFINITY;

function bestIndex(rows: readonly MetricRow[]): number {
  let best = 0;
  const score = (row: MetricRow | undefined): number => row?.validationAccuracy ?? row?.accuracy ?? -1;
  for (let index = 1; index < rows.length; index++) if (score(rows[index]) > score(rows[best])) best = index;
  return best;
}

/** At most `maxPoints` rows (at least 3), in order. The highest and lowest loss of each stretch stay. */
export function thin(rows: readonly MetricRow[], maxPoints: number): Thinned {
  const most = Math.max(3, maxPoints);
  if (rows.length <= most) return { rows: [...rows], sampled: false };
  const kept = new Set([0, rows.length - 1, bestIndex(rows)]);
  const stretches = Math.floor((most - kept.size) / 2);
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = Math.floor((stretch * rows.length) / stretches);
    const to = Math.floor(((stretch + 1) * rows.length) / stretches);
    let low = from;
    let high = from;
    for (let index = from + 1; index < to; index++) {
      const loss = lossOf(rows[index] as MetricRow);
      if (loss < lossOf(rows[low] as MetricRow)) low = index;
      if (loss > lossOf(rows[high] as MetricRow)) high = index;
    }
    kept.add(low).add(high);
  }
  return { rows: [...kept].sort((a, b) => a - b).map((index) => rows[index] as MetricRow), sampled: true };
}
