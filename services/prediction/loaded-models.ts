/** The models a thread holds ready, each with its memory: bounded in bytes, the longest unused goes first. */
import { createMemory, createPredictor, planPrediction, probabilitiesOf, type Predictor } from "../../engine/index.ts";
import { sizeOf } from "../../schemas/shape.ts";
import { loadKernels, type KernelsDescription } from "../shared/kernels.ts";
import type { FeatureMaps, Outputs, Runnable, Samples } from "./protocol.ts";

/** Samples that run through a predictor at once: eight blocks. */
export const predictionBatch = 64;

interface Loaded {
  runnable: Runnable;
  predictor: Predictor;
  bytes: number;
}

export class LoadedModels {
  /** In order of last use. */
  readonly #loaded = new Map<string, Loaded>();
  readonly #kernels: KernelsDescription;
  readonly #mostBytes: number;
  #bytes = 0;

  constructor({ kernels, mostBytes }: { kernels: KernelsDescription; mostBytes: number }) {
    this.#kernels = kernels;
    this.#mostBytes = mostBytes;
  }

  /** Throws EngineError where the weights are not this network's. A model larger than the whole cache is held alone. */
  load(key: string, runnable: Runnable, weights: Uint8Array): { bytes: number } {
    this.#drop(key);
    const plan = planPrediction({ ...runnable, batch: predictionBatch });
    const memory = createMemory(plan);
    const predictor = createPredictor({ plan, memory, kernels: loadKernels(this.#kernels, memory), weights });
    for (const oldest of this.#loaded.keys()) {
      if (this.#bytes + plan.bytes <= this.#mostBytes) break;
      this.#drop(oldest);
    }
    this.#loaded.set(key, { runnable, predictor, bytes: plan.bytes });
    this.#bytes += plan.bytes;
    return { bytes: plan.bytes };
  }

  predict(key: string, samples: Samples, count: number): Outputs | null {
    const loaded = this.#use(key);
    if (!loaded) return null;
    const { runnable, predictor } = loaded;
    const size = sizeOf(runnable.input);
    const outputs = new Float32Array(count * runnable.classes);
    for (let from = 0; from < count; from += predictionBatch) {
      const some = Math.min(predictionBatch, count - from);
      outputs.set(
        predictor.predict(samples.subarray(from * size, (from + some) * size), some),
        from * runnable.classes,
      );
    }
    return { outputs, probabilities: probabilitiesOf(outputs, runnable) };
  }

  featureMaps(key: string, sample: Samples): FeatureMaps[] | null {
    return this.#use(key)?.predictor.featureMaps(sample) ?? null;
  }

  #use(key: string): Loaded | undefined {
    const loaded = this.#loaded.get(key);
    if (!loaded) return undefined;
    this.#loaded.delete(key);
    this.#loaded.set(key, loaded);
    return loaded;
  }

  #drop(key: string): void {
    this.#bytes -= this.#loaded.get(key)?.bytes ?? 0;
    this.#loaded.delete(key);
  }
}
