/**
 * All that the api wants computed, off its event loop: predictions in micro-batches on a thread that keeps models
 * loaded, and on a second one gradient checks, exports, plans and previews, so that a long check never stands before a
 * prediction. The api imports nothing else of this folder.
 */
import { createHash } from "node:crypto";
import { fitNormalisation } from "../../engine/index.ts";
import type { Conversion, DatasetStatistics, Dtype } from "../../schemas/dataset.ts";
import type { NormalisationKind } from "../../schemas/job.ts";
import type { Normalisation } from "../../schemas/model.ts";
import { built } from "../shared/built.ts";
import { chooseKernels } from "../shared/kernels.ts";
import type { Log } from "../shared/log.ts";
import { readPicture, type Sample } from "../shared/pictures.ts";
import { Batcher } from "./batcher.ts";
import { ComputationError } from "./errors.ts";
import type {
  AugmentationPreview,
  CallName,
  Calls,
  FeatureMaps,
  Filters,
  GradientCheck,
  GradientCheckSettings,
  LayerView,
  Outputs,
  Runnable,
  Samples,
  ThreadData,
} from "./protocol.ts";
import { ResidentThread } from "./resident.ts";

export { PictureError } from "../shared/pictures.ts";
export { ComputationError, type ComputationFault } from "./errors.ts";
export { encodeSheet, signedShades, stretchedShades } from "./sheets.ts";
export type {
  AugmentationPreview,
  FeatureMaps,
  Filters,
  GradientCheck,
  GradientCheckSettings,
  LayerView,
  Outputs,
  Runnable,
  Samples,
} from "./protocol.ts";

/** A network with weights that stand somewhere: read only when a thread does not hold them. */
export interface Subject extends Runnable {
  /** Digest of the weights: with the rest of the subject it names what a thread holds. */
  sha256: string;
  read: () => Promise<Uint8Array>;
}

const second = 1000;
const limits = {
  predict: 30 * second,
  load: 30 * second,
  view: 30 * second,
  plan: 10 * second,
  gradients: 30 * second,
} as const;
const mostPlans = 256;
/** Numbers of one answer. */
const mostOutputs = 4 * 1024 * 1024;
const mebibyte = 1024 * 1024;

export class Prediction {
  readonly #predictor: ResidentThread;
  readonly #desk: ResidentThread;
  readonly #batcher: Batcher;
  /** The newest plans: orders of one network come in numbers. */
  readonly #plans = new Map<string, Promise<{ bytes: number }>>();
  readonly #subjects = new Map<string, { subject: Subject; users: number }>();

  /** `kernels`: the KERNELS setting; throws KernelsError where it is not there. */
  constructor({
    kernels,
    cacheBytes,
    log,
    entry = built("services/prediction/prediction-thread.js"),
  }: {
    kernels: string;
    cacheBytes: number;
    log: Log;
    entry?: URL;
  }) {
    const workerData = {
      kernels: chooseKernels({ wanted: kernels, numerics: "reproducible" }),
      cacheBytes,
    } satisfies ThreadData;
    this.#predictor = new ResidentThread({ entry, name: "predictor", workerData, mostWaiting: 1000, log });
    this.#desk = new ResidentThread({ entry, name: "desk", workerData, mostWaiting: 64, log });
    this.#batcher = new Batcher({
      mostTogether: 512,
      mostWaitingBytes: 256 * mebibyte,
      run: (key, samples, count) => this.#predictLoaded(key, samples, count),
    });
  }

  /**
   * Outputs and probabilities of samples [count][channels][height][width] in the dataset's own range. Takes the
   * samples: the caller may not use them again.
   */
  async predict(subject: Subject, samples: Samples, count: number): Promise<Outputs> {
    if (count * subject.classes > mostOutputs)
      throw new ComputationError({
        fault: "refused",
        detail: `${count} samples of ${subject.classes} classes are too many answers at once; send at most ${Math.floor(mostOutputs / subject.classes)}`,
      });
    return this.#holding(subject, (key) => this.#batcher.predict(key, samples, count));
  }

  /** What every layer makes of one sample. */
  featureMaps(subject: Subject, sample: Samples): Promise<FeatureMaps[]> {
    return this.#holding(subject, (key) =>
      this.#orLoad(key, () => this.#on(this.#predictor, "featureMaps", { key, sample }, limits.predict)),
    );
  }

  async describe(subject: Subject): Promise<LayerView[]> {
    return this.#on(
      this.#desk,
      "describe",
      { runnable: runnable(subject), weights: await subject.read() },
      limits.view,
    );
  }

  /** The filters of a convolution; null for a layer that has none. */
  async filters(subject: Subject, layer: number): Promise<Filters | null> {
    return this.#on(this.#desk, "filters", { weights: await subject.read(), layer }, limits.view);
  }

  async exportOnnx(subject: Subject, classNames: string[]): Promise<Uint8Array> {
    return this.#on(
      this.#desk,
      "exportOnnx",
      { runnable: runnable(subject), classNames, weights: await subject.read() },
      limits.view,
    );
  }

  /** A safetensors file of the weights alone. */
  async exportWeights(subject: Subject, metadata: Record<string, string>): Promise<Uint8Array> {
    return this.#on(
      this.#desk,
      "exportWeights",
      { runnable: runnable(subject), weights: await subject.read(), metadata },
      limits.view,
    );
  }

  /** Whether a weights file fits a network; fails with `refused` and a sentence where it does not. */
  inspectWeights(of: Runnable, weights: Uint8Array): Promise<{ parameters: number }> {
    return this.#on(this.#desk, "inspectWeights", { runnable: runnable(of), weights }, limits.view);
  }

  /** What a training on this dataset normalises its inputs with. */
  normalisationOf(kind: NormalisationKind, dtype: Dtype, statistics: DatasetStatistics): Normalisation {
    return fitNormalisation(kind, dtype, statistics);
  }

  /** Bytes of the shared memory a training would take; `refused` where it cannot be. */
  planBytes(of: Calls["planBytes"]["input"]): Promise<{ bytes: number }> {
    const {
      name: _name,
      seed: _seed,
      metadata: _metadata,
      webhook: _webhook,
      priority: _priority,
      dataset: _dataset,
      ...planned
    } = of.request;
    const key = JSON.stringify([planned, of.input, of.classes, of.dtype, of.counts]);
    const known = this.#plans.get(key);
    if (known) return known;
    // Not on the desk: an order may not wait for somebody's gradient check.
    const planning = this.#on(this.#predictor, "planBytes", of, limits.plan);
    this.#plans.set(key, planning);
    for (const oldest of this.#plans.keys()) {
      if (this.#plans.size <= mostPlans) break;
      this.#plans.delete(oldest);
    }
    planning.catch(() => this.#plans.delete(key));
    return planning;
  }

  checkGradients(settings: GradientCheckSettings): Promise<GradientCheck> {
    return this.#on(this.#desk, "checkGradients", settings, limits.gradients);
  }

  /** Distorted copies of samples: [count][copies][channels][height][width]. */
  augment(preview: AugmentationPreview): Promise<Float32Array> {
    return this.#on(this.#desk, "augment", preview, limits.view);
  }

  /** A PNG or JPEG made into a sample; throws PictureError. */
  convert(picture: Uint8Array, conversion: Conversion): Promise<Sample> {
    return readPicture(picture, conversion);
  }

  /** Starts the thread that orders and predictions wait for, so that the first of them does not. */
  warm(): void {
    this.#predictor.warm();
  }

  /** For telemetry. */
  get load(): { waiting: number; batches: number; threadsStarted: number } {
    return {
      waiting: this.#predictor.waiting + this.#desk.waiting,
      batches: this.#batcher.batches,
      threadsStarted: this.#predictor.started + this.#desk.started,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#predictor.close(), this.#desk.close()]);
  }

  #on<Name extends CallName>(
    thread: ResidentThread,
    name: Name,
    input: Calls[Name]["input"],
    milliseconds: number,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Calls[Name]["output"]> {
    return thread.call(name, input, { milliseconds, transfer }) as Promise<Calls[Name]["output"]>;
  }

  /** Remembers where a subject's weights are for as long as somebody waits for it. */
  async #holding<Answer>(subject: Subject, work: (key: string) => Promise<Answer>): Promise<Answer> {
    const key = keyOf(subject);
    const held = this.#subjects.get(key) ?? { subject, users: 0 };
    held.users += 1;
    this.#subjects.set(key, held);
    try {
      return await work(key);
    } finally {
      held.users -= 1;
      if (held.users === 0) this.#subjects.delete(key);
    }
  }

  async #orLoad<Answer>(key: string, call: () => Promise<Answer | null>): Promise<Answer> {
    const warm = await call();
    if (warm !== null) return warm;
    const held = this.#subjects.get(key);
    if (!held) throw new ComputationError({ fault: "failed", detail: "the model is no longer known" });
    const weights = await held.subject.read();
    await this.#on(this.#predictor, "load", { key, runnable: runnable(held.subject), weights }, limits.load);
    const loaded = await call();
    if (loaded === null)
      throw new ComputationError({ fault: "refused", detail: "the model is larger than the prediction cache" });
    return loaded;
  }

  #predictLoaded(key: string, samples: Samples, count: number): Promise<Outputs> {
    return this.#orLoad(key, () => this.#on(this.#predictor, "predict", { key, samples, count }, limits.predict));
  }
}

const runnable = ({ network, input, classes, normalisation }: Runnable): Runnable => ({
  network,
  input,
  classes,
  normalisation,
});
const keyOf = (subject: Subject): string =>
  createHash("sha256")
    .update(JSON.stringify([subject.sha256, runnable(subject)]))
    .digest("hex");
