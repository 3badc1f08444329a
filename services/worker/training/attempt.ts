/**
 * One attempt at a job, from its first fenced write to the status that the job has afterwards. Every write carries the
 * attempt's number: once another attempt has begun, none of them counts any more.
 */
import type { Failure, Warning } from "../../../schemas/failure.ts";
import type { Job, JobStatus, Numerics } from "../../../schemas/job.ts";
import { afterDivergence } from "../../../schemas/warnings.ts";
import { finite } from "../../shared/finite.ts";
import { newUlid } from "../../shared/ids.ts";
import type { KernelsDescription } from "../../shared/kernels.ts";
import type { Logger } from "../../shared/log.ts";
import type { OrderDependencies } from "../../shared/jobs/order.ts";
import { requestOf, type JobRecord, type Records } from "../../shared/records/index.ts";
import { Refusal } from "../../shared/refusal.ts";
import type { OpenSpan, Tracing } from "../../shared/tracing/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import type { WorkerTelemetry } from "../telemetry.ts";
import type { ThreadPool } from "../threads/pool.ts";
import type { Finished } from "../threads/protocol.ts";
import type { Archives } from "./archive.ts";
import { backOff } from "./back-off.ts";
import { bytesOfFinished, bytesOfModel, keepOutcome, type Outcome } from "./outcome.ts";
import { Phases } from "./phases.ts";
import { CannotTrain, prepare } from "./preparation.ts";
import type { Prepared } from "./preparation.ts";
import { TrainingSession } from "./session.ts";
import type { SessionEnd } from "./session.ts";
import type { Sessions } from "./sessions.ts";

export interface TrainingDependencies {
  records: Records;
  storage: Storage;
  pool: ThreadPool;
  sessions: Sessions;
  archives: Archives;
  log: Logger;
  tracing: Tracing;
  telemetry: Pick<WorkerTelemetry, "checkpoint">;
  worker: string;
  /** Most threads of a job. */
  threads: number;
  /** Most memory of a job. */
  memoryBytes: number;
  /** The worker ends. */
  ending: AbortSignal;
  /** Of a training that was accepted before its dataset was known. */
  planBytes: OrderDependencies["planBytes"];
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

/** What becomes of the delivery: it is over, another worker takes it, or it is tried again after a while. */
export type Next = "done" | "hand-over" | "again";

interface AttemptOptions {
  job: JobRecord;
  number: number;
  span: OpenSpan;
  log: Logger;
  dependencies: TrainingDependencies;
}

/** Fulfils a request that the job's last worker did not live to fulfil. */
async function leaveOff(
  { jobs }: Records,
  jobId: string,
  { status, ...fence }: { status: JobStatus | "missing"; attempt?: number; ending?: string },
): Promise<void> {
  if (status === "pausing") await jobs.move(jobId, { pausing: "paused" }, { reason: "paused by request", ...fence });
  if (status === "cancelling")
    await jobs.move(jobId, { cancelling: "cancelled" }, { reason: "cancelled by request", ...fence });
}

class Attempt {
  readonly #options: AttemptOptions;

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  async run(): Promise<Next> {
    const prepared = await this.#prepare();
    return typeof prepared === "string" ? prepared : this.#train(prepared);
  }

  async #prepare(): Promise<Prepared | "done" | "again"> {
    const { job, log, dependencies } = this.#options;
    try {
      const prepared = await dependencies.tracing.span("prepare", {}, () => prepare(job, dependencies));
      return (await this.#holdModel(bytesOfModel(job, prepared.dataset), null)) ? prepared : "done";
    } catch (error) {
      if (error instanceof CannotTrain) return this.fail({ code: error.code, detail: error.message, step: null });
      const detail = error instanceof Error ? error.message : String(error);
      log.warn({ err: error }, "the training could not be prepared; it will be tried again");
      return this.#giveBack({
        reason: detail,
        crash: false,
        warning: { code: "storage", detail: `the training could not be prepared (${detail}); trying again` },
      });
    }
  }

  /**
   * The model has its room from the beginning, so that no training ends without one for want of it. Where there is
   * none, or another attempt has begun, this one is over.
   */
  async #holdModel(bytes: number, step: number | null): Promise<boolean> {
    const { job, number, dependencies } = this.#options;
    const held = await dependencies.records.attempts.hold(job.id, number, { name: "model", bytes });
    if (held instanceof Refusal) {
      const detail = `its model of ${bytes} bytes has no room: ${held.message}`;
      await this.fail({ code: "limit-reached", detail, step });
    }
    return held === "ok";
  }

  #train(prepared: Prepared): Promise<Next> {
    const { job, number, span, log, dependencies } = this.#options;
    const { records, storage, pool, hasSpareProcessor, kernels, sessions } = dependencies;
    const session = new TrainingSession({
      job,
      attempt: number,
      phases: new Phases(span, dependencies.telemetry),
      prepared,
      kernels: kernels(job.request.numerics),
      workerKernels: kernels("reproducible").name,
      pool,
      hasSpareProcessor,
      records,
      storage,
      log,
    });
    return sessions.run(job.id, session, {
      asked: () => records.jobs.asked(job.id),
      conclude: (end) => {
        log.info({ attempt: number, end: end.kind }, "training stopped");
        return this.#conclude(end, { prepared, session });
      },
    });
  }

  #conclude(end: SessionEnd, of: { prepared: Prepared; session: TrainingSession }): Promise<Next> {
    switch (end.kind) {
      case "fenced":
        return Promise.resolve("done");
      case "finished":
        return this.#finish(end, of);
      case "stopped":
        return this.#stopped();
      case "interrupted":
        return this.#interrupted(end);
      case "diverged":
        return this.fail({
          code: "diverged",
          detail: `${end.detail}. ${afterDivergence(this.#options.job.request)}`,
          step: end.step,
        });
      case "refused":
        return this.fail({ code: end.code, detail: end.detail, step: null });
      case "full":
        return this.fail({ code: "limit-reached", detail: end.detail, step: end.step });
      case "broken":
        return this.#giveBack({
          reason: `a thread broke: ${end.detail}`,
          crash: true,
          warning: {
            code: "thread",
            detail: `a compute thread broke (${end.detail}); going on from the last checkpoint`,
          },
        });
    }
  }

  /** A stop that was asked for: by whom is in the job's status, which may have changed since. */
  async #stopped(): Promise<Next> {
    const { job, number: attempt, dependencies } = this.#options;
    const { jobs } = dependencies.records;
    const status = await jobs.status(job.id);
    if (status === "cancelling") await leaveOff(dependencies.records, job.id, { status, attempt, ending: "cancelled" });
    else if (status === "pausing") await leaveOff(dependencies.records, job.id, { status, attempt, ending: "paused" });
    else if (status === "running") {
      const moved = await jobs.move(
        job.id,
        { running: "queued" },
        { attempt, ending: "handed over", reason: "its worker ends; another goes on" },
      );
      if (moved.kind === "changed") return "hand-over";
      if (moved.kind === "forbidden") return this.#stopped();
    }
    return "done";
  }

  /** A rung of its sweep is over: the job waits, with the figures it reached. */
  async #interrupted({ epoch, figures }: Extract<SessionEnd, { kind: "interrupted" }>): Promise<Next> {
    const { job, number: attempt, dependencies } = this.#options;
    const { jobs } = dependencies.records;
    const interruption = { epoch, loss: finite(figures.loss), accuracy: figures.accuracy };
    const moved = await jobs.move(
      job.id,
      { running: "paused", pausing: "paused" },
      { attempt, ending: "paused", reason: "waits for the other trials of its sweep", set: { interruption } },
    );
    return moved.kind === "forbidden" ? this.#stopped() : "done";
  }

  /** The model is written, then the job succeeds; a cancel that came before wins. */
  async #finish(finished: Finished, of: { prepared: Prepared; session: TrainingSession }): Promise<"done"> {
    const { job, number: attempt, dependencies } = this.#options;
    const { records, storage, kernels } = dependencies;
    if (!(await this.#holdModel(bytesOfFinished(finished), finished.step))) return "done";
    const keep = (): Promise<Outcome> =>
      keepOutcome({
        job,
        attempt,
        dataset: of.prepared.dataset,
        normalisation: of.prepared.normalisation,
        initialWeights: of.prepared.initialWeights,
        finished,
        seconds: of.session.elapsedSeconds,
        kernels: kernels(job.request.numerics),
        kernelsName: of.session.kernelsName,
        storage,
      });
    const outcome = await dependencies.tracing.span("keep model", {}, () => this.#insist(keep));
    const ending = "cancelled";
    if (!outcome) {
      await leaveOff(records, job.id, { status: (await records.jobs.status(job.id)) ?? "missing", attempt, ending });
      return this.#ended();
    }
    const { reproduction } = job;
    const found = outcome.receipt.weights;
    const set: Pick<Job, "result" | "receipt"> & Partial<Pick<Job, "reproduction">> = {
      result: outcome.result,
      receipt: outcome.receipt,
      ...(reproduction ? { reproduction: { ...reproduction, found, agrees: found === reproduction.expected } } : {}),
    };
    const reason = outcome.result.stopReason;
    const moved = await records.jobs.succeed(job.id, { attempt, reason, set, model: outcome.model });
    if (moved.kind === "forbidden") await leaveOff(records, job.id, { status: moved.status, attempt, ending });
    return this.#ended();
  }

  /** Keeps trying while storage refuses; null where the job was cancelled or taken over meanwhile. */
  async #insist<Value>(doing: () => Promise<Value>): Promise<Value | null> {
    const { job, number, log, dependencies } = this.#options;
    const { jobs } = dependencies.records;
    for (let tries = 0; ; tries++) {
      try {
        return await doing();
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        log.warn({ err: error, tries }, "the model could not be written; trying again");
        const record = await jobs.read(job.id);
        if (!record || record.attempt !== number || record.status === "cancelling") return null;
        if (tries % 10 === 0)
          await jobs.warn(job.id, number, {
            code: "storage",
            detail: `the model could not be written (${detail}); trying again`,
          });
        await backOff(tries);
      }
    }
  }

  #ended(): "done" {
    const { job, dependencies } = this.#options;
    dependencies.archives.add(job.id);
    return "done";
  }

  async fail(error: Failure): Promise<"done"> {
    const { job, number: attempt, log, dependencies } = this.#options;
    const { detail } = error;
    log.info({ attempt, code: error.code }, detail);
    await dependencies.records.jobs.move(
      job.id,
      { "*": "failed" },
      { attempt, ending: detail, reason: detail, set: { error } },
    );
    return this.#ended();
  }

  /** The attempt is over, the job is not: it waits in the queue for the next. */
  async #giveBack(why: { reason: string; crash: boolean; warning: Warning }): Promise<"again"> {
    const { job, number: attempt, dependencies } = this.#options;
    const { attempts, jobs } = dependencies.records;
    await jobs.warn(job.id, attempt, why.warning);
    if ((await attempts.end(job.id, attempt, why.reason, why.crash)) === "fenced") return "again";
    const moved = await jobs.move(job.id, { running: "queued" }, { attempt, reason: why.reason });
    if (moved.kind === "forbidden") await leaveOff(dependencies.records, job.id, { status: moved.status, attempt });
    return "again";
  }
}

/** The end of a job that cannot be attempted at all. */
export async function failUnstarted(
  job: JobRecord,
  { error, dependencies }: { error: Failure; dependencies: TrainingDependencies },
): Promise<void> {
  const { detail } = error;
  await dependencies.records.jobs.move(job.id, { queued: "failed" }, { reason: detail, set: { error } });
  dependencies.archives.add(job.id);
}

/** Begins an attempt, unless the job wants none any more, and sees it to its end. */
export async function attemptJob(job: JobRecord, dependencies: TrainingDependencies, span: OpenSpan): Promise<Next> {
  const { records, worker, crashBudget, redisRun } = dependencies;
  const log = dependencies.log.child({ job: job.id, ...requestOf(job) });
  const from = (await records.checkpoints.list(job.id)).at(-1)?.step ?? null;
  const begun = await records.attempts.begin(job.id, {
    token: newUlid(),
    worker,
    fromCheckpoint: from,
    crashBudget,
    redisRun: redisRun(),
  });
  if (begun.kind === "refused") {
    await leaveOff(records, job.id, { status: begun.status });
    return "done";
  }
  const attempt = new Attempt({ job, number: begun.number, span, log, dependencies });
  if (begun.kind === "spent") {
    const detail = `its worker died ${begun.crashes} times without reaching a new checkpoint`;
    return attempt.fail({ code: "crashed", detail, step: from });
  }
  log.info({ attempt: begun.number, from }, "training starts");
  return attempt.run();
}
