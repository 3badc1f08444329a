/** Records of checkpoints: which there are, which may go. Recording is fenced by attempt. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { checkpoint } from "../../../schemas/checkpoint.ts";
import type { Checkpoint } from "../../../schemas/checkpoint.ts";
import type { Split } from "../../../schemas/dataset.ts";
import type { CompleteJobRequest } from "../../../schemas/job.ts";
import { decidingSplit } from "../../../schemas/validation.ts";
import { keys } from "../redis-keys.ts";
import { runScript } from "./scripts.ts";

/** A checkpoint as it stands in Redis. */
export const checkpointRecord = checkpoint.omit({ best: true }).extend({
  /** Its object in storage. */
  key: z.string(),
  /** false: a recovery point within an epoch, not shown. */
  listed: z.boolean(),
  /** Seconds of training up to here, over all attempts. */
  elapsedSeconds: z.number(),
  attempt: z.int(),
  /** The best epoch when this was made. */
  bestSoFar: z
    .strictObject({ epoch: z.int(), step: z.int(), accuracy: z.number(), loss: z.number().nullable() })
    .nullable(),
});
export type CheckpointRecord = z.infer<typeof checkpointRecord>;

/** Higher accuracy first, of equals the lower loss, then the earlier. Only figures of the split that decides make a best. */
function byAccuracy(records: readonly CheckpointRecord[], deciding: Split): CheckpointRecord[] {
  return records
    .flatMap((record) =>
      record.listed && record.validation?.split === deciding ? [{ record, ...record.validation }] : [],
    )
    .sort(
      (a, b) => b.accuracy - a.accuracy || (a.loss ?? Infinity) - (b.loss ?? Infinity) || a.record.step - b.record.step,
    )
    .map(({ record }) => record);
}

export const bestOf = (records: readonly CheckpointRecord[], deciding: Split): CheckpointRecord | null =>
  byAccuracy(records, deciding)[0] ?? null;

/** The listed ones as the API shows them, in order of steps. */
export function presentCheckpoints(
  records: readonly CheckpointRecord[],
  { validation }: Pick<CompleteJobRequest, "validation">,
): Checkpoint[] {
  const best = bestOf(records, decidingSplit(validation));
  return records
    .filter((each) => each.listed)
    .map(({ key: _key, listed: _listed, elapsedSeconds: _elapsed, attempt: _attempt, bestSoFar: _best, ...shown }) => ({
      ...shown,
      best: shown.step === best?.step,
    }));
}

/**
 * Which checkpoints the policy lets go: all but the last `keepLast` and best `keepBest` listed ones, the best (the
 * model is made of it) and the newest of all (a crash goes on from it).
 */
export function expendable(
  records: readonly CheckpointRecord[],
  { checkpoints: policy, validation }: Pick<CompleteJobRequest, "checkpoints" | "validation">,
): CheckpointRecord[] {
  const bySteps = [...records].sort((a, b) => a.step - b.step);
  const kept = new Set<number>();
  for (const each of bySteps.filter(({ listed }) => listed).slice(-policy.keepLast)) kept.add(each.step);
  for (const each of byAccuracy(records, decidingSplit(validation)).slice(0, Math.max(1, policy.keepBest)))
    kept.add(each.step);
  const newest = bySteps.at(-1);
  if (newest) kept.add(newest.step);
  return bySteps.filter(({ step }) => !kept.has(step));
}

export class CheckpointRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** In order of steps. */
  async list(jobId: string): Promise<CheckpointRecord[]> {
    const all = Object.values(await this.#redis.hgetall(keys.jobCheckpoints(jobId)));
    return all.map((text) => checkpointRecord.parse(JSON.parse(text))).sort((a, b) => a.step - b.step);
  }

  /** The listed checkpoint of an epoch, held from deletion for `pinSeconds`; null where there is none (any more). */
  async pin(jobId: string, epoch: number, pinSeconds: number): Promise<CheckpointRecord | null> {
    const found = (await this.list(jobId)).filter((each) => each.listed && each.epoch === epoch).at(-1);
    if (!found) return null;
    const held = await runScript(this.#redis, "pin-checkpoint", [jobId, found.step, Date.now() + pinSeconds * 1000]);
    return held === 1 ? found : null;
  }

  /** `exists`: a recovery point of this step stands already; the caller deletes the new object. */
  async record(jobId: string, record: CheckpointRecord, best: boolean): Promise<"ok" | "fenced" | "exists"> {
    const { key: _key, listed, elapsedSeconds: _elapsed, attempt, bestSoFar: _best, ...shown } = record;
    const event = listed ? JSON.stringify({ ...shown, best }) : "";
    return (await runScript(this.#redis, "record-checkpoint", [
      jobId,
      attempt,
      record.step,
      JSON.stringify(record),
      record.at,
      event,
    ])) as "ok" | "fenced" | "exists";
  }

  /** Removes the records of those that nobody holds, and answers them: their objects may go now. */
  async drop(jobId: string, attempt: number, records: readonly CheckpointRecord[]): Promise<CheckpointRecord[]> {
    if (records.length === 0) return [];
    const [kind, ...steps] = (await runScript(this.#redis, "drop-checkpoints", [
      jobId,
      attempt,
      Date.now(),
      ...records.map(({ step }) => step),
    ])) as string[];
    return kind === "ok" ? records.filter(({ step }) => steps.includes(String(step))) : [];
  }
}
