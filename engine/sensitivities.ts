/**
 * Why a network answered what it did (Bouvrie §2): one sample through the programs of training, forward to the loss and
 * back to the input, with nothing moved; and saliency (Simonyan et al. 2013, §3), where δ starts at a class's score.
 *
 *   sensitivities   x and δ = ∂E/∂u of every layer; of the input δ = ∂E/∂x⁰, x⁰ as it was normalised
 *   saliency        max over channels of |∂u_c/∂x⁰|, u_c the last layer's u of class c: before softmax or activation
 *
 * What is explained is an answer, so layers are as in prediction: batch normalisation stands on its running statistics,
 * which are constants, and nothing is dropped. A slot of one lane holds everything as [channels][height][width]. Never
 * moves a weight.
 */
import type { Normalisation } from "../schemas/model.ts";
import type { Loss, Network } from "../schemas/network.ts";
import { sizeOf } from "../schemas/shape.ts";
import type { Shape } from "../schemas/shape.ts";
import { loadWeights } from "./checkpoint.ts";
import { planExecution } from "./execution-plan.ts";
import type { ExecutionPlan } from "./execution-plan.ts";
import { Execution } from "./execution.ts";
import { plainSpec } from "./inspection.ts";
import type { Kernels, RealBytes } from "./kernels/kernels.ts";
import type { Reals } from "./memory.ts";
import { recordBackward } from "./passes.ts";
import { probabilitiesOf } from "./prediction.ts";
import type { Program } from "./program.ts";

export interface SensitivitiesSpec {
  network: Network;
  loss: Loss;
  input: Shape;
  classes: number;
  normalisation: Normalisation;
}

export interface SensitivitiesPlan {
  execution: ExecutionPlan;
  /** From a δ that was put at the last layer. */
  backward: Program;
  bytes: number;
}

export interface LayerSensitivities {
  /** Index in the request's layers; −1: the input. */
  layer: number;
  kind: string;
  shape: Shape;
  /** [channels][height][width]: x, and δ. */
  values: Reals;
  sensitivities: Reals;
  /** L2 norm of ∂(E + Ω)/∂parameters of all of the layer's parameters; null where it has none, or E is not finite. */
  gradientNorm: number | null;
  /** Residual blocks: the block's own layers, each with its index in the block. */
  layers?: LayerSensitivities[];
}

export interface Sensitivities {
  /** E of this sample, without Ω. */
  loss: number;
  class: number;
  layers: LayerSensitivities[];
}

export interface Saliency {
  class: number;
  /** [height][width]. */
  values: Reals;
}

export interface Explainer {
  /** Sample [C][H][W] in the dataset's own range; class null: the predicted one. */
  sensitivities(sample: ArrayLike<number>, of: number | null): Sensitivities;
  saliency(sample: ArrayLike<number>, of: number | null): Saliency;
}

/** Throws EngineError for a network that does not fit. */
export function planSensitivities(spec: SensitivitiesSpec, realBytes: RealBytes = 4): SensitivitiesPlan {
  const { normalisation, ...rest } = spec;
  const plain = plainSpec({ ...rest, count: 1, batchSize: 1, seed: 0 });
  const execution = planExecution({ ...plain, normalisation }, realBytes, { inspects: true, explains: true });
  const { network, memory } = execution;
  const backward = recordBackward(network, slotOf(execution)).reserve(memory);
  return { execution, backward, bytes: memory.bytes };
}

/** The only slot of a batch of one. */
const slotOf = ({ training }: ExecutionPlan) => {
  const slot = training.steps.gradient?.groups[0].slots[0];
  if (!slot) throw new Error("this was planned without inspection");
  return slot;
};

export interface ExplainerOptions {
  plan: SensitivitiesPlan;
  memory: WebAssembly.Memory;
  kernels: Kernels;
  /** A safetensors file with the network's tensors. */
  weights: Uint8Array;
}

function installed({ plan, memory, kernels, weights }: ExplainerOptions): Execution {
  const { execution: planned, backward } = plan;
  const execution = new Execution({ plan: planned, buffer: memory.buffer, kernels, thread: 0 });
  const { views } = execution;
  execution.install();
  backward.install(views);
  loadWeights({ views, tensors: planned.network.tensors, bytes: weights });
  views.reals(planned.regions.averageScale, 1)[0] = 1;
  for (const layer of planned.network.layers) layer.beforeStep?.(views, { seed: 0, step: 1, samples: 1 });
  execution.prepareAll();
  return execution;
}

/** L2 norm of the gradients of all parameters of some nodes; null where they have none. */
function gradientNormOf({ plan, views }: Execution, nodes: readonly number[]): number | null {
  const tensors = nodes.flatMap((node) => plan.network.layers[node].tensors);
  const trained = tensors.filter(({ gradient }) => gradient !== 0);
  if (trained.length === 0) return null;
  let sum = 0;
  for (const { gradient, size } of trained) for (const each of views.reals(gradient, size)) sum += each * each;
  return Math.sqrt(sum);
}

const copyOf = ({ views }: Execution, address: number, shape: Shape): Reals =>
  views.reals(address, sizeOf(shape)).slice();

/** What a step of the kind `gradient` left behind: the input, then the layers. */
function layersAfter(execution: Execution, loss: number): LayerSensitivities[] {
  const { network, spec } = execution.plan;
  const slot = slotOf(execution.plan);
  /** A layer, or a block, by its nodes: the last has its output. */
  const seen = (layer: number, kind: string, nodes: readonly number[]): LayerSensitivities => {
    const node = nodes[nodes.length - 1];
    const shape = network.layers[node].output;
    const isLast = node === network.nodes.length - 1;
    return {
      layer,
      kind,
      shape,
      values: copyOf(execution, isLast ? slot.y : slot.outputs[node], shape),
      sensitivities: copyOf(execution, slot.deltas[node], shape),
      gradientNorm: Number.isFinite(loss) ? gradientNormOf(execution, nodes) : null,
    };
  };
  const layers = spec.network.layers.map((each, layer): LayerSensitivities => {
    const nodes = [...network.nodes.keys()].filter((node) => network.nodes[node].layer === layer);
    const found = seen(layer, each.kind, nodes);
    if (each.kind !== "residual") return found;
    const inner = nodes.filter((node) => network.nodes[node].path.startsWith(`layers.${layer}.layers.`));
    return { ...found, layers: inner.map((node, at) => seen(at, each.layers[at].kind, [node])) };
  });
  const input: LayerSensitivities = {
    layer: -1,
    kind: "input",
    shape: spec.input,
    values: copyOf(execution, slot.x0, spec.input),
    sensitivities: copyOf(execution, slot.inputDelta, spec.input),
    gradientNorm: null,
  };
  return [input, ...layers];
}

/** [channels][height][width] → [height][width], the largest absolute value of a pixel's channels. */
function strongest(slopes: Reals, { channels, height, width }: Shape): Reals {
  const pixels = height * width;
  const values = slopes.slice(0, pixels).map(Math.abs);
  for (let at = pixels; at < channels * pixels; at++)
    values[at % pixels] = Math.max(values[at % pixels], Math.abs(slopes[at]));
  return values;
}

/** Throws EngineError where the weights are not this network's. */
export function createExplainer(options: ExplainerOptions): Explainer {
  const { plan, kernels } = options;
  const { spec, regions } = plan.execution;
  const execution = installed(options);
  const { views } = execution;
  const slot = slotOf(plan.execution);
  const { samplesAddress, labelsAddress } = regions.splits.train;

  /** Runs a step of the sample and returns its loss. */
  const run = (kind: "forward" | "gradient", label: number): number => {
    views.ints[labelsAddress / 4] = label;
    return execution.runStep({ kind, start: 0, epoch: 1, withNorm: false }).loss;
  };
  /** The class that is asked for, after the sample was put in its place; the predicted one where none is. */
  const begin = (sample: ArrayLike<number>, of: number | null): number => {
    const size = sizeOf(spec.input);
    if (sample.length !== size) throw new Error(`${sample.length} numbers are no sample of ${size}`);
    if (of !== null && !(of >= 0 && of < spec.classes))
      throw new Error(`there are classes 0 to ${spec.classes - 1}, not ${of}`);
    views.reals(samplesAddress, size).set(sample);
    if (of !== null) return of;
    run("forward", 0);
    const shares = probabilitiesOf(Float32Array.from(views.reals(regions.results, spec.classes)), spec);
    return shares.reduce((best, share, unit) => (share > shares[best] ? unit : best), 0);
  };

  return {
    sensitivities(sample, of) {
      const label = begin(sample, of);
      const loss = run("gradient", label);
      return { loss, class: label, layers: layersAfter(execution, loss) };
    },
    saliency(sample, of) {
      const label = begin(sample, of);
      run("forward", label);
      views.reals(slot.deltas[slot.deltas.length - 1], spec.classes).fill(0)[label] = 1;
      plan.backward.run(kernels);
      return { class: label, values: strongest(views.reals(slot.inputDelta, sizeOf(spec.input)), spec.input) };
    },
  };
}
