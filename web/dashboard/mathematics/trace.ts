/** Where one number came from: the patch, the weights over it, and the sum. Forward for x, backward for δ. */
import { slope, activate } from "./activation.ts";
import {
  at,
  betaOf,
  biasOf,
  denseWeight,
  filterOf,
  normalisationOf,
  rowOf,
  type Inside,
  type Maps,
  type Place,
  type Shortcut,
  type Step,
} from "./inside.ts";
import type { ConvolutionLayer, DenseLayer, Layer, SubsamplingLayer } from "../../../schemas/layer.ts";
import { blockOf } from "../../../schemas/network-shape.ts";

/** A patch of one map and what each of its numbers is multiplied by. */
export interface Term {
  /** Of what is read; its upper left corner may lie in the padding. */
  from: Place;
  values: number[][];
  weights: number[][];
  sum: number;
}

/** All terms that one node gave: most numbers have one way, at both ends of a residual block there are two. */
export interface Way {
  /** Node that is read: below for x, above for δ; −1: the input. */
  reads: number;
  /** What lies between: a kind of layer, residual for the sum that ends a block, or how x goes past one. */
  by: Layer["kind"] | "identity" | "projection";
  terms: Term[];
  /** What the sum of the terms is multiplied by: β, 1 where there is none. */
  scale: number;
  /** What is added then: b, 0 where there is none. */
  bias: number;
  /** scale · Σ + bias. */
  sum: number;
}

export interface Trace {
  ways: Way[];
  /** Of all ways: u for x, what came down for δ. */
  sum: number;
  /** f′(u), which δ carries; null for x. */
  slope: number | null;
  /** f(u) or f′(u)·sum; null where softmax asks for all units. */
  result: number | null;
}

type Part = Pick<Way, "by" | "terms"> & Partial<Pick<Way, "scale" | "bias">>;

function way(reads: number, { by, terms, scale = 1, bias = 0 }: Part): Way {
  const sum = scale * terms.reduce((all, each) => all + each.sum, 0) + bias;
  return { reads, by, terms, scale, bias, sum };
}

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
function readConvolution(inside: Inside, step: Step<ConvolutionLayer>, place: Place): Part {
  const { stride, padding } = step.spec;
  const below = rowOf(inside, step.from);
  const [row, column] = [place.row * stride - padding, place.column * stride - padding];
  const terms = below.values.flatMap((_, input) => {
    const filter = filterOf(inside, step, { map: place.map, input });
    return filter ? [term(below.values, { map: input, row, column }, filter)] : [];
  });
  return { by: "convolution", terms, bias: biasOf(inside, step, place.map) };
}

/** The first pixel of a block that is its largest. */
function largest(values: readonly (readonly number[])[]): { row: number; column: number } {
  let found = { row: 0, column: 0 };
  for (const [row, line] of values.entries())
    for (const [column, value] of line.entries()) if (value > values[found.row][found.column]) found = { row, column };
  return found;
}

/** A block of the layer below and its weights: 1, 1/n², or 1 for the largest alone. */
function readBlock(inside: Inside, { spec, from: read }: Step<SubsamplingLayer>, place: Place): Term {
  const below = rowOf(inside, read);
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
function readDense(inside: Inside, step: Step<DenseLayer>, unit: number): Part {
  const below = rowOf(inside, step.from);
  const { height, width } = below.shape;
  const terms = below.values.map((_, map) =>
    term(
      below.values,
      { map, row: 0, column: 0 },
      grid(height, width, (row, column) =>
        denseWeight(inside, step, { unit, number: (map * height + row) * width + column }),
      ),
    ),
  );
  return { by: "dense", terms, bias: biasOf(inside, step, unit) };
}

/** A step of this kind: narrowed by what its spec is. */
const isKind = <Kind extends Layer["kind"]>(step: Step, kind: Kind): step is Step<Extract<Layer, { kind: Kind }>> =>
  step.spec.kind === kind;

/** A number as it is. */
const asItIs = (by: Way["by"], maps: Maps, place: Place): Part => ({ by, terms: [term(maps, place, [[1]])] });

/** One way up through a layer. */
function readForward(inside: Inside, step: Step, place: Place): Part {
  const below = rowOf(inside, step.from).values;
  if (isKind(step, "convolution")) return readConvolution(inside, step, place);
  if (isKind(step, "dense")) return readDense(inside, step, place.map);
  if (isKind(step, "subsampling"))
    return {
      by: "subsampling",
      terms: [readBlock(inside, step, place)],
      scale: betaOf(inside, step, place.map),
      bias: biasOf(inside, step, place.map),
    };
  if (isKind(step, "batch-normalisation")) {
    const { scale, shift } = normalisationOf(inside, step, place.map);
    return { by: "batch-normalisation", terms: [term(below, place, [[scale]])], bias: shift };
  }
  // The sum that ends a block takes what the block's last layer made as it is; dropout silences no answer.
  return asItIs(step.spec.kind, below, place);
}

/** x that went past a block: as it is, or through its 1×1 convolution. */
function readShortcut(inside: Inside, { from, projection }: Shortcut, place: Place): Part {
  return projection
    ? { ...readConvolution(inside, projection, place), by: "projection" }
    : asItIs("identity", rowOf(inside, from).values, place);
}

const activationOf = (inside: Inside, node: number) => {
  const spec = inside.nodes[node]?.spec;
  return spec && "activation" in spec ? spec.activation : "linear";
};

const total = (ways: readonly Way[]): number => ways.reduce((all, { sum }) => all + sum, 0);

/** How x at a place of a node was made; null for the input. */
export function traceForward(inside: Inside, node: number, place: Place): Trace | null {
  if (node < 0) return null;
  const own = inside.nodes[node];
  const { from, shortcut } = own;
  const ways = [way(from, readForward(inside, own, place))];
  if (shortcut) ways.push(way(shortcut.from, readShortcut(inside, shortcut, place)));
  const sum = total(ways);
  return { ways, sum, slope: null, result: activate(activationOf(inside, node), sum) };
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
function receiveConvolution(inside: Inside, step: Step<ConvolutionLayer>, above: number, place: Place): Part {
  const { size, stride, padding } = step.spec;
  const { shape, sensitivities } = rowOf(inside, above);
  const rows = over(place.row, { size, stride, padding, count: shape.height });
  const columns = over(place.column, { size, stride, padding, count: shape.width });
  const terms = sensitivities.flatMap((_, map) => {
    const filter = filterOf(inside, step, { map, input: place.map });
    if (!filter || rows.length === 0 || columns.length === 0) return [];
    const weights = grid(rows.length, columns.length, (row, column) => filter[rows.tap(row)][columns.tap(column)]);
    return [term(sensitivities, { map, row: rows.first, column: columns.first }, weights)];
  });
  return { by: "convolution", terms };
}

/** β · up(δ): the block's one δ, by the weight that the pixel had in the block. */
function receiveBlock(inside: Inside, step: Step<SubsamplingLayer>, above: number, place: Place): Part {
  const { shape, sensitivities } = rowOf(inside, above);
  const { height, width } = blockOf(step.spec, rowOf(inside, step.from).shape);
  const of = { map: place.map, row: Math.floor(place.row / height), column: Math.floor(place.column / width) };
  // Rows and columns that fill no block were dropped.
  if (of.row >= shape.height || of.column >= shape.width) return { by: "subsampling", terms: [] };
  const { weights } = readBlock(inside, step, of);
  const weight = weights[place.row - of.row * height][place.column - of.column * width];
  return {
    by: "subsampling",
    terms: [term(sensitivities, of, [[weight]])],
    scale: betaOf(inside, step, place.map),
  };
}

function receiveDense(inside: Inside, step: Step<DenseLayer>, above: number, place: Place): Part {
  const { shape } = rowOf(inside, step.from);
  const number = (place.map * shape.height + place.row) * shape.width + place.column;
  const { sensitivities } = rowOf(inside, above);
  return {
    by: "dense",
    terms: sensitivities.map((_, unit) =>
      term(sensitivities, { map: unit, row: 0, column: 0 }, [[denseWeight(inside, step, { unit, number })]]),
    ),
  };
}

/** One way down from a node that reads this one. */
function receive(inside: Inside, above: number, place: Place): Part {
  const step = inside.nodes[above];
  const { sensitivities } = rowOf(inside, above);
  if (isKind(step, "convolution")) return receiveConvolution(inside, step, above, place);
  if (isKind(step, "subsampling")) return receiveBlock(inside, step, above, place);
  if (isKind(step, "dense")) return receiveDense(inside, step, above, place);
  if (isKind(step, "batch-normalisation")) {
    const { scale } = normalisationOf(inside, step, place.map);
    return { by: "batch-normalisation", terms: [term(sensitivities, place, [[scale]])] };
  }
  return asItIs(step.spec.kind, sensitivities, place);
}

function receiveShortcut(inside: Inside, { projection }: Shortcut, above: number, place: Place): Part {
  return projection
    ? { ...receiveConvolution(inside, projection, above, place), by: "projection" }
    : asItIs("identity", rowOf(inside, above).sensitivities, place);
}

/** How δ at a place of a node came down, by each node that reads it; null for the last, which has its δ from the loss. */
export function traceBackward(inside: Inside, node: number, place: Place): Trace | null {
  if (node === inside.nodes.length - 1) return null;
  const ways = inside.nodes.flatMap(({ from, shortcut }, above) => [
    ...(from === node ? [way(above, receive(inside, above, place))] : []),
    ...(shortcut?.from === node ? [way(above, receiveShortcut(inside, shortcut, above, place))] : []),
  ]);
  const sum = total(ways);
  const x = at(rowOf(inside, node).values, place);
  const own = node < 0 ? 1 : slope(activationOf(inside, node), x);
  return { ways, sum, slope: own, result: own === null ? null : own * sum };
}

/** ∂E/∂k of one filter of a step that gives a node its u, [size][size] as it lies on the picture: Σ over the map of δ_j times the patch under the filter. */
export function filterGradient(
  inside: Inside,
  {
    step: { spec, from },
    node,
    map,
    input,
  }: { step: Step<ConvolutionLayer>; node: number; map: number; input: number },
): number[][] {
  const { size, stride, padding } = spec;
  const { values } = rowOf(inside, from);
  const delta = rowOf(inside, node).sensitivities[map];
  return grid(size, size, (ky, kx) =>
    delta.reduce(
      (sum, line, row) =>
        sum +
        line.reduce<number>((some, d, column) => {
          const place = { map: input, row: row * stride - padding + ky, column: column * stride - padding + kx };
          return some + (d ?? 0) * at(values, place);
        }, 0),
      0,
    ),
  );
}
