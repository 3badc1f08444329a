/**
 * A network as the engine runs it: its layers planned one after the other, and their tensors (passes.ts records what
 * they compute). The network alone knows what follows what; a layer is told what it needs as values.
 *
 * A softmax output is the network's own: the last layer leaves u, and softmax and loss follow in the pass.
 */
import { networkShape, outputActivation } from "../schemas/shape.ts";
import type { ActivationKind } from "../schemas/layer.ts";
import type { Network } from "../schemas/network.ts";
import type { Shape } from "../schemas/shape.ts";
import { EngineError } from "./errors.ts";
import type { PlannedLayer, Tensor } from "./layer.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import { planLayer } from "./registry.ts";

export interface NetworkPlan {
  layers: readonly PlannedLayer[];
  tensors: readonly Tensor[];
  input: Shape;
  classes: number;
  softmax: boolean;
  outputActivation: ActivationKind;
  /** The lowest layer with something to train: no sensitivity goes below it. */
  lowestTrained: number;
  /** Needs the whole batch at once somewhere. */
  meets: boolean;
  mean: number;
  factor: number;
  targets: number;
}

export interface NetworkOptions {
  network: Network;
  input: Shape;
  classes: number;
  memory: MemoryPlan;
  /** Most shards of a batch, its samples, and the address of 1 / samples; shards 0 for prediction only. */
  shards: number;
  batchSize: number;
  averageScale: number;
}

/** Says at which layer a plan failed. */
function at<Planned>(index: number, plan: () => Planned): Planned {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof EngineError) || error.pointer !== undefined) throw error;
    throw new EngineError({ code: error.code, detail: error.detail, pointer: `/layers/${index}` });
  }
}

/**
 * Plans the layers. Throws EngineError `network-does-not-fit` (with a pointer) or `too-large` (with the bytes) before
 * any memory exists.
 */
export function planNetwork(options: NetworkOptions): NetworkPlan {
  const { network, input, classes, memory, ...training } = options;
  const found = networkShape(network.layers, input, classes);
  const problem = found.problems[0];
  if (problem)
    throw new EngineError({ code: "network-does-not-fit", detail: problem.detail, pointer: problem.pointer });
  const output = outputActivation(network.layers);
  const softmax = output === "softmax";
  const layers: PlannedLayer[] = [];
  let shifts: readonly Tensor[] = [];
  for (const [index, spec] of network.layers.entries()) {
    const { input: arriving, output: leaving } = found.layers[index];
    const declared = "activation" in spec ? spec.activation : "linear";
    const activation = declared === "softmax" ? "linear" : declared;
    const inputActivation = layers.at(-1)?.activation ?? "linear";
    layers.push(
      at(index, () =>
        planLayer({
          spec,
          index,
          input: arriving,
          output: leaving,
          activation,
          declaredActivation: declared,
          inputActivation,
          shifts,
          memory,
          ...training,
        }),
      ),
    );
    shifts = layers.at(-1)?.shifts ?? [];
  }
  const tensors = layers.flatMap((layer) => layer.tensors);
  const real = (what: string, count: number) => memory.reserve({ what, element: "real", count });
  const lowest = layers.findIndex((layer) => layer.tensors.length > 0);
  return {
    layers,
    tensors,
    input,
    classes,
    softmax,
    outputActivation: output,
    lowestTrained: lowest < 0 ? layers.length : lowest,
    meets: layers.some((layer) => layer.meetings),
    mean: real("the channels' means", input.channels),
    factor: real("the channels' factors", input.channels),
    targets: real("the targets", 2),
  };
}

/**
 * Writes what never changes: the layers' constants, normalisation, and the targets of squared error (0 and 1, or ±1 for
 * tanh outputs; Bouvrie §2).
 */
export function writeConstants(
  plan: NetworkPlan,
  views: Views,
  normalisation: { mean: readonly number[]; std: readonly number[] },
): void {
  for (const layer of plan.layers) layer.constants?.(views);
  const { channels } = plan.input;
  const mean = views.reals(plan.mean, channels);
  const factor = views.reals(plan.factor, channels);
  for (let channel = 0; channel < channels; channel++) {
    mean[channel] = normalisation.mean[channel] ?? 0;
    factor[channel] = 1 / (normalisation.std[channel] ?? 1);
  }
  views
    .reals(plan.targets, 2)
    .set([plan.outputActivation === "tanh" || plan.outputActivation === "scaled-tanh" ? -1 : 0, 1]);
}
