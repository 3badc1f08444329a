/**
 * The networks and situations that are measured. A, B and C take MNIST's 1×28×28, D and E colour pictures; ten classes
 * all.
 */
import { network, type Network } from "../schemas/network.ts";
import { type Shape } from "../schemas/shape.ts";
import { networkShape, trainingFlops } from "../schemas/network-shape.ts";

export type NetworkName = "A" | "B" | "C" | "D" | "E";
export type Mode = "training" | "inference";

export interface Case {
  network: NetworkName;
  mode: Mode;
  batch: number;
  threads: number;
}

/** The pictures of MNIST. */
export const input: Shape = { channels: 1, height: 28, width: 28 };
const colour = (side: number): Shape => ({ channels: 3, height: side, width: side });
export const classes = 10;

const mean = { kind: "subsampling", factor: 2, reduce: "mean", trainable: false };
const max = { kind: "subsampling", factor: 2, reduce: "max", trainable: false };
const all = { kind: "subsampling", factor: "all", reduce: "mean", trainable: false };

/** A 3×3 convolution that keeps the size, normalised over the batch. */
const normalised = (maps: number, activation: "relu" | "linear", stride = 1): object[] => [
  { kind: "convolution", maps, size: 3, padding: 1, stride },
  { kind: "batch-normalisation", activation },
];

/** Two of them with a shortcut (He et al. 2016); with a stride of 2 the shortcut is projected. */
const residual = (maps: number, stride = 1): object => ({
  kind: "residual",
  layers: [...normalised(maps, "relu", stride), ...normalised(maps, "linear")],
  activation: "relu",
});

export interface Definition {
  title: string;
  input: Shape;
  loss: "squared-error" | "cross-entropy";
  network: Network;
}

export const networks: Record<NetworkName, Definition> = {
  A: {
    title: "DeepLearnToolbox's 6c5-2s-12c5-2s, sigmoid",
    input,
    loss: "squared-error",
    network: network.parse({
      layers: [
        { kind: "convolution", maps: 6, size: 5, activation: "sigmoid" },
        mean,
        { kind: "convolution", maps: 12, size: 5, activation: "sigmoid" },
        mean,
        { kind: "dense", units: 10, activation: "sigmoid" },
      ],
    }),
  },
  B: {
    title: "LeNet-5-like 6c5-2s-16c5-2s-120c5-84-10 on 32×32, tanh",
    input,
    loss: "cross-entropy",
    network: network.parse({
      layers: [
        { kind: "convolution", maps: 6, size: 5, padding: 2, activation: "tanh" },
        mean,
        { kind: "convolution", maps: 16, size: 5, activation: "tanh" },
        mean,
        { kind: "convolution", maps: 120, size: 5, activation: "tanh" },
        { kind: "dense", units: 84, activation: "tanh" },
        { kind: "dense", units: 10, activation: "softmax" },
      ],
    }),
  },
  C: {
    title: "32c3-64c3-max2-128-10, relu",
    input,
    loss: "cross-entropy",
    network: network.parse({
      layers: [
        { kind: "convolution", maps: 32, size: 3, activation: "relu" },
        { kind: "convolution", maps: 64, size: 3, activation: "relu" },
        { kind: "subsampling", factor: 2, reduce: "max", trainable: false },
        { kind: "dense", units: 128, activation: "relu" },
        { kind: "dense", units: 10, activation: "softmax" },
      ],
    }),
  },
  D: {
    title: "RGB 32×32: 64c3-64c3-max2-128c3-128c3-max2-256c3-all-10, normalised, relu",
    input: colour(32),
    loss: "cross-entropy",
    network: network.parse({
      layers: [
        ...normalised(64, "relu"),
        ...normalised(64, "relu"),
        max,
        ...normalised(128, "relu"),
        ...normalised(128, "relu"),
        max,
        ...normalised(256, "relu"),
        all,
        { kind: "dense", units: 10, activation: "softmax" },
      ],
    }),
  },
  E: {
    title: "RGB 64×64, residual: 16c3, blocks of 16, 32 (stride 2), 32, 64 (stride 2), all, 10",
    input: colour(64),
    loss: "cross-entropy",
    network: network.parse({
      layers: [
        ...normalised(16, "relu"),
        residual(16),
        residual(32, 2),
        residual(32),
        residual(64, 2),
        all,
        { kind: "dense", units: 10, activation: "softmax" },
      ],
    }),
  },
};

/** FLOPs of one sample: multiply-adds of convolutions and dense layers, two each. */
export function flopsPerSample({ network: name, mode }: Pick<Case, "network" | "mode">): number {
  const { network: given, input } = networks[name];
  const { layers } = networkShape(given.layers, input, classes);
  return mode === "training" ? trainingFlops(given.layers, layers) : layers.reduce((sum, { flops }) => sum + flops, 0);
}

const each = (name: NetworkName, mode: Mode, batch: number, threads: readonly number[]): Case[] =>
  threads.map((count) => ({ network: name, mode, batch, threads: count }));

export const cases: readonly Case[] = [
  ...each("A", "training", 50, [1, 2]),
  ...each("A", "training", 64, [1, 2]),
  ...each("A", "training", 1, [1]),
  ...each("B", "training", 50, [1, 2]),
  ...each("B", "training", 64, [1, 2]),
  ...each("B", "training", 1, [1]),
  ...each("C", "training", 64, [1, 2]),
  ...each("D", "training", 64, [1, 2]),
  ...each("E", "training", 64, [1, 2]),
  ...(["A", "B", "C"] as const).flatMap((name) => [
    ...each(name, "inference", 1, [1]),
    ...each(name, "inference", 256, [1, 2]),
  ]),
  ...(["D", "E"] as const).flatMap((name) => each(name, "inference", 64, [1, 2])),
];

/** The same with other counts of threads, where a case may have several. */
export const casesWith = (threads: readonly number[]): readonly Case[] => [
  ...cases.filter((wanted) => wanted.threads === 1 && (threads.includes(1) || wanted.batch === 1)),
  ...cases
    .filter((wanted) => wanted.threads === 2)
    .flatMap((wanted) => threads.filter((count) => count > 1).map((count) => ({ ...wanted, threads: count }))),
];

export const describeCase = ({ network: name, mode, batch, threads }: Case): string =>
  `${name} ${mode}, batch ${batch}, ${threads} thread${threads > 1 ? "s" : ""}`;
