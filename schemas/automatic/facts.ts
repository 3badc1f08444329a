/** What the choice of `network: "auto"` goes by: plain data about a dataset and about the workers. */
import type { Split } from "../dataset.ts";
import type { Network } from "../network.ts";
import type { Shape } from "../shape.ts";

export interface AutomaticFacts {
  shape: Shape;
  /** Names of the classes. */
  classes: readonly string[];
  /** Samples of each class in the training split. */
  trainingCounts: readonly number[];
  splits: Readonly<Record<Split, number>>;
  /** Work a second (cost.ts) of a training with so many threads: as workers reported, or what is safe to expect. */
  speedOf: (threads: number) => number;
  /** The network of the model that the training starts from, where the request names one. */
  initialNetwork: Network | null;
}

/** Part of a choice, and why, in a sentence. */
export interface Chosen<Value> {
  value: Value;
  reason: string;
}

/** A number that is pleasant to read: 1,406 or 0.083. */
export const shown = (value: number): string =>
  value >= 100 || Number.isInteger(value)
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(2)));

export const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
