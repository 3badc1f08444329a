/**
 * All that predicts: threads that hold models, and models that answer on the event loop. Together they keep within the
 * memory that there is for models.
 */
import type { Log } from "../shared/log.ts";
import { ModelHolder, type Learn } from "./model-holder.ts";
import { ModelsAtHand } from "./models-at-hand.ts";
import type { ThreadData } from "./protocol.ts";
import type { ResidentOptions } from "./resident.ts";
import type { Turns } from "./turns.ts";

const mebibyte = 1024 * 1024;
/** Models of so many bytes stay loaded in a service that is at rest. */
const keptAtRestBytes = 48 * mebibyte;
/** For models that answer on the event loop: at most so much, at most such a part of all. */
const atHandBytes = 16 * mebibyte;
const atHandShare = 1 / 16;
/** Of the rest, for all threads but the first together. */
const furtherShare = 1 / 4;
const mostKnownModels = 4096;

/** How the memory for models is divided. */
export interface Shares {
  /** For models that answer on the event loop. */
  atHand: number;
  /** For the first thread, which may hold all the rest; then the others hold nothing. */
  first: number;
  /** For each of the others, and what is left for the first while they hold it. */
  further: number;
  left: number;
}

export function sharesOf(cacheBytes: number, threads: number): Shares {
  const atHand = Math.min(atHandBytes, Math.floor(cacheBytes * atHandShare));
  const first = cacheBytes - atHand;
  const further = threads === 1 ? 0 : Math.floor((first * furtherShare) / (threads - 1));
  return { atHand, first, further, left: first - further * (threads - 1) };
}

export interface PredictorsOptions {
  kernels: ThreadData["kernels"];
  shares: Shares;
  threads: number;
  turns: Turns;
  /** Of one prediction, its weights read from storage included. */
  milliseconds: number;
  /** How a thread of this name is started that may hold so many bytes. */
  thread: (name: string, rest: Omit<ResidentOptions["rest"], "afterMs">, bytes: number) => ResidentOptions;
  log: Log;
}

export class Predictors {
  readonly atHand: ModelsAtHand;
  /** The first is there from the start, and holds models that are too large for the others. */
  readonly holders: readonly ModelHolder[];
  readonly #left: number;
  /** Key of a model → bytes of its memory, once a thread predicted with it. */
  readonly #modelBytes = new Map<string, number>();

  constructor({ kernels, shares, threads, turns, milliseconds, thread, log }: PredictorsOptions) {
    this.#left = shares.left;
    this.atHand = new ModelsAtHand({ kernels, mostBytes: shares.atHand, turns, log });
    const common = { milliseconds, learn: this.#learn };
    const first = new ModelHolder({
      ...thread("predictor", { keptBytes: keptAtRestBytes, warm: true }, shares.first),
      ...common,
      takes: () => true,
    });
    const others = Array.from({ length: threads - 1 }, (_, at) => {
      // At rest the first one is enough.
      const options = thread(`predictor ${at + 2}`, { keptBytes: -1, warm: false }, shares.further);
      const takes = (key: string): boolean =>
        (this.#modelBytes.get(key) ?? Infinity) <= shares.further && first.thread.heldBytes <= shares.left;
      return new ModelHolder({ ...options, ...common, takes });
    });
    this.holders = [first, ...others];
  }

  readonly #learn: Learn = (model, { bytes, milliseconds, samples }) => {
    if (samples === 1) this.atHand.learn(model, milliseconds);
    const [first, ...others] = this.holders;
    if (first.thread.heldBytes > this.#left) for (const { thread } of others) thread.letGo();
    if (this.#modelBytes.has(model.key)) return;
    this.#modelBytes.set(model.key, bytes);
    for (const oldest of this.#modelBytes.keys()) {
      if (this.#modelBytes.size <= mostKnownModels) break;
      this.#modelBytes.delete(oldest);
    }
  };
}
