/**
 * What is legal in a request and likely wrong, as sentences for the person who wrote it: what, why, and what would be
 * better. Pure; the dry run and the job carry them.
 */
import type { CompleteJobRequest } from "./job.ts";
import type { Layer } from "./layer.ts";
import { outputActivation } from "./network-shape.ts";
import type { WeightedLayer } from "./weights.ts";

export interface WarningFacts {
  request: CompleteJobRequest;
  /** Names of the classes, and how many training samples each has. */
  classes: readonly string[];
  trainingCounts: readonly number[];
  /** Its layers with weights, and the paths of those that start with a model's. */
  weighted: readonly WeightedLayer[];
  taken: readonly string[];
}

const squashing = ["sigmoid", "tanh", "scaled-tanh", "softmax"];
const activationOf = (layer: Layer): string => ("activation" in layer ? layer.activation : "linear");

function noActivation({ request }: WarningFacts): string | null {
  const layers = request.network.layers.flatMap((layer) =>
    layer.kind === "residual" ? [...layer.layers, layer] : [layer],
  );
  const weighted = layers.filter(({ kind }) => kind === "convolution" || kind === "dense").length;
  const bends = layers
    .slice(0, -1)
    .some((layer) => activationOf(layer) !== "linear" || (layer.kind === "subsampling" && layer.reduce === "max"));
  return weighted > 1 && !bends
    ? "no layer before the last has an activation: the whole network can do no more than a single dense layer; " +
        'give the convolutions and dense layers an `activation` such as "relu" or "tanh"'
    : null;
}

function unboundedOutput({ request }: WarningFacts): string | null {
  const output = outputActivation(request.network.layers);
  return request.loss === "squared-error" && !squashing.includes(output)
    ? `squared error is measured at outputs with the activation "${output}", which have no bounds: the targets are ` +
        'numbers within fixed ones. End in "softmax" (with cross-entropy), or in "sigmoid" or "tanh"'
    : null;
}

function wholeSetAtOnce({ request, trainingCounts }: WarningFacts): string | null {
  const samples = trainingCounts.reduce((sum, count) => sum + count, 0);
  return request.batchSize > samples
    ? `a batch of ${request.batchSize} is more than the ${samples} training samples: each epoch is a single step; ` +
        `take a \`batchSize\` of ${Math.max(1, Math.min(32, Math.floor(samples / 4)))} or so`
    : null;
}

/** What a step of this rate comes to where gradients keep their direction: momentum adds up. */
function reach({ optimiser }: CompleteJobRequest): number {
  const momentum = optimiser.kind === "sgd" || optimiser.kind === "nesterov" ? optimiser.momentum : 0;
  return optimiser.kind === "adam" ? 100 * optimiser.learningRate : optimiser.learningRate / (1 - momentum);
}

function sumsBeforeLargeRate({ request }: WarningFacts): string | null {
  const at = request.network.layers.findIndex((layer) => layer.kind === "subsampling" && layer.reduce === "sum");
  if (at < 0 || request.optimiser.clipNorm !== null || reach(request) < 0.1) return null;
  const layer = request.network.layers[at];
  const factor = layer.kind === "subsampling" ? layer.factor : 1;
  const [what, times] =
    factor === "all"
      ? ["whole maps", "as many times as they have pixels"]
      : [`blocks of ${factor}×${factor} pixels`, `${factor ** 2} times`];
  return (
    `layer ${at} adds up ${what}, so what follows and its gradients are up to ${times} as large; ` +
    `a learning rate of ${request.optimiser.learningRate} may be too much for that. ` +
    'Take `"reduce":"mean"`, a tenth of the rate, or `"clipNorm":1`'
  );
}

function almostEmptyClass({ classes, trainingCounts }: WarningFacts): string | null {
  const mean = trainingCounts.reduce((sum, count) => sum + count, 0) / trainingCounts.length;
  const few = classes.flatMap((name, at) =>
    trainingCounts[at] < mean / 10 ? [{ name, count: trainingCounts[at] }] : [],
  );
  if (few.length === 0) return null;
  const [{ name, count }] = few;
  const others = few.length > 1 ? ` (and ${few.length - 1} more like it)` : "";
  return (
    `class '${name}'${others} has ${count} training sample${count === 1 ? "" : "s"}, less than a tenth of the mean of ` +
    `${Math.round(mean)}: the model may never answer it`
  );
}

function nothingLearns({ weighted }: WarningFacts): string | null {
  return weighted.length > 0 && weighted.every(({ learningRate }) => learningRate === 0)
    ? "every layer is frozen (`learningRate` 0): nothing is learned. Let at least the last layer learn"
    : null;
}

/** Batch normalisation and subsampling start as the identity: frozen they do no harm. */
function frozenAtRandom({ weighted, taken }: WarningFacts): string | null {
  const random = weighted.filter(
    ({ path, kind, learningRate }) =>
      learningRate === 0 && (kind === "convolution" || kind === "dense") && !taken.includes(path),
  );
  if (random.length === 0) return null;
  const others = random.length > 1 ? ` (and ${random.length - 1} more like it)` : "";
  return (
    `${random[0].name}${others} is frozen (\`learningRate\` 0) with weights drawn from the seed: it never learns ` +
    "what to look for. Start it from a model (`initialModel`), or let it learn"
  );
}

const kinds = [
  noActivation,
  unboundedOutput,
  wholeSetAtOnce,
  sumsBeforeLargeRate,
  almostEmptyClass,
  nothingLearns,
  frozenAtRandom,
];

/** At most one sentence of each kind. */
export const warningsOf = (facts: WarningFacts): string[] => kinds.flatMap((kind) => kind(facts) ?? []);

/** What to try where a training diverged, as a sentence: what of it the request has not done already. */
export function afterDivergence(request: CompleteJobRequest): string {
  const { optimiser, network, normalisation } = request;
  const sums = network.layers.some((layer) => layer.kind === "subsampling" && layer.reduce === "sum");
  const remedies = [
    `a learning rate of ${Number((optimiser.learningRate / 10).toPrecision(2))}`,
    ...(optimiser.clipNorm === null ? ['`"clipNorm":1` in the optimiser'] : []),
    ...(sums ? ['`"reduce":"mean"` in the subsampling layers'] : []),
    ...(normalisation === "none" ? ['`"normalisation":"standardise"`'] : []),
  ];
  const last = remedies.pop() ?? "";
  return `Try ${remedies.length > 0 ? `${remedies.join(", ")} or ` : ""}${last}.`;
}
