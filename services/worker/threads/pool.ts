/** Warm compute threads. A thread that broke is thrown away; one that is done waits for the next training. */
import { Worker } from "node:worker_threads";
import type { Logger } from "../../shared/log.ts";
import type { FromThread, ToThread } from "./protocol.ts";

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
  /** Gives it back after it said `idle`; a thread still at work is killed. */
  release(): void;
}

class Thread {
  readonly #worker: Worker;
  idle = true;
  gone = false;
  listener: Listener | null = null;

  constructor(entry: URL, onGone: (thread: Thread) => void) {
    // What a crashed thread still has to say goes to stderr, so that stdout keeps to the ready line.
    this.#worker = new Worker(entry, { stdout: true });
    this.#worker.stdout.pipe(process.stderr, { end: false });
    this.#worker.on("message", (message: FromThread) => {
      if (message.kind === "idle") this.idle = true;
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
        if (thread.gone) return;
        if (thread.idle && this.#free.length < this.#keep) this.#free.push(thread);
        else void thread.kill().catch((error: unknown) => this.#log.debug({ err: error }, "a thread did not end"));
      },
    };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#all].map((thread) => thread.kill()));
  }
}
