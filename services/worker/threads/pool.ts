/** Warm compute threads. A thread that broke is thrown away; one that is done waits for the next training. */
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Logger } from "../../shared/log.ts";
import type { FromThread, ToThread } from "./protocol.ts";

/**
 * A thread whose work has ended collects before it says `idle`: it is given a moment, since a new one takes longer than
 * a small training.
 */
const collectsMs = 1000;

export interface Listener {
  message(message: FromThread): void;
  /** The thread is gone: by itself, by an error, or because it was ended. */
  gone(error: Error): void;
}

/** A thread on loan. */
export interface Lease {
  tell(message: ToThread): void;
  /** Kills the thread, whatever it does. */
  kill(): Promise<void>;
  /** Gives it back when its work has ended; a thread that does not say `idle` soon is killed. */
  release(): void;
}

class Thread {
  readonly #worker: Worker;
  idle = true;
  gone = false;
  listener: Listener | null = null;
  #onIdle: (() => void) | null = null;

  constructor(entry: URL, onGone: (thread: Thread) => void) {
    // What a crashed thread still has to say goes to stderr, so that stdout keeps to the ready line.
    this.#worker = new Worker(entry, { stdout: true });
    this.#worker.stdout.pipe(process.stderr, { end: false });
    this.#worker.on("message", (message: FromThread) => {
      if (message.kind === "idle") {
        this.idle = true;
        this.#onIdle?.();
      }
      this.listener?.message(message);
    });
    const end = (error: Error): void => {
      if (this.gone) return;
      this.gone = true;
      onGone(this);
      this.listener?.gone(error);
    };
    this.#worker.on("error", (error) => end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", (code) => end(new Error(`a compute thread ended by itself (code ${code})`)));
  }

  tell(message: ToThread): void {
    this.idle = false;
    this.#worker.postMessage(message);
  }

  /** Settles when it has said `idle`, or after so long. */
  async ends(withinMs: number): Promise<void> {
    if (!this.idle)
      await Promise.race([
        new Promise<void>((resolve) => (this.#onIdle = resolve)),
        sleep(withinMs, undefined, { ref: false }),
      ]);
  }

  async kill(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Whether a process may end while it lives. */
  hold(held: boolean): void {
    if (held) this.#worker.ref();
    else this.#worker.unref();
  }
}

export class ThreadPool {
  readonly #entry: URL;
  readonly #log: Logger;
  readonly #free: Thread[] = [];
  readonly #all = new Set<Thread>();
  readonly #keep: number;

  /** `keep`: how many idle threads stay warm. */
  constructor(options: { entry: URL; keep: number; log: Logger }) {
    this.#entry = options.entry;
    this.#keep = options.keep;
    this.#log = options.log;
  }

  get size(): number {
    return this.#all.size;
  }

  warm(count: number): void {
    while (this.#free.length < count) this.#free.push(this.#start());
  }

  #start(): Thread {
    const thread = new Thread(this.#entry, (gone) => {
      this.#all.delete(gone);
      const at = this.#free.indexOf(gone);
      if (at >= 0) this.#free.splice(at, 1);
    });
    this.#all.add(thread);
    thread.hold(false);
    return thread;
  }

  lease(listener: Listener): Lease {
    const thread = this.#free.pop() ?? this.#start();
    thread.listener = listener;
    thread.hold(true);
    let returned = false;
    return {
      tell: (message) => thread.tell(message),
      kill: async () => {
        returned = true;
        thread.listener = null;
        await thread.kill();
      },
      release: () => {
        if (returned) return;
        returned = true;
        thread.listener = null;
        thread.hold(false);
        void this.#takeBack(thread).catch((error: unknown) => this.#log.debug({ err: error }, "a thread did not end"));
      },
    };
  }

  async #takeBack(thread: Thread): Promise<void> {
    await thread.ends(collectsMs);
    if (thread.gone) return;
    if (thread.idle && this.#free.length < this.#keep) this.#free.push(thread);
    else await thread.kill();
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#all].map((thread) => thread.kill()));
  }
}
