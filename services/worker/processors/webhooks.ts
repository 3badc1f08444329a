/** The processor of the webhooks queue: tells the user's server that a job's status changed. */
import { DelayedError, UnrecoverableError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import type { Logger } from "../../shared/log.ts";
import type { Tracing } from "../../shared/tracing/index.ts";
import type { Queues } from "../../shared/queues.ts";
import { messageId, presentJob, requestOf } from "../../shared/records/index.ts";
import type { JobRecord, Records, WebhookRecord } from "../../shared/records/index.ts";
import { ForbiddenAddress } from "../../shared/webhooks/addresses.ts";
import { call } from "../webhooks/call.ts";
import type { HostLimits } from "../webhooks/hosts.ts";
import { webhookHeaders } from "../webhooks/sign.ts";

/** Whoever ends an earlier delivery wakes the next; this long where that one died. */
const lookAgainMs = 5000;
/** All tries of a delivery are over by then, whatever became of them. */
const mostHeldUpMs = 30 * 60_000;

export interface WebhookDependencies {
  records: Records;
  queues: Pick<Queues, "hastenWebhook">;
  hosts: HostLimits;
  tracing: Pick<Tracing, "span">;
  log: Logger;
  allowPrivate: boolean;
}

type WebhookJob = Pick<Delivery<QueuePayload<"webhooks">>, "data" | "attemptsMade" | "opts" | "moveToDelayed">;

/** Back into the queue, without counting as a try. */
async function wait(delivery: WebhookJob, token: string | undefined, waitMs: number): Promise<never> {
  await delivery.moveToDelayed(Date.now() + waitMs, token);
  throw new DelayedError();
}

interface Told {
  answered: number | null;
  detail: string | null;
  /** Trying again would be in vain. */
  final: boolean;
}

async function tell(
  { job, record }: { job: JobRecord; record: WebhookRecord },
  url: string,
  allowPrivate: boolean,
): Promise<Told> {
  const body = JSON.stringify({ type: record.type, timestamp: record.at, data: presentJob(job) });
  const headers = webhookHeaders(
    { id: messageId(job.id, record.event), timestamp: Math.floor(Date.now() / 1000), body },
    job.webhookSecret,
  );
  try {
    const answered = await call({ url, headers, body, allowPrivate });
    if (answered >= 200 && answered < 300) return { answered, detail: null, final: true };
    return {
      answered,
      detail: answered === 410 ? "the webhook's server says it is gone" : `the webhook's server answered ${answered}`,
      final: answered === 410,
    };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { answered: null, detail, final: error instanceof ForbiddenAddress };
  }
}

/**
 * One try, after all earlier events of the job were delivered or given up. Throws so that BullMQ tries again with
 * back-off; UnrecoverableError where that would be in vain.
 */
export async function callWebhook(
  delivery: WebhookJob,
  token: string | undefined,
  { records, queues, hosts, tracing, log, allowPrivate }: WebhookDependencies,
): Promise<void> {
  const { jobId, eventId } = queuePayloads.webhooks.parse(delivery.data);
  const waiting = (await records.webhooks.list(jobId)).filter(({ state }) => state === "waiting");
  const at = waiting.findIndex(({ event }) => event === eventId);
  const record = waiting[at];
  if (!record) return;
  const earlier = waiting.slice(0, at);
  if (earlier.some((each) => Date.now() - Date.parse(each.at) < mostHeldUpMs)) await wait(delivery, token, lookAgainMs);
  const job = await records.webhooks.jobAt(jobId, record);
  const url = job?.request.webhook?.url;
  if (!job || url === undefined) return;
  const place = hosts.enter(new URL(url).host);
  if (place.kind === "taken") return wait(delivery, token, place.waitMs);
  const began = performance.now();
  const about = { origin: job.origin, attributes: { "job.id": jobId, "webhook.event": eventId } };
  const told = await tracing
    .span("call webhook", about, () => tell({ job, record }, url, allowPrivate))
    .finally(() => place.leave(performance.now() - began));
  const last = told.final || delivery.attemptsMade + 1 >= (delivery.opts.attempts ?? 1);
  await records.webhooks.note(jobId, {
    ...record,
    state: told.detail === null ? "delivered" : last ? "failed" : "waiting",
    tries: record.tries + 1,
    lastTry: { at: new Date().toISOString(), status: told.answered, detail: told.detail },
  });
  const next = waiting[at + 1];
  if (last && next) await queues.hastenWebhook(jobId, next.event);
  if (told.detail === null) return;
  log.info({ job: jobId, ...requestOf(job), event: eventId, detail: told.detail }, "a webhook was not delivered");
  throw told.final ? new UnrecoverableError(told.detail) : new Error(told.detail);
}
