/**
 * Deliveries to webhooks: one for each change of status of a job that has one. Each keeps what the change made of the
 * job, so that a call that is made late still tells what was true at its event.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { jobStatus } from "../../../schemas/job.ts";
import { webhookDelivery, type WebhookDelivery } from "../../../schemas/webhook.ts";
import { keys } from "../redis-keys.ts";
import { readHashes } from "./hash.ts";
import { readJobHash, type JobRecord } from "./job-hash.ts";
import { runScript } from "./scripts.ts";

/** As it stands in Redis under the event's id. */
const webhookRecord = webhookDelivery.omit({ event: true, message: true }).extend({
  status: jobStatus,
  /** Fields of the job's hash as they were; null once nobody will be told any more. */
  snapshot: z.record(z.string(), z.string()).nullable(),
});
export type WebhookRecord = z.infer<typeof webhookRecord> & { event: string };

/** The same for every try: receivers know a repetition by it. */
export const messageId = (jobId: string, event: string): string => `msg_${jobId}_${event}`;

export const presentWebhook = (
  jobId: string,
  { status: _status, snapshot: _snapshot, ...shown }: WebhookRecord,
): WebhookDelivery => ({ ...shown, message: messageId(jobId, shown.event) });

/** Fields of a job's hash that a later change may have added or replaced. */
const varying = /^(startedAt|finishedAt|progress|result|model|error|receipt|reproduction|attempt|attempt:\d+(:end)?)$/;

/** The hash of a job with what was true at an event instead of what is true now. Attempts before the last had ended. */
export function hashAt(
  now: Readonly<Record<string, string>>,
  { status, snapshot }: { status: string; snapshot: Readonly<Record<string, string>> },
): Record<string, string> {
  const last = Number(snapshot["attempt"]);
  const isBefore = (name: string): boolean => Number(/^attempt:(\d+)/.exec(name)?.[1]) < last;
  const kept = Object.entries(now).filter(([name]) => !varying.test(name) || isBefore(name));
  return { ...Object.fromEntries(kept), ...snapshot, status };
}

export class WebhookRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** In order of events. */
  async list(jobId: string): Promise<WebhookRecord[]> {
    const all = Object.entries(await this.#redis.hgetall(keys.jobWebhooks(jobId)));
    return all
      .map(([event, text]) => ({ ...webhookRecord.parse(JSON.parse(text)), event }))
      .sort((a, b) => Number(a.event) - Number(b.event));
  }

  /** The job as it was at the event of a delivery; null where either is gone. */
  async jobAt(jobId: string, { status, snapshot }: WebhookRecord): Promise<JobRecord | null> {
    const [now] = await readHashes(this.#redis, [keys.job(jobId)]);
    return now?.["status"] === undefined || snapshot === null ? null : readJobHash(hashAt(now, { status, snapshot }));
  }

  async note(jobId: string, { event, ...record }: WebhookRecord): Promise<void> {
    const kept = record.state === "waiting" ? record : { ...record, snapshot: null };
    await runScript(this.#redis, "note-webhook", [jobId, event, JSON.stringify(kept)]);
  }
}
