/**
 * Networks as somebody writes them who has read the list of layers and nothing else, and the optimisers that could be
 * the default. Every field that is left out here is left out by the user too.
 */
import type { NetworkInput } from "../../schemas/network.ts";

type Layers = NetworkInput["layers"];

export interface Naive {
  title: string;
  layers: (classes: number) => Layers;
  loss?: "squared-error";
}

const softmax = (units: number): Layers => [{ kind: "dense", units, activation: "softmax" }];
const twoStages = (activation: "tanh" | "relu" | "sigmoid" | "linear"): Naive => ({
  title: `two stages of convolution and subsampling, ${activation}`,
  layers: (classes) => [
    { kind: "convolution", maps: 6, size: 3, activation },
    { kind: "subsampling", factor: 2 },
    { kind: "convolution", maps: 12, size: 3, padding: 1, activation },
    { kind: "subsampling", factor: 2 },
    ...softmax(classes),
  ],
});

export const naiveNetworks: readonly Naive[] = [
  twoStages("tanh"),
  twoStages("relu"),
  twoStages("sigmoid"),
  twoStages("linear"),
  {
    title: "the same, tanh also after subsampling",
    layers: (classes) => [
      { kind: "convolution", maps: 6, size: 3, activation: "tanh" },
      { kind: "subsampling", factor: 2, activation: "tanh" },
      { kind: "convolution", maps: 12, size: 3, padding: 1, activation: "tanh" },
      { kind: "subsampling", factor: 2, activation: "tanh" },
      ...softmax(classes),
    ],
  },
  {
    title: "maxima and two dense layers, relu",
    layers: (classes) => [
      { kind: "convolution", maps: 8, size: 3, activation: "relu" },
      { kind: "subsampling", factor: 2, reduce: "max" },
      { kind: "dense", units: 32, activation: "relu" },
      ...softmax(classes),
    ],
  },
  {
    title: "four convolutions in a row, relu",
    layers: (classes) => [
      { kind: "convolution", maps: 8, size: 3, padding: 1, activation: "relu" },
      { kind: "convolution", maps: 8, size: 3, padding: 1, activation: "relu" },
      { kind: "subsampling", factor: 2 },
      { kind: "convolution", maps: 16, size: 3, padding: 1, activation: "relu" },
      { kind: "convolution", maps: 16, size: 3, padding: 1, activation: "relu" },
      ...softmax(classes),
    ],
  },
  {
    title: "batch normalisation and dropout, relu",
    layers: (classes) => [
      { kind: "convolution", maps: 8, size: 3, activation: "relu" },
      { kind: "batch-normalisation" },
      { kind: "subsampling", factor: 2 },
      { kind: "dropout", rate: 0.25 },
      ...softmax(classes),
    ],
  },
  {
    title: "one hidden layer, sigmoid",
    layers: (classes) => [{ kind: "dense", units: 40, activation: "sigmoid" }, ...softmax(classes)],
  },
  { title: "softmax alone", layers: softmax },
  {
    title: "two stages, sigmoid, squared error",
    loss: "squared-error",
    layers: (classes) => [
      { kind: "convolution", maps: 6, size: 3, activation: "sigmoid" },
      { kind: "subsampling", factor: 2 },
      { kind: "dense", units: classes, activation: "sigmoid" },
    ],
  },
  {
    title: "learned combinations, tanh",
    layers: (classes) => [
      { kind: "convolution", maps: 4, size: 3, activation: "tanh" },
      { kind: "subsampling", factor: 2 },
      { kind: "convolution", maps: 8, size: 3, padding: 1, activation: "tanh", inputs: { learned: {} } },
      { kind: "subsampling", factor: 2 },
      ...softmax(classes),
    ],
  },
];

/** One that could be the default. */
export interface Candidate {
  kind: "sgd" | "nesterov" | "adam" | "diagonal-levenberg-marquardt";
  learningRate: number;
  clipNorm?: number;
}

const at = (kind: Candidate["kind"], rates: readonly number[], more: Pick<Candidate, "clipNorm"> = {}): Candidate[] =>
  rates.map((learningRate) => ({ kind, learningRate, ...more }));

/** Each kind of optimiser at a few rates, its other settings as the schema has them; two also with short gradients. */
export const candidates: readonly Candidate[] = [
  ...at("sgd", [0.01, 0.03, 0.1, 0.3]),
  ...at("sgd", [0.3], { clipNorm: 1 }),
  ...at("nesterov", [0.003, 0.01, 0.03, 0.1]),
  ...at("nesterov", [0.05, 0.1, 0.2], { clipNorm: 1 }),
  ...at("nesterov", [0.2], { clipNorm: 0.5 }),
  ...at("adam", [0.001, 0.003, 0.01]),
  ...at("diagonal-levenberg-marquardt", [0.003, 0.01]),
];
