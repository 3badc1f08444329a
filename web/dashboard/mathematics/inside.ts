/**
 * What one sample made inside one model: the answer of `/sensitivities`, the network and its weights side by side.
 * Layers stand in the order in which they compute: those of a residual block before the sum that ends it.
 */
import { connectionTable, isLearned } from "../../../schemas/connections.ts";
import type { BatchNormalisationLayer, ConvolutionLayer, Layer, ResidualLayer } from "../../../schemas/layer.ts";
import { projectionOf } from "../../../schemas/network-shape.ts";
import type { Shape } from "../../../schemas/shape.ts";

/** [map][row][column]; null where a number is not finite. */
export type Maps = readonly (readonly (readonly (number | null)[])[])[];

export interface Row {
  kind: string;
  shape: Shape;
  /** x. */
  values: Maps;
  /** δ = ∂E/∂u; of the input ∂E/∂x⁰. */
  sensitivities: Maps;
  gradientNorm: number | null;
}

export interface Tensor {
  shape: readonly number[];
  data: ArrayLike<number>;
}

/** What computes: a layer, the sum that ends a residual block, or the 1×1 convolution past one. */
export interface Step<Spec extends Layer = Layer> {
  /** What its tensors' names begin with. */
  path: string;
  spec: Spec;
  /** Node that it reads; −1: the input. */
  from: number;
}

/** What goes past a residual block: x of a node as it is, or through a 1×1 convolution. */
export type Shortcut = { from: number; projection: Step<ConvolutionLayer> | null };

export interface Node extends Step {
  /** Index in the network's layers. */
  layer: number;
  /** Index in the block's layers; null outside of blocks, and for the sum that ends one. */
  inner: number | null;
  /** What the sum that ends a block adds to the block's own layers. */
  shortcut: Shortcut | null;
}

export interface Inside {
  nodes: readonly Node[];
  /** The input first, then every node. */
  rows: readonly Row[];
  /** `layers.N.weight` and the like. */
  tensors: ReadonlyMap<string, Tensor>;
}

/** One pixel of one map. */
export interface Place {
  map: number;
  row: number;
  column: number;
}

/** By the node's place; −1: the input. */
export const rowOf = ({ rows }: Inside, node: number): Row => rows[node + 1];

/** "3", or "3.1" for the second layer inside the block that is layer 3. */
export const numberOf = ({ layer, inner }: Pick<Node, "layer" | "inner">): string =>
  inner === null ? String(layer) : `${layer}.${inner}`;

/** A network's layers in the order in which they compute. */
export function nodesOf(layers: readonly Layer[], tensors: Inside["tensors"]): Node[] {
  const nodes: Node[] = [];
  for (const [layer, spec] of layers.entries()) {
    const path = `layers.${layer}`;
    const before = nodes.length - 1;
    if (spec.kind === "residual")
      for (const [inner, own] of spec.layers.entries())
        nodes.push({
          layer,
          inner,
          path: `${path}.layers.${inner}`,
          spec: own,
          from: nodes.length - 1,
          shortcut: null,
        });
    const shortcut = spec.kind === "residual" ? shortcutOf({ path, spec, from: before }, tensors) : null;
    nodes.push({ layer, inner: null, path, spec, from: nodes.length - 1, shortcut });
  }
  return nodes;
}

/** A block whose x is projected has weights for it. */
function shortcutOf({ path, spec, from }: Step<ResidualLayer>, tensors: Inside["tensors"]): Shortcut {
  const own = `${path}.shortcut`;
  const weight = tensors.get(`${own}.weight`);
  return { from, projection: weight ? { path: own, spec: projectionOf(spec, weight.shape[0]), from } : null };
}

/** The number at a place; 0 outside the map, as padding has it. */
export const at = (maps: Maps, { map, row, column }: Place): number => maps[map]?.[row]?.[column] ?? 0;

const tensorOf = ({ tensors }: Inside, { path }: Step, name: string): ArrayLike<number> | null =>
  tensors.get(`${path}.${name}`)?.data ?? null;

export const biasOf = (inside: Inside, step: Step, unit: number): number => tensorOf(inside, step, "bias")?.[unit] ?? 0;

export const betaOf = (inside: Inside, step: Step, map: number): number => tensorOf(inside, step, "beta")?.[map] ?? 1;

/** α of a learned combination, [map][input] (notes §3.3); null for other layers. */
export function alphaOf({ tensors }: Inside, { path }: Step): number[][] | null {
  const mix = tensors.get(`${path}.mix`);
  if (!mix) return null;
  const [maps, inputs] = mix.shape;
  return Array.from({ length: maps }, (_, map) => {
    const row = Array.from({ length: inputs }, (__, input) => mix.data[map * inputs + input]);
    const most = Math.max(...row);
    const powers = row.map((c) => Math.exp(c - most));
    const total = powers.reduce((sum, each) => sum + each, 0);
    return powers.map((power) => power / total);
  });
}

/**
 * Filter from an input map to an output map, [size][size] as it lies on the picture (rot180 of the notes' k); α·k where
 * combinations are learned; null where the two are not connected.
 */
export function filterOf(
  inside: Inside,
  step: Step<ConvolutionLayer>,
  pair: { map: number; input: number },
): number[][] | null {
  const { spec, path, from: read } = step;
  const below = rowOf(inside, read).shape;
  const table = connectionTable(spec, below.channels);
  if (table && !table[pair.map].includes(pair.input)) return null;
  const weight = inside.tensors.get(`${path}.weight`);
  if (!weight) return null;
  const { size } = spec;
  const isShared = isLearned(spec.inputs) && spec.inputs.learned.filters === "per-input";
  const from = ((isShared ? 0 : pair.map) * below.channels + pair.input) * size * size;
  const share = alphaOf(inside, step)?.[pair.map][pair.input] ?? 1;
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (__, column) => share * weight.data[from + row * size + column]),
  );
}

/** Weight of a dense unit for one number of the layer below, flattened map by map, row by row. */
export function denseWeight(
  { tensors }: Inside,
  { path }: Step,
  { unit, number }: { unit: number; number: number },
): number {
  const weight = tensors.get(`${path}.weight`);
  return weight ? weight.data[unit * weight.shape[1] + number] : 0;
}

/** Batch normalisation as the line it is outside of training: u = scale·x + shift. */
export function normalisationOf(
  inside: Inside,
  step: Step<BatchNormalisationLayer>,
  map: number,
): { scale: number; shift: number } {
  const [weight, mean, variance] = ["weight", "mean", "variance"].map((name) => tensorOf(inside, step, name)?.[map]);
  const scale = (weight ?? 1) / Math.sqrt((variance ?? 1) + step.spec.epsilon);
  return { scale, shift: biasOf(inside, step, map) - scale * (mean ?? 0) };
}
