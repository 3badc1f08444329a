/**
 * Export of a trained network as an ONNX model (operator set 13), for runtimes other than ours.
 *
 * Input `input`: float32 [batch, channels, height, width] in the dataset's own range; the normalisation is the graph's
 * first step. Output `output`: float32 [batch, classes], what the network's last activation gives. The batch is a free
 * dimension. The metadata holds JSON texts: `classes` (their names), `network`, `normalisation`, and what the caller
 * says besides.
 *
 *   convolution           Conv; a sparse table as zero filters; learned combinations (§3.3) as effective filters α_ij
 *                         k_ij
 *   subsampling           AveragePool or MaxPool (odd edges dropped), then · β (· n² for the sum) and + b
 *   dense                 Flatten, Gemm
 *   batch-normalisation   BatchNormalization with the running statistics
 *   residual              the block's layers, a 1×1 Conv where the shape changes, Add
 *   dropout               nothing: its scaling happens in training
 *   activations           Sigmoid, Tanh, Relu, LeakyRelu, Softmax; scaled tanh as Mul, Tanh, Mul
 *
 * Filters are stored in cross-correlation orientation, which is ONNX's own. Never computes anything but effective
 * filters and n²·β. The bytes are made in onnx-graph.ts.
 */
import type {
  ActivationKind,
  BatchNormalisationLayer,
  ConvolutionLayer,
  DenseLayer,
  Layer,
  ResidualLayer,
  SubsamplingLayer,
} from "../../schemas/layer.ts";
import type { Normalisation } from "../../schemas/model.ts";
import type { Network } from "../../schemas/network.ts";
import { sizeOf, type Shape } from "../../schemas/shape.ts";
import { blockOf, networkShape, projectionOf } from "../../schemas/network-shape.ts";
import type { LayerShape } from "../../schemas/network-shape.ts";
import { isLearned } from "../../schemas/connections.ts";
import { exp } from "../elementary.ts";
import { EngineError } from "../errors.ts";
import { leakySlope, scaledTanh } from "../kernels/kernels.ts";
import { addNode, addTensor, modelBytes, perMap, toMaps, toVector } from "./onnx-graph.ts";
import type { Graph } from "./onnx-graph.ts";
import { readSafetensors, type Tensor } from "./safetensors.ts";

function addActivation(graph: Graph, kind: ActivationKind): void {
  const scalar = (name: string, value: number): string =>
    addTensor(graph, `${name}.${graph.nodes.length}`, [], Float32Array.of(value));
  switch (kind) {
    case "linear":
      return;
    case "sigmoid":
      return addNode(graph, "Sigmoid");
    case "tanh":
      return addNode(graph, "Tanh");
    case "relu":
      return addNode(graph, "Relu");
    case "leaky-relu":
      return addNode(graph, "LeakyRelu", [], { alpha: { float: leakySlope } });
    case "scaled-tanh":
      addNode(graph, "Mul", [scalar("slope", scaledTanh.S)]);
      addNode(graph, "Tanh");
      return addNode(graph, "Mul", [scalar("amplitude", scaledTanh.A)]);
    case "softmax":
      toVector(graph);
      return addNode(graph, "Softmax", [], { axis: 1 });
  }
}

/** The tensors of one layer, by their short names, and of the layers within it. */
interface LayerTensors {
  /** What their full names begin with. */
  path: string;
  take(name: string, shape: readonly number[]): Float32Array;
  within(part: string): LayerTensors;
}

function tensorsOf(tensors: ReadonlyMap<string, Tensor>, path: string): LayerTensors {
  return {
    path,
    within: (part) => tensorsOf(tensors, `${path}.${part}`),
    take(name, shape) {
      const full = `${path}.${name}`;
      const refuse = (detail: string): never => {
        throw new EngineError({
          code: "checkpoint-does-not-fit",
          detail: `tensor ${full} ${detail}; the network needs [${shape.join(", ")}]`,
        });
      };
      const tensor = tensors.get(full) ?? refuse("is missing");
      if (tensor.shape.join() !== shape.join()) refuse(`has the shape [${tensor.shape.join(", ")}]`);
      if (tensor.data instanceof Float32Array) return tensor.data;
      return tensor.data instanceof Float64Array
        ? Float32Array.from(tensor.data)
        : refuse(`holds ${tensor.dtype}, not floats`);
    },
  };
}

/**
 * α_ij k_ij, [maps][inputs][size][size], with α_ij = softmax over i of c_ij (§3.3); one filter an input is repeated for
 * every map.
 */
function effectiveFilters(options: {
  filters: Float32Array;
  mix: Float32Array;
  maps: number;
  inputs: number;
  area: number;
  shared: boolean;
}): Float32Array {
  const { filters, mix, maps, inputs, area, shared } = options;
  const effective = new Float32Array(maps * inputs * area);
  for (let map = 0; map < maps; map++) {
    const free = mix.subarray(map * inputs, (map + 1) * inputs);
    const most = free.reduce((a, b) => Math.max(a, b), -Infinity);
    const grown = Array.from(free, (each) => exp(each - most));
    const sum = grown.reduce((a, b) => a + b, 0);
    for (let at = 0; at < inputs * area; at++)
      effective[map * inputs * area + at] =
        (grown[Math.floor(at / area)] / sum) * filters[(shared ? 0 : map * inputs * area) + at];
  }
  return effective;
}

function addConvolution(graph: Graph, layer: ConvolutionLayer, tensors: LayerTensors): void {
  const { maps, size, padding, stride, inputs: connections } = layer;
  const inputs = graph.shape.channels;
  toMaps(graph);
  const learned = isLearned(connections) ? connections.learned : null;
  const shared = learned?.filters === "per-input";
  const filters = tensors.take("weight", [shared ? 1 : maps, inputs, size, size]);
  const weights = learned
    ? effectiveFilters({ filters, mix: tensors.take("mix", [maps, inputs]), maps, inputs, area: size * size, shared })
    : filters;
  const constants = [
    addTensor(graph, `${tensors.path}.weight`, [maps, inputs, size, size], weights),
    addTensor(graph, `${tensors.path}.bias`, [maps], tensors.take("bias", [maps])),
  ];
  addNode(graph, "Conv", constants, {
    kernel_shape: [size, size],
    pads: [padding, padding, padding, padding],
    strides: [stride, stride],
  });
  addActivation(graph, layer.activation);
}

function addSubsampling(graph: Graph, layer: SubsamplingLayer, tensors: LayerTensors): void {
  const { reduce, trainable } = layer;
  const { height, width } = blockOf(layer, graph.shape);
  const maps = graph.shape.channels;
  toMaps(graph);
  addNode(graph, reduce === "max" ? "MaxPool" : "AveragePool", [], {
    kernel_shape: [height, width],
    strides: [height, width],
  });
  const times = reduce === "sum" ? height * width : 1;
  const beta = trainable
    ? tensors.take("beta", [maps]).map((each) => each * times)
    : new Float32Array(maps).fill(times);
  if (trainable || times !== 1) perMap(graph, "Mul", `${tensors.path}.beta`, beta);
  if (trainable) perMap(graph, "Add", `${tensors.path}.bias`, tensors.take("bias", [maps]));
  addActivation(graph, layer.activation);
}

function addDense(graph: Graph, layer: DenseLayer, tensors: LayerTensors): void {
  const inputs = sizeOf(graph.shape);
  toVector(graph);
  const constants = [
    addTensor(graph, `${tensors.path}.weight`, [layer.units, inputs], tensors.take("weight", [layer.units, inputs])),
    addTensor(graph, `${tensors.path}.bias`, [layer.units], tensors.take("bias", [layer.units])),
  ];
  addNode(graph, "Gemm", constants, { transB: 1 });
  addActivation(graph, layer.activation);
}

function addBatchNormalisation(graph: Graph, layer: BatchNormalisationLayer, tensors: LayerTensors): void {
  const maps = graph.shape.channels;
  const constants = ["weight", "bias", "mean", "variance"].map((name) =>
    addTensor(graph, `${tensors.path}.${name}`, [maps], tensors.take(name, [maps])),
  );
  addNode(graph, "BatchNormalization", constants, { epsilon: { float: layer.epsilon } });
  addActivation(graph, layer.activation);
}

/** x ↦ (x − mean) / std, channel by channel; left out where it changes nothing. */
function addNormalisation(graph: Graph, normalisation: Normalisation): void {
  if (normalisation.mean.some((each) => each !== 0))
    perMap(graph, "Sub", "normalisation.mean", Float32Array.from(normalisation.mean));
  if (normalisation.std.some((each) => each !== 1))
    perMap(graph, "Div", "normalisation.std", Float32Array.from(normalisation.std));
}

/** x + F(x): what stands at the top is kept aside, carried past the block's own layers, and added. */
function addResidual(graph: Graph, layer: ResidualLayer, shape: LayerShape, tensors: LayerTensors): void {
  toMaps(graph);
  const { top, shape: input } = graph;
  addLayers(graph, {
    layers: layer.layers,
    shapes: shape.layers ?? [],
    tensors: (at) => tensors.within(`layers.${at}`),
  });
  toMaps(graph);
  const through = graph.top;
  graph.top = top;
  graph.shape = input;
  if (shape.shortcut === "projection")
    addConvolution(graph, projectionOf(layer, shape.output.channels), tensors.within("shortcut"));
  addNode(graph, "Add", [through]);
  graph.shape = shape.output;
  addActivation(graph, layer.activation);
}

function addLayer(graph: Graph, layer: Layer, shape: LayerShape, tensors: LayerTensors): void {
  switch (layer.kind) {
    case "convolution":
      return addConvolution(graph, layer, tensors);
    case "subsampling":
      return addSubsampling(graph, layer, tensors);
    case "dense":
      return addDense(graph, layer, tensors);
    case "batch-normalisation":
      return addBatchNormalisation(graph, layer, tensors);
    case "residual":
      return addResidual(graph, layer, shape, tensors);
    case "dropout":
  }
}

function addLayers(
  graph: Graph,
  {
    layers,
    shapes,
    tensors,
  }: { layers: readonly Layer[]; shapes: readonly LayerShape[]; tensors: (at: number) => LayerTensors },
): void {
  for (const [at, layer] of layers.entries()) {
    addLayer(graph, layer, shapes[at], tensors(at));
    graph.shape = shapes[at].output;
  }
}

/**
 * A model as the bytes of an .onnx file. `weights` is a safetensors file with the tensors of a model (a checkpoint will
 * do). Throws EngineError `network-does-not-fit` or `checkpoint-does-not-fit`, or `invalid-file` for damaged weights.
 */
export function exportOnnx(options: {
  network: Network;
  input: Shape;
  classes: readonly string[];
  normalisation: Normalisation;
  weights: Uint8Array;
  /** Entries of the metadata besides the network's own. */
  about?: Readonly<Record<string, string>>;
}): Uint8Array {
  const { network, input, classes, normalisation } = options;
  const { layers, problems } = networkShape(network.layers, input, classes.length);
  if (problems[0]) throw new EngineError({ code: "network-does-not-fit", ...problems[0] });
  const graph: Graph = { top: "input", shape: input, asMaps: true, nodes: [], initializers: [] };
  addNormalisation(graph, normalisation);
  const { tensors } = readSafetensors(options.weights);
  addLayers(graph, { layers: network.layers, shapes: layers, tensors: (at) => tensorsOf(tensors, `layers.${at}`) });
  toVector(graph);
  return modelBytes(graph, {
    input: [input.channels, input.height, input.width],
    output: [classes.length],
    metadata: {
      ...options.about,
      classes: JSON.stringify(classes),
      network: JSON.stringify(network),
      normalisation: JSON.stringify(normalisation),
    },
  });
}
