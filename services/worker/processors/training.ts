/** The processor of the training queue: takes a delivery, starts an attempt, brings the job to its next status. */
import { WaitingError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { isTerminal } from "../../../schemas/job.ts";
import type { Job, JobStatus, Numerics } from "../../../schemas/job.ts";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import { newUlid } from "../../shared/ids.ts";
import type { KernelsDescription } from "../../shared/kernels.ts";
import type { Logger } from "../../shared/log.ts";
import type { JobRecord, Records } from "../../shared/records/index.ts";
import type { Redis } from "../../shared/redis.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { collect } from "../threads/collect.ts";
import type { ThreadPool } from "../threads/pool.ts";
import { archive } from "../training/archive.ts";
import { backOff } from "../training/back-off.ts";
import { keepOutcome } from "../training/outcome.ts";
import { CannotTrain, prepare } from "../training/preparation.ts";
import type { Prepared } from "../training/preparation.ts";
import { TrainingSession } from "../training/session.ts";
import type { SessionEnd } from "../training/session.ts";

/** By then nothing refers to the training that ended. */
const collectAfterMs = 100;

export interface TrainingDependencies {
  redis: Redis;
  records: Records;
  storage: Storage;
  pool: ThreadPool;
  log: Logger;
  worker: string;
  /** Most threads of a job. */
  threads: number;
  /**
   * Whether a processor is left beside so many threads of a job: it gets an augmentation thread, which is not one of
   * them.
   */
  hasSpareProcessor: (threads: number) => boolean;
  crashBudget: number;
  kernels: (numerics: Numerics) => KernelsDescription;
  /** Changes whenever Redis is started anew. */
  redisRun: () => string;
}

/** Asked again in a moment: the delivery is BullMQ's to repeat. */
class TryAgain extends Error {
  override name = "TryAgain";
}

export class TrainingProcessor {
  readonly #dependencies: TrainingDependencies;
  readonly #sessions = new Map<string, TrainingSession>();
  #draining = false;

  constructor(dependencies: TrainingDependencies) {
    this.#dependencies = dependencies;
  }

  /** Jobs that are trained now. */
  get jobs(): string[] {
    return [...this.#sessions.keys()];
  }

  /** Somebody changed the status of a job: if it is ours, look. */
  async heed(jobId: string): Promise<void> {
    const session = this.#sessions.get(jobId);
    if (session) session.heed((await this.#dependencies.records.jobs.status(jobId)) ?? "");
  }

  /** All jobs are handed over at the end of the batch they are in. */
  drain(): void {
    this.#draining = true;
    for (const session of this.#sessions.values()) session.ask("handOver");
  }

  async process(delivery: Delivery<QueuePayload<"training">>, token: string | undefined): Promise<void> {
    const { jobId, run } = queuePayloads.training.parse(delivery.data);
    const log = this.#dependencies.log.child({ job: jobId });
    const job = await this.#dependencies.records.jobs.read(jobId);
    if (!job || job.run !== run || isTerminal(job.status) || job.status === "paused") return;
    // A second delivery of what this very worker trains (Redis lost the lock): the session goes on under the new one's
    // fence.
    this.#sessions.get(jobId)?.ask("abandon");
    const next = await this.#attempt(job, log);
    if (next === "hand-over") {
      await delivery.moveToWait(token);
      throw new WaitingError();
    }
    if (next === "again") throw new TryAgain(`job ${jobId} will be tried again`);
  }

  async #attempt(job: JobRecord, log: Logger): Promise<"done" | "hand-over" | "again"> {
    const { records, worker, crashBudget, redisRun } = this.#dependencies;
    const newest = (await records.checkpoints.list(job.id)).at(-1) ?? null;
    const begun = await records.attempts.begin(job.id, {
      token: newUlid(),
      worker,
      fromCheckpoint: newest?.step ?? null,
      crashBudget,
      redisRun: redisRun(),
    });
    if (begun.kind === "refused") {
      await this.#leaveOff(job.id, begun.status, {});
      return "done";
    }
    const attempt = begun.number;
    if (begun.kind === "spent") {
      await this.#fail(
        job,
        attempt,
        {
          code: "crashed",
          detail: `its worker died ${begun.crashes} times without reaching a new checkpoint`,
          step: newest?.step ?? null,
        },
        log,
      );
      return "done";
    }
    log.info({ attempt, from: newest?.step ?? null }, "training starts");
    const prepared = await this.#prepare(job, attempt, log);
    if (prepared === "failed") return "done";
    if (prepared === "again") return "again";
    return this.#train(job, attempt, prepared, log);
  }

  /** A request that the job's last worker did not live to fulfil. */
  async #leaveOff(
    jobId: string,
    status: JobStatus | "missing",
    fence: { attempt?: number; ending?: string },
  ): Promise<void> {
    const { jobs } = this.#dependencies.records;
    if (status === "pausing") await jobs.move(jobId, { pausing: "paused" }, { reason: "paused by request", ...fence });
    if (status === "cancelling")
      await jobs.move(jobId, { cancelling: "cancelled" }, { reason: "cancelled by request", ...fence });
  }

  async #prepare(job: JobRecord, attempt: number, log: Logger): Promise<Prepared | "failed" | "again"> {
    const { records, storage, threads } = this.#dependencies;
    try {
      return await prepare(job, { records, storage, threads });
    } catch (error) {
      if (error instanceof CannotTrain) {
        await this.#fail(job, attempt, { code: error.code, detail: error.message, step: null }, log);
        return "failed";
      }
      const detail = error instanceof Error ? error.message : String(error);
      log.warn({ err: error }, "the training could not be prepared; it will be tried again");
      await this.#giveBack(job.id, attempt, {
        reason: detail,
        crash: false,
        warning: { code: "storage", detail: `the training could not be prepared (${detail}); trying again` },
      });
      return "again";
    }
  }

  async #train(
    job: JobRecord,
    attempt: number,
    prepared: Prepared,
    log: Logger,
  ): Promise<"done" | "hand-over" | "again"> {
    const { records, storage, pool, hasSpareProcessor, kernels } = this.#dependencies;
    const session = new TrainingSession({
      job,
      attempt,
      prepared,
      kernels: kernels(job.request.numerics),
      pool,
      hasSpareProcessor,
      records,
      storage,
      log,
    });
    this.#sessions.set(job.id, session);
    try {
      // A request that came before the session stood.
      session.heed((await records.jobs.status(job.id)) ?? "");
      if (this.#draining) session.ask("handOver");
      const end = await session.run();
      log.info({ attempt, end: end.kind }, "training stopped");
      return await this.#conclude({ job, attempt, prepared, session, end, log });
    } finally {
      if (this.#sessions.get(job.id) === session) this.#sessions.delete(job.id);
      setTimeout(collect, collectAfterMs);
    }
  }

  async #conclude(at: {
    job: JobRecord;
    attempt: number;
    prepared: Prepared;
    session: TrainingSession;
    end: SessionEnd;
    log: Logger;
  }): Promise<"done" | "hand-over" | "again"> {
    const { job, attempt, end, log } = at;
    switch (end.kind) {
      case "fenced":
        return "done";
      case "finished":
        return this.#finish({ ...at, end });
      case "stopped":
        return this.#stopped(job, attempt, log);
      case "diverged":
        await this.#fail(job, attempt, { code: "diverged", detail: end.detail, step: end.step }, log);
        return "done";
      case "refused":
        await this.#fail(job, attempt, { code: end.code, detail: end.detail, step: null }, log);
        return "done";
      case "broken":
        await this.#giveBack(job.id, attempt, {
          reason: `a thread broke: ${end.detail}`,
          crash: true,
          warning: {
            code: "thread",
            detail: `a compute thread broke (${end.detail}); going on from the last checkpoint`,
          },
        });
        return "again";
    }
  }

  /** A stop we asked for: by whom is in the status, which may have changed since. */
  async #stopped(job: JobRecord, attempt: number, log: Logger): Promise<"done" | "hand-over"> {
    const { jobs } = this.#dependencies.records;
    const status = await jobs.status(job.id);
    if (status === "cancelling")
      await jobs.move(
        job.id,
        { cancelling: "cancelled" },
        { attempt, ending: "cancelled", reason: "cancelled by request" },
      );
    else if (status === "pausing")
      await jobs.move(job.id, { pausing: "paused" }, { attempt, ending: "paused", reason: "paused by request" });
    else if (status === "running") {
      const moved = await jobs.move(
        job.id,
        { running: "queued" },
        { attempt, ending: "handed over", reason: "its worker ends; another goes on" },
      );
      if (moved.kind === "changed") return "hand-over";
      if (moved.kind === "forbidden") return this.#stopped(job, attempt, log);
    }
    return "done";
  }

  async #finish(at: {
    job: JobRecord;
    attempt: number;
    prepared: Prepared;
    session: TrainingSession;
    end: Extract<SessionEnd, { kind: "finished" }>;
    log: Logger;
  }): Promise<"done"> {
    const { job, attempt, prepared, session, end, log } = at;
    const { records, storage, kernels } = this.#dependencies;
    const outcome = await this.#insist(
      () =>
        keepOutcome({
          job,
          attempt,
          dataset: prepared.dataset,
          normalisation: prepared.normalisation,
          finished: end,
          seconds: session.elapsedSeconds,
          kernels: kernels(job.request.numerics),
          kernelsName: session.kernelsName,
          storage,
        }),
      { job, attempt, log },
    );
    if (!outcome) {
      await this.#leaveOff(job.id, (await records.jobs.status(job.id)) ?? "missing", { attempt, ending: "cancelled" });
      return this.#archive(job.id, log);
    }
    const { reproduction } = job;
    const found = outcome.receipt.weights;
    const set: Pick<Job, "result" | "receipt"> & Partial<Pick<Job, "reproduction">> = {
      result: outcome.result,
      receipt: outcome.receipt,
      ...(reproduction ? { reproduction: { ...reproduction, found, agrees: found === reproduction.expected } } : {}),
    };
    const moved = await records.jobs.succeed(job.id, {
      attempt,
      reason: outcome.result.stopReason,
      set,
      model: outcome.model,
    });
    if (moved.kind === "forbidden") await this.#leaveOff(job.id, moved.status, { attempt, ending: "cancelled" });
    return this.#archive(job.id, log);
  }

  /** Keeps trying while storage refuses, unless the job is cancelled or taken over meanwhile. */
  async #insist<Value>(
    doing: () => Promise<Value>,
    { job, attempt, log }: { job: JobRecord; attempt: number; log: Logger },
  ): Promise<Value | null> {
    const { records } = this.#dependencies;
    for (let tries = 0; ; tries++) {
      try {
        return await doing();
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        log.warn({ err: error, tries }, "the model could not be written; trying again");
        const record = await records.jobs.read(job.id);
        if (!record || record.attempt !== attempt || record.status === "cancelling") return null;
        if (tries % 10 === 0)
          await records.jobs.warn(job.id, attempt, {
            code: "storage",
            detail: `the model could not be written (${detail}); trying again`,
          });
        await backOff(tries);
      }
    }
  }

  async #archive(jobId: string, log: Logger): Promise<"done"> {
    await archive(jobId, this.#dependencies).catch((error: unknown) =>
      log.warn({ err: error }, "the job's manifest will be written later"),
    );
    return "done";
  }

  async #fail(job: JobRecord, attempt: number, error: NonNullable<Job["error"]>, log: Logger): Promise<void> {
    const { jobs } = this.#dependencies.records;
    log.info({ attempt, code: error.code }, error.detail);
    await jobs.move(job.id, { "*": "failed" }, { attempt, ending: error.detail, reason: error.detail, set: { error } });
    await this.#archive(job.id, log);
  }

  /** The attempt is over, the job is not: it waits in the queue for the next. */
  async #giveBack(
    jobId: string,
    attempt: number,
    why: { reason: string; crash: boolean; warning: { code: string; detail: string } },
  ): Promise<void> {
    const { attempts, jobs } = this.#dependencies.records;
    await jobs.warn(jobId, attempt, why.warning);
    if ((await attempts.end(jobId, attempt, why.reason, why.crash)) === "fenced") return;
    const moved = await jobs.move(jobId, { running: "queued" }, { attempt, reason: why.reason });
    if (moved.kind === "forbidden") await this.#leaveOff(jobId, moved.status, { attempt });
  }
}
