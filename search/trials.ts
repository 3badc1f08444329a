/**
 * What is known of the trials: which rungs they reached, and their outcomes. Filled from records in any order; what is
 * told twice is told once. The rules read it and write nothing.
 */
import type { Objective } from "../schemas/sweep.ts";

/** How the training of a trial in a rung ended. Outcomes are never errors: a training that diverged is one, too. */
export interface Outcome {
  trial: number;
  rung: number;
  /** Failed: diverged, or could not be trained. Stopped: ended by a person or a stop rule before the rung's epochs. */
  status: "succeeded" | "failed" | "stopped";
  /** Of the objective. Null or not finite: ranked last, and never promoted. */
  value: number | null;
  /** On the objective's split, for `stopWhen.accuracy`. */
  accuracy: number | null;
  /** Trained so far, over all rungs. */
  epochs: number;
  /** The training ended by a rule of its own (patience, an accuracy reached): there is nothing more to train. */
  complete: boolean;
}

/** A trial in a rung. */
export interface Place {
  trial: number;
  rung: number;
}

export type Measured = Outcome & { value: number };

export const isMeasured = (outcome: Outcome | undefined): outcome is Measured =>
  outcome !== undefined && outcome.status !== "failed" && outcome.value !== null && Number.isFinite(outcome.value);

/** May go on: a trial that was stopped stays where it is. */
export const isPromotable = (outcome: Outcome | undefined): outcome is Measured =>
  isMeasured(outcome) && outcome.status === "succeeded";

/** Whether a training reached an accuracy that is enough; null: none is. */
export const reaches = ({ status, accuracy }: Outcome, enough: number | null): boolean =>
  enough !== null && status === "succeeded" && accuracy !== null && Number.isFinite(accuracy) && accuracy >= enough;

/** Orders outcomes of a rung, the best first; equal values by trial number, so that no two are equal. */
export type Order = (one: Measured, other: Measured) => number;
export const orderBy = ({ metric }: Pick<Objective, "metric">): Order => {
  const sign = metric === "accuracy" ? -1 : 1;
  return (one, other) => sign * (one.value - other.value) || one.trial - other.trial;
};

export class Trials {
  readonly count: number;
  /** The highest rung in which each trial was started, or −1. */
  readonly #reached: number[];
  readonly #outcomes: Map<number, Outcome>[];
  /** The outcome of the highest rung of each trial. */
  readonly #latest: (Outcome | undefined)[];
  readonly running = new Map<number, Place>();

  constructor(options: { count: number; rungs: number }) {
    this.count = options.count;
    this.#reached = new Array<number>(options.count).fill(-1);
    this.#latest = new Array<undefined>(options.count);
    this.#outcomes = Array.from({ length: options.rungs }, () => new Map());
  }

  #check({ trial, rung }: Place): void {
    const isTrial = Number.isInteger(trial) && trial >= 0 && trial < this.count;
    if (!isTrial || this.#outcomes[rung] === undefined)
      throw new RangeError(
        `there is no trial ${trial} in rung ${rung}: trials count from 0 to ${this.count - 1}, rungs from 0 to ${this.#outcomes.length - 1}`,
      );
  }

  reached = (trial: number): number => this.#reached[trial];
  outcome = (trial: number, rung: number): Outcome | undefined => this.#outcomes[rung].get(trial);
  latest = (trial: number): Outcome | undefined => this.#latest[trial];

  /** False where that is known already. */
  start(place: Place): boolean {
    this.#check(place);
    const { trial, rung } = place;
    if (this.#reached[trial] >= rung) return false;
    this.#reached[trial] = rung;
    this.running.set(trial, { trial, rung });
    return true;
  }

  /** False where the outcome of that trial in that rung is known already: the first one stays. */
  end(outcome: Outcome): boolean {
    this.#check(outcome);
    const { trial, rung } = outcome;
    if (this.#outcomes[rung].has(trial)) return false;
    this.#outcomes[rung].set(trial, outcome);
    this.#reached[trial] = Math.max(this.#reached[trial], rung);
    if ((this.#latest[trial]?.rung ?? -1) < rung) this.#latest[trial] = outcome;
    const running = this.running.get(trial);
    if (running !== undefined && running.rung <= rung) this.running.delete(trial);
    return true;
  }
}

/** How a kind of search chooses. It looks at `Trials` and is told of what is new there. */
export interface Rule {
  started(place: Place): void;
  ended(outcome: Outcome): void;
  /** Places that may be started now, the first first: at most `most` that need training, besides those that do not. */
  ready(most: number): Place[];
  /** Nothing can become ready any more, once what runs has ended. */
  exhausted(): boolean;
  /** An accuracy that is enough was found, and all outcomes that decide which trial wins are there. */
  satisfied(): boolean;
  /** Whether an outcome of this place can still decide anything. */
  counts(place: Place): boolean;
  /** Whether a trial that waits, or has not begun, can still be started. */
  mayGoOn(trial: number): boolean;
}
