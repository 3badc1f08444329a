/**
 * Honest thinning of a curve as it is read: the first and last row, the best, the extremes of every column, then the
 * highest and lowest loss of each stretch.
 */
import { setImmediate as others } from "node:timers/promises";
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

/** Places of the smallest and largest value so far, the first of equals; −1 where all are null. */
class Extremes {
  least = { at: -1, value: Number.POSITIVE_INFINITY };
  most = { at: -1, value: Number.NEGATIVE_INFINITY };

  see(value: number | null, at: number): void {
    if (value === null) return;
    if (value < this.least.value) this.least = { at, value };
    if (value > this.most.value) this.most = { at, value };
  }

  get places(): number[] {
    return this.least.at < 0 ? [] : [this.least.at, this.most.at];
  }
}

/** Rows that are looked over before others have their turn. */
const rowsAtOnce = 50_000;

/** A curve that comes part by part; what its rows have beside the columns is not looked at. */
export class Curve<Row extends Pick<MetricRow, Column>> {
  readonly #rows: Row[] = [];
  readonly #extremes = Object.fromEntries(columns.map((column) => [column, new Extremes()])) as Record<
    Column,
    Extremes
  >;

  get length(): number {
    return this.#rows.length;
  }

  add(rows: readonly Row[]): void {
    for (const row of rows) {
      for (const column of columns) this.#extremes[column].see(row[column], this.#rows.length);
      this.#rows.push(row);
    }
  }

  /** The place of the best row: by accuracy on held-out samples, or on the training samples, or else by the loss. */
  #best(): number[] {
    const { validationAccuracy, accuracy, loss } = this.#extremes;
    const measured = [validationAccuracy, accuracy].find(({ most }) => most.at >= 0);
    return measured ? [measured.most.at] : loss.places.slice(0, 1);
  }

  /** At most `most` of the rows, in their order; all of them where they are no more. */
  async thinned(most: number): Promise<{ rows: Row[]; sampled: boolean }> {
    const all = this.#rows;
    if (all.length <= most) return { rows: [...all], sampled: false };
    const kept = new Set<number>([0, all.length - 1, ...this.#best()].slice(0, most));
    const keep = (places: readonly number[]): void => {
      for (const place of places) if (kept.size < most) kept.add(place);
    };
    for (const column of columns) keep(this.#extremes[column].places.reverse());
    const stretches = Math.max(1, Math.floor((most - kept.size) / 2));
    let turn = rowsAtOnce;
    for (let stretch = 0, from = 0; stretch < stretches; stretch++) {
      const to = Math.floor(((stretch + 1) * all.length) / stretches);
      const extremes = new Extremes();
      for (; from < to; from++) extremes.see(all[from].loss, from);
      keep(extremes.places);
      if (from >= turn) {
        await others();
        turn = from + rowsAtOnce;
      }
    }
    return { rows: [...kept].sort((left, right) => left - right).map((place) => all[place]), sampled: true };
  }
}
