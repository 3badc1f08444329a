/** The processor of the training queue: takes a delivery and has its job attempted. The work stands in ../training. */
import { setTimeout as sleep } from "node:timers/promises";
import { DelayedError, WaitingError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { isTerminal } from "../../../schemas/job.ts";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import { trainingDeliveryId } from "../../shared/queues.ts";
import { attemptJob, failUnstarted } from "../training/attempt.ts";
import type { TrainingDependencies } from "../training/attempt.ts";
import { settle } from "../training/settle.ts";

/** A worker that may take nothing asks again so often; the delivery is put off for longer. */
const blockedMs = 200;
const putOffMs = 1000;

/** How often a job looks whether the dataset that it waits for is ready. */
const waitingMs = 500;

/** Asked again in a moment: the delivery is BullMQ's to repeat. */
class TryAgain extends Error {
  override name = "TryAgain";
}

export async function trainJob(
  delivery: Pick<Delivery<QueuePayload<"training">>, "id" | "data" | "moveToWait" | "moveToDelayed" | "changePriority">,
  token: string | undefined,
  dependencies: TrainingDependencies,
): Promise<void> {
  const named = queuePayloads.training.parse(delivery.data);
  const turn = await dependencies.records.jobs.takeTurn(delivery.id ?? trainingDeliveryId(named.jobId, named.run));
  if (turn.kind === "none") return;
  if (turn.kind === "wait") {
    await sleep(blockedMs);
    await delivery.moveToDelayed(Date.now() + putOffMs, token);
    throw new DelayedError();
  }
  // From here on it stands for one job: if it comes back, it goes before those whose job is still to be chosen.
  await delivery.changePriority({ priority: 0 });
  const { jobId, run } = turn;
  const job = await dependencies.records.jobs.read(jobId);
  if (!job || job.run !== run || isTerminal(job.status) || job.status === "paused") return;
  // A second delivery of what this very worker trains (Redis lost the lock): the training goes on under the new
  // delivery, and the old session stops writing.
  dependencies.sessions.get(jobId)?.ask("abandon");
  const settled = await settle(job, dependencies.records);
  if (settled.kind === "waits") {
    await delivery.moveToDelayed(Date.now() + waitingMs, token);
    throw new DelayedError();
  }
  if (settled.kind === "failed") return failUnstarted(job, { error: settled.error, dependencies });
  const next = await attemptJob(settled.job, dependencies);
  if (next === "hand-over") {
    await delivery.moveToWait(token);
    throw new WaitingError();
  }
  if (next === "again") throw new TryAgain(`job ${jobId} will be tried again`);
}
