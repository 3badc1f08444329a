/** How a job comes to stand in the queue: for a new one and for a reproduction. */
import { findJob } from "../find.ts";
import type { Log } from "../log.ts";
import type { Queues } from "../queues.ts";
import type { JobRecord, NewJob, Records } from "../records/index.ts";

/**
 * Records the job and its order in one step, then hands it to the queue; where that fails, whoever looks through the
 * outbox does. What comes back is the job as it was accepted, read before a worker can have it: `queued`. Or what it
 * needs and is not there.
 */
export async function enqueue(
  { records, queues, log }: { records: Records; queues: Queues; log: Log },
  job: NewJob,
): Promise<JobRecord | "no-dataset" | "no-model"> {
  const made = await records.jobs.create(job);
  if (made === "no-dataset" || made === "no-model") return made;
  const record = await findJob(records, job.id);
  await queues
    .deliverJob(job.id)
    .catch((error: unknown) => log.warn({ err: error, job: job.id }, "a job waits in the outbox"));
  return record;
}
