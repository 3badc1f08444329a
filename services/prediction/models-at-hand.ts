/**
 * Models that answer on the event loop itself. To wake a thread and to be woken by it takes longer than a small network
 * needs for one sample; so where a sample comes alone, and no thread is at work, it is computed at once. Which models
 * are small enough, the threads' own measurements say.
 */
import type { Log } from "../shared/log.ts";
import type { Batch, Load, Runner } from "./batcher.ts";
import { exchangeBytes, exchangeViews } from "./exchange.ts";
import { LoadedModels } from "./loaded-models.ts";
import { Memories } from "./memories.ts";
import { weighted, type KeyedSubject } from "./model-holder.ts";
import type { Outputs, ThreadData } from "./protocol.ts";
import type { Turns } from "./turns.ts";

/** What one sample may take here. The least of a model's times counts: others share the processors. */
const mostMilliseconds = 0.1;
/** A model that was asked so often for one sample is brought here: that takes as long as some hundred answers. */
const often = 32;
const mostKnown = 256;
/** Rounded up to whole blocks by the engine: nothing here asks for more than one. */
const samplesTogether = 8;

interface Known {
  times: number;
  leastMs: number;
  /** It was brought here, or could not be. */
  tried: boolean;
}

export interface AtHandOptions {
  kernels: ThreadData["kernels"];
  /** Bytes that the memories of these models may take. */
  mostBytes: number;
  turns: Turns;
  log: Log;
}

export class ModelsAtHand implements Runner<KeyedSubject> {
  readonly #memories: Memories;
  readonly #models: LoadedModels;
  readonly #turns: Turns;
  readonly #log: Log;
  /** Key of a model that is not here → what its single samples took. */
  readonly #known = new Map<string, Known>();
  #exchange = new ArrayBuffer(0);

  constructor({ kernels, mostBytes, turns, log }: AtHandOptions) {
    this.#memories = new Memories(mostBytes);
    this.#models = new LoadedModels({ kernels, memories: this.#memories, mostBytes, samplesTogether });
    this.#turns = turns;
    this.#log = log;
  }

  get heldBytes(): number {
    return this.#memories.bytes;
  }

  takes({ key }: KeyedSubject, { samples, running }: Load): boolean {
    return samples === 1 && running === 0 && this.#turns.hasTime && this.#models.has(key);
  }

  run({ model: { key }, shape, copyInto }: Batch<KeyedSubject>): Outputs {
    const bytes = exchangeBytes(shape);
    if (this.#exchange.byteLength < bytes) this.#exchange = new ArrayBuffer(bytes);
    const exchange = this.#exchange;
    copyInto(new Uint8Array(exchange));
    this.#turns.now(() => this.#models.predict(key, null, shape, exchange));
    return exchangeViews(exchange, shape);
  }

  /** What a thread needed for one sample. */
  learn({ key, subject }: KeyedSubject, milliseconds: number): void {
    if (this.#models.has(key)) return;
    const known = this.#known.get(key) ?? { times: 0, leastMs: Infinity, tried: false };
    known.times += 1;
    known.leastMs = Math.min(known.leastMs, milliseconds);
    this.#known.delete(key);
    this.#known.set(key, known);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= mostKnown) break;
      this.#known.delete(oldest);
    }
    // A thread's first times are those of code that is not compiled yet.
    if (known.tried || known.times < often || known.leastMs > mostMilliseconds) return;
    known.tried = true;
    void this.#bring({ key, subject });
  }

  /** Where that fails, or there is no room, the threads go on answering for the model. */
  async #bring({ key, subject }: KeyedSubject): Promise<void> {
    try {
      const model = await weighted(subject);
      await this.#turns.run(() => this.#models.load(key, model));
      this.#known.delete(key);
    } catch (error) {
      this.#log.warn({ err: error }, "a model could not be loaded beside the prediction threads");
    }
  }
}
