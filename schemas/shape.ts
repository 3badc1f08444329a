/**
 * The pure arithmetic of shapes: what each layer makes of its input, how many parameters, bytes and FLOPs. No I/O, no
 * engine.
 */
import { z } from "zod";
import type {
  ActivationKind,
  Connections,
  ConvolutionLayer,
  InitialiserKind,
  Layer,
  SubsamplingLayer,
} from "./layer.ts";

export const shape = z.strictObject({
  channels: z.int().min(1).max(65_536),
  height: z.int().min(1).max(4096),
  width: z.int().min(1).max(4096),
});
/** Feature maps × rows × columns. A vector of n units is n×1×1. */
export type Shape = z.infer<typeof shape>;

/** Elements of one sample of this shape. */
export const sizeOf = (of: Shape): number => of.channels * of.height * of.width;

export const describeShape = (of: Shape): string => `${of.channels}×${of.height}×${of.width}`;

/** LeNet-5's table (LeCun 1998, Table I): 16 maps over 6: six triplets of neighbours, nine quadruplets, one of all. */
export const lenet5Connections: readonly (readonly number[])[] = [
  [0, 1, 2],
  [1, 2, 3],
  [2, 3, 4],
  [3, 4, 5],
  [0, 4, 5],
  [0, 1, 5],
  [0, 1, 2, 3],
  [1, 2, 3, 4],
  [2, 3, 4, 5],
  [0, 3, 4, 5],
  [0, 1, 4, 5],
  [0, 1, 2, 5],
  [0, 1, 3, 4],
  [1, 2, 4, 5],
  [0, 2, 3, 5],
  [0, 1, 2, 3, 4, 5],
];

/** All k-subsets of 0 … n−1 in lexicographic order. */
export function subsets(n: number, k: number): number[][] {
  const found: number[][] = [];
  const grow = (chosen: number[], from: number): void => {
    if (chosen.length === k) {
      found.push(chosen);
      return;
    }
    for (let next = from; next <= n - (k - chosen.length); next++) grow([...chosen, next], next + 1);
  };
  grow([], 0);
  return found;
}

/** n choose k for k = 2 or 3, without building the table. */
const choose = (n: number, k: 2 | 3): number => (k === 2 ? (n * (n - 1)) / 2 : (n * (n - 1) * (n - 2)) / 6);

export const isLearned = (inputs: Connections): inputs is Extract<Connections, { learned: unknown }> =>
  typeof inputs === "object" && !Array.isArray(inputs);

/**
 * M_j of Bouvrie §3.1 for every output map j, or null where every map reads all inputs. Call only for a layer that
 * fits.
 */
export function connectionTable(layer: ConvolutionLayer, channels: number): readonly (readonly number[])[] | null {
  const { inputs } = layer;
  if (inputs === "all" || isLearned(inputs)) return null;
  if (inputs === "pairs") return subsets(channels, 2);
  if (inputs === "triplets") return subsets(channels, 3);
  if (inputs === "lenet-5") return lenet5Connections;
  return inputs;
}

/**
 * How weights start where the layer does not say: by what its activation needs (LeCun 1998; Glorot & Bengio 2010; He et
 * al. 2015).
 */
export const initialiserOf: Readonly<Record<ActivationKind, InitialiserKind>> = {
  sigmoid: "glorot",
  tanh: "glorot",
  "scaled-tanh": "lecun",
  relu: "he",
  "leaky-relu": "he",
  softmax: "glorot",
  linear: "glorot",
};

/**
 * What a layer becomes on a given input. `connected` counts the (input, output) pairs of maps that a convolution
 * computes.
 */
export interface LayerShape {
  kind: Layer["kind"];
  input: Shape;
  output: Shape;
  /** Trained numbers: zero filters of a sparse table do not count. */
  parameters: number;
  /** Multiply-adds ×2 of convolutions and dense layers, forward, for one sample. */
  flops: number;
}

export interface ShapeProblem {
  /** JSON pointer below the network, such as `/layers/2/size`. */
  pointer: string;
  detail: string;
}

export interface NetworkShape {
  layers: LayerShape[];
  problems: ShapeProblem[];
}

/** The block of pixels that a subsampling makes one pixel of. */
export const blockOf = (
  { factor }: SubsamplingLayer,
  { height, width }: Pick<Shape, "height" | "width">,
): Pick<Shape, "height" | "width"> => (factor === "all" ? { height, width } : { height: factor, width: factor });

const activationOf = (layer: Layer): ActivationKind | null => ("activation" in layer ? layer.activation : null);

/** The activation of the output layer: it decides the targets of squared error. */
export function outputActivation(layers: readonly Layer[]): ActivationKind {
  const last = layers.at(-1);
  return (last && activationOf(last)) ?? "linear";
}

function convolutionShape(
  layer: ConvolutionLayer,
  input: Shape,
  at: string,
  problems: ShapeProblem[],
): LayerShape | null {
  const { maps, size, padding, stride, inputs } = layer;
  const height = Math.floor((input.height + 2 * padding - size) / stride) + 1;
  const width = Math.floor((input.width + 2 * padding - size) / stride) + 1;
  const refuse = (field: string, detail: string): null => {
    problems.push({ pointer: `${at}/${field}`, detail });
    return null;
  };
  if (height < 1 || width < 1) {
    const padded =
      padding > 0 ? ` (${input.height + 2 * padding}×${input.width + 2 * padding} with padding ${padding})` : "";
    return refuse(
      "size",
      `a ${size}×${size} filter does not fit the ${input.height}×${input.width} maps that arrive here${padded}; at most ${Math.min(input.height, input.width) + 2 * padding} would`,
    );
  }
  if (padding >= size)
    return refuse(
      "padding",
      `padding ${padding} would put whole ${size}×${size} filters beside the map, where they see zeros alone and answer f(b) whatever the input; at most ${size - 1}, one less than the size, leaves each filter something to see`,
    );
  let pairs = maps * input.channels;
  if (inputs === "pairs" || inputs === "triplets") {
    const expected = choose(input.channels, inputs === "pairs" ? 2 : 3);
    if (maps !== expected)
      return refuse("maps", `'${inputs}' of ${input.channels} input maps makes ${expected} output maps, not ${maps}`);
    pairs = maps * (inputs === "pairs" ? 2 : 3);
  } else if (inputs === "lenet-5") {
    if (input.channels !== 6)
      return refuse("inputs", `LeNet-5's table connects 6 input maps; ${input.channels} arrive here`);
    if (maps !== 16) return refuse("maps", `LeNet-5's table makes 16 maps, not ${maps}`);
    pairs = 60;
  } else if (Array.isArray(inputs)) {
    if (inputs.length !== maps)
      return refuse("inputs", `the table has ${inputs.length} rows; it needs one for each of the ${maps} maps`);
    pairs = 0;
    for (const [row, reads] of inputs.entries()) {
      const outside = reads.find((map) => map >= input.channels);
      if (outside !== undefined)
        return refuse(
          `inputs/${row}`,
          `input map ${outside} does not exist: maps 0 to ${input.channels - 1} arrive here`,
        );
      if (new Set(reads).size !== reads.length) return refuse(`inputs/${row}`, "an input map is named twice");
      pairs += reads.length;
    }
  }
  const learned = isLearned(inputs) ? inputs.learned : null;
  const filters = learned?.filters === "per-input" ? input.channels : pairs;
  return {
    kind: layer.kind,
    input,
    output: { channels: maps, height, width },
    parameters: filters * size * size + maps + (learned ? maps * input.channels : 0),
    flops: 2 * pairs * size * size * height * width,
  };
}

function layerShape(layer: Layer, input: Shape, at: string, problems: ShapeProblem[]): LayerShape | null {
  switch (layer.kind) {
    case "convolution":
      return convolutionShape(layer, input, at, problems);
    case "subsampling": {
      const block = blockOf(layer, input);
      const height = Math.floor(input.height / block.height);
      const width = Math.floor(input.width / block.width);
      if (height < 1 || width < 1) {
        problems.push({
          pointer: `${at}/factor`,
          detail: `blocks of ${block.height}×${block.width} do not fit the ${input.height}×${input.width} maps that arrive here; at most ${Math.min(input.height, input.width)} would`,
        });
        return null;
      }
      return {
        kind: layer.kind,
        input,
        output: { channels: input.channels, height, width },
        parameters: layer.trainable ? 2 * input.channels : 0,
        flops: 0,
      };
    }
    case "dense": {
      const inputs = sizeOf(input);
      return {
        kind: layer.kind,
        input,
        output: { channels: layer.units, height: 1, width: 1 },
        parameters: inputs * layer.units + layer.units,
        flops: 2 * inputs * layer.units,
      };
    }
    case "dropout":
      return { kind: layer.kind, input, output: input, parameters: 0, flops: 0 };
    case "batch-normalisation":
      return { kind: layer.kind, input, output: input, parameters: 2 * input.channels, flops: 0 };
  }
}

/**
 * Walks an input through the layers. Stops at the first layer that does not fit (what follows has no input) and names
 * it; `classes`, when known, must equal the size of the output.
 */
export function networkShape(layers: readonly Layer[], input: Shape, classes: number | null): NetworkShape {
  const problems: ShapeProblem[] = [];
  const shapes: LayerShape[] = [];
  let arriving = input;
  for (const [index, each] of layers.entries()) {
    const at = `/layers/${index}`;
    if (activationOf(each) === "softmax" && index !== layers.length - 1)
      problems.push({ pointer: `${at}/activation`, detail: "softmax may stand only at the last layer" });
    const found = layerShape(each, arriving, at, problems);
    if (!found) return { layers: shapes, problems };
    shapes.push(found);
    arriving = found.output;
  }
  const at = `/layers/${layers.length - 1}`;
  const last = layers.at(-1);
  if (last && activationOf(last) === null)
    problems.push({
      pointer: `${at}/kind`,
      detail: `the last layer must have an activation, as any layer but dropout; '${last.kind}' has none`,
    });
  if (classes !== null && sizeOf(arriving) !== classes) {
    const field = last?.kind === "dense" ? "units" : last?.kind === "convolution" ? "maps" : "kind";
    problems.push({
      pointer: `${at}/${field}`,
      detail: `the network ends with ${sizeOf(arriving)} outputs (${describeShape(arriving)}); the dataset has ${classes} classes`,
    });
  }
  return { layers: shapes, problems };
}

/** FLOPs of one sample, forward and backward: the first layer with weights passes no sensitivity down. */
export function trainingFlops(layers: readonly LayerShape[]): number {
  let first = true;
  let total = 0;
  for (const each of layers) {
    if (each.flops === 0) continue;
    total += each.flops * (first ? 2 : 3);
    first = false;
  }
  return total;
}
