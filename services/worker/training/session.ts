/**
 * The training of one attempt: its threads, its clock, what it is asked, and how it ended. The main thread only passes
 * messages.
 */
import { isIdentity, request } from "../../../engine/index.ts";
import type { TrainingPlan, TrainingReport } from "../../../engine/index.ts";
import { workOf } from "../../../schemas/automatic/index.ts";
import { hasEnd } from "../../../schemas/optimiser.ts";
import type { InsideRow } from "../../../schemas/inside.ts";
import type { KernelsDescription } from "../../shared/kernels.ts";
import type { Logger } from "../../shared/log.ts";
import { rateKey, speedKey } from "../../shared/records/index.ts";
import type { Asked, JobRecord, Publication, Records } from "../../shared/records/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { secondsNow, type TimeLimit } from "../../shared/timed-schedule.ts";
import type { Lease, ThreadPool } from "../threads/pool.ts";
import { intents, signal, signalWords } from "../threads/protocol.ts";
import type { Ending, FromThread, Intent, ToThread } from "../threads/protocol.ts";
import { CheckpointWriter } from "./checkpoint-writer.ts";
import { predictionsLimitBytes } from "./outcome.ts";
import { Pace, ProgressEvents } from "./pace.ts";
import type { Phases } from "./phases.ts";
import type { Prepared } from "./preparation.ts";
import { Publisher } from "./publisher.ts";
import { epochRow, stepRows } from "./rows.ts";

/** How often the training is asked how it goes. */
const tickMs = 500;
const leastTickMs = 20;
/** Of a training whose time is short. */
const ticksAtLeast = 40;

export type SessionEnd =
  | Ending
  | { kind: "broken"; detail: string }
  | { kind: "fenced" }
  /** There is no room for the checkpoint with which it would wait. */
  | { kind: "full"; detail: string; step: number };

export interface SessionOptions {
  job: JobRecord;
  attempt: number;
  phases: Phases;
  prepared: Prepared;
  kernels: KernelsDescription;
  /** The name of the kernels under which the worker reports itself. */
  workerKernels: string;
  pool: ThreadPool;
  hasSpareProcessor: (threads: number) => boolean;
  records: Records;
  storage: Storage;
  log: Logger;
}

/** From weak to strong: a stronger request replaces a weaker one. After `abandon` nothing more is written. */
const strength: readonly Intent[] = ["none", "limit", "conclude", "handOver", "pause", "cancel", "abandon"];

export class TrainingSession {
  readonly #options: SessionOptions;
  readonly #publisher: Publisher;
  readonly #writer: CheckpointWriter;
  readonly #pace: Pace;
  readonly #events = new ProgressEvents();
  readonly #signals = new Int32Array(new SharedArrayBuffer(signalWords * 4));
  readonly #leases: Lease[] = [];
  #intent: Intent = "none";
  #control: { words: Int32Array; index: number } | null = null;
  #plan: TrainingPlan | null = null;
  #lastCheckpoint = performance.now();
  #publishedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #finish: ((end: SessionEnd) => void) | null = null;
  #kernelsName = "";
  #full: Extract<SessionEnd, { kind: "full" }> | null = null;

  constructor(options: SessionOptions) {
    const { job, attempt, records, storage, log, prepared } = options;
    this.#options = options;
    this.#pace = new Pace({
      before: prepared.from?.elapsedSeconds ?? 0,
      earlier: prepared.from ? job.progress : null,
    });
    this.#publisher = new Publisher({
      records,
      jobId: job.id,
      attempt,
      log,
      heed: (answer) => (answer.kind === "ok" ? this.heed(answer) : this.#fenced()),
    });
    this.#writer = new CheckpointWriter({
      jobId: job.id,
      attempt,
      request: job.request,
      records,
      storage,
      log,
      phases: options.phases,
      elapsedSeconds: () => this.#pace.elapsedSeconds,
      acknowledge: () => {
        Atomics.add(this.#signals, signal.acknowledged, 1);
        Atomics.notify(this.#signals, signal.acknowledged);
      },
      warn: (code, detail) => this.#publisher.warn(code, detail),
      fenced: () => this.#fenced(),
      full: (detail, step) => (this.#full = { kind: "full", detail, step }),
    });
  }

  get elapsedSeconds(): number {
    return this.#pace.elapsedSeconds;
  }
  /** Of the memory that all its threads share; 0 before it was planned. */
  get memoryBytes(): number {
    return this.#plan?.bytes ?? 0;
  }
  get samplesPerSecond(): number {
    return this.#pace.rate ?? 0;
  }
  get kernelsName(): string {
    return this.#kernelsName;
  }

  /** What the job's status asks of us, and its sweep: to end with the model there is. */
  heed({ status, concludes }: Asked): void {
    if (status === "running" && concludes) this.ask("conclude");
    else if (status === "cancelling") this.ask("cancel");
    else if (status === "pausing") this.ask("pause");
    else if (status !== "running") this.ask("abandon");
  }

  /** Stops the training at the end of the batch. */
  ask(intent: Intent): void {
    if (strength.indexOf(intent) <= strength.indexOf(this.#intent)) return;
    this.#intent = intent;
    Atomics.store(this.#signals, signal.intent, intents[intent]);
    if (intent === "cancel" || intent === "abandon") this.#writer.giveUp();
    this.#set(request.stop);
  }

  #set(bits: number): void {
    if (this.#control) Atomics.or(this.#control.words, this.#control.index, bits);
  }

  #fenced(): void {
    this.#publisher.close();
    this.ask("abandon");
    this.#end({ kind: "fenced" });
  }

  /** Trains to an end. Checkpoints and events are where they belong when it settles. Never throws. */
  async run(): Promise<SessionEnd> {
    const { prepared, kernels } = this.#options;
    for (const { code, detail } of prepared.warnings) this.#publisher.warn(code, detail);
    const ended = new Promise<SessionEnd>((resolve) => (this.#finish = resolve));
    const trainer = this.#lease((message) => this.#hear(message));
    trainer.tell({
      kind: "train",
      assignment: {
        ...prepared.assignment,
        kernels,
        signals: this.#signals.buffer,
        timeLimit: this.#timeLimit(),
        predictionsLimitBytes,
      },
    });
    this.#timer = setInterval(() => this.#tick(), this.#tickMs());
    const end = await ended;
    clearInterval(this.#timer);
    return this.#settle(end);
  }

  async #settle(end: SessionEnd): Promise<SessionEnd> {
    if (end.kind === "fenced" || end.kind === "broken") {
      this.#writer.giveUp();
      await Promise.allSettled(this.#leases.map((lease) => lease.kill()));
    }
    // The last checkpoint is waited for, except after a cancel: then the writer has given up, and this settles at once.
    await this.#writer.drained();
    await this.#publisher.flushed();
    this.#publisher.close();
    for (const lease of this.#leases) lease.release();
    if (this.#intent === "abandon") return { kind: "fenced" };
    return end.kind === "interrupted" && this.#full ? this.#full : end;
  }

  #end(end: SessionEnd): void {
    this.#finish?.(end);
  }

  #lease(message: (message: FromThread) => void): Lease {
    const lease = this.#options.pool.lease({
      message,
      gone: (error) => this.#end({ kind: "broken", detail: error.message }),
    });
    this.#leases.push(lease);
    return lease;
  }

  /** The seconds it is allowed; a reproduction ends where its original did. */
  get #maxSeconds(): number | null {
    const { request, stopAtStep } = this.#options.job;
    return stopAtStep === null ? request.stopWhen.maxSeconds : null;
  }

  /**
   * Of a schedule that has an end: the training thread sees to it that it is reached in time, its own or its sweep's,
   * whichever is over first.
   */
  #timeLimit(): TimeLimit | null {
    const { job, prepared } = this.#options;
    if (!hasEnd(job.request.schedule)) return null;
    const limits: TimeLimit[] = [];
    const seconds = this.#maxSeconds;
    if (seconds !== null) limits.push({ seconds, endsAt: secondsNow() + seconds - this.#pace.elapsedSeconds });
    const { sweepEndsAt } = prepared;
    if (sweepEndsAt !== null) limits.push({ seconds: Math.max(0, sweepEndsAt - secondsNow()), endsAt: sweepEndsAt });
    return limits.sort((one, other) => one.endsAt - other.endsAt)[0] ?? null;
  }

  /** More often where a schedule must reach its end in little time. */
  #tickMs(): number {
    const seconds = this.#timeLimit()?.seconds ?? null;
    return seconds === null ? tickMs : Math.min(tickMs, Math.max(leastTickMs, (seconds * 1000) / ticksAtLeast));
  }

  #tick(): void {
    const { schedule, checkpoints } = this.#options.job.request;
    const seconds = this.#maxSeconds;
    if (seconds !== null && !hasEnd(schedule) && this.#pace.elapsedSeconds >= seconds) this.ask("limit");
    let bits: number = request.report;
    if (
      checkpoints.everySeconds !== null &&
      performance.now() - this.#lastCheckpoint >= checkpoints.everySeconds * 1000
    ) {
      bits |= request.checkpoint;
      this.#lastCheckpoint = performance.now();
    }
    this.#set(bits);
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case "planned":
        return this.#planned(message);
      case "report":
        return this.#report(message.report, message.inside);
      case "checkpoint":
        this.#lastCheckpoint = performance.now();
        return this.#writer.write(message.snapshot);
      case "rescheduled":
        return this.#tellOfSchedule(message);
      case "ended":
        this.#options.phases.ended(message.ending.kind === "finished");
        return this.#end(message.ending);
      case "broken":
        this.#options.log.error({ stack: message.stack }, message.message);
        return this.#end({ kind: "broken", detail: message.message });
      case "ready":
      case "sized":
      case "unsized":
      case "evaluating":
      case "evaluated":
      case "idle":
    }
  }

  /** Once it is kept: what was decided then holds whatever befalls the worker. */
  #tellOfSchedule({ from, to }: Extract<FromThread, { kind: "rescheduled" }>): void {
    const why = to < from ? "does not suffice for all batches" : "suffices for more batches again";
    const whose = this.#options.prepared.sweepEndsAt === null ? "" : "its own or its sweep's ";
    const detail = `the time that ${whose}stopWhen.maxSeconds leaves ${why}: the schedule ends with batch ${to} instead of ${from}`;
    void this.#writer.drained().then(() => this.#publisher.warn("rescheduled", detail));
  }

  #planned(message: Extract<FromThread, { kind: "planned" }>): void {
    const { plan, memory } = message;
    this.#options.phases.planned();
    this.#plan = plan;
    this.#kernelsName = message.kernels;
    const { threads, augmentation } = plan.spec;
    const { kernels, hasSpareProcessor } = this.#options;
    for (let thread = 1; thread < threads; thread++)
      this.#startBeside({ kind: "gradients", plan, memory, kernels, thread });
    if (!isIdentity(augmentation) && hasSpareProcessor(threads))
      this.#startBeside({ kind: "augmentation", plan, memory });
    this.#control = { words: new Int32Array(memory.buffer), index: plan.controlAddress / 4 };
    // A first report is wanted as soon as one batch is done.
    this.#set(this.#intent === "none" ? request.report : request.stop);
  }

  /** A thread beside the training thread; the attempt ends with it if it breaks. */
  #startBeside(work: ToThread): void {
    const lease = this.#lease((said) => {
      if (said.kind === "broken") this.#end({ kind: "broken", detail: said.message });
    });
    lease.tell(work);
  }

  #report(report: TrainingReport, inside: InsideRow | null): void {
    const progress = this.#pace.progress(report);
    const at = progress.updatedAt;
    const rate = this.#pace.rate;
    const items: Publication[] = stepRows(report, { at, samplesPerSecond: rate }).map((row) => ({
      kind: "row",
      series: "step",
      step: row.step,
      row,
      at,
    }));
    if (report.kind === "epoch") {
      const row = epochRow(report, { at, samplesPerSecond: rate });
      items.push({ kind: "row", series: "epoch", step: row.step, row, at });
      if (inside) items.push({ kind: "row", series: "inside", step: inside.step, row: inside, at });
      this.#options.phases.epoch(report.epoch);
      this.#noteRate(rate);
    }
    if (this.#events.due(progress) || report.kind === "finished")
      items.push({ kind: "event", type: "progress", at, data: progress });
    const now = performance.now();
    // Some are asked for by the schedule alone.
    if (report.kind === "progress" && items.length === 0 && now - this.#publishedAt < 0.9 * tickMs) return;
    this.#publishedAt = now;
    this.#publisher.publish(items, progress);
  }

  #noteRate(rate: number | null): void {
    const { records, job, log, prepared } = this.#options;
    if (rate === null || !this.#plan) return;
    const { network, input, threads, numerics } = this.#plan.spec;
    const work = workOf(network.layers, input);
    records.speeds
      .note(speedKey({ kernels: this.#options.workerKernels, threads, numerics }), rate * work)
      .catch((error: unknown) => log.debug({ err: error }, "the speed was not noted"));
    records.rates
      .write(rateKey(job.request, prepared.dataset.shape ?? this.#plan.spec.input), rate)
      .catch((error: unknown) => log.debug({ err: error }, "the rate was not noted"));
  }
}
