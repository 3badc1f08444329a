/**
 * Asynchronous successive halving (Li et al. 2020, algorithm 2): whenever there is room, the best trial that is among
 * the best 1/reduction of its rung's outcomes so far and has not gone on goes on, from the highest such rung; where
 * there is none, a new trial begins. No worker waits, and the winner may depend on the order in which results come.
 */
import type { Rung } from "../schemas/trial.ts";
import {
  isPromotable,
  reaches,
  type Measured,
  type Order,
  type Outcome,
  type Place,
  type Rule,
  type Trials,
} from "./trials.ts";

/** Where in a sorted list an outcome stands or would stand. */
function rankIn(list: readonly Measured[], outcome: Measured, order: Order): number {
  let from = 0;
  let to = list.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (order(list[middle], outcome) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The outcomes of a rung; both lists hold the best first. */
interface Standing {
  outcomes: number;
  waiting: Measured[];
  promoted: Measured[];
}

export class Asha implements Rule {
  readonly #trials: Trials;
  readonly #order: Order;
  readonly #reduction: number;
  readonly #enough: number | null;
  /** Of every rung but the last, from which nothing goes on. */
  readonly #standings: Standing[];
  /** Trials before this one were started. */
  #fresh = 0;
  #reachedAccuracy = false;

  constructor(options: {
    trials: Trials;
    rungs: readonly Rung[];
    order: Order;
    accuracy: number | null;
    reduction: number;
  }) {
    this.#trials = options.trials;
    this.#order = options.order;
    this.#reduction = options.reduction;
    this.#enough = options.accuracy;
    this.#standings = options.rungs.slice(1).map(() => ({ outcomes: 0, waiting: [], promoted: [] }));
  }

  #insert(list: Measured[], outcome: Measured): void {
    list.splice(rankIn(list, outcome, this.#order), 0, outcome);
  }

  started({ trial, rung }: Place): void {
    const below = this.#standings[rung - 1];
    const outcome = rung > 0 ? this.#trials.outcome(trial, rung - 1) : undefined;
    if (below === undefined || !isPromotable(outcome)) return;
    const at = rankIn(below.waiting, outcome, this.#order);
    if (below.waiting[at] !== outcome) return;
    below.waiting.splice(at, 1);
    this.#insert(below.promoted, outcome);
  }

  ended(outcome: Outcome): void {
    const { trial, rung } = outcome;
    if (reaches(outcome, this.#enough)) this.#reachedAccuracy = true;
    this.started({ trial, rung });
    const standing = this.#standings[rung];
    if (standing === undefined) return;
    standing.outcomes++;
    if (!isPromotable(outcome)) return;
    this.#insert(this.#trials.reached(trial) > rung ? standing.promoted : standing.waiting, outcome);
  }

  /** The trials of a rung that have earned the next one, the best first. */
  *#earned({ outcomes, waiting, promoted }: Standing): Generator<Measured> {
    const quota = Math.floor(outcomes / this.#reduction);
    for (const [index, outcome] of waiting.entries()) {
      if (index + rankIn(promoted, outcome, this.#order) >= quota) return;
      yield outcome;
    }
  }

  ready(most: number): Place[] {
    const places: Place[] = [];
    let training = 0;
    for (let rung = this.#standings.length - 1; rung >= 0; rung--)
      for (const { trial, complete } of this.#earned(this.#standings[rung])) {
        if (training >= most) return places;
        places.push({ trial, rung: rung + 1 });
        if (!complete) training++;
      }
    for (let trial = this.#fresh; trial < this.#trials.count && training < most; trial++) {
      if (this.#trials.reached(trial) >= 0) {
        if (trial === this.#fresh) this.#fresh++;
        continue;
      }
      places.push({ trial, rung: 0 });
      training++;
    }
    return places;
  }

  exhausted = (): boolean => this.ready(1).length === 0;

  satisfied = (): boolean => this.#reachedAccuracy;

  counts = (): boolean => true;

  mayGoOn = (trial: number): boolean => {
    const latest = this.#trials.latest(trial);
    return latest === undefined || (latest.rung < this.#standings.length && isPromotable(latest));
  };
}
