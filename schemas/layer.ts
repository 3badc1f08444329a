/** The layers of a network as a request spells them. One schema a kind; an unknown kind cannot be represented. */
import { z } from "zod";

export const activationKind = z
  .enum(["sigmoid", "tanh", "scaled-tanh", "relu", "leaky-relu", "softmax", "linear"])
  .describe(
    "what the layer's sums are put through: scaled-tanh is 1.7159·tanh(2x/3); softmax makes probabilities, in the last dense layer alone; linear leaves them as they are",
  );
export type ActivationKind = z.infer<typeof activationKind>;

export const initialiserKind = z
  .enum(["lecun", "glorot", "he", "toolbox"])
  .describe("the distribution of the first weights: its width depends on how many inputs and outputs a unit has");
export type InitialiserKind = z.infer<typeof initialiserKind>;

export const reduceKind = z.enum(["sum", "mean", "max"]);
export type ReduceKind = z.infer<typeof reduceKind>;

export const penaltyKind = z.enum(["none", "l1", "entropy", "half", "concentration"]);
export type PenaltyKind = z.infer<typeof penaltyKind>;

const count = (most: number) => z.int().min(1).max(most);

/** What every layer may carry: a multiplier of the learning rate, and how its weights start. */
const common = {
  learningRate: z
    .number()
    .min(0)
    .max(1000)
    .default(1)
    .describe("multiplier of the optimiser's learning rate for this layer; 0 freezes it: no bit of it changes"),
  initialiser: initialiserKind
    .optional()
    .describe("how the weights start; by default what the activation needs: lecun, glorot or he"),
};

/**
 * Learned combinations of feature maps (Bouvrie §3.3): α = softmax(c), filters per pair or per input, a penalty on α
 * (§3.3.1).
 */
export const learnedInputs = z.strictObject({
  learned: z
    .strictObject({
      filters: z
        .enum(["per-pair", "per-input"])
        .default("per-pair")
        .describe("per-pair: a filter for each input of each map; per-input: all maps share the filter of an input"),
      penalty: penaltyKind
        .default("none")
        .describe("what is added to the loss so that each map settles on few inputs; none: nothing"),
      strength: z.number().min(0).max(1e6).default(0.001).describe("λ: the weight of the penalty in the loss"),
    })
    .describe("which inputs a map combines is learned: the shares α of the inputs are trained with the filters"),
});

/** Which input maps each output map reads: M_j of Bouvrie §3.1. */
export const connections = z.union([
  z.enum(["all", "pairs", "triplets", "lenet-5"]),
  z
    .array(z.array(z.int().min(0).max(4095)).min(1).max(4096))
    .min(1)
    .max(4096),
  learnedInputs,
]);
export type Connections = z.infer<typeof connections>;

export const convolutionLayer = z.strictObject({
  kind: z.literal("convolution").describe("filters that slide over the maps"),
  maps: count(4096).describe("feature maps that it makes"),
  size: count(255).describe("side of the square filter, in pixels"),
  padding: z
    .int()
    .min(0)
    .max(127)
    .default(0)
    .describe("zeros added on every side, in pixels; half of size - 1 keeps the sides as they are"),
  stride: count(64).default(1).describe("pixels from one position of the filter to the next"),
  activation: activationKind.default("linear"),
  inputs: connections
    .default("all")
    .describe(
      "which input maps each map reads: all, all pairs or triplets, the table of LeNet-5, a list of input indices for each map, or learned",
    ),
  ...common,
});

export const subsamplingLayer = z.strictObject({
  kind: z.literal("subsampling").describe("blocks of pixels that become one"),
  factor: z
    .union([count(64), z.literal("all")])
    .describe("side of the block that becomes one pixel; all: the whole map, square or not"),
  reduce: reduceKind.default("mean").describe("what a block becomes: its sum, its mean or its maximum"),
  trainable: z
    .boolean()
    .default(true)
    .describe("whether each map has a factor β and a bias b that are trained; if not, β = 1 and b = 0"),
  activation: activationKind.default("linear"),
  ...common,
});

export const denseLayer = z.strictObject({
  kind: z.literal("dense").describe("units that read everything of the layer below"),
  units: count(65_536).describe("neurons; in the last layer one for each class"),
  activation: activationKind.default("linear"),
  ...common,
});

export const dropoutLayer = z.strictObject({
  kind: z.literal("dropout").describe("silences units at random in training, and none in predictions"),
  rate: z.number().min(0).lt(1).default(0.5).describe("share of units that are silenced in each training step"),
  ...common,
});

export const batchNormalisationLayer = z.strictObject({
  kind: z.literal("batch-normalisation").describe("gives each map mean and deviation of its own, over the batch"),
  momentum: z.number().gt(0).max(1).default(0.1).describe("weight of the newest batch in the running statistics"),
  epsilon: z
    .number()
    .min(1e-30)
    .max(1)
    .default(1e-5)
    .describe("added to the variance, so that a map that never changes does not divide by zero"),
  activation: activationKind.default("linear"),
  ...common,
});

const plainLayers = [convolutionLayer, subsamplingLayer, denseLayer, dropoutLayer, batchNormalisationLayer] as const;

export const shortcutKind = z.enum(["identity", "projection"]);
export type ShortcutKind = z.infer<typeof shortcutKind>;

/** A residual block (He et al. 2016): f(x + F(x)), F the block's own layers. Blocks do not nest. */
export const residualLayer = z.strictObject({
  kind: z.literal("residual").describe("a block f(x + F(x)) that learns what to add to its input"),
  layers: z
    .array(z.discriminatedUnion("kind", plainLayers))
    .min(1, "a residual block needs at least one layer")
    .max(64)
    .describe("F of f(x + F(x)): any layers but residual ones"),
  activation: activationKind.default("linear"),
  shortcut: shortcutKind
    .optional()
    .describe(
      "what carries x: itself, or a 1×1 convolution with F's stride; by default the latter where F changes the shape",
    ),
  ...common,
});

export const layer = z
  .discriminatedUnion("kind", [...plainLayers, residualLayer])
  .describe("a layer of a network: its kind decides which fields it has");
export type Layer = z.infer<typeof layer>;
export type LayerKind = Layer["kind"];
export type ConvolutionLayer = z.infer<typeof convolutionLayer>;
export type SubsamplingLayer = z.infer<typeof subsamplingLayer>;
export type DenseLayer = z.infer<typeof denseLayer>;
export type DropoutLayer = z.infer<typeof dropoutLayer>;
export type BatchNormalisationLayer = z.infer<typeof batchNormalisationLayer>;
export type ResidualLayer = z.infer<typeof residualLayer>;
