/** The ledger of attempts, and the fence: only the present attempt's number may write. */
import type { Redis } from "ioredis";
import type { JobStatus } from "../../../schemas/job.ts";
import type { Progress } from "../../../schemas/progress.ts";
import type { Refusal } from "../refusal.ts";
import { runScript } from "./scripts.ts";
import { refusalOf } from "./sight.ts";

export type Begun =
  | { kind: "started" | "spent"; number: number; crashes: number }
  | { kind: "refused"; status: JobStatus | "missing" };

/** What is asked of whoever trains a job: by its status, or by its sweep, which wants the model that there is. */
export interface Asked {
  status: JobStatus | "";
  concludes: boolean;
}

/** E: an event. R: a metric row; of the epoch series it is an event too. */
export type Publication =
  | { kind: "event"; type: string; at: string; data: unknown }
  | { kind: "row"; series: "step" | "epoch" | "inside"; step: number; row: unknown; at: string };

export class Attempts {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * Starts an attempt of a job that is queued or was running (its worker is gone). `token` makes a repetition harmless.
   * `spent`: the crash budget is.
   */
  async begin(
    jobId: string,
    options: { token: string; worker: string; fromCheckpoint: number | null; crashBudget: number; redisRun: string },
  ): Promise<Begun> {
    const now = new Date();
    const opened = JSON.stringify({
      worker: options.worker,
      startedAt: now.toISOString(),
      endedAt: null,
      reason: null,
      fromCheckpoint: options.fromCheckpoint,
    });
    const answer = (await runScript(this.#redis, "begin-attempt", [
      jobId,
      options.token,
      now.toISOString(),
      now.getTime(),
      opened,
      options.crashBudget,
      options.redisRun,
    ])) as [Begun["kind"], number | string, number | undefined];
    if (answer[0] === "refused") return { kind: "refused", status: answer[1] as JobStatus | "missing" };
    return { kind: answer[0], number: Number(answer[1]), crashes: Number(answer[2]) };
  }

  /** Closes an attempt whose job will be tried again. */
  async end(jobId: string, attempt: number, reason: string, crash: boolean): Promise<"ok" | "fenced"> {
    return (await runScript(this.#redis, "end-attempt", [
      jobId,
      attempt,
      new Date().toISOString(),
      reason,
      crash ? 1 : 0,
    ])) as "ok" | "fenced";
  }

  /**
   * What is about to be stored counts for the project from here on, until it is recorded or the attempt ends. Answers a
   * refusal where the project may not store so much: then it is not to be written.
   */
  async hold(
    jobId: string,
    attempt: number,
    { name, bytes }: { name: string; bytes: number },
  ): Promise<"ok" | "fenced" | Refusal> {
    const answer = await runScript(this.#redis, "hold-bytes", [jobId, attempt, name, bytes]);
    return refusalOf(answer) ?? (answer as "ok" | "fenced");
  }

  /**
   * Publishes what happened. `batch` counts up within an attempt, so a repetition changes nothing. The status tells
   * what is asked of the worker.
   */
  async publish(
    jobId: string,
    attempt: number,
    batch: number,
    progress: Progress | null,
    items: readonly Publication[],
  ): Promise<Asked & { kind: "ok" | "fenced" | "missing" }> {
    const flat = items.flatMap((item) =>
      item.kind === "event"
        ? ["E", item.type, item.at, JSON.stringify(item.data), ""]
        : ["R", item.series, item.step, JSON.stringify(item.row), item.at],
    );
    const [kind, status, concludes] = (await runScript(this.#redis, "publish-progress", [
      jobId,
      attempt,
      batch,
      progress === null ? "" : JSON.stringify(progress),
      ...flat,
    ])) as ["ok" | "fenced" | "missing", JobStatus | "", string];
    return { kind, status, concludes: concludes === "1" };
  }
}
