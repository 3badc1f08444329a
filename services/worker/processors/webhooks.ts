/** The processor of the webhooks queue: tells the user's server that a job's status changed. */
import { UnrecoverableError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import type { Logger } from "../../shared/log.ts";
import { readEvent } from "../../shared/progress/index.ts";
import { presentJob } from "../../shared/records/index.ts";
import type { Records } from "../../shared/records/index.ts";
import type { Redis } from "../../shared/redis.ts";
import { ForbiddenAddress } from "../webhooks/addresses.ts";
import { call } from "../webhooks/call.ts";
import { webhookHeaders } from "../webhooks/sign.ts";

export interface WebhookDependencies {
  redis: Redis;
  records: Records;
  log: Logger;
  allowPrivate: boolean;
}

/** One try. Throws so that BullMQ tries again with back-off; UnrecoverableError where that would be in vain. */
export async function callWebhook(
  delivery: Pick<Delivery<QueuePayload<"webhooks">>, "data">,
  { redis, records, log, allowPrivate }: WebhookDependencies,
): Promise<void> {
  const { jobId, eventId } = queuePayloads.webhooks.parse(delivery.data);
  const [job, event] = await Promise.all([records.jobs.read(jobId), readEvent(redis, jobId, eventId)]);
  const url = job?.request.webhook?.url;
  if (!job || event?.type !== "status" || url === undefined) return;
  const body = JSON.stringify({ type: `job.${event.data.status}`, timestamp: event.at, data: presentJob(job) });
  const headers = webhookHeaders(
    { id: `msg_${jobId}_${eventId}`, timestamp: Math.floor(Date.now() / 1000), body },
    job.webhookSecret,
  );
  try {
    const status = await call({ url, headers, body, allowPrivate });
    if (status >= 200 && status < 300) return;
    if (status === 410) throw new UnrecoverableError("the webhook's server says it is gone");
    throw new Error(`the webhook's server answered ${status}`);
  } catch (error) {
    log.info({ job: jobId, event: eventId, err: error }, "a webhook was not delivered");
    throw error instanceof ForbiddenAddress ? new UnrecoverableError(error.message) : error;
  }
}
