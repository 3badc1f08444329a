/** The models a thread holds ready, each with its memory: bounded in bytes, the longest unused goes first. */
import { EngineError, createPredictor, planPrediction, probabilitiesOf } from "../../engine/index.ts";
import type { PredictionPlan, Predictor } from "../../engine/index.ts";
import type { Numerics } from "../../schemas/job.ts";
import { loadKernels } from "../shared/kernels.ts";
import { exchangeViews } from "./exchange.ts";
import { MemoriesFull, type Memories } from "./memories.ts";
import type { BatchShape, Calls, FeatureMaps, Runnable, Samples, ThreadData, WeightedModel } from "./protocol.ts";

/** Samples that run through a predictor at once, as many as fit: blocks of eight. */
const batches = [64, 32, 16, 8] as const;

const mebibyte = 1024 * 1024;
const mebibytes = (bytes: number): string => `${Math.ceil(bytes / mebibyte)} MiB`;

/**
 * The plan of the largest batch that fits the budget. Throws EngineError where not even the smallest does: such a model
 * can be loaded by nobody here. Always with a pointer below the network, which the weights' own faults have not.
 */
export function planWithin(
  runnable: Runnable & { numerics?: Numerics },
  mostBytes: number,
  samplesTogether = Infinity,
): PredictionPlan {
  let found: PredictionPlan | EngineError | null = null;
  for (const batch of batches.filter((each) => each <= samplesTogether)) {
    try {
      found = planPrediction({ ...runnable, batch });
      if (found.bytes <= mostBytes) return found;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      found = error;
    }
  }
  if (found instanceof EngineError)
    throw new EngineError({ code: found.code, detail: found.detail, pointer: found.pointer ?? "" });
  throw new EngineError({
    code: "too-large",
    detail: `predictions of this network take ${mebibytes(found?.bytes ?? 0)}, more than all models together may have here (${mebibytes(mostBytes)}); a smaller input or fewer maps would fit, or the operator raises PREDICTION_CACHE_MIB`,
    pointer: "",
  });
}

interface Loaded {
  plan: PredictionPlan;
  predictor: Predictor;
  memory: WebAssembly.Memory;
}

export interface LoadedModelsOptions {
  kernels: ThreadData["kernels"];
  memories: Memories;
  mostBytes: number;
  /** Samples that are ever asked for at once, where these are few. */
  samplesTogether?: number;
}

export class LoadedModels {
  /** In order of last use. */
  readonly #loaded = new Map<string, Loaded>();
  readonly #kernels: ThreadData["kernels"];
  readonly #memories: Memories;
  readonly #mostBytes: number;
  readonly #samplesTogether: number | undefined;

  constructor({ kernels, memories, mostBytes, samplesTogether }: LoadedModelsOptions) {
    this.#kernels = kernels;
    this.#memories = memories;
    this.#mostBytes = mostBytes;
    this.#samplesTogether = samplesTogether;
  }

  has(key: string): boolean {
    return this.#loaded.has(key);
  }

  /** Reads the samples of a batch where they stand in the exchange, and puts the answers there. */
  predict(
    key: string,
    model: WeightedModel | null,
    shape: BatchShape,
    exchange: ArrayBufferLike,
  ): Calls["predict"]["output"] {
    const loaded = this.#use(key, model);
    if (!loaded) return null;
    const began = performance.now();
    const { predictor, plan } = loaded;
    const { classes, network, batch } = plan.spec;
    const { count, elements } = shape;
    const { samples, outputs, probabilities } = exchangeViews(exchange, shape);
    for (let from = 0; from < count; from += batch) {
      const some = Math.min(batch, count - from);
      const found = predictor.predict(samples.subarray(from * elements, (from + some) * elements), some);
      outputs.set(found, from * classes);
      probabilities.set(probabilitiesOf(found, { network, classes }), from * classes);
    }
    return { bytes: plan.bytes, milliseconds: performance.now() - began };
  }

  featureMaps(key: string, model: WeightedModel | null, sample: Samples): FeatureMaps[] | null {
    return this.#use(key, model)?.predictor.featureMaps(sample) ?? null;
  }

  /**
   * A model made ready; `forget` it where it was only to be tried. Throws EngineError where the weights are not this
   * network's, MemoriesFull where only a new thread has room.
   */
  load(key: string, { runnable, weights, numerics }: WeightedModel): Loaded {
    const plan = planWithin({ ...runnable, numerics }, this.#mostBytes, this.#samplesTogether);
    const memory = this.#room(plan.bytes);
    try {
      const kernels = loadKernels(this.#kernels[numerics], memory);
      const predictor = createPredictor({ plan, memory, kernels, weights });
      const loaded = { plan, predictor, memory };
      this.#loaded.set(key, loaded);
      return loaded;
    } catch (error) {
      this.#memories.give(memory);
      throw error;
    }
  }

  forget(key: string): void {
    const loaded = this.#loaded.get(key);
    if (!loaded) return;
    this.#loaded.delete(key);
    this.#memories.give(loaded.memory);
  }

  /** A memory for as long as `work` takes. Throws EngineError where all models together may not have so much. */
  lend<Answer>(bytes: number, work: (memory: WebAssembly.Memory) => Answer): Answer {
    if (bytes > this.#mostBytes)
      throw new EngineError({
        code: "too-large",
        detail: `this takes ${mebibytes(bytes)}, more than all models together may have here (${mebibytes(this.#mostBytes)}); the operator raises PREDICTION_CACHE_MIB`,
      });
    const memory = this.#room(bytes);
    try {
      return work(memory);
    } finally {
      this.#memories.give(memory);
    }
  }

  #room(bytes: number): WebAssembly.Memory {
    for (;;) {
      const memory = this.#memories.take(bytes);
      if (memory) return memory;
      const oldest = this.#loaded.keys().next();
      if (oldest.done) throw new MemoriesFull(`no memory of ${mebibytes(bytes)} could be made of those that are free`);
      this.forget(oldest.value);
    }
  }

  #use(key: string, model: WeightedModel | null): Loaded | null {
    const loaded = this.#loaded.get(key) ?? (model && this.load(key, model));
    if (!loaded) return null;
    this.#loaded.delete(key);
    this.#loaded.set(key, loaded);
    return loaded;
  }
}
