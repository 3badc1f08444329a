/**
 * Pictures are decoded in processes of their own: a decoder works on a thread of libuv's pool, and four large pictures
 * would hold up every reading of a file and every look-up of a name. One picture at a time in each process, in order of
 * arrival; what breaks or hangs ends with its process, and the next picture gets a new one.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { built } from "../shared/built.ts";
import type { Log } from "../shared/log.ts";
import { pictureProcess } from "../shared/picture-process.ts";
import { PictureError, type PictureWish, type Sample } from "../shared/pictures.ts";
import { ComputationError } from "./errors.ts";

export interface DecoderCall {
  id: number;
  bytes: Uint8Array;
  wish: PictureWish;
}

export type DecoderAnswer = { id: number } & (
  | { outcome: "done"; sample: Sample }
  /** `cause`: what the decoder said, in its own words. */
  | { outcome: "refused"; detail: string; cause: string | null }
  | { outcome: "failed"; detail: string }
);

export interface DecodersOptions {
  /** The process's JavaScript. */
  entry?: URL;
  /** Pictures at once. */
  processes: number;
  /** Pictures that may wait, and how long; more are refused as overloaded. */
  mostWaiting: number;
  mostWaitMs: number;
  /** Of one picture. */
  limitMs: number;
  /** A process that had nothing to do for so long is ended. */
  restMs: number;
  log: Log;
}

interface Waiting {
  bytes: Uint8Array;
  wish: PictureWish;
  patience: NodeJS.Timeout;
  resolve: (sample: Sample) => void;
  reject: (error: Error) => void;
}

const overloaded = (detail: string): ComputationError => new ComputationError({ fault: "overloaded", detail });
const ending = (): ComputationError => new ComputationError({ fault: "closed", detail: "the service is ending" });

class Decoder {
  readonly #child: ChildProcess;
  readonly #log: Log;
  #running: { id: number; call: Waiting; limit: NodeJS.Timeout } | null = null;
  #calls = 0;
  #rest: NodeJS.Timeout | null = null;

  constructor(entry: URL, { log, onFree, onEnd }: { log: Log; onFree: () => void; onEnd: () => void }) {
    this.#log = log;
    this.#child = fork(fileURLToPath(entry), [], {
      serialization: "advanced",
      execArgv: [],
      env: pictureProcess,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child.on("message", (answer: DecoderAnswer) => {
      this.#answer(answer);
      onFree();
    });
    this.#child.once("error", (error) => log.warn({ err: error }, "a decoder of pictures could not be started"));
    this.#child.once("exit", () => {
      this.#settle((call) => call.reject(new PictureError("its decoder gave up on it; the file may be damaged")));
      onEnd();
    });
    this.#child.unref();
    this.#child.channel?.unref();
  }

  get busy(): boolean {
    return this.#running !== null;
  }

  take(call: Waiting, limitMs: number): void {
    if (this.#rest) clearTimeout(this.#rest);
    const id = ++this.#calls;
    const limit = setTimeout(() => {
      this.#settle((late) =>
        late.reject(new PictureError(`it took longer than ${limitMs / 1000} s to decode; send a smaller one`)),
      );
      this.end();
    }, limitMs);
    this.#running = { id, call, limit };
    this.#child.channel?.ref();
    this.#child.send({ id, bytes: call.bytes, wish: call.wish } satisfies DecoderCall);
  }

  restAfter(restMs: number): void {
    this.#rest = setTimeout(() => this.end(), restMs).unref();
  }

  end(error?: Error): void {
    if (error) this.#settle((call) => call.reject(error));
    this.#child.kill("SIGKILL");
  }

  #settle(finish: (call: Waiting) => void): void {
    const running = this.#running;
    if (!running) return;
    clearTimeout(running.limit);
    this.#running = null;
    this.#child.channel?.unref();
    finish(running.call);
  }

  #answer(answer: DecoderAnswer): void {
    if (this.#running?.id !== answer.id) return;
    this.#settle((call) => {
      if (answer.outcome === "done") return call.resolve(answer.sample);
      if (answer.outcome === "refused") {
        const { detail, cause } = answer;
        if (cause !== null) this.#log.info({ detail, cause }, "a picture could not be read");
        return call.reject(new PictureError(detail));
      }
      this.#log.warn({ detail: answer.detail }, "a picture could not be decoded");
      call.reject(
        new ComputationError({ fault: "failed", detail: "the picture could not be decoded; the log says why" }),
      );
    });
  }
}

export class Decoders {
  readonly #options: DecodersOptions;
  readonly #entry: URL;
  readonly #waiting: Waiting[] = [];
  readonly #decoders = new Set<Decoder>();
  #closed = false;
  /** Processes started so far. */
  started = 0;

  constructor(options: DecodersOptions) {
    this.#options = options;
    this.#entry = options.entry ?? built("services/prediction/decoding-process.js");
  }

  get waiting(): number {
    return this.#waiting.length + [...this.#decoders].filter(({ busy }) => busy).length;
  }

  /** Throws PictureError where it is none, ComputationError where there is too much to do. */
  read(bytes: Uint8Array, wish: PictureWish): Promise<Sample> {
    const { mostWaiting, mostWaitMs } = this.#options;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(ending());
      if (this.#waiting.length >= mostWaiting)
        return reject(overloaded(`${this.#waiting.length} pictures wait to be decoded; try again in a moment`));
      const patience = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(call), 1);
        reject(overloaded(`other pictures took longer than ${mostWaitMs / 1000} s to decode; try again in a moment`));
      }, mostWaitMs);
      const call: Waiting = { bytes, wish, patience, resolve, reject };
      this.#waiting.push(call);
      this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    for (const call of this.#waiting.splice(0)) {
      clearTimeout(call.patience);
      call.reject(ending());
    }
    for (const decoder of this.#decoders) decoder.end(ending());
  }

  #next(): void {
    const { processes, limitMs } = this.#options;
    for (;;) {
      const free = [...this.#decoders].find(({ busy }) => !busy);
      if (this.#closed || (!free && this.#decoders.size >= processes)) return;
      const call = this.#waiting.shift();
      if (!call) return;
      clearTimeout(call.patience);
      (free ?? this.#start()).take(call, limitMs);
    }
  }

  #start(): Decoder {
    const { log, restMs } = this.#options;
    this.started += 1;
    const decoder: Decoder = new Decoder(this.#entry, {
      log,
      onFree: () => {
        this.#next();
        if (!decoder.busy) decoder.restAfter(restMs);
      },
      onEnd: () => {
        this.#decoders.delete(decoder);
        this.#next();
      },
    });
    this.#decoders.add(decoder);
    return decoder;
  }
}
