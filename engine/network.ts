/**
 * A network as the engine runs it: its layers planned one after the other, and their tensors (passes.ts records what
 * they compute). The network alone knows what follows what (nodes.ts); a layer is told what it needs as values.
 *
 * A softmax output is the network's own: the last layer leaves u, and softmax and loss follow in the pass.
 */
import type { ActivationKind } from "../schemas/layer.ts";
import { networkShape, outputActivation } from "../schemas/network-shape.ts";
import type { Network } from "../schemas/network.ts";
import type { Shape } from "../schemas/shape.ts";
import { EngineError } from "./errors.ts";
import { learns } from "./layer.ts";
import type { LayerOptions, PlannedLayer, Tensor } from "./layer.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import { layOut, pointerOf } from "./nodes.ts";
import type { Node } from "./nodes.ts";
import { planLayer } from "./registry.ts";

export interface NetworkPlan {
  /** In the order in which they run forward, and the place of each in the network. */
  layers: readonly PlannedLayer[];
  nodes: readonly Node[];
  tensors: readonly Tensor[];
  input: Shape;
  classes: number;
  softmax: boolean;
  outputActivation: ActivationKind;
  /** By layer: whether it or anything below it learns, so that it needs a sensitivity. Nothing runs back below. */
  trains: readonly boolean[];
  /** By layer: whose place in memory its sensitivity has; mostly its own. */
  deltaOf: readonly number[];
  /** Biases that a layer above cancels. */
  cancelled: ReadonlySet<Tensor>;
  /** δ reaches the network's input, and layers are as in prediction. */
  explains: boolean;
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
  /** See LayerOptions. δ reaches the network's input then. */
  explains?: boolean;
}

type TrainingOptions = Pick<LayerOptions, "memory" | "shards" | "batchSize" | "averageScale" | "explains">;

/** Says at which layer a plan failed. */
function at<Planned>(node: Node, plan: () => Planned): Planned {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof EngineError) || error.pointer !== undefined) throw error;
    throw new EngineError({ code: error.code, detail: error.detail, pointer: pointerOf(node) });
  }
}

/** Biases below a node that only add a constant to whole maps of its input. */
function shiftsBelow(node: Node, nodes: readonly Node[], layers: readonly PlannedLayer[]): readonly Tensor[] {
  // What else reads x would see the shift too: nothing below a block's first layer shifts its input alone.
  const isShared = nodes.some((other) => other !== node && other.from === node.from);
  const own = isShared || node.from < 0 ? [] : layers[node.from].shifts;
  return node.shortcut === null ? own : [...own, ...layers[node.shortcut].shifts];
}

function planNodes(nodes: readonly Node[], options: TrainingOptions): PlannedLayer[] {
  const layers: PlannedLayer[] = [];
  for (const node of nodes) {
    const { spec, path, draws, input, output, from, part } = node;
    const declared = "activation" in spec && part !== "identity" ? spec.activation : "linear";
    const given = {
      spec,
      path,
      draws,
      input,
      output,
      activation: declared === "softmax" ? "linear" : declared,
      declaredActivation: declared,
      inputActivation: from < 0 ? "linear" : layers[from].activation,
      shifts: shiftsBelow(node, nodes, layers),
      frozen: spec.learningRate === 0 && !options.explains,
      ...options,
    } as const;
    const planned = at(node, () => planLayer(part, given));
    layers.push(given.frozen ? withoutGradients(planned) : planned);
  }
  return layers;
}

/**
 * What is frozen has no gradient: nothing to reduce, to finish or to penalise. What its backward pass leaves out it
 * knows itself.
 */
function withoutGradients(layer: PlannedLayer): PlannedLayer {
  const { finish: _finish, omega: _omega, finishCurvature: _curvature, deferred: _deferred, ...rest } = layer;
  return { ...rest, shardGradients: [], curvatureGradients: [] };
}

/**
 * A sum's sensitivity is that of both its terms, where no gate lies between. A layer that overwrites its own leaves the
 * next one in its place; not that of a sum, which the shortcut has still to read.
 */
function sharedDeltas(nodes: readonly Node[], layers: readonly PlannedLayer[]): number[] {
  let deltaOf = nodes.map((_, index) => index);
  for (const [sum, { from, shortcut }] of nodes.entries()) {
    if (shortcut === null) continue;
    deltaOf[shortcut] = sum;
    if (layers[from].activation === "linear") deltaOf[from] = sum;
  }
  for (const [index, { from }] of nodes.entries())
    if (layers[index].overwrites && deltaOf[index] === index)
      deltaOf = deltaOf.map((place) => (place === from ? index : place));
  return deltaOf;
}

function trainedBelow(nodes: readonly Node[], layers: readonly PlannedLayer[]): boolean[] {
  const trains: boolean[] = [];
  for (const [index, { from, shortcut }] of nodes.entries())
    trains.push(learns(layers[index]) || (trains[from] ?? false) || (shortcut !== null && trains[shortcut]));
  return trains;
}

/**
 * Plans the layers. Throws EngineError `network-does-not-fit` (with a pointer) or `too-large` (with the bytes) before
 * any memory exists.
 */
export function planNetwork(options: NetworkOptions): NetworkPlan {
  const { network, input, classes, memory, shards, batchSize, averageScale, explains = false } = options;
  const found = networkShape(network.layers, input, classes);
  const problem = found.problems[0];
  if (problem)
    throw new EngineError({ code: "network-does-not-fit", detail: problem.detail, pointer: problem.pointer });
  const nodes = layOut(network.layers, found.layers);
  const layers = planNodes(nodes, { memory, shards, batchSize, averageScale, explains });
  const output = outputActivation(network.layers);
  const real = (what: string, count: number) => memory.reserve({ what, element: "real", count });
  return {
    layers,
    nodes,
    tensors: layers.flatMap((layer) => layer.tensors),
    input,
    classes,
    softmax: output === "softmax",
    outputActivation: output,
    trains: explains ? layers.map(() => true) : trainedBelow(nodes, layers),
    deltaOf: sharedDeltas(nodes, layers),
    cancelled: new Set(layers.flatMap(({ cancels }) => cancels ?? [])),
    explains,
    meets: layers.some((layer) => layer.meetings),
    mean: real("the channels' means", input.channels),
    factor: real("the channels' factors", input.channels),
    targets: real("the targets", 2),
  };
}

/** The node that a layer of the request ends with: its kind is the layer's, its output the layer's. */
export const endOf = ({ nodes }: Pick<NetworkPlan, "nodes">, layer: number): number =>
  nodes.findLastIndex((each) => each.layer === layer);

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
    mean[channel] = normalisation.mean[channel];
    factor[channel] = 1 / normalisation.std[channel];
  }
  views
    .reals(plan.targets, 2)
    .set([plan.outputActivation === "tanh" || plan.outputActivation === "scaled-tanh" ? -1 : 0, 1]);
}
