/** The processor of the training queue: takes a delivery and has its job attempted. The work stands in ../training. */
import { DelayedError, WaitingError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { isTerminal } from "../../../schemas/job.ts";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import { trainingDeliveryId } from "../../shared/queues.ts";
import type { JobRecord } from "../../shared/records/index.ts";
import { withLogFields } from "../../shared/log-fields.ts";
import { requestOf } from "../../shared/records/index.ts";
import { attemptJob, failUnstarted } from "../training/attempt.ts";
import type { TrainingDependencies } from "../training/attempt.ts";
import { waitingMs } from "../datasets/awaited.ts";
import { settle } from "../training/settle.ts";
import { takeTurn, type Ticket } from "./turns.ts";

/** Asked again in a moment: the delivery is BullMQ's to repeat. */
class TryAgain extends Error {
  override name = "TryAgain";
}

type TrainingDelivery = Ticket & Pick<Delivery<QueuePayload<"training">>, "data" | "moveToWait">;

/** The job that a delivery stands for, with all that it needs to be attempted here; null: nothing is left to do. */
async function takeJob(
  delivery: TrainingDelivery,
  token: string | undefined,
  dependencies: TrainingDependencies,
): Promise<JobRecord | null> {
  const { records, memoryBytes, ending, redisRun, planBytes } = dependencies;
  const named = queuePayloads.training.parse(delivery.data);
  for (;;) {
    const turn = await takeTurn(
      "training",
      { delivery, token, named: trainingDeliveryId(named.jobId, named.run) },
      { turns: records.turns, most: memoryBytes, redisRun: redisRun(), ending },
    );
    if (!turn) return null;
    const { id: jobId, run } = turn;
    const job = await records.jobs.read(jobId);
    if (!job || job.run !== run || isTerminal(job.status) || job.status === "paused") return null;
    // A second delivery of what this very worker trains (Redis lost the lock): the training goes on under the new
    // delivery, and the old session stops writing.
    dependencies.sessions.get(jobId)?.ask("abandon");
    const settled = await settle(job, { records, planBytes });
    if (settled.kind === "waits") {
      await delivery.moveToDelayed(Date.now() + waitingMs, token);
      throw new DelayedError();
    }
    if (settled.kind === "failed") {
      await failUnstarted(job, { error: settled.error, dependencies });
      return null;
    }
    // What it needs may be known only now: then it waits for a worker that has it, and this one takes another.
    if ((settled.job.bytes ?? 0) <= memoryBytes) return settled.job;
  }
}

export async function trainJob(
  delivery: TrainingDelivery,
  token: string | undefined,
  dependencies: TrainingDependencies,
): Promise<void> {
  const job = await takeJob(delivery, token, dependencies);
  if (!job) return;
  const about = { origin: job.origin, attributes: { "job.id": job.id, "job.run": job.run } };
  const next = await withLogFields({ job: job.id, ...requestOf(job) }, () =>
    dependencies.tracing.span("train", about, (span) => attemptJob(job, dependencies, span)),
  );
  if (next === "hand-over") {
    await delivery.moveToWait(token);
    throw new WaitingError();
  }
  if (next === "again") throw new TryAgain(`job ${job.id} will be tried again`);
}
