/**
 * The coordinator of one sweep: hears how trainings ended, asks the search what to do, and does it. It keeps nothing
 * that the records do not say; killed at any moment, the next one opens the search anew from them and goes on.
 */
import { isTerminal } from "../../../schemas/job.ts";
import type { Sweep } from "../../../schemas/sweep.ts";
import type { Decision } from "../../../search/index.ts";
import type { Logger } from "../../shared/log.ts";
import { elapsedSecondsOf, modelIdOf, type Coordination, type SweepRecord } from "../../shared/records/index.ts";
import { rowOf, type Standing } from "../../shared/sweeps/rows.ts";
import { outcomeOf } from "./jobs.ts";
import type { News } from "./news.ts";
import { CannotGoOn, Fenced, endFailed, type Ordered, type SweepDependencies, type SweepTrials } from "./trials.ts";

/** Figures for those who watch are written at most so often. */
const noteEveryMs = 300;
/** Trials that are cleared away before the next look. */
const clearedAtOnce = 20;

export interface CoordinatorOptions {
  sweep: SweepRecord;
  coordination: Coordination;
  standing: Standing;
  trials: SweepTrials;
  news: News;
  dependencies: SweepDependencies;
  log: Logger;
  /** The worker ends: another goes on. */
  signal: AbortSignal;
}

/** The coordinator is not needed any more, or looks again after at most so many milliseconds. */
type Next = "done" | number;

const concluding = "its sweep is over and takes what there is";

export class Coordinator {
  readonly #options: CoordinatorOptions;
  #best: string;
  #notedAt = Number.NEGATIVE_INFINITY;
  /** Something happened that the record does not say yet. */
  #changed = true;
  /** The limit of its project that keeps a trial out of the queue; null: none does. */
  #noRoom: string | null = null;
  /** While the sweep is cancelled: trials whose jobs have ended. */
  readonly #ended = new Set<number>();

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#best = JSON.stringify(options.sweep.best);
  }

  async run(): Promise<"done" | "hand-over"> {
    const { news, signal } = this.#options;
    const wake = (): void => news.tell(null);
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        const next = await this.#round();
        if (next === "done") return "done";
        await news.wait(next);
      }
      return "hand-over";
    } catch (error) {
      if (error instanceof Fenced) return "done";
      if (error instanceof CannotGoOn) return await this.#fail(error);
      throw error;
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  async #round(): Promise<Next> {
    const { coordination, dependencies } = this.#options;
    const now = await dependencies.records.sweeps.pulse(coordination.id);
    if (now?.attempt !== coordination.attempt) return "done";
    switch (now.status) {
      case "running":
        return this.#coordinate(elapsedSecondsOf(now));
      case "pausing":
        return this.#pause();
      case "cancelling":
        return this.#cancel();
      default:
        return "done";
    }
  }

  /** Writes down the outcomes there are. Answers those of the running trials that go on, and those that were paused. */
  async #listen(): Promise<{ active: number[]; halted: number[] }> {
    const { sweep, standing, trials, news } = this.#options;
    const told = news.take();
    const { running } = standing.search;
    const looked = told === null ? running : running.filter(({ trial }) => told.has(trial));
    const states = await trials.states(looked.map(({ trial }) => trial));
    const active: number[] = [];
    const halted: number[] = [];
    for (const place of looked) {
      const state = states.get(place.trial) ?? null;
      const outcome = outcomeOf(state, place, sweep.request.objective);
      if (outcome === null) (state?.status === "paused" ? halted : active).push(place.trial);
      else await trials.end(outcome);
      this.#changed ||= outcome !== null;
    }
    return { active, halted };
  }

  async #coordinate(elapsedSeconds: number): Promise<Next> {
    const { sweep, standing, trials } = this.#options;
    const { halted } = await this.#listen();
    const resumed = await this.#whileThereIsRoom(halted, (trial) => trials.resume(trial));
    const decision = standing.search.next({ elapsedSeconds, paused: false });
    for (const outcome of decision.carried) await trials.end(outcome);
    const started = await this.#whileThereIsRoom(decision.start, (start) => trials.start(start));
    if (started === "not-wanted") return 0;
    await this.#tellOfRoom([resumed, started]);
    for (const trial of decision.stop) await trials.cancel(trial);
    for (const trial of decision.conclude) await trials.conclude(trial, concluding);
    if (decision.finished) return this.#finish(decision.finished);
    if (decision.carried.length > 0) return 0;
    await this.#tidy();
    if (this.#changed) return noteEveryMs;
    const { maxSeconds } = sweep.request.stopWhen;
    return maxSeconds === null ? Infinity : Math.max(50, (maxSeconds - elapsedSeconds) * 1000);
  }

  /** Orders one after the other, until one is refused. */
  async #whileThereIsRoom<Each>(all: readonly Each[], order: (each: Each) => Promise<Ordered>): Promise<Ordered> {
    for (const each of all) {
      const ordered = await order(each);
      if (ordered !== "ok") return ordered;
      this.#changed = true;
    }
    return "ok";
  }

  /** Trials that found no room are ordered again with the next look; who watches is told once why they wait. */
  async #tellOfRoom(orders: readonly Ordered[]): Promise<void> {
    const { coordination, dependencies, log } = this.#options;
    const [noRoom = null] = orders.flatMap((each) => (typeof each === "object" ? each.noRoom : []));
    const isNew = noRoom !== null && this.#noRoom === null;
    this.#noRoom = noRoom;
    if (!isNew) return;
    const detail = `trials wait for room: ${noRoom}`;
    log.warn(detail);
    const event = { type: "warning", data: { code: "limit-reached", detail } };
    if ((await dependencies.records.sweeps.note(coordination, {}, event)) === "fenced") throw new Fenced();
  }

  /** Now and then: figures for those who watch, and what can no longer win goes. */
  async #tidy(): Promise<void> {
    if (!this.#changed || performance.now() - this.#notedAt < noteEveryMs) return;
    const { coordination, standing, dependencies } = this.#options;
    const best = await this.#present(standing.search.best());
    const text = JSON.stringify(best);
    const event = text === this.#best || best === null ? null : { type: "best", data: best };
    const set = { trials: standing.search.counts(false), best };
    if ((await dependencies.records.sweeps.note(coordination, set, event)) === "fenced") throw new Fenced();
    this.#best = text;
    this.#notedAt = performance.now();
    this.#changed = await this.#clear(standing.search.hopeless());
  }

  /** Some of these at a time; answers whether there are more. */
  async #clear(hopeless: readonly number[]): Promise<boolean> {
    const { standing, trials } = this.#options;
    const left = hopeless.filter((trial) => standing.jobs.has(trial) && !standing.over.has(trial));
    for (const trial of left.slice(0, clearedAtOnce)) await trials.clear(trial);
    return left.length > clearedAtOnce;
  }

  async #present(found: { trial: number; value: number } | null): Promise<Sweep["best"]> {
    const { standing, trials } = this.#options;
    if (found === null) return null;
    const { job, parameters } = rowOf(standing, found.trial, { ended: false });
    if (job === null) return null;
    const state = (await trials.states([found.trial])).get(found.trial);
    const model = state?.status === "succeeded" ? modelIdOf(job) : null;
    return { trial: found.trial, job, model, value: found.value, parameters };
  }

  /** The best trial leaves its model, also where it waits for a rung that will not come; of the others nothing stays. */
  async #finish({ reason, best }: NonNullable<Decision["finished"]>): Promise<Next> {
    const { coordination, standing, trials, dependencies } = this.#options;
    if (best !== null) {
      const state = (await trials.states([best.trial])).get(best.trial);
      if (state?.status === "paused") await trials.conclude(best.trial, concluding);
      if (state && !isTerminal(state.status)) return Infinity;
    }
    const others = [...standing.jobs.keys()].filter((trial) => trial !== best?.trial);
    if (await this.#clear(others)) return 0;
    const shown = await this.#present(best);
    const set = { trials: standing.search.counts(true), best: shown, stopReason: reason };
    if (shown !== null && JSON.stringify(shown) !== this.#best)
      await dependencies.records.sweeps.note(coordination, {}, { type: "best", data: shown });
    if (shown === null) throw new CannotGoOn("no-trial-succeeded", await this.#whyNone(), set);
    await this.#end({ running: "succeeded" }, { reason, set });
    return "done";
  }

  async #whyNone(): Promise<string> {
    const { standing, dependencies } = this.#options;
    for (const job of standing.jobs.values()) {
      const error = (await dependencies.records.jobs.read(job))?.error;
      if (error) return `no trial has a value; the first that failed: ${error.detail}`;
    }
    return "no trial has a value: none was trained long enough to be measured";
  }

  async #pause(): Promise<Next> {
    const { standing, trials, news } = this.#options;
    news.tellAll();
    const { active } = await this.#listen();
    for (const trial of active) await trials.pause(trial);
    if (active.length > 0) return Infinity;
    const best = await this.#present(standing.search.best());
    await this.#end({ pausing: "paused" }, { set: { trials: standing.search.counts(false), best } });
    return "done";
  }

  async #cancel(): Promise<Next> {
    const { standing, trials, news } = this.#options;
    news.tellAll();
    await this.#listen();
    const open = [...standing.jobs.keys()].filter((trial) => !standing.over.has(trial) && !this.#ended.has(trial));
    for (const [trial, state] of await trials.states(open)) {
      if (state === null || isTerminal(state.status)) this.#ended.add(trial);
      else await trials.cancel(trial);
    }
    if (open.some((trial) => !this.#ended.has(trial))) return Infinity;
    const best = await this.#present(standing.search.best());
    await this.#end({ cancelling: "cancelled" }, { set: { trials: standing.search.counts(true), best } });
    return "done";
  }

  async #end(
    targets: Parameters<SweepDependencies["records"]["sweeps"]["move"]>[1],
    { reason = "", set }: { reason?: string; set: Partial<SweepRecord> },
  ): Promise<void> {
    const { coordination, dependencies } = this.#options;
    await dependencies.records.sweeps.move(coordination.id, targets, { attempt: coordination.attempt, reason, set });
  }

  async #fail(error: CannotGoOn): Promise<"done"> {
    const { standing, trials, coordination, dependencies, log } = this.#options;
    log.warn({ code: error.code }, error.message);
    // Nothing that its trials began goes on without it.
    const open = [...standing.jobs.keys()].filter((trial) => !standing.over.has(trial));
    for (const [trial, state] of await trials.states(open))
      if (state !== null && !isTerminal(state.status)) await trials.cancel(trial);
    await endFailed(dependencies, coordination, error);
    return "done";
  }
}
