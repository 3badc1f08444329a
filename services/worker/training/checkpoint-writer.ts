/** Brings checkpoints to storage, one after another, records them, and lets go what the policy no longer keeps. */
import type { WarningCode } from "../../../schemas/failure.ts";
import type { CompleteJobRequest } from "../../../schemas/job.ts";
import type { Logger } from "../../shared/log.ts";
import { expendable } from "../../shared/records/index.ts";
import type { CheckpointRecord, Records } from "../../shared/records/index.ts";
import { layout } from "../../shared/storage/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import type { Snapshot } from "../threads/protocol.ts";
import { backOff } from "./back-off.ts";
import { digestOfBytes } from "./canonical.ts";
import type { Phases } from "./phases.ts";
import { finite } from "../../shared/finite.ts";

export interface CheckpointWriterOptions {
  jobId: string;
  attempt: number;
  request: Pick<CompleteJobRequest, "checkpoints" | "validation">;
  records: Records;
  storage: Storage;
  log: Logger;
  phases: Pick<Phases, "checkpoint">;
  elapsedSeconds: () => number;
  /** Says to the training thread that one more is taken care of. */
  acknowledge: () => void;
  warn: (code: WarningCode, detail: string) => void;
  fenced: () => void;
  /** The project may not store it: it was not written. */
  full: (detail: string, step: number) => void;
}

/** After how many tries in a row the user hears of it again. */
const warnEvery = 10;

export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  readonly #stop = new AbortController();
  #queue: Promise<void> = Promise.resolve();

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
  }

  write(snapshot: Snapshot): void {
    // Once written the bytes may be given away.
    const bytes = snapshot.bytes.byteLength;
    this.#queue = this.#queue.then(async () => {
      try {
        if (this.#stop.signal.aborted) return;
        const from = Date.now();
        await this.#write(snapshot);
        this.#options.phases.checkpoint(from, { step: snapshot.step, bytes });
      } finally {
        this.#options.acknowledge();
      }
    });
  }

  /** Everything handed over is written, or was given up. */
  drained(): Promise<void> {
    return this.#queue;
  }

  /** Gives up what is not yet written: nobody wants it. */
  giveUp(): void {
    this.#stop.abort();
  }

  async #write(snapshot: Snapshot): Promise<void> {
    const { jobId, records, log } = this.#options;
    const record = this.#record(snapshot);
    if (!(await this.#hold(record))) return;
    const stored = await this.#insist(() => this.#options.storage.put(record.key, snapshot.bytes), "a checkpoint");
    // Given up while it was written: no record will ever name it.
    if (this.#stop.signal.aborted) return stored ? this.#discard(record.key) : undefined;
    const answer = await this.#insist(
      () => records.checkpoints.record(jobId, record, snapshot.isBest),
      "the record of a checkpoint",
    );
    if (answer === "fenced") {
      await this.#discard(record.key);
      this.#options.fenced();
      return;
    }
    if (answer === "ok")
      await this.#retain().catch((error: unknown) => log.warn({ err: error }, "old checkpoints could not be deleted"));
  }

  /** Whether it may be written. */
  async #hold({ step, bytes }: CheckpointRecord): Promise<boolean> {
    const { jobId, attempt, records, fenced, full } = this.#options;
    const held = await this.#insist(
      () => records.attempts.hold(jobId, attempt, { name: String(step), bytes }),
      "a checkpoint",
    );
    if (held === "fenced") fenced();
    else if (held !== null && held !== "ok") full(`a checkpoint of ${bytes} bytes has no room: ${held.message}`, step);
    return held === "ok";
  }

  async #discard(key: string): Promise<void> {
    await this.#options.storage
      .delete(key)
      .catch((error: unknown) =>
        this.#options.log.warn({ err: error }, "a checkpoint that nobody wants could not be deleted"),
      );
  }

  #record(snapshot: Snapshot): CheckpointRecord {
    const { jobId, attempt, elapsedSeconds } = this.#options;
    const sha256 = digestOfBytes(snapshot.bytes);
    return {
      epoch: snapshot.epoch,
      step: snapshot.step,
      at: new Date().toISOString(),
      bytes: snapshot.bytes.byteLength,
      sha256,
      loss: finite(snapshot.loss),
      accuracy: finite(snapshot.accuracy),
      validation: snapshot.validation && { ...snapshot.validation, loss: finite(snapshot.validation.loss) },
      key: layout.checkpoint(jobId, { step: snapshot.step, attempt, sha256 }),
      listed: snapshot.listed,
      elapsedSeconds: elapsedSeconds(),
      attempt,
      bestSoFar: snapshot.best && { ...snapshot.best, loss: finite(snapshot.best.loss) },
    };
  }

  /** Tries until it succeeds or is given up: the world's errors pass. */
  async #insist<Value>(doing: () => Promise<Value>, what: string): Promise<Value | null> {
    for (let tries = 0; !this.#stop.signal.aborted; tries++) {
      try {
        return await doing();
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        this.#options.log.warn({ err: error, tries }, `${what} could not be written; trying again`);
        if (tries % warnEvery === 0)
          this.#options.warn("storage", `${what} could not be written (${detail}); trying again`);
        await backOff(tries, this.#stop.signal);
      }
    }
    return null;
  }

  async #retain(): Promise<void> {
    const { jobId, attempt, request, records, storage } = this.#options;
    const gone = await records.checkpoints.drop(
      jobId,
      attempt,
      expendable(await records.checkpoints.list(jobId), request),
    );
    for (const { key } of gone) await storage.delete(key);
  }
}
