/** Where one number came from: the patch, the weights over it, and the sum. Forward for x, backward for δ. */
import { slope, activate } from "./activation.ts";
import {
  at,
  betaOf,
  biasOf,
  blockOf,
  denseWeight,
  filterOf,
  normalisationOf,
  rowOf,
  type Inside,
  type Maps,
  type Place,
} from "./inside.ts";
import type { ConvolutionLayer, SubsamplingLayer } from "../../../schemas/layer.ts";

/** A patch of one map and what each of its numbers is multiplied by. */
export interface Term {
  /** Of the layer that is read; its upper left corner may lie in the padding. */
  from: Place;
  values: number[][];
  weights: number[][];
  sum: number;
}

export interface Trace {
  /** Layer that is read: the one below for x, the one above for δ. */
  reads: number;
  terms: Term[];
  /** What the sum of all terms is multiplied by: β, 1 where there is none. */
  scale: number;
  /** What is added then: b, 0 where there is none. */
  bias: number;
  /** u for x, the sum that came down for δ. */
  sum: number;
  /** f′(u), which δ carries; null for x. */
  slope: number | null;
  /** f(u) or f′(u)·sum; null where softmax asks for all units. */
  result: number | null;
}

type Part = Pick<Trace, "terms"> & Partial<Pick<Trace, "scale" | "bias">>;

const grid = (height: number, width: number, of: (row: number, column: number) => number): number[][] =>
  Array.from({ length: height }, (_, row) => Array.from({ length: width }, (__, column) => of(row, column)));

function term(maps: Maps, from: Place, weights: number[][]): Term {
  const values = grid(weights.length, weights[0]?.length ?? 0, (row, column) =>
    at(maps, { map: from.map, row: from.row + row, column: from.column + column }),
  );
  const sum = values.reduce(
    (all, line, row) => all + line.reduce((some, value, column) => some + value * weights[row][column], 0),
    0,
  );
  return { from, values, weights, sum };
}

/** x_j = f( Σ_i x_i ∗ k_ij + b_j ), notes §3.1. */
function readConvolution(inside: Inside, layer: number, place: Place): Part {
  const { stride, padding } = inside.layers[layer] as ConvolutionLayer;
  const below = rowOf(inside, layer - 1);
  const [row, column] = [place.row * stride - padding, place.column * stride - padding];
  const terms = below.values.flatMap((_, input) => {
    const filter = filterOf(inside, layer, { map: place.map, input });
    return filter ? [term(below.values, { map: input, row, column }, filter)] : [];
  });
  return { terms, bias: biasOf(inside, layer, place.map) };
}

/** The first pixel of a block that is its largest. */
function largest(values: readonly (readonly number[])[]): { row: number; column: number } {
  let found = { row: 0, column: 0 };
  for (const [row, line] of values.entries())
    for (const [column, value] of line.entries()) if (value > values[found.row][found.column]) found = { row, column };
  return found;
}

/** A block of the layer below and its weights: 1, 1/n², or 1 for the largest alone. */
function readBlock(inside: Inside, layer: number, place: Place): Term {
  const spec = inside.layers[layer] as SubsamplingLayer;
  const below = rowOf(inside, layer - 1);
  const { height, width } = blockOf(spec, below.shape);
  const from = { map: place.map, row: place.row * height, column: place.column * width };
  const share = spec.reduce === "mean" ? 1 / (height * width) : 1;
  const whole = term(
    below.values,
    from,
    grid(height, width, () => share),
  );
  if (spec.reduce !== "max") return whole;
  const most = largest(whole.values);
  return term(
    below.values,
    from,
    grid(height, width, (row, column) => (row === most.row && column === most.column ? 1 : 0)),
  );
}

/** x = f( W x + b ), notes §2: a patch for each map of the layer below. */
function readDense(inside: Inside, layer: number, unit: number): Part {
  const below = rowOf(inside, layer - 1);
  const { height, width } = below.shape;
  const terms = below.values.map((_, map) =>
    term(
      below.values,
      { map, row: 0, column: 0 },
      grid(height, width, (row, column) =>
        denseWeight(inside, layer, { unit, number: (map * height + row) * width + column }),
      ),
    ),
  );
  return { terms, bias: biasOf(inside, layer, unit) };
}

function readForward(inside: Inside, layer: number, place: Place): Part | null {
  const below = rowOf(inside, layer - 1).values;
  switch (inside.layers[layer].kind) {
    case "convolution":
      return readConvolution(inside, layer, place);
    case "subsampling":
      return {
        terms: [readBlock(inside, layer, place)],
        scale: betaOf(inside, layer, place.map),
        bias: biasOf(inside, layer, place.map),
      };
    case "dense":
      return readDense(inside, layer, place.map);
    case "batch-normalisation": {
      const { scale, shift } = normalisationOf(inside, layer, place.map);
      return { terms: [term(below, place, [[scale]])], bias: shift };
    }
    case "dropout":
      return { terms: [term(below, place, [[1]])] };
    case "residual":
      return null;
  }
}

const activationOf = (inside: Inside, layer: number) => {
  const spec = inside.layers[layer];
  return spec && "activation" in spec ? spec.activation : "linear";
};

/** How x at a place of a layer was made; null for the input, and for a block of layers, whose inside is not shown. */
export function traceForward(inside: Inside, layer: number, place: Place): Trace | null {
  const part = layer < 0 ? null : readForward(inside, layer, place);
  if (!part) return null;
  const { terms, scale = 1, bias = 0 } = part;
  const sum = scale * terms.reduce((all, each) => all + each.sum, 0) + bias;
  const result = activate(activationOf(inside, layer), sum);
  return { reads: layer - 1, terms, scale, bias, sum, slope: null, result };
}

/** Positions of a filter `size` wide that lie over `position`, along one axis. */
function over(position: number, options: { size: number; stride: number; padding: number; count: number }) {
  const { size, stride, padding, count } = options;
  const first = Math.max(0, Math.ceil((position + padding - size + 1) / stride));
  const last = Math.min(count - 1, Math.floor((position + padding) / stride));
  return {
    first,
    length: Math.max(0, last - first + 1),
    tap: (at: number) => position + padding - (first + at) * stride,
  };
}

/** Σ_j conv2( δ_j, rot180(k_ij), 'full' ): every output pixel whose filter lay over the place, by the weight it had there. */
function receiveConvolution(inside: Inside, above: number, place: Place): Part {
  const { size, stride, padding } = inside.layers[above] as ConvolutionLayer;
  const { shape, sensitivities } = rowOf(inside, above);
  const rows = over(place.row, { size, stride, padding, count: shape.height });
  const columns = over(place.column, { size, stride, padding, count: shape.width });
  const terms = sensitivities.flatMap((_, map) => {
    const filter = filterOf(inside, above, { map, input: place.map });
    if (!filter || rows.length === 0 || columns.length === 0) return [];
    const weights = grid(rows.length, columns.length, (row, column) => filter[rows.tap(row)][columns.tap(column)]);
    return [term(sensitivities, { map, row: rows.first, column: columns.first }, weights)];
  });
  return { terms };
}

/** β · up(δ): the block's one δ, by the weight that the pixel had in the block. */
function receiveBlock(inside: Inside, above: number, place: Place): Part {
  const spec = inside.layers[above] as SubsamplingLayer;
  const { shape, sensitivities } = rowOf(inside, above);
  const { height, width } = blockOf(spec, rowOf(inside, above - 1).shape);
  const of = { map: place.map, row: Math.floor(place.row / height), column: Math.floor(place.column / width) };
  // Rows and columns that fill no block were dropped.
  if (of.row >= shape.height || of.column >= shape.width) return { terms: [] };
  const { weights } = readBlock(inside, above, of);
  const weight = weights[place.row - of.row * height][place.column - of.column * width];
  return { terms: [term(sensitivities, of, [[weight]])], scale: betaOf(inside, above, place.map) };
}

function receiveDense(inside: Inside, above: number, place: Place): Part {
  const { shape } = rowOf(inside, above - 1);
  const number = (place.map * shape.height + place.row) * shape.width + place.column;
  const { sensitivities } = rowOf(inside, above);
  return {
    terms: sensitivities.map((_, unit) =>
      term(sensitivities, { map: unit, row: 0, column: 0 }, [[denseWeight(inside, above, { unit, number })]]),
    ),
  };
}

function receive(inside: Inside, above: number, place: Place): Part | null {
  const { sensitivities } = rowOf(inside, above);
  switch (inside.layers[above].kind) {
    case "convolution":
      return receiveConvolution(inside, above, place);
    case "subsampling":
      return receiveBlock(inside, above, place);
    case "dense":
      return receiveDense(inside, above, place);
    case "batch-normalisation":
      return { terms: [term(sensitivities, place, [[normalisationOf(inside, above, place.map).scale]])] };
    case "dropout":
      return { terms: [term(sensitivities, place, [[1]])] };
    case "residual":
      return null;
  }
}

/** How δ at a place of a layer came down; null for the last layer, which the loss gives its δ, and below a block. */
export function traceBackward(inside: Inside, layer: number, place: Place): Trace | null {
  const part = layer + 1 < inside.layers.length ? receive(inside, layer + 1, place) : null;
  if (!part) return null;
  const { terms, scale = 1 } = part;
  const sum = scale * terms.reduce((all, each) => all + each.sum, 0);
  const x = at(rowOf(inside, layer).values, place);
  const own = layer < 0 ? 1 : slope(activationOf(inside, layer), x);
  return { reads: layer + 1, terms, scale, bias: 0, sum, slope: own, result: own === null ? null : own * sum };
}

/** ∂E/∂k of one filter, [size][size] as it lies on the picture: Σ over the map of δ_j times the patch under the filter. */
export function filterGradient(inside: Inside, layer: number, pair: { map: number; input: number }): number[][] {
  const { size, stride, padding } = inside.layers[layer] as ConvolutionLayer;
  const { values } = rowOf(inside, layer - 1);
  const delta = rowOf(inside, layer).sensitivities[pair.map];
  return grid(size, size, (ky, kx) =>
    delta.reduce(
      (sum, line, row) =>
        sum +
        line.reduce<number>((some, d, column) => {
          const place = { map: pair.input, row: row * stride - padding + ky, column: column * stride - padding + kx };
          return some + (d ?? 0) * at(values, place);
        }, 0),
      0,
    ),
  );
}
