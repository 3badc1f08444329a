/** Brings checkpoints to storage, one after another, records them, and lets go what the policy no longer keeps. */
import type { WarningCode } from "../../../schemas/failure.ts";
import type { CompleteJobRequest } from "../../../schemas/job.ts";
import type { Logger } from "../../shared/log.ts";
import type { Refusal } from "../../shared/refusal.ts";
import { expendable } from "../../shared/records/index.ts";
import type { CheckpointRecord, Records } from "../../shared/records/index.ts";
import {
  StorageError,
  digestOf,
  isStorageFault,
  layout,
  type Storage,
  type Stored,
} from "../../shared/storage/index.ts";
import type { Snapshot } from "../threads/protocol.ts";
import { backOff } from "./back-off.ts";
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
  /** There is no room for one that is needed: it was not written. */
  full: (detail: string, step: number) => void;
}

/** After how many tries in a row the user hears of it again. */
const warnEvery = 10;

export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  readonly #stop = new AbortController();
  #queue: Promise<void> = Promise.resolve();
  /** The step of the best epoch, where its checkpoint was left out. */
  #lostBest: number | null = null;
  #toldOfRoom = false;

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
    const record = await this.#record(snapshot);
    const held = await this.#hold(record, snapshot);
    if (held === null) return;
    if (held !== "ok") return this.#leaveOut(snapshot, record, held.message);
    const stored = await this.#insist(() => this.#put(record.key, snapshot), "a checkpoint");
    // Given up while it was written: no record will ever name it.
    if (this.#stop.signal.aborted) return stored ? this.#discard(record.key) : undefined;
    if (stored instanceof StorageError) {
      await this.#insist(() => this.#holdBytes(record.step, 0), "the record of a checkpoint");
      return this.#leaveOut(snapshot, record, stored.message);
    }
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

  #holdBytes(step: number, bytes: number): Promise<"ok" | "fenced" | Refusal> {
    const { jobId, attempt, records } = this.#options;
    return records.attempts.hold(jobId, attempt, { name: String(step), bytes });
  }

  /** Whether it may be written; null: nobody wants it any more. */
  async #hold({ step, bytes }: CheckpointRecord, { best, isBest }: Snapshot): Promise<"ok" | Error | null> {
    // Whoever went on from it would not have the best weights.
    if (!isBest && best !== null && best.step === this.#lostBest)
      return new Error(`the checkpoint of the best epoch, ${best.epoch}, was left out`);
    const held = await this.#insist(() => this.#holdBytes(step, bytes), "a checkpoint");
    if (held !== "fenced") return held;
    this.#options.fenced();
    return null;
  }

  /** A disk may have room again later: only what is needed waits for that. */
  async #put(key: string, { bytes, isNeeded }: Snapshot): Promise<Stored | StorageError> {
    try {
      return await this.#options.storage.put(key, bytes);
    } catch (error) {
      if (isNeeded || !isStorageFault(error, "full")) throw error;
      return error;
    }
  }

  /** The training goes on without it; where the job could not, it ends. */
  #leaveOut({ isNeeded, isBest }: Snapshot, { step, bytes }: CheckpointRecord, why: string): void {
    const { full, log, warn } = this.#options;
    const detail = `a checkpoint of ${bytes} bytes has no room: ${why}`;
    if (isBest) this.#lostBest = step;
    if (isNeeded) return full(detail, step);
    log.warn({ step, bytes }, detail);
    if (this.#toldOfRoom) return;
    this.#toldOfRoom = true;
    const meaning = "the training goes on without it, and without others until there is room";
    warn("storage", `${detail}; ${meaning}: after a crash it is repeated from the last one that is kept`);
  }

  async #discard(key: string): Promise<void> {
    await this.#options.storage
      .delete(key)
      .catch((error: unknown) =>
        this.#options.log.warn({ err: error }, "a checkpoint that nobody wants could not be deleted"),
      );
  }

  async #record(snapshot: Snapshot): Promise<CheckpointRecord> {
    const { jobId, attempt, elapsedSeconds } = this.#options;
    const { sha256, bytes } = await digestOf(snapshot.bytes);
    return {
      epoch: snapshot.epoch,
      step: snapshot.step,
      at: new Date().toISOString(),
      bytes,
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
