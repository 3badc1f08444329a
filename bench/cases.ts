/** The networks and situations that are measured. All sizes are those of MNIST: 1×28×28 in, ten classes out. */
import { network, type Network } from "../schemas/network.ts";
import { type Shape } from "../schemas/shape.ts";
import { networkShape, trainingFlops } from "../schemas/network-shape.ts";

export type NetworkName = "A" | "B" | "C";
export type Mode = "training" | "inference";

export interface Case {
  network: NetworkName;
  mode: Mode;
  batch: number;
  threads: number;
}

export const input: Shape = { channels: 1, height: 28, width: 28 };
export const classes = 10;

const mean = { kind: "subsampling", factor: 2, reduce: "mean", trainable: false };

export const networks: Record<
  NetworkName,
  { title: string; loss: "squared-error" | "cross-entropy"; network: Network }
> = {
  A: {
    title: "DeepLearnToolbox's 6c5-2s-12c5-2s, sigmoid",
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
};

/** FLOPs of one sample: multiply-adds of convolutions and dense layers, two each. */
export function flopsPerSample({ network: name, mode }: Pick<Case, "network" | "mode">): number {
  const { layers } = networkShape(networks[name].network.layers, input, classes);
  return mode === "training" ? trainingFlops(layers) : layers.reduce((sum, { flops }) => sum + flops, 0);
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
  ...(["A", "B", "C"] as const).flatMap((name) => [
    ...each(name, "inference", 1, [1]),
    ...each(name, "inference", 256, [1, 2]),
  ]),
];

export const describeCase = ({ network: name, mode, batch, threads }: Case): string =>
  `${name} ${mode}, batch ${batch}, ${threads} thread${threads > 1 ? "s" : ""}`;
