/**
 * The choosing: outcomes in, what to start next out. It has no clock and keeps nothing that the records do not say: one
 * that is opened anew from the recorded starts and outcomes decides as the one before would have.
 */
import type { SweepStopReason } from "../schemas/sweep.ts";
import type { TrialCounts, TrialParameters, TrialStatus } from "../schemas/trial.ts";
import { Asha } from "./asha.ts";
import { ByRungs } from "./by-rungs.ts";
import { parametersOf, type Plan } from "./plan.ts";
import {
  isMeasured,
  isPromotable,
  orderBy,
  Trials,
  type Measured,
  type Order,
  type Outcome,
  type Place,
  type Rule,
} from "./trials.ts";

export interface Start extends Place {
  parameters: TrialParameters;
  /** Where this training ends, counted from the trial's beginning; null: as its own request says. */
  epochs: number | null;
  /** The rung whose last checkpoint it goes on from, and the epochs trained by then; null: from the beginning. */
  from: { rung: number; epochs: number } | null;
}

export interface Decision {
  /** To be queued; then told by `started`. */
  start: Start[];
  /** Outcomes of promoted trials that have nothing more to train: to be written down; then told by `ended`. */
  carried: Outcome[];
  /** Running trials whose outcome decides nothing any more: to be ended, and their outcomes told as of any other. */
  stop: number[];
  /** Running trials that the end of the sweep meets on their way: to be ended; what they reached by now counts. */
  conclude: number[];
  /** Set when all is over and nothing runs. */
  finished: { reason: SweepStopReason; best: Measured | null } | null;
}

export interface Moment {
  /** Seconds in which the sweep ran, pauses apart. */
  elapsedSeconds: number;
  /** Paused or pausing: nothing new is started. */
  paused: boolean;
}

/** By value; of equal values the one of the higher rung, then the one with the smaller trial number. */
const isBetter = (order: Order, one: Measured, than: Measured | null): boolean =>
  than === null || (one.value === than.value && one.rung !== than.rung ? one.rung > than.rung : order(one, than) < 0);

export class Search {
  readonly #plan: Plan;
  readonly #order: Order;
  readonly #trials: Trials;
  readonly #rule: Rule;
  #best: Measured | null = null;
  /** Some training was ended before its time. */
  #cutShort = false;

  /** `started` and `outcomes` are the records, in any order; an outcome implies its start. */
  constructor(options: { plan: Plan; started?: Iterable<Place>; outcomes?: Iterable<Outcome> }) {
    const { plan, started = [], outcomes = [] } = options;
    const { search, objective, stopWhen } = plan.request;
    const { rungs } = plan;
    this.#plan = plan;
    this.#order = orderBy(objective);
    this.#trials = new Trials({ count: plan.trials, rungs: rungs.length });
    const shared = { trials: this.#trials, rungs, order: this.#order, accuracy: stopWhen.accuracy };
    this.#rule = search.kind === "asha" ? new Asha({ ...shared, reduction: search.reduction }) : new ByRungs(shared);
    for (const outcome of outcomes) this.ended(outcome);
    for (const place of started) this.started(place);
  }

  /** A training was put into the queue. */
  started(place: Place): void {
    if (this.#trials.start(place)) this.#rule.started(place);
  }

  /** A training ended. Told again it changes nothing; returns whether it was new. */
  ended(outcome: Outcome): boolean {
    if (!this.#trials.end(outcome)) return false;
    this.#cutShort ||= outcome.status === "stopped";
    this.#rule.ended(outcome);
    // Records come in any order: one of a lower rung than is known says nothing about the best.
    if (this.#trials.latest(outcome.trial) !== outcome) return true;
    if (isMeasured(outcome) && isBetter(this.#order, outcome, this.#best)) this.#best = outcome;
    else if (this.#best?.trial === outcome.trial) this.#best = this.#findBest();
    return true;
  }

  #findBest(): Measured | null {
    let best: Measured | null = null;
    for (let trial = 0; trial < this.#plan.trials; trial++) {
      const latest = this.#trials.latest(trial);
      if (isMeasured(latest) && this.#rule.counts(latest) && isBetter(this.#order, latest, best)) best = latest;
    }
    return best;
  }

  /** The best trial so far, each taken with the outcome of its highest rung. */
  best = (): Measured | null => (this.#rule.satisfied() ? this.#findBest() : this.#best);

  #overBy({ elapsedSeconds }: Moment): SweepStopReason | null {
    const { maxSeconds } = this.#plan.request.stopWhen;
    const late = maxSeconds !== null && elapsedSeconds >= maxSeconds;
    if (this.#rule.satisfied()) return "accuracy";
    // Those that were ended with what they had leave nothing to start, and that is not why it is over.
    if (late && this.#cutShort) return "maxSeconds";
    if (this.#trials.running.size === 0 && this.#rule.exhausted()) return "trials";
    return late ? "maxSeconds" : null;
  }

  #startOf({ trial, rung }: Place): Start {
    const latest = this.#trials.latest(trial);
    return {
      trial,
      rung,
      parameters: parametersOf(this.#plan, trial),
      epochs: this.#plan.rungs[rung].epochs,
      from: latest === undefined ? null : { rung: latest.rung, epochs: latest.epochs },
    };
  }

  /** What to do now. Changes nothing: asked again without news it answers the same. */
  next(moment: Moment): Decision {
    const reason = this.#overBy(moment);
    const running = [...this.#trials.running.values()].sort((one, other) => one.trial - other.trial);
    const stop = running.filter((place) => !this.#rule.counts(place)).map(({ trial }) => trial);
    const conclude =
      reason === null ? [] : running.filter((place) => this.#rule.counts(place)).map(({ trial }) => trial);
    const finished = reason !== null && running.length === 0 ? { reason, best: this.best() } : null;
    const decision: Decision = { start: [], carried: [], stop, conclude, finished };
    const room = this.#plan.request.parallel - running.length;
    if (reason !== null || moment.paused || room <= 0) return decision;
    for (const place of this.#rule.ready(room)) {
      const latest = this.#trials.latest(place.trial);
      if (latest?.complete === true) decision.carried.push({ ...latest, ...place });
      else decision.start.push(this.#startOf(place));
    }
    return decision;
  }

  /** Where a trial stands, as its row says. `over`: the sweep is, and nothing goes on. */
  statusOf(trial: number, over: boolean): TrialStatus {
    if (this.#trials.running.has(trial)) return "running";
    const latest = this.#trials.latest(trial);
    if (latest !== undefined && latest.status !== "succeeded") return latest.status;
    if (latest !== undefined && (latest.complete || latest.rung === this.#plan.rungs.length - 1)) return "succeeded";
    return !over && this.#rule.mayGoOn(trial) ? "queued" : "stopped";
  }

  /** Trials that are over and cannot win, whatever is still to come: what they left behind is of no use. */
  hopeless(): number[] {
    const { accuracy } = this.#plan.request.stopWhen;
    const over: Outcome[] = [];
    for (let trial = 0; trial < this.#plan.trials; trial++) {
      const latest = this.#trials.latest(trial);
      if (latest === undefined || this.#trials.running.has(trial)) continue;
      if (!(isPromotable(latest) && this.#rule.mayGoOn(trial))) over.push(latest);
    }
    const better = (best: Measured | null, each: Outcome): Measured | null =>
      isMeasured(each) && isBetter(this.#order, each, best) ? each : best;
    if (accuracy === null) {
      const best = over.reduce(better, null);
      return over.filter((each) => each !== best).map(({ trial }) => trial);
    }
    // An accuracy that is enough may still take those of larger numbers, or of lower rungs, out of the running.
    const inOrder = over.toSorted((one, other) => other.rung - one.rung || one.trial - other.trial);
    let best: Measured | null = null;
    return inOrder.flatMap((each) => {
      const before = best;
      best = better(best, each);
      return best === before ? [each.trial] : [];
    });
  }

  /** The rung that a trial is in, or was in last. */
  rungOf = (trial: number): number => Math.max(0, this.#trials.reached(trial));

  /** Trials that were begun and have no outcome yet. */
  get running(): Place[] {
    return [...this.#trials.running.values()];
  }

  /** The outcome of a trial's highest rung. */
  latest = (trial: number): Outcome | undefined => this.#trials.latest(trial);

  counts(over: boolean): TrialCounts {
    const counts: TrialCounts = {
      total: this.#plan.trials,
      queued: 0,
      running: 0,
      stopped: 0,
      succeeded: 0,
      failed: 0,
    };
    for (let trial = 0; trial < this.#plan.trials; trial++) counts[this.statusOf(trial, over)]++;
    return counts;
  }
}
