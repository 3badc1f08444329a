/** Which workers there are, and how fast trainings ran. */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { CompleteJobRequest, Numerics } from "../../../schemas/job.ts";
import type { Shape } from "../../../schemas/shape.ts";
import { keys } from "../redis-keys.ts";

export const workerRecord = z.strictObject({
  name: z.string(),
  host: z.string(),
  pid: z.int(),
  startedAt: z.iso.datetime(),
  seenAt: z.iso.datetime(),
  slots: z.int(),
  threads: z.int(),
  /** That one of its jobs may take. */
  memoryBytes: z.int(),
  kernels: z.string(),
  draining: z.boolean(),
  jobs: z.array(z.string()),
});
export type WorkerRecord = z.infer<typeof workerRecord>;

const heartbeatSeconds = 10;

export class WorkerRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** To be repeated well within 10 seconds. */
  async seen(record: WorkerRecord): Promise<void> {
    await this.#redis
      .multi()
      .set(keys.worker(record.name), JSON.stringify(record), "EX", heartbeatSeconds)
      .sadd(keys.workers, record.name)
      .exec();
  }

  async gone(name: string): Promise<void> {
    await this.#redis.multi().del(keys.worker(name)).srem(keys.workers, name).exec();
  }

  /** Those seen within the last 10 seconds. */
  async list(): Promise<WorkerRecord[]> {
    const names = (await this.#redis.smembers(keys.workers)).sort();
    if (names.length === 0) return [];
    const texts = await this.#redis.mget(names.map(keys.worker));
    const dead = names.filter((_, index) => texts[index] === null);
    if (dead.length > 0) await this.#redis.srem(keys.workers, ...dead);
    return texts.flatMap((text) => (text == null ? [] : [workerRecord.parse(JSON.parse(text))]));
  }
}

/** Trainings of this kind run alike fast. */
export function rateKey(
  request: Pick<CompleteJobRequest, "network" | "batchSize" | "threads" | "numerics">,
  input: Shape,
): string {
  const { network, batchSize, threads, numerics } = request;
  return createHash("sha256")
    .update(JSON.stringify({ network, batchSize, threads, numerics, input }))
    .digest("hex")
    .slice(0, 32);
}

/** How long a rate is known after its kind of training was last seen. */
const rateLifeSeconds = 30 * 24 * 3600;

export class Rates {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Samples a second as last seen, or null. */
  async read(key: string): Promise<number | null> {
    const text = await this.#redis.get(keys.rate(key));
    return text === null ? null : Number(text);
  }

  async write(key: string, samplesPerSecond: number): Promise<void> {
    await this.#redis.set(keys.rate(key), samplesPerSecond.toFixed(3), "EX", rateLifeSeconds);
  }
}

/** Kernels by the name under which a worker reports itself. */
export const speedKey = (of: { kernels: string; threads: number; numerics: Numerics }): string =>
  `${of.kernels} ${of.threads} ${of.numerics}`;

/** Work a second (schemas/automatic/cost.ts) that trainings have done, of whatever network. */
export class Speeds {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async readAll(): Promise<ReadonlyMap<string, number>> {
    const all = await this.#redis.hgetall(keys.speeds);
    return new Map(Object.entries(all).map(([key, speed]) => [key, Number(speed)]));
  }

  /** The mean of what was known and what is seen now: one training beside others weighs as much as all before. */
  async note(key: string, speed: number): Promise<void> {
    const known = await this.#redis.hget(keys.speeds, key);
    const mean = known === null ? speed : (Number(known) + speed) / 2;
    await this.#redis.hset(keys.speeds, key, mean.toPrecision(4));
  }
}
