/** The phases of a training as spans below its job's: reading, epochs, judging, checkpoints, which telemetry counts. */
import type { OpenSpan } from "../../shared/tracing/index.ts";
import type { WorkerTelemetry } from "../telemetry.ts";

/** One in so many parts of the time until now: of 100,000 epochs a few hundred spans are left. */
const leastShare = 50;

export class Phases {
  readonly #span: OpenSpan;
  readonly #telemetry: Pick<WorkerTelemetry, "checkpoint">;
  readonly #beganAt = Date.now();
  #since = Date.now();
  #firstEpoch: number | null = null;
  #lastEpoch = 0;

  constructor(span: OpenSpan, telemetry: Pick<WorkerTelemetry, "checkpoint">) {
    this.#span = span;
    this.#telemetry = telemetry;
  }

  /** The dataset is in memory and the threads are planned. */
  planned(): void {
    this.#span.past("load dataset", this.#since);
    this.#since = Date.now();
  }

  epoch(number: number): void {
    this.#firstEpoch ??= number;
    this.#lastEpoch = number;
    if (Date.now() - this.#since >= (Date.now() - this.#beganAt) / leastShare) this.#endEpochs();
  }

  #endEpochs(): void {
    if (this.#firstEpoch === null) return;
    this.#span.past("epochs", this.#since, { "epoch.first": this.#firstEpoch, "epoch.last": this.#lastEpoch });
    this.#firstEpoch = null;
    this.#since = Date.now();
  }

  /** The thread says how it ended; a training that is finished was judged after its last epoch. */
  ended(isFinished: boolean): void {
    this.#endEpochs();
    if (isFinished) this.#span.past("evaluate", this.#since);
  }

  checkpoint(from: number, { step, bytes }: { step: number; bytes: number }): void {
    this.#telemetry.checkpoint((Date.now() - from) / 1000, bytes);
    this.#span.past("write checkpoint", from, { "checkpoint.step": step, "checkpoint.bytes": bytes });
  }
}
