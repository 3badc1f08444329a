/**
 * The networks that `network: "auto"` chooses among, from cheap to costly. Pictures: stages of 3×3 convolutions, each
 * with batch normalisation and relu, twice as many maps in each stage, maxima of 2×2 between them, the mean of each map
 * at the end. What is no picture: dense layers.
 */
import type { z } from "zod";
import type { network } from "../network.ts";
import type { Shape } from "../shape.ts";

type Layers = z.input<typeof network>["layers"];

export interface Candidate {
  layers: Layers;
  /** As it stands in a sentence. */
  title: string;
  /** Maps of the first stage, or units of a dense layer: how much it can learn by heart. */
  width: number;
}

/** Larger pictures are made smaller by the first layers. */
const mostRows = 40;
/** A stage works on maps of at least so many rows and columns. */
const leastRows = 4;
const mostStages = 4;
const mostMaps = 256;

const rest = { kind: "subsampling", trainable: false } as const;
const maxima = (factor: number): Layers => [{ ...rest, factor, reduce: "max" }];
const normalised: Layers[number] = { kind: "batch-normalisation", activation: "relu" };
const convolved = (maps: number, size = 3, stride = 1): Layers => [
  { kind: "convolution", maps, size, stride, padding: (size - 1) / 2 },
  normalised,
];

/** Sides of at least three pixels: there is something to look at with a filter. */
export const isPicture = ({ height, width }: Shape): boolean => Math.min(height, width) >= 3;

/** Strides, and maxima where they are not enough, until a picture has few enough rows and columns. */
function stem({ height, width }: Shape, maps: number): { layers: Layers; side: number } {
  const reduction = Math.ceil(Math.max(height, width) / mostRows);
  const side = Math.min(height, width);
  if (reduction === 1) return { layers: [], side };
  const stride = Math.min(reduction, 4, side);
  const strided = Math.floor((side - 1) / stride) + 1;
  const factor = Math.max(1, Math.min(Math.ceil(reduction / stride), strided));
  return {
    layers: [...convolved(maps, 2 * stride + 1, stride), ...(factor > 1 ? maxima(factor) : [])],
    side: Math.floor(strided / factor),
  };
}

/** A head that has few parameters and is forgetful enough for few samples. */
const head = (classes: number, dropout: number): Layers => [
  ...(dropout > 0 ? ([{ kind: "dropout", rate: dropout }] as const) : []),
  { kind: "dense", units: classes, activation: "softmax" },
];

function forPictures(
  shape: Shape,
  { width, perStage, classes, dropout }: { width: number; perStage: number; classes: number; dropout: number },
): Candidate {
  const { layers, side } = stem(shape, width);
  const stages = Math.min(mostStages, Math.max(1, Math.floor(Math.log2(Math.max(1, side / leastRows))) + 1));
  // Many classes need many different maps to be told apart by.
  const least = Math.min(mostMaps, 8 * Math.ceil(classes / 16));
  const maps = Array.from({ length: stages }, (_, stage) => {
    const wanted = Math.min(mostMaps, width * 2 ** stage);
    return stage === stages - 1 ? Math.max(wanted, least) : wanted;
  });
  const stage = (count: number, at: number): Layers => [
    ...(at > 0 ? maxima(2) : []),
    ...Array.from({ length: perStage }, () => convolved(count)).flat(),
  ];
  return {
    width,
    title: `${maps.length === 1 ? "one stage" : `${maps.length} stages`} of ${perStage === 1 ? "one convolution" : `${perStage} convolutions`} with ${maps.join(", ")} maps`,
    layers: [...layers, ...maps.flatMap(stage), { ...rest, factor: "all", reduce: "mean" }, ...head(classes, dropout)],
  };
}

const forRows = (units: number, classes: number, dropout: number): Candidate => ({
  width: units,
  title: `two dense layers of ${units} units`,
  layers: [
    { kind: "dense", units },
    normalised,
    { kind: "dense", units, activation: "relu" },
    ...head(classes, dropout),
  ],
});

/** From cheap to costly. Each fits the shape. */
export function candidates(shape: Shape, { classes, dropout }: { classes: number; dropout: number }): Candidate[] {
  if (!isPicture(shape)) return [16, 32, 64, 128, 256].map((units) => forRows(units, classes, dropout));
  return [
    { width: 8, perStage: 1 },
    { width: 8, perStage: 2 },
    { width: 16, perStage: 2 },
    { width: 24, perStage: 2 },
    { width: 32, perStage: 2 },
    { width: 48, perStage: 2 },
    { width: 64, perStage: 2 },
  ].map((of) => forPictures(shape, { ...of, classes, dropout }));
}
