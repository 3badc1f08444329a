/** What docs/RESULTS.md shows: trainings by name, as requests of the API. A `group` is one table. */
import type { JobRequestInput } from "../../schemas/job.ts";
import { presets } from "../../schemas/presets.ts";

export type Collection = "mnist" | "fashion-mnist";

export interface Experiment {
  name: string;
  group: string;
  title: string;
  /** What others reached, and where that stands. */
  claim: string | null;
  request: JobRequestInput;
}

const lenet = presets["lenet-5"];
type Inputs = Extract<Exclude<JobRequestInput["network"], string>["layers"][number], { kind: "convolution" }>["inputs"];

/** LeNet-5 with other connections into its third layer, C3. */
const lenetWith = (inputs: Inputs): JobRequestInput["network"] => ({
  layers: (lenet.network).layers.map((layer, index) => (index === 2 ? { ...layer, inputs } as typeof layer : layer)),
});
const learned = (penalty: "none" | "l1" | "entropy", strength: number): Inputs => ({ learned: { filters: "per-pair", penalty, strength } });

const distortions: JobRequestInput["augmentation"] = { shift: 1.5, rotate: 10, scale: 0.12, elastic: { alpha: 34, sigma: 5 } };

function experimentsOn(collection: Collection): Experiment[] {
  const on = (name: string): string => (collection === "mnist" ? name : `${name}-fashion`);
  const long: Partial<JobRequestInput> = { dataset: collection, epochs: 20 };
  const combinations: [string, string, Inputs][] = [
    ["table", "LeNet-5's table", "lenet-5"],
    ["all", "all maps", "all"],
    ["none", "learned, no penalty", learned("none", 0)],
    ...[0.001, 0.01, 0.1].map((strength): [string, string, Inputs] => [`l1-${strength}`, `learned, l1, λ = ${strength}`, learned("l1", strength)]),
    ...[0.001, 0.01, 0.1].map((strength): [string, string, Inputs] => [`entropy-${strength}`, `learned, entropy, λ = ${strength}`, learned("entropy", strength)]),
  ];
  return [
    {
      name: on("toolbox"), group: collection, title: "toolbox: 6c5-2s-12c5-2s, sigmoid, η = 1, batch 50, 1 epoch",
      claim: collection === "mnist" ? "about 11 % (DeepLearnToolbox)" : null, request: { ...presets.toolbox, dataset: collection },
    },
    {
      name: on("toolbox-100"), group: collection, title: "the same for 100 epochs",
      claim: collection === "mnist" ? "about 1.2 % (DeepLearnToolbox)" : null, request: { ...presets.toolbox, dataset: collection, epochs: 100 },
    },
    { name: on("fast-mnist"), group: collection, title: "fast-mnist as the preset has it, 4 epochs", claim: null, request: { ...presets["fast-mnist"], dataset: collection } },
    { name: on("lenet-5-preset"), group: collection, title: "lenet-5 as the preset has it, 4 epochs", claim: null, request: { ...lenet, dataset: collection } },
    { name: on("lenet-5"), group: collection, title: "lenet-5, 20 epochs", claim: collection === "mnist" ? "0.95 % (LeCun 1998)" : null, request: { ...lenet, ...long } as JobRequestInput },
    {
      name: on("lenet-5-distorted"), group: collection, title: collection === "mnist" ? "lenet-5, distorted samples, 40 epochs" : "lenet-5, mirrored and shifted samples, 40 epochs",
      claim: collection === "mnist" ? "0.8 % (LeCun 1998)" : null,
      request: { ...lenet, ...long, epochs: 40, augmentation: collection === "mnist" ? distortions : { shift: 1, flip: true } } as JobRequestInput,
    },
    ...combinations.map(([name, title, inputs]): Experiment => ({
      name: on(`combination-${name}`), group: `${collection}-combinations`, title, claim: null, request: { ...lenet, ...long, epochs: 10, network: lenetWith(inputs) } as JobRequestInput,
    })),
  ];
}

export const experiments: readonly Experiment[] = [...experimentsOn("mnist"), ...experimentsOn("fashion-mnist")];
