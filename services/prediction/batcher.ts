/**
 * Micro-batching without waiting: what arrives for a model while all threads are busy goes together as soon as one is
 * free. Models take turns; a request of many samples goes in several batches, on several threads, and holds up nobody.
 */
import { ComputationError } from "./errors.ts";
import { copyPieces, type Pieces } from "./pieces.ts";
import type { BatchShape, Outputs } from "./protocol.ts";

/** What goes together. `copyInto` writes its samples [count][…] one after another. */
export interface Batch<Model> {
  model: Model;
  shape: BatchShape;
  copyInto: (target: Uint8Array) => void;
}

/** What there is to do when a batch is to begin. */
export interface Load {
  /** Samples that wait for the same model. */
  samples: number;
  /** Batches that run. */
  running: number;
}

/** Computes one batch at a time. */
export interface Runner<Model> {
  /** Whether it is for such a batch, and has room for the model. */
  takes(model: Model, load: Load): boolean;
  /** What it answers is read at once, and may be written over by the next batch. */
  run(batch: Batch<Model>): Outputs | Promise<Outputs>;
}

export interface BatcherOptions<Model> {
  /** In order of preference. */
  runners: readonly Runner<Model>[];
  /** Samples that go together at most, and bytes of them with their answers; one sample always goes. */
  mostTogether: number;
  mostTogetherBytes: number;
  /** Bytes of samples that may wait; more are refused as overloaded. */
  mostWaitingBytes: number;
  /** Who waited longer when its turn came is refused as overloaded: nobody waits for that answer any more. */
  mostWaitMs: number;
}

export interface Asked<Model> {
  model: Model;
  /** Names the model: the same key always brings samples and answers of the same size. */
  key: string;
  elements: number;
  classes: number;
  samples: Pieces;
  count: number;
}

interface Waiting {
  samples: Pieces;
  count: number;
  since: number;
  /** Samples that have gone, and that have come back. */
  taken: number;
  answered: number;
  outputs: Outputs | null;
  resolve: (outputs: Outputs) => void;
  reject: (error: unknown) => void;
}

interface Line<Model> {
  model: Model;
  shape: Omit<BatchShape, "count">;
  waiting: Waiting[];
}

/** Samples of one request that go with a batch. */
interface Share {
  of: Waiting;
  from: number;
  count: number;
}

const fewNumbers = 32;

const samplesIn = ({ waiting }: Line<unknown>): number =>
  waiting.reduce((sum, { count, taken }) => sum + count - taken, 0);

const overloaded = (detail: string): ComputationError =>
  new ComputationError({ fault: "overloaded", detail: `${detail}; try again in a moment` });

export class Batcher<Model> {
  readonly #options: BatcherOptions<Model>;
  readonly #busy = new Set<Runner<Model>>();
  /** In order of the oldest request: a line is served, then goes to the end. */
  readonly #lines = new Map<string, Line<Model>>();
  #waitingBytes = 0;
  #scheduled = false;
  batches = 0;
  /** Requests that are not answered yet. */
  waiting = 0;

  constructor(options: BatcherOptions<Model>) {
    this.#options = options;
  }

  predict({ model, key, elements, classes, samples, count }: Asked<Model>): Promise<Outputs> {
    return new Promise((resolve, reject) => {
      if (this.#waitingBytes > 0 && this.#waitingBytes + samples.byteLength > this.#options.mostWaitingBytes)
        return reject(overloaded("too many predictions are waiting already"));
      const { dtype } = samples;
      const name = `${key} ${dtype}`;
      let line = this.#lines.get(name);
      if (!line) this.#lines.set(name, (line = { model, shape: { elements, classes, dtype }, waiting: [] }));
      const since = performance.now();
      line.waiting.push({ samples, count, since, taken: 0, answered: 0, outputs: null, resolve, reject });
      this.#waitingBytes += samples.byteLength;
      this.waiting += 1;
      this.#schedule();
    });
  }

  /** One turn of the loop lets requests that came in the same moment join. */
  #schedule(): void {
    if (this.#scheduled || this.#busy.size === this.#options.runners.length) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (const runner of this.#options.runners) {
      if (this.#busy.has(runner)) continue;
      const line = this.#next(runner);
      if (line) void this.#serve(runner, line, this.#take(line));
    }
  }

  /** The line whose turn it is among those that the runner takes; it goes to the end. */
  #next(runner: Runner<Model>): Line<Model> | null {
    const running = this.#busy.size;
    for (const [name, line] of this.#lines) {
      if (!runner.takes(line.model, { samples: samplesIn(line), running })) continue;
      this.#dismissLate(line);
      this.#lines.delete(name);
      if (line.waiting.length === 0) continue;
      this.#lines.set(name, line);
      return line;
    }
    return null;
  }

  #take({ shape, waiting }: Line<Model>): Share[] {
    const { mostTogether, mostTogetherBytes } = this.#options;
    const bytesEach = shape.elements * (shape.dtype === "uint8" ? 1 : 4) + shape.classes * 8;
    let room = Math.max(1, Math.min(mostTogether, Math.floor(mostTogetherBytes / bytesEach)));
    const shares: Share[] = [];
    while (room > 0 && waiting.length > 0) {
      const [of] = waiting;
      const count = Math.min(room, of.count - of.taken);
      shares.push({ of, from: of.taken, count });
      of.taken += count;
      room -= count;
      if (of.taken === of.count) waiting.shift();
    }
    return shares;
  }

  #dismissLate(line: Line<Model>): void {
    const { mostWaitMs } = this.#options;
    const tooLong = performance.now() - mostWaitMs;
    while (line.waiting.length > 0 && line.waiting[0].since < tooLong && line.waiting[0].taken === 0) {
      const [late] = line.waiting.splice(0, 1);
      this.#end(late);
      late.reject(overloaded(`other predictions took longer than ${mostWaitMs / 1000} s`));
    }
  }

  #end({ samples }: Waiting): void {
    this.#waitingBytes -= samples.byteLength;
    this.waiting -= 1;
  }

  async #serve(runner: Runner<Model>, line: Line<Model>, shares: readonly Share[]): Promise<void> {
    this.#busy.add(runner);
    this.batches += 1;
    const count = shares.reduce((sum, share) => sum + share.count, 0);
    const { model, shape } = line;
    try {
      const copyInto = (target: Uint8Array): void => copyShares(shares, target);
      this.#answer(shares, await runner.run({ model, shape: { ...shape, count }, copyInto }), shape.classes);
    } catch (error) {
      for (const { of } of shares) {
        if (of.answered < 0) continue;
        of.answered = -1;
        const at = line.waiting.indexOf(of);
        if (at >= 0) line.waiting.splice(at, 1);
        this.#end(of);
        of.reject(error);
      }
    }
    this.#busy.delete(runner);
    this.#pump();
  }

  #answer(shares: readonly Share[], all: Outputs, classes: number): void {
    let at = 0;
    for (const { of, from, count } of shares) {
      const to = at + count * classes;
      if (of.answered >= 0) {
        if (count === of.count)
          of.outputs = { outputs: copyOf(all.outputs, at, to), probabilities: copyOf(all.probabilities, at, to) };
        else {
          of.outputs ??= {
            outputs: new Float32Array(of.count * classes),
            probabilities: new Float32Array(of.count * classes),
          };
          of.outputs.outputs.set(all.outputs.subarray(at, to), from * classes);
          of.outputs.probabilities.set(all.probabilities.subarray(at, to), from * classes);
        }
        of.answered += count;
        if (of.answered === of.count) {
          this.#end(of);
          of.resolve(of.outputs);
        }
      }
      at = to;
    }
  }
}

/** As `slice`, which for a few numbers costs several times as much. */
function copyOf(values: Float32Array, from: number, to: number): Float32Array {
  const count = to - from;
  if (count > fewNumbers) return values.slice(from, to);
  const copy = new Float32Array(count);
  for (let at = 0; at < count; at++) copy[at] = values[from + at];
  return copy;
}

function copyShares(shares: readonly Share[], target: Uint8Array): void {
  let at = 0;
  for (const { of, from, count } of shares) {
    const bytesEach = of.samples.byteLength / of.count;
    copyPieces(of.samples, from * bytesEach, count * bytesEach, target.subarray(at));
    at += count * bytesEach;
  }
}
