/**
 * All that the api wants computed, off its event loop but for what takes microseconds, in three lines that never wait
 * for each other: predictions in micro-batches on threads that keep models loaded; views, exports, imports and previews
 * at the desk; gradient checks, which take seconds each. Nobody waits for long in any of them. The api imports nothing
 * else of this folder.
 */
import { createHash } from "node:crypto";
import { fitNormalisation } from "../../engine/index.ts";
import type { Conversion, DatasetStatistics, Dtype } from "../../schemas/dataset.ts";
import type { NormalisationKind, Numerics } from "../../schemas/job.ts";
import type { Normalisation } from "../../schemas/model.ts";
import { sizeOf } from "../../schemas/shape.ts";
import { built } from "../shared/built.ts";
import { chooseKernels } from "../shared/kernels.ts";
import type { Log } from "../shared/log.ts";
import { readPlainPicture, type Sample } from "../shared/pictures.ts";
import { Batcher } from "./batcher.ts";
import { Decoders } from "./decoders.ts";
import { ComputationError } from "./errors.ts";
import type {
  AugmentationPreview,
  CallName,
  Calls,
  Explained,
  FeatureMaps,
  Filters,
  GradientCheck,
  GradientCheckSettings,
  LayerView,
  Outputs,
  Runnable,
  Saliency,
  Samples,
  Sensitivities,
  ThreadData,
} from "./protocol.ts";
import { runnable, weighted, type KeyedSubject, type ModelHolder, type Subject } from "./model-holder.ts";
import { piecesOf, samplesOf, type Pieces } from "./pieces.ts";
import { Plans } from "./plans.ts";
import { Predictors, sharesOf } from "./predictors.ts";
import { ResidentThread, type ResidentOptions } from "./resident.ts";
import { Turns } from "./turns.ts";

export { PictureError } from "../shared/pictures.ts";
export { ComputationError, type ComputationFault } from "./errors.ts";
export { ResidentThread, type ThreadAnswer, type ThreadCall } from "./resident.ts";
export { piecesOf, samplesOf, type Pieces } from "./pieces.ts";
export type { Subject } from "./model-holder.ts";
export { encodeSheet, heatOver, sheetSize, signedShades, stretchedShades, type Sheet } from "./sheets.ts";
export type {
  AugmentationPreview,
  FeatureMaps,
  Filters,
  GradientCheck,
  GradientCheckSettings,
  LayerSensitivities,
  LayerView,
  Outputs,
  Runnable,
  Saliency,
  Samples,
  Sensitivities,
} from "./protocol.ts";

const second = 1000;
/** Of one call, its weights read from storage included. */
const limits = { predict: 30 * second, view: 30 * second, plan: 10 * second, gradients: 30 * second } as const;
/** Numbers of one answer. */
const mostOutputs = 4 * 1024 * 1024;
const mebibyte = 1024 * 1024;
/** How many may wait in each line, and how long. */
const lines = {
  predictor: { mostWaiting: 1000, mostWaitMs: 20 * second },
  desk: { mostWaiting: 32, mostWaitMs: 20 * second },
  checks: { mostWaiting: 4, mostWaitMs: 30 * second },
} as const;
const restMs = 30 * second;
const decodersAtOnce = 2;
export interface PredictionOptions {
  /** The KERNELS setting. */
  kernels: string;
  /** Bytes that the memories of all models may take. */
  cacheBytes: number;
  /** Threads that predict; those after the first start when there is work for them. */
  threads?: number;
  /** Processes of this kind: what may wait is divided among them. */
  processes?: number;
  log: Log;
  entry?: URL;
}

export class Prediction {
  readonly #kernels: ThreadData["kernels"];
  readonly #predictors: Predictors;
  readonly #desk: ResidentThread;
  readonly #checks: ResidentThread;
  readonly #decoders: Decoders;
  readonly #batcher: Batcher<KeyedSubject>;
  readonly #turns = new Turns();
  // Not at the desk: an order may not wait for somebody's export.
  readonly #plans = new Plans((of) => this.#on(this.#first.thread, "planBytes", () => of, limits.plan));
  readonly #keys = new WeakMap<Subject, KeyedSubject>();

  /** Throws KernelsError where the kernels that are wanted are not there. */
  constructor({
    kernels,
    cacheBytes,
    threads = 1,
    processes = 1,
    log,
    entry = built("services/prediction/prediction-thread.js"),
  }: PredictionOptions) {
    this.#kernels = {
      reproducible: chooseKernels({ wanted: kernels, numerics: "reproducible" }),
      fast: chooseKernels({ wanted: kernels, numerics: "fast" }),
    };
    const shares = sharesOf(cacheBytes, threads);
    const part = (all: number): number => Math.ceil(all / processes);
    const thread = (
      name: string,
      of: keyof typeof lines,
      rest: { keptBytes: number; warm: boolean },
      bytes = shares.first,
    ): ResidentOptions => {
      const workerData = { kernels: this.#kernels, cacheBytes: bytes } satisfies ThreadData;
      const { mostWaiting, mostWaitMs } = lines[of];
      return {
        entry,
        name,
        workerData,
        mostWaiting: part(mostWaiting),
        mostWaitMs,
        rest: { afterMs: restMs, ...rest },
        log,
      };
    };
    this.#predictors = new Predictors({
      kernels: this.#kernels,
      shares,
      threads,
      turns: this.#turns,
      milliseconds: limits.predict,
      thread: (name, rest, bytes) => thread(name, "predictor", rest, bytes),
      log,
    });
    this.#desk = new ResidentThread(thread("desk", "desk", { keptBytes: 0, warm: false }));
    // What the engine makes for a check is nobody's to reuse: at rest this thread always ends.
    this.#checks = new ResidentThread(thread("checks", "checks", { keptBytes: -1, warm: false }));
    this.#decoders = new Decoders({
      processes: part(decodersAtOnce),
      mostWaiting: part(512),
      mostWaitMs: 20 * second,
      limitMs: 25 * second,
      restMs,
      log,
    });
    this.#batcher = new Batcher({
      runners: [this.#predictors.atHand, ...this.#predictors.holders],
      mostTogether: 128,
      mostTogetherBytes: 8 * mebibyte,
      mostWaitingBytes: part(64 * mebibyte),
      mostWaitMs: lines.predictor.mostWaitMs,
    });
  }

  /**
   * Outputs and probabilities of samples [count][channels][height][width] in the dataset's own range, whole or in
   * pieces. Takes the samples: the caller may not use them again.
   */
  predict(subject: Subject, samples: Samples | Pieces, count: number): Promise<Outputs> {
    const { classes, input } = subject;
    if (count * classes > mostOutputs) {
      const detail = `${count} samples of ${classes} classes are too many answers at once; send at most ${Math.floor(mostOutputs / classes)}`;
      return Promise.reject(new ComputationError({ fault: "refused", detail }));
    }
    const model = this.#keyed(subject);
    return this.#batcher.predict({
      model,
      key: model.key,
      elements: sizeOf(input),
      classes,
      samples: "pieces" in samples ? samples : piecesOf([samples]),
      count,
    });
  }

  /** In what a subject is computed, and by which kernels. */
  computedIn({ numerics = "reproducible" }: Pick<Subject, "numerics">): { numerics: Numerics; kernels: string } {
    return { numerics, kernels: this.#kernels[numerics].name };
  }

  /** What every layer makes of one sample. */
  featureMaps(subject: Subject, sample: Samples | Pieces): Promise<FeatureMaps[]> {
    return this.#first.ask("featureMaps", this.#keyed(subject), { sample: samplesOf(sample) });
  }

  /** x and δ of every layer and of the input, for one sample; the class null: the predicted one. */
  sensitivities(subject: Subject, asked: Omit<Explained, "model">): Promise<Sensitivities> {
    return this.#on(
      this.#desk,
      "sensitivities",
      async () => ({ ...asked, model: await weighted(subject) }),
      limits.view,
    );
  }

  /** How much each pixel moves the score of a class. */
  saliency(subject: Subject, asked: Omit<Explained, "model">): Promise<Saliency> {
    return this.#on(this.#desk, "saliency", async () => ({ ...asked, model: await weighted(subject) }), limits.view);
  }

  describe(subject: Subject): Promise<LayerView[]> {
    return this.#on(this.#desk, "describe", () => weighted(subject), limits.view);
  }

  /** The filters of a convolution; null for a layer that has none. */
  filters(subject: Subject, layer: number): Promise<Filters | null> {
    return this.#on(this.#desk, "filters", async () => ({ weights: await subject.read(), layer }), limits.view);
  }

  /** An .onnx file; `about` goes into its metadata. */
  exportOnnx(
    subject: Subject,
    described: { classNames: string[]; about: Record<string, string> },
  ): Promise<Uint8Array> {
    const call = async () => ({ ...(await weighted(subject)), ...described });
    return this.#on(this.#desk, "exportOnnx", call, limits.view);
  }

  /** A safetensors file of the weights alone. */
  exportWeights(subject: Subject, metadata: Record<string, string>): Promise<Uint8Array> {
    return this.#on(this.#desk, "exportWeights", async () => ({ ...(await weighted(subject)), metadata }), limits.view);
  }

  /**
   * Whether a weights file fits a network and its predictions fit the memory there is for them; fails with `refused`
   * and a sentence where not.
   */
  inspectWeights(of: Runnable, weights: Uint8Array): Promise<{ parameters: number }> {
    return this.#on(
      this.#desk,
      "inspectWeights",
      () => ({ runnable: runnable(of), weights, numerics: "reproducible" as const }),
      limits.view,
    );
  }

  /** What a training on this dataset normalises its inputs with. */
  normalisationOf(kind: NormalisationKind, dtype: Dtype, statistics: DatasetStatistics): Normalisation {
    return fitNormalisation(kind, dtype, statistics);
  }

  /** Bytes of the shared memory a training would take; `refused` where it cannot be. */
  planBytes(of: Calls["planBytes"]["input"]): Promise<{ bytes: number }> {
    return this.#plans.bytesOf(of);
  }

  checkGradients(settings: GradientCheckSettings): Promise<GradientCheck> {
    return this.#on(this.#checks, "checkGradients", () => settings, limits.gradients);
  }

  /** Distorted copies of samples: [count][copies][channels][height][width]. */
  augment(preview: AugmentationPreview): Promise<Float32Array> {
    return this.#on(this.#desk, "augment", () => preview, limits.view);
  }

  /** A picture made into a sample; throws PictureError. */
  async convert(picture: Uint8Array, conversion: Conversion): Promise<Sample> {
    const plain = await this.#turns.run(() => readPlainPicture(picture, conversion));
    return plain ?? this.#decoders.read(picture, conversion);
  }

  /** Starts the thread that orders and predictions wait for, so that the first of them does not. */
  warm(): void {
    this.#first.thread.warm();
  }

  /** For telemetry. `heldBytes`: memories of models that are loaded, and of those that were. */
  get load(): { waiting: number; batches: number; threadsStarted: number; heldBytes: number } {
    const sum = (of: (thread: ResidentThread) => number): number =>
      this.#threads.reduce((total, thread) => total + of(thread), 0);
    return {
      waiting: this.#batcher.waiting + sum((thread) => thread.waiting) + this.#decoders.waiting,
      batches: this.#batcher.batches,
      threadsStarted: sum((thread) => thread.started),
      heldBytes: this.#predictors.atHand.heldBytes + sum((thread) => thread.heldBytes),
    };
  }

  async close(): Promise<void> {
    this.#decoders.close();
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  get #first(): ModelHolder {
    return this.#predictors.holders[0];
  }

  get #threads(): ResidentThread[] {
    return [...this.#predictors.holders.map(({ thread }) => thread), this.#desk, this.#checks];
  }

  #on<Name extends CallName>(
    thread: ResidentThread,
    name: Name,
    input: () => Calls[Name]["input"] | Promise<Calls[Name]["input"]>,
    milliseconds: number,
  ): Promise<Calls[Name]["output"]> {
    return thread.call(name, input, { milliseconds }) as Promise<Calls[Name]["output"]>;
  }

  #keyed(subject: Subject): KeyedSubject {
    const known = this.#keys.get(subject);
    if (known) return known;
    const made = { key: keyOf(subject), subject };
    this.#keys.set(subject, made);
    return made;
  }
}

const keyOf = (subject: Subject): string =>
  createHash("sha256")
    .update(JSON.stringify([subject.sha256, subject.version, subject.numerics ?? "reproducible", runnable(subject)]))
    .digest("hex");
