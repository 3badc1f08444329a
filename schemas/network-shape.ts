/**
 * The pure arithmetic of networks: what each layer makes of its input, how many parameters and FLOPs. No I/O, no
 * engine.
 */
import { choose, isLearned } from "./connections.ts";
import type {
  ActivationKind,
  ConvolutionLayer,
  Layer,
  ResidualLayer,
  ShortcutKind,
  SubsamplingLayer,
} from "./layer.ts";
import { describeShape, initialiserOf, sizeOf } from "./shape.ts";
import type { Shape } from "./shape.ts";

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
  /** What carries x past a residual block, and the block's own layers. */
  shortcut?: ShortcutKind;
  layers?: LayerShape[];
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
    case "residual":
      return residualShape(layer, input, at, problems);
  }
}

/** By how much a layer thins out rows and columns in even steps. */
const strideOf = (layer: Layer): number => {
  if (layer.kind === "convolution") return layer.stride;
  return layer.kind === "subsampling" && layer.factor !== "all" ? layer.factor : 1;
};

/** The 1×1 convolution that carries x past a residual block whose layers change its shape: as many maps, F's stride. */
export const projectionOf = ({ layers, activation, learningRate, initialiser }: ResidualLayer, maps: number) =>
  ({
    kind: "convolution",
    maps,
    size: 1,
    padding: 0,
    stride: layers.reduce((product, layer) => product * strideOf(layer), 1),
    activation: "linear",
    inputs: "all",
    learningRate,
    initialiser: initialiser ?? initialiserOf[activation],
  }) satisfies ConvolutionLayer;

const sameShape = (one: Shape, other: Shape): boolean =>
  one.channels === other.channels && one.height === other.height && one.width === other.width;

/** x and F(x) must add: as they are, or x through a projection. */
function residualShape(layer: ResidualLayer, input: Shape, at: string, problems: ShapeProblem[]): LayerShape | null {
  const inner = walk(layer.layers, input, `${at}/layers`, problems);
  if (inner.length < layer.layers.length) return null;
  const output = inner[inner.length - 1].output;
  const shortcut = layer.shortcut ?? (sameShape(input, output) ? "identity" : "projection");
  const sum = (of: "parameters" | "flops"): number => inner.reduce((total, each) => total + each[of], 0);
  const found = { kind: layer.kind, input, output, shortcut, layers: inner };
  const refuse = (detail: string): null => {
    problems.push({
      pointer: at,
      detail: `the block's shapes do not add: its layers make ${describeShape(output)} of the ${describeShape(input)} that arrive, ${detail}`,
    });
    return null;
  };
  if (shortcut === "identity")
    return sameShape(input, output)
      ? { ...found, parameters: sum("parameters"), flops: sum("flops") }
      : refuse(
          `and an identity shortcut adds ${describeShape(input)}; a shortcut of "projection" can change the shape`,
        );
  const projection = projectionOf(layer, output.channels);
  const carried = convolutionShape(projection, input, at, []);
  if (!carried || !sameShape(carried.output, output))
    return refuse(
      `but a 1×1 convolution with their stride ${projection.stride} makes ${carried ? describeShape(carried.output) : "nothing"} of them: pad the filters so that both have as many rows and columns`,
    );
  return {
    ...found,
    parameters: sum("parameters") + carried.parameters,
    flops: sum("flops") + carried.flops,
  };
}

/** The shapes of layers one after the other, up to the first that does not fit. */
function walk(layers: readonly Layer[], input: Shape, at: string, problems: ShapeProblem[]): LayerShape[] {
  const shapes: LayerShape[] = [];
  let arriving = input;
  for (const [index, each] of layers.entries()) {
    const found = layerShape(each, arriving, `${at}/${index}`, problems);
    if (!found) break;
    shapes.push(found);
    arriving = found.output;
  }
  return shapes;
}

/** Layers that a softmax ends although others follow. */
const softmaxBefore = (layers: readonly Layer[], at: string, isLast: (index: number) => boolean): ShapeProblem[] =>
  layers.flatMap((layer, index) => [
    ...(activationOf(layer) === "softmax" && !isLast(index)
      ? [{ pointer: `${at}/${index}/activation`, detail: "softmax may stand only at the last layer" }]
      : []),
    ...(layer.kind === "residual" ? softmaxBefore(layer.layers, `${at}/${index}/layers`, () => false) : []),
  ]);

/**
 * Walks an input through the layers. Stops at the first layer that does not fit (what follows has no input) and names
 * it; `classes`, when known, must equal the size of the output.
 */
export function networkShape(layers: readonly Layer[], input: Shape, classes: number | null): NetworkShape {
  const problems = softmaxBefore(layers, "/layers", (index) => index === layers.length - 1);
  const shapes = walk(layers, input, "/layers", problems);
  if (shapes.length < layers.length) return { layers: shapes, problems };
  const arriving = shapes.at(-1)?.output ?? input;
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

interface Cost {
  flops: number;
  learns: boolean;
}

/** Layer by layer; a residual block's own layers, then what carries x past them. */
function costsOf(layers: readonly Layer[], shapes: readonly LayerShape[], multiplier = 1): Cost[] {
  return layers.flatMap((layer, at) => {
    const { flops, parameters, layers: inner = [] } = shapes[at];
    const rate = multiplier * layer.learningRate;
    if (layer.kind !== "residual") return [{ flops, learns: rate > 0 && parameters > 0 }];
    const rest = (of: "flops" | "parameters"): number => inner.reduce((left, own) => left - own[of], shapes[at][of]);
    return [
      ...costsOf(layer.layers, inner, rate),
      { flops: rest("flops"), learns: rate > 0 && rest("parameters") > 0 },
    ];
  });
}

/**
 * FLOPs of one sample, forward and backward: a gradient of what learns, a sensitivity passed down where something below
 * learns.
 */
export function trainingFlops(layers: readonly Layer[], shapes: readonly LayerShape[]): number {
  let total = 0;
  let below = false;
  for (const { flops, learns } of costsOf(layers, shapes)) {
    total += flops * (1 + Number(learns) + Number(below));
    below ||= learns;
  }
  return total;
}

/** A network's layers with those inside residual blocks in the place of their block. */
export const flatShapes = (layers: readonly LayerShape[]): LayerShape[] =>
  layers.flatMap((layer) => (layer.layers ? [...flatShapes(layer.layers), layer] : [layer]));
