/** What the threads compute: each call by name, what goes in, what comes out. Plain data only. */
import type { Augmentation } from "../../schemas/augmentation.ts";
import type { ShortcutKind } from "../../schemas/layer.ts";
import type { Dtype } from "../../schemas/dataset.ts";
import type { Numerics } from "../../schemas/job.ts";
import type { Normalisation } from "../../schemas/model.ts";
import type { Loss, Network } from "../../schemas/network.ts";
import type { Shape } from "../../schemas/shape.ts";
import type { TrainingToPlan } from "../shared/jobs/order.ts";
import type { KernelsDescription } from "../shared/kernels.ts";

/** A network that can be run, without its weights. */
export interface Runnable {
  network: Network;
  input: Shape;
  classes: number;
  normalisation: Normalisation;
}

/** Samples [count][channels][height][width] in the dataset's own range. */
export type Samples = Float32Array | Uint8Array;

/** What goes together in one call. */
export interface BatchShape {
  count: number;
  /** Of one sample. */
  elements: number;
  classes: number;
  dtype: "uint8" | "float32";
}

export interface Outputs {
  /** [count][classes], as the network gives them. */
  outputs: Float32Array;
  /** [count][classes], each row adds up to 1. */
  probabilities: Float32Array;
}

/** The maps of one layer for one sample. */
export interface FeatureMaps {
  layer: number;
  kind: string;
  shape: Shape;
  /** [channels][height][width]. */
  values: Float32Array;
}

/** x and δ of one layer for one sample; layer −1 is the input. */
export interface LayerSensitivities extends FeatureMaps {
  /** As `values`. */
  sensitivities: Float32Array;
  /** Null where the layer has no parameters, or the loss is not finite. */
  gradientNorm: number | null;
  /** Residual blocks: the block's own layers, each with its index in the block. */
  layers?: LayerSensitivities[];
}

export interface Sensitivities {
  loss: number;
  class: number;
  layers: LayerSensitivities[];
}

/** A number a pixel. */
export interface Saliency {
  class: number;
  /** [height][width]. */
  values: Float32Array;
}

export interface GradientCheck {
  /** The largest relative error of all tensors. */
  worst: number;
  /** false: time ran out, and what is there was checked until then. */
  complete: boolean;
  layers: {
    index: number;
    kind: string;
    parameters: { name: string; elements: number; checked: number; skipped: number; worstRelativeError: number }[];
  }[];
}

export interface GradientCheckSettings {
  network: Network;
  input: Shape;
  classes: number;
  loss: Loss;
  seed: number;
  /** Elements checked of each tensor; null: all. */
  sample: number | null;
  /** Samples [count][C][H][W], normalised, and their classes; by default a few random ones. */
  data: { samples: Float32Array; labels: Int32Array } | null;
  /** When to end early with what was checked. */
  seconds: number;
}

export interface AugmentationPreview {
  augmentation: Augmentation;
  seed: number;
  input: Shape;
  dtype: Dtype;
  /** [count][channels][height][width], as stored. */
  samples: Samples;
  count: number;
  /** Distorted copies of each sample. */
  copies: number;
  /** What lies outside a picture that is shifted or turned. */
  background: number;
}

/** One layer of a model as it stands after training. */
export interface LayerView {
  index: number;
  kind: string;
  input: Shape;
  output: Shape;
  parameters: number;
  /** Subsampling: β and b of every map. */
  beta: number[] | null;
  bias: number[] | null;
  /** Learned combinations (Bouvrie §3.3): α [maps][inputs], and exp(−Σ α ln α) for each map. */
  alpha: number[][] | null;
  effectiveInputs: number[] | null;
  /** Residual blocks: what carries x past the block's layers, and these. */
  shortcut?: ShortcutKind;
  layers?: LayerView[];
}

/** The filters of a convolution: [maps][inputs][size][size], zeros where not connected. */
export interface Filters {
  maps: number;
  inputs: number;
  size: number;
  values: Float32Array;
}

/** A network and what it was trained to. */
export interface WeightedModel {
  runnable: Runnable;
  weights: Uint8Array;
  numerics: Numerics;
}

/** One answer of a model, to be explained. */
export interface Explained {
  model: WeightedModel;
  loss: Loss;
  sample: Samples;
  /** Null: the predicted one. */
  class: number | null;
}

export interface Calls {
  /** `model` is only read where the thread does not hold it. Null: it does not, and none was sent. */
  predict: {
    input: { key: string; model: WeightedModel | null; shape: BatchShape; exchange: SharedArrayBuffer };
    /** The answers stand in the exchange. `bytes`: of the memory that the model takes. `milliseconds`: computing. */
    output: { bytes: number; milliseconds: number } | null;
  };
  featureMaps: { input: { key: string; model: WeightedModel | null; sample: Samples }; output: FeatureMaps[] | null };
  sensitivities: { input: Explained; output: Sensitivities };
  saliency: { input: Explained; output: Saliency };
  describe: { input: WeightedModel; output: LayerView[] };
  filters: { input: { weights: Uint8Array; layer: number }; output: Filters | null };
  exportOnnx: { input: WeightedModel & { classNames: string[]; about: Record<string, string> }; output: Uint8Array };
  /** The weights alone, without the state that a checkpoint also holds. */
  exportWeights: {
    input: WeightedModel & { metadata: Record<string, string> };
    output: Uint8Array;
  };
  /** Reads a weights file that somebody brings and says what it holds; refuses what does not fit the network. */
  inspectWeights: { input: WeightedModel; output: { parameters: number } };
  planBytes: { input: TrainingToPlan; output: { bytes: number } };
  checkGradients: { input: GradientCheckSettings; output: GradientCheck };
  augment: { input: AugmentationPreview; output: Float32Array };
}
export type CallName = keyof Calls;

/** What a thread is started with. */
export interface ThreadData {
  kernels: Record<Numerics, KernelsDescription>;
  /** Bytes that the memories of all its models may take. */
  cacheBytes: number;
}
