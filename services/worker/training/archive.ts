/**
 * Ended jobs go to storage, whole: from there their records can be rebuilt. Objects that nothing names are cleared
 * away.
 */
import { isTerminal } from "../../../schemas/job.ts";
import type { Logger } from "../../shared/log.ts";
import { allEvents, jobSequence, readInside, readMetrics } from "../../shared/progress/index.ts";
import { presentJob } from "../../shared/records/index.ts";
import type { Records } from "../../shared/records/index.ts";
import type { JobManifest } from "../../shared/records/job-manifest.ts";
import type { Redis } from "../../shared/redis.ts";
import { layout, putJson } from "../../shared/storage/index.ts";
import type { Storage } from "../../shared/storage/index.ts";

export interface ArchiveOptions {
  redis: Redis;
  records: Records;
  storage: Storage;
}

/** Deletes what lies below a prefix and is not named. */
async function clear(storage: Storage, prefix: string, named: ReadonlySet<string>): Promise<void> {
  for await (const { key } of storage.list(prefix)) if (!named.has(key)) await storage.delete(key);
}

/** Writes the manifest of a job that ended and takes it off the list. Can be done twice. */
export async function archive(jobId: string, { redis, records, storage }: ArchiveOptions): Promise<void> {
  const record = await records.jobs.read(jobId);
  if (record && isTerminal(record.status)) {
    const checkpoints = await records.checkpoints.list(jobId);
    const [step, epoch, inside, events] = await Promise.all([
      readMetrics(redis, jobId, "step"),
      readMetrics(redis, jobId, "epoch"),
      readInside(redis, jobId, { order: "asc" }),
      allEvents(redis, jobSequence, jobId),
    ]);
    const manifest: JobManifest = {
      version: 1,
      project: record.project,
      job: presentJob(record),
      stopAtStep: record.stopAtStep,
      rescheduled: record.rescheduled,
      initialModelId: record.initialModelId,
      checkpoints,
      metrics: { step, epoch, inside },
      events,
    };
    await putJson(storage, layout.jobManifest(jobId), manifest);
    await clear(storage, layout.checkpoints(jobId), new Set(checkpoints.map(({ key }) => key)));
    const model = record.model === null ? null : await records.models.read(record.model);
    if (model)
      await clear(
        storage,
        layout.model(model.id),
        new Set([
          model.files.manifest,
          model.files.weights,
          ...Object.values(model.files.predictions).map(({ file }) => file),
        ]),
      );
    // Deleted while we wrote: nobody else will clear it.
    if ((await records.jobs.status(jobId)) === null) await storage.deleteAll(layout.job(jobId));
  }
  await records.jobs.archived(jobId);
}

/** Archives the jobs that end here, one after the other, beside what the slots do: the next job need not wait for it. */
export class Archives {
  readonly #options: ArchiveOptions & { log: Logger };
  #last: Promise<void> = Promise.resolve();

  constructor(options: ArchiveOptions & { log: Logger }) {
    this.#options = options;
  }

  /** What fails is done by housekeeping later. */
  add(jobId: string): void {
    const { log } = this.#options;
    this.#last = this.#last
      .then(() => archive(jobId, this.#options))
      .catch((error: unknown) => log.warn({ err: error, job: jobId }, "the job's manifest will be written later"));
  }

  /** Settles when all that was added by now is written. */
  idle(): Promise<void> {
    return this.#last;
  }
}
