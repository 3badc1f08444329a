/**
 * All that the api wants computed, off its event loop, in three lines that never wait for each other: predictions in
 * micro-batches on a thread that keeps models loaded; views, exports, imports and previews at the desk; gradient
 * checks, which take seconds each. Nobody waits for long in any of them. The api imports nothing else of this folder.
 */
import { createHash } from "node:crypto";
import { fitNormalisation } from "../../engine/index.ts";
import type { Conversion, DatasetStatistics, Dtype } from "../../schemas/dataset.ts";
import type { NormalisationKind, Numerics } from "../../schemas/job.ts";
import type { Normalisation } from "../../schemas/model.ts";
import { built } from "../shared/built.ts";
import { chooseKernels } from "../shared/kernels.ts";
import type { Log } from "../shared/log.ts";
import type { Sample } from "../shared/pictures.ts";
import { Batcher } from "./batcher.ts";
import { Decoders } from "./decoders.ts";
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
  WeightedModel,
} from "./protocol.ts";
import { ResidentThread } from "./resident.ts";

export { PictureError } from "../shared/pictures.ts";
export { ComputationError, type ComputationFault } from "./errors.ts";
export { ResidentThread, type ThreadAnswer, type ThreadCall } from "./resident.ts";
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
  /** In which it is computed; reproducible where nothing is said. */
  numerics?: Numerics;
  read: () => Promise<Uint8Array>;
}

const second = 1000;
/** Of one call, its weights read from storage included. */
const limits = { predict: 30 * second, view: 30 * second, plan: 10 * second, gradients: 30 * second } as const;
const mostPlans = 256;
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
/** Models of so many bytes stay loaded in a service that is at rest. */
const keptAtRestBytes = 48 * mebibyte;

export class Prediction {
  readonly #kernels: ThreadData["kernels"];
  readonly #predictor: ResidentThread;
  readonly #desk: ResidentThread;
  readonly #checks: ResidentThread;
  readonly #decoders: Decoders;
  readonly #batcher: Batcher;
  /** The newest plans: orders of one network come in numbers. */
  readonly #plans = new Map<string, Promise<{ bytes: number }>>();
  readonly #subjects = new Map<string, { subject: Subject; users: number }>();
  /** Models that are being loaded: who comes meanwhile waits for that. */
  readonly #loading = new Map<string, Promise<unknown>>();

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
    this.#kernels = {
      reproducible: chooseKernels({ wanted: kernels, numerics: "reproducible" }),
      fast: chooseKernels({ wanted: kernels, numerics: "fast" }),
    };
    const workerData = { kernels: this.#kernels, cacheBytes } satisfies ThreadData;
    const line = (name: keyof typeof lines, rest: { keptBytes: number; warm: boolean }): ResidentThread =>
      new ResidentThread({ entry, name, workerData, ...lines[name], rest: { afterMs: restMs, ...rest }, log });
    this.#predictor = line("predictor", { keptBytes: keptAtRestBytes, warm: true });
    this.#desk = line("desk", { keptBytes: 0, warm: false });
    // What the engine makes for a check is nobody's to reuse: at rest this thread always ends.
    this.#checks = line("checks", { keptBytes: -1, warm: false });
    this.#decoders = new Decoders({
      processes: decodersAtOnce,
      mostWaiting: 512,
      mostWaitMs: 20 * second,
      limitMs: 25 * second,
      restMs,
      log,
    });
    this.#batcher = new Batcher({
      mostTogether: 512,
      mostTogetherBytes: 32 * mebibyte,
      mostWaitingBytes: 256 * mebibyte,
      mostWaitMs: lines.predictor.mostWaitMs,
      run: (key, samples, count) => this.#ask("predict", key, { samples, count }),
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

  /** In what a subject is computed, and by which kernels. */
  computedIn({ numerics = "reproducible" }: Pick<Subject, "numerics">): { numerics: Numerics; kernels: string } {
    return { numerics, kernels: this.#kernels[numerics].name };
  }

  /** What every layer makes of one sample. */
  featureMaps(subject: Subject, sample: Samples): Promise<FeatureMaps[]> {
    return this.#holding(subject, (key) => this.#ask("featureMaps", key, { sample }));
  }

  describe(subject: Subject): Promise<LayerView[]> {
    return this.#on(this.#desk, "describe", () => weighted(subject), limits.view);
  }

  /** The filters of a convolution; null for a layer that has none. */
  filters(subject: Subject, layer: number): Promise<Filters | null> {
    return this.#on(this.#desk, "filters", async () => ({ weights: await subject.read(), layer }), limits.view);
  }

  exportOnnx(subject: Subject, classNames: string[]): Promise<Uint8Array> {
    return this.#on(this.#desk, "exportOnnx", async () => ({ ...(await weighted(subject)), classNames }), limits.view);
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
    // Not at the desk: an order may not wait for somebody's export.
    const planning = this.#on(this.#predictor, "planBytes", () => of, limits.plan);
    this.#plans.set(key, planning);
    for (const oldest of this.#plans.keys()) {
      if (this.#plans.size <= mostPlans) break;
      this.#plans.delete(oldest);
    }
    planning.catch(() => this.#plans.delete(key));
    return planning;
  }

  checkGradients(settings: GradientCheckSettings): Promise<GradientCheck> {
    return this.#on(this.#checks, "checkGradients", () => settings, limits.gradients);
  }

  /** Distorted copies of samples: [count][copies][channels][height][width]. */
  augment(preview: AugmentationPreview): Promise<Float32Array> {
    return this.#on(this.#desk, "augment", () => preview, limits.view);
  }

  /** A picture made into a sample; throws PictureError. */
  convert(picture: Uint8Array, conversion: Conversion): Promise<Sample> {
    return this.#decoders.read(picture, conversion);
  }

  /** Starts the thread that orders and predictions wait for, so that the first of them does not. */
  warm(): void {
    this.#predictor.warm();
  }

  /** For telemetry. `heldBytes`: memories of models that are loaded, and of those that were. */
  get load(): { waiting: number; batches: number; threadsStarted: number; heldBytes: number } {
    const sum = (of: (thread: ResidentThread) => number): number =>
      [this.#predictor, this.#desk, this.#checks].reduce((total, thread) => total + of(thread), 0);
    return {
      waiting: sum((thread) => thread.waiting) + this.#decoders.waiting,
      batches: this.#batcher.batches,
      threadsStarted: sum((thread) => thread.started),
      heldBytes: sum((thread) => thread.heldBytes),
    };
  }

  async close(): Promise<void> {
    this.#decoders.close();
    await Promise.all([this.#predictor.close(), this.#desk.close(), this.#checks.close()]);
  }

  #on<Name extends CallName>(
    thread: ResidentThread,
    name: Name,
    input: () => Calls[Name]["input"] | Promise<Calls[Name]["input"]>,
    milliseconds: number,
  ): Promise<Calls[Name]["output"]> {
    return thread.call(name, input, { milliseconds }) as Promise<Calls[Name]["output"]>;
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

  /** Asks the thread that holds models; where it does not hold this one, again with its weights. */
  async #ask<Name extends "predict" | "featureMaps">(
    name: Name,
    key: string,
    input: Omit<Calls[Name]["input"], "key" | "model">,
  ): Promise<NonNullable<Calls[Name]["output"]>> {
    const given = (model: WeightedModel | null) => ({ key, model, ...input }) as Calls[Name]["input"];
    const warm = (): Promise<Calls[Name]["output"]> =>
      this.#on(this.#predictor, name, () => given(null), limits.predict);
    let answer = await warm();
    const underWay = this.#loading.get(key);
    if (answer === null && underWay) {
      await underWay.catch(() => undefined);
      answer = await warm();
    }
    if (answer !== null) return answer;
    const held = this.#subjects.get(key);
    if (!held) throw new ComputationError({ fault: "failed", detail: "the model is no longer known" });
    const cold = this.#on(this.#predictor, name, async () => given(await weighted(held.subject)), limits.predict);
    this.#loading.set(key, cold);
    try {
      const loaded = await cold;
      if (loaded === null) throw new ComputationError({ fault: "failed", detail: "the model could not be loaded" });
      return loaded;
    } finally {
      if (this.#loading.get(key) === cold) this.#loading.delete(key);
    }
  }
}

const runnable = ({ network, input, classes, normalisation }: Runnable): Runnable => ({
  network,
  input,
  classes,
  normalisation,
});
const weighted = async (subject: Subject): Promise<WeightedModel> => ({
  runnable: runnable(subject),
  weights: await subject.read(),
  numerics: subject.numerics ?? "reproducible",
});
const keyOf = (subject: Subject): string =>
  createHash("sha256")
    .update(JSON.stringify([subject.sha256, subject.numerics ?? "reproducible", runnable(subject)]))
    .digest("hex");
