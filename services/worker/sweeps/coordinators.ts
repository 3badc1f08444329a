/** The sweeps that this worker coordinates: takes them over, and tells each what is said of it. */
import { findReadyDataset } from "../../shared/find.ts";
import { newUlid } from "../../shared/ids.ts";
import { requestOf } from "../../shared/records/index.ts";
import { Refusal } from "../../shared/refusal.ts";
import { standingOf } from "../../shared/sweeps/rows.ts";
import { Coordinator } from "./coordinator.ts";
import { News } from "./news.ts";
import { SweepTrials, type SweepDependencies } from "./trials.ts";

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

  /** Sees to a sweep until it needs nobody, or this worker ends. `run`: the delivery's number in the sweep's life. */
  async coordinate(id: string, run: number): Promise<"done" | "hand-over"> {
    const { records, log } = this.#dependencies;
    const before = await records.sweeps.read(id);
    if (before?.run !== run) return "done";
    const coordination = await records.sweeps.begin(id, newUlid());
    if (coordination === null) return "done";
    const news = new News();
    this.#news.set(id, news);
    try {
      // Read again: now nobody else writes.
      const sweep = await records.sweeps.read(id);
      if (sweep === null) return "done";
      const dataset = await findReadyDataset(records, sweep.dataset.id).catch((error: unknown) => {
        if (error instanceof Refusal) return null;
        throw error;
      });
      const standing = standingOf(sweep.request, await records.sweeps.trials(id));
      const of = { sweep, coordination, standing, dependencies: this.#dependencies };
      const trials = new SweepTrials({ ...of, dataset });
      const sweepLog = log.child({ sweep: id, ...requestOf(sweep) });
      sweepLog.info({ attempt: coordination.attempt, trials: standing.plan.trials }, "a sweep is coordinated");
      return await new Coordinator({ ...of, trials, news, log: sweepLog, signal: this.#signal }).run();
    } finally {
      if (this.#news.get(id) === news) this.#news.delete(id);
    }
  }
}
