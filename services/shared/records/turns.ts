/** Whose turn it is among what waits for workers: each project in turn, and within it by priority, size or age. */
import type { Redis } from "ioredis";
import type { QueueName } from "../../../schemas/queue.ts";
import { runScript } from "./scripts.ts";

/** Queues whose deliveries are tickets. */
export type TurnQueue = Extract<QueueName, "training" | "datasets" | "evaluations">;

/** `id`: of the job, dataset or evaluation. `run`: of a job. */
export type Turn = { kind: "take"; id: string; run: number } | { kind: "wait" } | { kind: "none" };

export class Turns {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * Whose turn it is, for a worker that took a delivery. `most`: that one may need there, a job bytes of memory, a
   * check bytes of the upload. `wait`: every project has as many running as it may, or none that fits. `none`: the
   * delivery stands for nothing any more.
   */
  async take(queue: TurnQueue, delivery: string, worker: { most: number; redisRun: string }): Promise<Turn> {
    const now = new Date();
    const [kind, id, run] = (await runScript(this.#redis, "take-turn", [
      queue,
      delivery,
      worker.most,
      now.toISOString(),
      now.getTime(),
      worker.redisRun,
    ])) as [Turn["kind"], string, string];
    return kind === "take" ? { kind, id, run: Number(run) } : { kind };
  }
}
