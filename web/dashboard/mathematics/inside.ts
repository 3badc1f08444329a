/** What one sample made inside one model: the answer of `/sensitivities`, the network and its weights side by side. */
import { connectionTable, isLearned } from "../../../schemas/connections.ts";
import type { BatchNormalisationLayer, ConvolutionLayer, Layer, SubsamplingLayer } from "../../../schemas/layer.ts";
import type { Shape } from "../../../schemas/shape.ts";

/** [map][row][column]; null where a number is not finite. */
export type Maps = readonly (readonly (readonly (number | null)[])[])[];

export interface Row {
  /** Index in the network's layers; −1: the input. */
  layer: number;
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

export interface Inside {
  layers: readonly Layer[];
  /** The input first, then every layer. */
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

export const rowOf = ({ rows }: Inside, layer: number): Row => rows[layer + 1];

/** The number at a place; 0 outside the map, as padding has it. */
export const at = (maps: Maps, { map, row, column }: Place): number => maps[map]?.[row]?.[column] ?? 0;

const tensorOf = ({ tensors }: Inside, layer: number, name: string): ArrayLike<number> | null =>
  tensors.get(`layers.${layer}.${name}`)?.data ?? null;

export const biasOf = (inside: Inside, layer: number, unit: number): number =>
  tensorOf(inside, layer, "bias")?.[unit] ?? 0;

export const betaOf = (inside: Inside, layer: number, map: number): number =>
  tensorOf(inside, layer, "beta")?.[map] ?? 1;

/** Rows × columns of a subsampling layer's blocks. */
export function blockOf({ factor }: SubsamplingLayer, below: Shape): { height: number; width: number } {
  return factor === "all" ? { height: below.height, width: below.width } : { height: factor, width: factor };
}

/** α of a learned combination, [map][input] (notes §3.3); null for other layers. */
export function alphaOf(inside: Inside, layer: number): number[][] | null {
  const mix = inside.tensors.get(`layers.${layer}.mix`);
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
export function filterOf(inside: Inside, layer: number, pair: { map: number; input: number }): number[][] | null {
  const spec = inside.layers[layer] as ConvolutionLayer;
  const below = rowOf(inside, layer - 1).shape;
  const table = connectionTable(spec, below.channels);
  if (table && !table[pair.map].includes(pair.input)) return null;
  const weight = inside.tensors.get(`layers.${layer}.weight`);
  if (!weight) return null;
  const { size } = spec;
  const isShared = isLearned(spec.inputs) && spec.inputs.learned.filters === "per-input";
  const from = ((isShared ? 0 : pair.map) * below.channels + pair.input) * size * size;
  const share = alphaOf(inside, layer)?.[pair.map][pair.input] ?? 1;
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (__, column) => share * weight.data[from + row * size + column]),
  );
}

/** Weight of a dense unit for one number of the layer below, flattened map by map, row by row. */
export function denseWeight(inside: Inside, layer: number, { unit, number }: { unit: number; number: number }): number {
  const weight = inside.tensors.get(`layers.${layer}.weight`);
  return weight ? weight.data[unit * weight.shape[1] + number] : 0;
}

/** Batch normalisation as the line it is outside of training: u = scale·x + shift. */
export function normalisationOf(inside: Inside, layer: number, map: number): { scale: number; shift: number } {
  const spec = inside.layers[layer] as BatchNormalisationLayer;
  const [weight, mean, variance] = ["weight", "mean", "variance"].map((name) => tensorOf(inside, layer, name)?.[map]);
  const scale = (weight ?? 1) / Math.sqrt((variance ?? 1) + spec.epsilon);
  return { scale, shift: biasOf(inside, layer, map) - scale * (mean ?? 0) };
}
