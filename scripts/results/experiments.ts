/** What docs/RESULTS.md shows: trainings by name, as requests of the API. A `group` is one table. */
import type { JobRequestInput } from "../../schemas/job.ts";
import type { NetworkInput } from "../../schemas/network.ts";
import { presets } from "../../schemas/presets.ts";

export type Collection = "mnist" | "fashion-mnist";

export interface Experiment {
  name: string;
  group: string;
  title: string;
  /** What others reached, and where that stands. */
  claim: string | null;
  request: JobRequestInput;
  /** One training each. */
  seeds: readonly number[];
}

const lenet = presets["lenet-5"];
type Inputs = Extract<NetworkInput["layers"][number], { kind: "convolution" }>["inputs"];

/** LeNet-5 with other connections into its third layer, C3. */
const lenetWith = (inputs: Inputs): NetworkInput => ({
  layers: lenet.network.layers.map((layer, index) => (index === 2 ? ({ ...layer, inputs } as typeof layer) : layer)),
});
const learned = (penalty: "none" | "l1" | "entropy", strength: number): Inputs => ({
  learned: { filters: "per-pair", penalty, strength },
});

/** Planar distortions as in LeCun 1998 §III.B, and the elastic ones of Simard et al. 2003 besides. */
const affine = { shift: 1.5, rotate: 10, scale: 0.12 };
const elastic = { ...affine, elastic: { alpha: 34, sigma: 5 } };

const strengths = [0.01, 0.03, 0.1];
const combinations: readonly { name: string; title: string; inputs: Inputs; alsoOnFashion: boolean }[] = [
  { name: "table", title: "LeNet-5's table", inputs: "lenet-5", alsoOnFashion: true },
  { name: "all", title: "all maps", inputs: "all", alsoOnFashion: false },
  { name: "none", title: "learned, no penalty", inputs: learned("none", 0), alsoOnFashion: true },
  ...(["l1", "entropy"] as const).flatMap((penalty) =>
    strengths.map((strength) => ({
      name: `${penalty}-${strength}`,
      title: `learned, ${penalty}, λ = ${strength}`,
      inputs: learned(penalty, strength),
      alsoOnFashion: strength === 0.03,
    })),
  ),
];

const combinationsOn = (collection: Collection): Experiment[] =>
  combinations
    .filter(({ alsoOnFashion }) => collection === "mnist" || alsoOnFashion)
    .map(({ name, title, inputs }) => ({
      name: collection === "mnist" ? `combination-${name}` : `fashion-combination-${name}`,
      group: `${collection}-combinations`,
      title,
      claim: null,
      seeds: [1],
      request: { ...lenet, dataset: collection, epochs: 8, network: lenetWith(inputs) },
    }));

const onMnist: readonly Experiment[] = [
  {
    name: "toolbox",
    group: "mnist",
    title: "toolbox: 6c5-2s-12c5-2s, sigmoid, η = 1, batch 50",
    claim: "about 11 % (DeepLearnToolbox)",
    seeds: [1, 2, 3, 4, 5, 6, 7, 8],
    request: { ...presets.toolbox, dataset: "mnist" },
  },
  {
    name: "toolbox-100",
    group: "mnist",
    title: "the same for longer",
    claim: "about 1.2 % (DeepLearnToolbox)",
    seeds: [1],
    request: { ...presets.toolbox, dataset: "mnist", epochs: 100 },
  },
  {
    name: "fast-mnist",
    group: "mnist",
    title: "fast-mnist as the preset has it",
    claim: null,
    seeds: [1, 2, 3, 4, 5, 6, 7, 8],
    request: { ...presets["fast-mnist"], dataset: "mnist" },
  },
  {
    name: "lenet-5-preset",
    group: "mnist",
    title: "lenet-5 as the preset has it",
    claim: null,
    seeds: [1, 2, 3],
    request: { ...lenet, dataset: "mnist" },
  },
  {
    name: "lenet-5",
    group: "mnist",
    title: "lenet-5",
    claim: "0.95 % (LeCun 1998)",
    seeds: [1, 2],
    request: { ...lenet, dataset: "mnist", epochs: 20 },
  },
  {
    name: "lenet-5-distorted",
    group: "mnist",
    title: "lenet-5, samples shifted, turned and scaled",
    claim: "0.8 % (LeCun 1998)",
    seeds: [1],
    request: { ...lenet, dataset: "mnist", epochs: 20, augmentation: affine },
  },
  {
    name: "lenet-5-elastic",
    group: "mnist",
    title: "lenet-5, elastic distortions besides",
    claim: null,
    seeds: [1],
    request: { ...lenet, dataset: "mnist", epochs: 15, augmentation: elastic },
  },
];

const onFashion: readonly Experiment[] = [
  {
    name: "fashion-toolbox",
    group: "fashion-mnist",
    title: "toolbox",
    claim: null,
    seeds: [1],
    request: { ...presets.toolbox, dataset: "fashion-mnist" },
  },
  {
    name: "fashion-lenet-5",
    group: "fashion-mnist",
    title: "lenet-5",
    claim: null,
    seeds: [1],
    request: { ...lenet, dataset: "fashion-mnist", epochs: 10 },
  },
  {
    name: "fashion-lenet-5-distorted",
    group: "fashion-mnist",
    title: "lenet-5, mirrored and shifted samples",
    claim: null,
    seeds: [1],
    request: { ...lenet, dataset: "fashion-mnist", epochs: 20, augmentation: { shift: 1, flip: true } },
  },
];

export const experiments: readonly Experiment[] = [
  ...onMnist,
  ...combinationsOn("mnist"),
  ...onFashion,
  ...combinationsOn("fashion-mnist"),
];
