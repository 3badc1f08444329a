/** The trainings of this worker, by job. */
import type { Asked } from "../../shared/records/index.ts";
import { Collection } from "../threads/collect.ts";
import type { SessionEnd, TrainingSession } from "./session.ts";

/** Memory is collected so much later, when nothing refers to the ended training any more. */
const collectAfterMs = 100;

export class Sessions {
  readonly #byJob = new Map<string, TrainingSession>();
  readonly #collection = new Collection({ afterMs: collectAfterMs });
  #draining = false;

  /** Jobs that are trained now. */
  get jobs(): string[] {
    return [...this.#byJob.keys()];
  }

  get samplesPerSecond(): number {
    return [...this.#byJob.values()].reduce((sum, session) => sum + session.samplesPerSecond, 0);
  }

  get(jobId: string): TrainingSession | null {
    return this.#byJob.get(jobId) ?? null;
  }

  /** Every training is handed over at the end of the batch it is in, also those that start from now on. */
  drain(): void {
    this.#draining = true;
    for (const session of this.#byJob.values()) session.ask("handOver");
  }

  /**
   * Trains, and lets `conclude` bring the job to its next status while the session still hears what is asked of it.
   * `asked` reads what is asked of it: that may have come before the session stood.
   */
  async run<Result>(
    jobId: string,
    session: TrainingSession,
    { asked, conclude }: { asked: () => Promise<Asked>; conclude: (end: SessionEnd) => Promise<Result> },
  ): Promise<Result> {
    this.#byJob.set(jobId, session);
    try {
      session.heed(await asked());
      if (this.#draining) session.ask("handOver");
      return await conclude(await session.run());
    } finally {
      if (this.#byJob.get(jobId) === session) this.#byJob.delete(jobId);
      this.#collection.over(session.memoryBytes);
    }
  }
}
