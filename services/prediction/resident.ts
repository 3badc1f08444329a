/**
 * A thread that stays: one call at a time, each with a time limit; when it dies the call is answered and the next call
 * gets a new thread.
 */
import { Worker } from "node:worker_threads";
import type { Log } from "../shared/log.ts";
import { ComputationError } from "./errors.ts";

export interface ThreadCall {
  id: number;
  kind: string;
  input: unknown;
}

export type ThreadAnswer =
  | { id: number; ok: true; output: unknown }
  | { id: number; ok: false; refused: boolean; detail: string; pointer: string | undefined };

export interface ResidentOptions {
  /** The thread's JavaScript. */
  entry: URL;
  name: string;
  workerData: unknown;
  /** Calls that may wait for the thread; more are refused as overloaded. */
  mostWaiting: number;
  log: Log;
}

interface Call {
  kind: string;
  input: unknown;
  transfer: readonly ArrayBuffer[];
  milliseconds: number;
  resolve: (output: unknown) => void;
  reject: (error: ComputationError) => void;
}

export class ResidentThread {
  readonly #options: ResidentOptions;
  readonly #waiting: Call[] = [];
  #worker: Worker | null = null;
  #running: { id: number; call: Call; timer: NodeJS.Timeout } | null = null;
  #calls = 0;
  #closed = false;
  /** Threads started so far: the first, and one for each that died. */
  started = 0;

  constructor(options: ResidentOptions) {
    this.#options = options;
  }

  /** Starts the thread before anybody needs it. */
  warm(): void {
    if (!this.#closed) this.#worker ??= this.#start();
  }

  get waiting(): number {
    return this.#waiting.length + (this.#running ? 1 : 0);
  }

  call(
    kind: string,
    input: unknown,
    { milliseconds, transfer = [] }: { milliseconds: number; transfer?: readonly ArrayBuffer[] },
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ComputationError({ fault: "closed", detail: "the service is ending" }));
      if (this.#waiting.length >= this.#options.mostWaiting) {
        return reject(
          new ComputationError({
            fault: "overloaded",
            detail: `${this.#waiting.length} computations are waiting already; try again in a moment`,
          }),
        );
      }
      this.#waiting.push({ kind, input, transfer, milliseconds, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const ending = new ComputationError({ fault: "closed", detail: "the service is ending" });
    for (const call of this.#waiting.splice(0)) call.reject(ending);
    this.#settle((call) => call.reject(ending));
    await this.#worker?.terminate();
    this.#worker = null;
  }

  #next(): void {
    if (this.#running || this.#closed) return;
    const call = this.#waiting.shift();
    if (!call) return;
    const id = ++this.#calls;
    const worker = (this.#worker ??= this.#start());
    const timer = setTimeout(() => this.#expire(worker, call), call.milliseconds);
    this.#running = { id, call, timer };
    worker.ref();
    worker.postMessage({ id, kind: call.kind, input: call.input } satisfies ThreadCall, call.transfer);
  }

  #start(): Worker {
    const { entry, name, workerData, log } = this.#options;
    const worker = new Worker(entry, { name, workerData });
    this.started += 1;
    worker.on("message", (answer: ThreadAnswer) => this.#answer(answer));
    worker.on("error", (error) =>
      log.warn({ err: error, thread: name }, "a prediction thread died; it will be replaced"),
    );
    worker.on("exit", () => this.#lost(worker));
    worker.unref();
    return worker;
  }

  #settle(finish: (call: Call) => void): void {
    const running = this.#running;
    if (!running) return;
    clearTimeout(running.timer);
    this.#running = null;
    this.#worker?.unref();
    finish(running.call);
  }

  #answer(answer: ThreadAnswer): void {
    if (this.#running?.id !== answer.id) return;
    this.#settle((call) => {
      if (answer.ok) return call.resolve(answer.output);
      if (answer.refused)
        return call.reject(new ComputationError({ fault: "refused", detail: answer.detail, pointer: answer.pointer }));
      this.#options.log.warn(
        { thread: this.#options.name, call: call.kind, detail: answer.detail },
        "a computation failed",
      );
      call.reject(new ComputationError({ fault: "failed", detail: "the computation failed; the log says why" }));
    });
    this.#next();
  }

  #expire(worker: Worker, call: Call): void {
    this.#worker = null;
    this.#settle(() =>
      call.reject(
        new ComputationError({
          fault: "timeout",
          detail: `the computation took longer than ${call.milliseconds / 1000} s and was ended`,
        }),
      ),
    );
    void worker.terminate();
    this.#next();
  }

  #lost(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#settle((call) =>
      call.reject(
        new ComputationError({
          fault: "failed",
          detail: "the computation ended unexpectedly; nothing was changed, and it may be tried again",
        }),
      ),
    );
    this.#next();
  }
}
