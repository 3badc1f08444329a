/**
 * The layers of a network that have weights: where they stand, of which shape their tensors are, and which of them can
 * start from another network's. Pure.
 */
import { connectionTable, isLearned } from "./connections.ts";
import type { ConvolutionLayer, Layer } from "./layer.ts";
import { projectionOf, type LayerShape } from "./network-shape.ts";
import { sizeOf } from "./shape.ts";

/** A layer with weights, those inside residual blocks and their projections included. */
export interface WeightedLayer {
  /** What its tensors' names begin with: `layers.{i}`, `layers.{i}.layers.{j}` or `layers.{i}.shortcut`. */
  path: string;
  /** For people: `layer 2 (dense)`. */
  name: string;
  kind: Layer["kind"];
  /** Multiplier of the learning rate, that of its block included; 0: frozen. */
  learningRate: number;
  /** Whether its units or maps stand for the classes: the last layer that mixes its inputs, and what follows it. */
  answers: boolean;
  /** Shapes of its tensors as in a checkpoint, by the end of their names. */
  tensors: Readonly<Record<string, readonly number[]>>;
  /** M_j of every output map of a convolution; null where every map reads all inputs. */
  table: ReturnType<typeof connectionTable>;
}

function convolutionTensors({ maps, size, inputs }: ConvolutionLayer, channels: number): WeightedLayer["tensors"] {
  const learned = isLearned(inputs) ? inputs.learned : null;
  return {
    weight: [learned?.filters === "per-input" ? 1 : maps, channels, size, size],
    bias: [maps],
    ...(learned && { mix: [maps, channels] }),
  };
}

function tensorsOf(layer: Layer, { input }: Pick<LayerShape, "input">): WeightedLayer["tensors"] {
  const maps = [input.channels];
  switch (layer.kind) {
    case "convolution":
      return convolutionTensors(layer, input.channels);
    case "dense":
      return { weight: [layer.units, sizeOf(input)], bias: [layer.units] };
    case "subsampling":
      return layer.trainable ? { beta: maps, bias: maps } : {};
    case "batch-normalisation":
      return { weight: maps, bias: maps, mean: maps, variance: maps };
    case "dropout":
    case "residual":
      return {};
  }
}

type Placed = Pick<WeightedLayer, "path" | "name" | "learningRate" | "answers"> & {
  spec: Layer;
  shape: Pick<LayerShape, "input">;
};

const weighted = ({ spec, shape, ...place }: Placed): WeightedLayer => ({
  ...place,
  kind: spec.kind,
  tensors: tensorsOf(spec, shape),
  table: spec.kind === "convolution" ? connectionTable(spec, shape.input.channels) : null,
});

const mixes: readonly Layer["kind"][] = ["convolution", "dense", "residual"];

/** Of layers that fit, with their shapes. */
export function weightedLayers(layers: readonly Layer[], shapes: readonly LayerShape[]): WeightedLayer[] {
  const answering = layers.findLastIndex(({ kind }) => mixes.includes(kind));
  const places = layers.flatMap((spec, at): Placed[] => {
    const [path, shape, answers, { learningRate }] = [`layers.${at}`, shapes[at], at >= answering, spec];
    if (spec.kind !== "residual")
      return [{ path, name: `layer ${at} (${spec.kind})`, learningRate, answers, spec, shape }];
    const inner = spec.layers.map((own, index) => ({
      path: `${path}.layers.${index}`,
      name: `layer ${index} of block ${at} (${own.kind})`,
      learningRate: own.learningRate * learningRate,
      answers,
      spec: own,
      shape: shape.layers?.[index] ?? shape,
    }));
    const projection = {
      path: `${path}.shortcut`,
      name: `the projection of block ${at}`,
      learningRate,
      answers,
      spec: projectionOf(spec, shape.output.channels),
      shape,
    };
    return shape.shortcut === "projection" ? [...inner, projection] : inner;
  });
  return places.map(weighted).filter(({ tensors }) => Object.keys(tensors).length > 0);
}

const written = (shape: readonly number[] | undefined): string => shape?.join("×") ?? "missing";

/** Why a layer cannot start from another's weights; null where it can. */
function difference(own: WeightedLayer, other: WeightedLayer | undefined): string | null {
  if (!other) return "the model has no layer with weights at this place";
  if (own.kind !== other.kind) return `the model has a ${other.kind} at this place`;
  for (const name of new Set([...Object.keys(own.tensors), ...Object.keys(other.tensors)])) {
    const [ours, theirs] = [written(own.tensors[name]), written(other.tensors[name])];
    if (ours !== theirs) return `its ${name} is ${ours}, the model's ${theirs}`;
  }
  // A pair of maps that is not connected has a filter of zeros, which nothing trains.
  return JSON.stringify(own.table) === JSON.stringify(other.table) ? null : "it connects other maps than the model's";
}

export interface ComparedLayer {
  layer: WeightedLayer;
  /** Why it cannot start from the weights of the layer at the same place; null where it can. */
  differs: string | null;
}

/** Compares layers place by place: by their kind, the shapes of their weights, and the classes they answer. */
export function compareWeights(
  own: readonly WeightedLayer[],
  others: readonly WeightedLayer[],
  { sameClasses }: { sameClasses: boolean },
): readonly ComparedLayer[] {
  const byPath = new Map(others.map((other) => [other.path, other]));
  return own.map((layer) => ({
    layer,
    differs:
      difference(layer, byPath.get(layer.path)) ??
      (layer.answers && !sameClasses ? "its classes are others than the model's" : null),
  }));
}
