/**
 * Successive halving (Jamieson & Talwalkar 2016): a rung ends when all its trials have; then the best of them are the
 * next rung. Grid and random search are the case of a single rung.
 *
 * Which trials a rung has depends on the outcomes of the rung before and on nothing else, so their order in time and
 * the number of workers leave no trace. The same holds where an accuracy is enough: of the trials that reach it the one
 * with the smallest number ends the sweep, and those before it in its rung are waited for; no others count.
 */
import type { Rung } from "../schemas/trial.ts";
import { isPromotable, reaches, type Order, type Outcome, type Place, type Rule, type Trials } from "./trials.ts";

export class ByRungs implements Rule {
  readonly #trials: Trials;
  readonly #rungs: readonly Rung[];
  readonly #order: Order;
  readonly #enough: number | null;

  #rung = 0;
  /** Of the present rung, by number. */
  #members: readonly number[] = [];
  /** Members before this place were started. */
  #next = 0;
  /** Members without an outcome. */
  #open = new Set<number>();
  /** The first member that reached the accuracy; Infinity while none has. */
  #goal = Infinity;

  constructor(options: { trials: Trials; rungs: readonly Rung[]; order: Order; accuracy: number | null }) {
    this.#trials = options.trials;
    this.#rungs = options.rungs;
    this.#order = options.order;
    this.#enough = options.accuracy;
    this.#enter(
      0,
      Array.from({ length: options.trials.count }, (_, trial) => trial),
    );
  }

  #enter(rung: number, members: readonly number[]): void {
    this.#rung = rung;
    this.#members = members;
    this.#next = 0;
    this.#goal = Infinity;
    this.#open = new Set(members);
    for (const trial of members) {
      const known = this.#trials.outcome(trial, rung);
      if (known !== undefined) this.#settle(known);
    }
  }

  #settle(outcome: Outcome): void {
    if (!this.#open.delete(outcome.trial)) return;
    if (reaches(outcome, this.#enough)) this.#goal = Math.min(this.#goal, outcome.trial);
  }

  /** The best of the present rung, as many as the next one has, by number. */
  #promoted(): number[] {
    return this.#members
      .map((trial) => this.#trials.outcome(trial, this.#rung))
      .filter(isPromotable)
      .sort(this.#order)
      .slice(0, this.#rungs[this.#rung + 1].trials)
      .map(({ trial }) => trial)
      .sort((one, other) => one - other);
  }

  started(): void {}

  ended(outcome: Outcome): void {
    if (outcome.rung !== this.#rung) return;
    this.#settle(outcome);
    while (this.#open.size === 0 && this.#goal === Infinity && this.#rung < this.#rungs.length - 1)
      this.#enter(this.#rung + 1, this.#promoted());
  }

  ready(most: number): Place[] {
    const places: Place[] = [];
    let training = 0;
    for (let at = this.#next; at < this.#members.length && training < most; at++) {
      const trial = this.#members[at];
      if (trial > this.#goal) break;
      if (this.#trials.reached(trial) >= this.#rung) {
        if (at === this.#next) this.#next++;
        continue;
      }
      places.push({ trial, rung: this.#rung });
      if (this.#trials.latest(trial)?.complete !== true) training++;
    }
    return places;
  }

  exhausted = (): boolean => this.#open.size === 0;

  satisfied(): boolean {
    if (this.#goal === Infinity) return false;
    for (const trial of this.#open) if (trial < this.#goal) return false;
    return true;
  }

  counts = ({ trial, rung }: Place): boolean => this.#goal === Infinity || (rung === this.#rung && trial <= this.#goal);

  mayGoOn = (trial: number): boolean =>
    this.#trials.latest(trial)?.rung === this.#rung ? this.#rung < this.#rungs.length - 1 : this.#open.has(trial);
}
