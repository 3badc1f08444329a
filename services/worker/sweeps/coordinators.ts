/** The sweeps that this worker coordinates: takes them over, and tells each what is said of it. */
import { isTerminal } from "../../../schemas/job.ts";
import { findReadyDataset } from "../../shared/find.ts";
import { newUlid } from "../../shared/ids.ts";
import type { Logger } from "../../shared/log.ts";
import { requestOf, type Coordination, type SweepRecord } from "../../shared/records/index.ts";
import { Refusal } from "../../shared/refusal.ts";
import { standingOf } from "../../shared/sweeps/rows.ts";
import { awaitedDataset } from "../datasets/awaited.ts";
import { Coordinator } from "./coordinator.ts";
import { News } from "./news.ts";
import { settle } from "./settle.ts";
import { CannotGoOn, Fenced, SweepTrials, endFailed, type SweepDependencies } from "./trials.ts";

export class Coordinators {
  readonly #dependencies: SweepDependencies;
  readonly #signal: AbortSignal;
  readonly #news = new Map<string, News>();

  constructor(dependencies: SweepDependencies, signal: AbortSignal) {
    this.#dependencies = dependencies;
    this.#signal = signal;
  }

  /** `message`: sweep:trial, as the channel `sweeps` brings it. */
  hear(message: string): void {
    const [sweep = "", trial = ""] = message.split(":");
    this.#news.get(sweep)?.tell(trial === "" ? null : Number(trial));
  }

  /** A new connection: messages may have been missed. */
  hearAll(): void {
    for (const news of this.#news.values()) news.tellAll();
  }

  /**
   * Sees to a sweep until it needs nobody, or this worker ends; not yet where it waits for its dataset. `run`: the
   * delivery's number in the sweep's life.
   */
  async coordinate(id: string, run: number): Promise<"done" | "hand-over" | "waits"> {
    const { records } = this.#dependencies;
    const before = await records.sweeps.read(id);
    if (before?.run !== run || before.status === "paused" || isTerminal(before.status)) return "done";
    const { dataset } = before;
    if (dataset.revision === null && (await awaitedDataset(records, dataset.id)).kind === "waits") return "waits";
    const coordination = await records.sweeps.begin(id, newUlid());
    if (coordination === null) return "done";
    const news = new News();
    this.#news.set(id, news);
    try {
      return await this.#coordinate(coordination, news);
    } finally {
      if (this.#news.get(id) === news) this.#news.delete(id);
    }
  }

  async #coordinate(coordination: Coordination, news: News): Promise<"done" | "hand-over"> {
    const { records } = this.#dependencies;
    const { id, attempt } = coordination;
    // Read again: now nobody else writes.
    const begun = await records.sweeps.read(id);
    if (begun === null) return "done";
    const log = this.#dependencies.log.child({ sweep: id, ...requestOf(begun) });
    const sweep = await this.#settled(begun, { coordination, log });
    if (sweep === null) return "done";
    const dataset = await findReadyDataset(records, sweep.dataset.id).catch((error: unknown) => {
      if (error instanceof Refusal) return null;
      throw error;
    });
    const standing = standingOf(sweep.request, await records.sweeps.trials(id));
    const of = { sweep, coordination, standing, dependencies: this.#dependencies };
    const trials = new SweepTrials({ ...of, dataset });
    log.info({ attempt, trials: standing.plan.trials }, "a sweep is coordinated");
    return new Coordinator({ ...of, trials, news, log, signal: this.#signal }).run();
  }

  /** With all that it waited for its dataset to know; null where it is over. */
  async #settled(
    sweep: SweepRecord,
    { coordination, log }: { coordination: Coordination; log: Logger },
  ): Promise<SweepRecord | null> {
    if (sweep.dataset.revision !== null) return sweep;
    try {
      return await settle(sweep, { coordination, dependencies: this.#dependencies });
    } catch (error) {
      if (error instanceof Fenced) return null;
      if (!(error instanceof CannotGoOn)) throw error;
      log.warn({ code: error.code }, error.message);
      await endFailed(this.#dependencies, coordination, error);
      return null;
    }
  }
}
