/**
 * A thread that stays: one call at a time, each with a time limit; when it dies the call is answered and the next call
 * gets a new thread. What a call needs is read when its turn comes, so that waiting costs no memory.
 */
import { Worker } from "node:worker_threads";
import type { Log } from "../shared/log.ts";
import { ComputationError } from "./errors.ts";

export interface ThreadCall {
  id: number;
  kind: string;
  input: unknown;
}

/** `heldBytes`: memories that stay with the thread. */
export type ThreadAnswer = { id: number; heldBytes: number } & (
  | { outcome: "done"; output: unknown }
  | { outcome: "refused"; detail: string; pointer: string | undefined }
  /** Its memories leave no room: a new thread is asked the same. */
  | { outcome: "full" }
  | { outcome: "failed"; detail: string }
);

export interface ResidentOptions {
  /** The thread's JavaScript. */
  entry: URL;
  name: string;
  workerData: unknown;
  /** Calls that may wait for the thread, and how long; others are refused as overloaded. */
  mostWaiting: number;
  mostWaitMs: number;
  /**
   * After so long without a call a thread that holds more than `keptBytes` is ended, which returns its memory. `warm`:
   * another one stands ready at once.
   */
  rest: { afterMs: number; keptBytes: number; warm: boolean };
  log: Log;
}

interface Call {
  kind: string;
  input: () => unknown;
  milliseconds: number;
  /** Ends its wait. */
  patience: NodeJS.Timeout;
  resolve: (output: unknown) => void;
  reject: (error: unknown) => void;
}

interface Running {
  id: number;
  call: Call;
  timer: NodeJS.Timeout;
  /** The thread has it: it can only be stopped by ending the thread. */
  posted: boolean;
  /** It has had its new thread. */
  renewed: boolean;
}

const overloaded = (detail: string): ComputationError => new ComputationError({ fault: "overloaded", detail });
const ending = (): ComputationError => new ComputationError({ fault: "closed", detail: "the service is ending" });

export class ResidentThread {
  readonly #options: ResidentOptions;
  readonly #waiting: Call[] = [];
  #worker: Worker | null = null;
  #running: Running | null = null;
  #resting: NodeJS.Timeout | null = null;
  #calls = 0;
  #closed = false;
  /** Threads started so far: the first, and one for each that died or was replaced. */
  started = 0;
  /** Memories that stay with the thread, as of its last answer. */
  heldBytes = 0;

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

  /** `input` is asked for when the call's turn has come, and again where it needs a new thread. */
  call(kind: string, input: () => unknown, { milliseconds }: { milliseconds: number }): Promise<unknown> {
    const { mostWaiting, mostWaitMs } = this.#options;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(ending());
      if (this.#waiting.length >= mostWaiting)
        return reject(overloaded(`${this.#waiting.length} computations are waiting already; try again in a moment`));
      const patience = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(call), 1);
        reject(overloaded(`other computations took longer than ${mostWaitMs / 1000} s; try again in a moment`));
      }, mostWaitMs);
      const call: Call = { kind, input, milliseconds, patience, resolve, reject };
      this.#waiting.push(call);
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#waiting.splice(0)) {
      clearTimeout(call.patience);
      call.reject(ending());
    }
    this.#settle((call) => call.reject(ending()));
    if (this.#resting) clearTimeout(this.#resting);
    await this.#end();
  }

  #next(): void {
    if (this.#running || this.#closed) return;
    const call = this.#waiting.shift();
    if (!call) return this.#rest();
    if (this.#resting) clearTimeout(this.#resting);
    clearTimeout(call.patience);
    const timer = setTimeout(() => this.#expire(), call.milliseconds);
    this.#running = { id: ++this.#calls, call, timer, posted: false, renewed: false };
    void this.#begin(this.#running);
  }

  async #begin(running: Running): Promise<void> {
    const { id, call } = running;
    try {
      const input = await call.input();
      if (this.#running !== running) return;
      const worker = (this.#worker ??= this.#start());
      running.posted = true;
      worker.ref();
      worker.postMessage({ id, kind: call.kind, input } satisfies ThreadCall);
    } catch (error) {
      if (this.#running !== running) return;
      this.#settle(() => call.reject(error));
      this.#next();
    }
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

  /** Returns what the thread holds, unless it has something to do. */
  letGo(): void {
    if (this.heldBytes > 0 && !this.#running) void this.#end();
  }

  /** Ends the thread; what it held is returned when this settles. */
  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    this.heldBytes = 0;
    await worker?.terminate();
  }

  #rest(): void {
    const { afterMs, keptBytes, warm } = this.#options.rest;
    if (!this.#worker || this.heldBytes <= keptBytes) return;
    if (this.#resting) clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      if (this.#running || this.#closed) return;
      void this.#end().then(() => (warm ? this.warm() : undefined));
    }, afterMs);
    this.#resting.unref();
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
    const running = this.#running;
    if (running?.id !== answer.id) return;
    this.heldBytes = answer.heldBytes;
    if (answer.outcome === "full" && !running.renewed) {
      running.renewed = true;
      running.posted = false;
      void this.#end().then(() => this.#begin(running));
      return;
    }
    this.#settle((call) => {
      if (answer.outcome === "done") return call.resolve(answer.output);
      if (answer.outcome === "refused")
        return call.reject(new ComputationError({ fault: "refused", detail: answer.detail, pointer: answer.pointer }));
      const detail = answer.outcome === "failed" ? answer.detail : "a new thread has no room for it either";
      this.#options.log.warn({ thread: this.#options.name, call: call.kind, detail }, "a computation failed");
      call.reject(new ComputationError({ fault: "failed", detail: "the computation failed; the log says why" }));
    });
    this.#next();
  }

  #expire(): void {
    const inThread = this.#running?.posted === true;
    this.#settle((call) =>
      call.reject(
        new ComputationError({
          fault: "timeout",
          detail: `the computation took longer than ${call.milliseconds / 1000} s and was ended`,
        }),
      ),
    );
    if (inThread) void this.#end();
    this.#next();
  }

  #lost(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.heldBytes = 0;
    if (this.#running && !this.#running.posted) return;
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
