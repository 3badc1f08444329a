/** How a job comes to stand in the queue: a new one, a reproduction, a trial of a sweep. */
import { findJob } from "../find.ts";
import type { Log } from "../log.ts";
import type { Queues } from "../queues.ts";
import type { JobRecord, NewJob, NotCreated, Records } from "../records/index.ts";

/**
 * Records the job and its order in one step, then hands it to the queue; where that fails, whoever looks through the
 * outbox does. What comes back is the job as it was accepted, read before a worker can have it: `queued`. Or what it
 * needs and is not there.
 */
export async function enqueue<Job extends NewJob>(
  { records, queues, log }: { records: Records; queues: Queues; log: Log },
  job: Job,
): Promise<JobRecord | Exclude<NotCreated, Job extends { trial: object } ? never : "not-wanted">> {
  const made = await records.jobs.create(job);
  if (made === "not-wanted" && job.trial === undefined) throw new Error(`job ${job.id} is no trial, and not wanted`);
  if (made !== "created" && made !== "exists")
    return made as Exclude<NotCreated, Job extends { trial: object } ? never : "not-wanted">;
  const record = await findJob(records, job.id);
  await queues
    .deliverJob(job.id)
    .catch((error: unknown) => log.warn({ err: error, job: job.id }, "a job waits in the outbox"));
  return record;
}
