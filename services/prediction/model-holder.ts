/**
 * A thread that holds models ready, and the memory through which batches reach it. A model that it does not hold is
 * sent to it with the call that needs it.
 */
import type { Numerics } from "../../schemas/job.ts";
import type { Batch, Runner } from "./batcher.ts";
import { ComputationError } from "./errors.ts";
import { exchangeBytes, exchangeViews } from "./exchange.ts";
import type { CallName, Calls, Outputs, Runnable, WeightedModel } from "./protocol.ts";
import { ResidentThread, type ResidentOptions } from "./resident.ts";

/** A network with weights that stand somewhere: read only when a thread does not hold them. */
export interface Subject extends Runnable {
  /** Digest of the weights: with the rest of the subject it names what a thread holds. */
  sha256: string;
  /** Another one where the file is another one: weights are read anew, whatever the digest that was recorded. */
  version?: string | null;
  /** In which it is computed; reproducible where nothing is said. */
  numerics?: Numerics;
  read: () => Promise<Uint8Array>;
}

export interface KeyedSubject {
  key: string;
  subject: Subject;
}

/** Bytes that a model takes, and how long it computed for so many samples. */
export type Learn = (model: KeyedSubject, needed: { bytes: number; milliseconds: number; samples: number }) => void;

const firstExchangeBytes = 256 * 1024;
/** A larger one serves the batch that needs it and is let go. */
const keptExchangeBytes = 8 * 1024 * 1024;

export const runnable = ({ network, input, classes, normalisation }: Runnable): Runnable => ({
  network,
  input,
  classes,
  normalisation,
});
export const weighted = async (subject: Subject): Promise<WeightedModel> => ({
  runnable: runnable(subject),
  weights: await subject.read(),
  numerics: subject.numerics ?? "reproducible",
});

export class ModelHolder implements Runner<KeyedSubject> {
  readonly thread: ResidentThread;
  readonly #milliseconds: number;
  readonly #takes: (key: string) => boolean;
  readonly #learn: Learn;
  /** Models that are being loaded: who comes meanwhile waits for that. */
  readonly #loading = new Map<string, Promise<unknown>>();
  #exchange: SharedArrayBuffer | null = null;

  /** `takes` and `learn`: whether this thread has room for a model, and what a batch was found to need. */
  constructor(
    options: ResidentOptions & {
      milliseconds: number;
      takes: (key: string) => boolean;
      learn: Learn;
    },
  ) {
    this.thread = new ResidentThread(options);
    this.#milliseconds = options.milliseconds;
    this.#takes = options.takes;
    this.#learn = options.learn;
  }

  takes({ key }: KeyedSubject): boolean {
    return this.#takes(key);
  }

  async run({ model, shape, copyInto }: Batch<KeyedSubject>): Promise<Outputs> {
    const bytes = exchangeBytes(shape);
    const exchange = this.#room(bytes);
    const views = exchangeViews(exchange, shape);
    copyInto(new Uint8Array(exchange));
    try {
      const needed = await this.ask("predict", model, { shape, exchange });
      this.#learn(model, { ...needed, samples: shape.count });
    } catch (error) {
      // A thread that is being ended may still write there.
      this.#exchange = null;
      throw error;
    }
    if (bytes > keptExchangeBytes) this.#exchange = null;
    return views;
  }

  #room(bytes: number): SharedArrayBuffer {
    if (this.#exchange && this.#exchange.byteLength >= bytes) return this.#exchange;
    let size = firstExchangeBytes;
    while (size < bytes) size *= 2;
    return (this.#exchange = new SharedArrayBuffer(size));
  }

  /** Asks the thread; where it does not hold the model, again with its weights. */
  async ask<Name extends "predict" | "featureMaps">(
    name: Name,
    { key, subject }: KeyedSubject,
    input: Omit<Calls[Name]["input"], "key" | "model">,
  ): Promise<NonNullable<Calls[Name]["output"]>> {
    const warm = (): Promise<Calls[Name]["output"]> => this.#call(name, () => ({ key, model: null, ...input }));
    let answer = await warm();
    const underWay = this.#loading.get(key);
    if (answer === null && underWay) {
      await underWay.catch(() => undefined);
      answer = await warm();
    }
    if (answer !== null) return answer;
    const cold = this.#call(name, async () => ({ key, model: await weighted(subject), ...input }));
    this.#loading.set(key, cold);
    try {
      const loaded = await cold;
      if (loaded === null) throw new ComputationError({ fault: "failed", detail: "the model could not be loaded" });
      return loaded;
    } finally {
      if (this.#loading.get(key) === cold) this.#loading.delete(key);
    }
  }

  #call<Name extends CallName>(name: Name, input: () => unknown): Promise<Calls[Name]["output"]> {
    return this.thread.call(name, input, { milliseconds: this.#milliseconds }) as Promise<Calls[Name]["output"]>;
  }
}
