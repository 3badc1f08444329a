/**
 * Shapes of samples and of what layers make of them (network-shape.ts), and how weights start. Their schema stands
 * apart (shape-schema.ts): the dashboard reckons with shapes too, and carries no zod.
 */
import type { ActivationKind, InitialiserKind } from "./layer.ts";

/** Feature maps × rows × columns. A vector of n units is n×1×1. */
export interface Shape {
  channels: number;
  height: number;
  width: number;
}

/** Elements of one sample of this shape. */
export const sizeOf = (of: Shape): number => of.channels * of.height * of.width;

export const describeShape = (of: Shape): string => `${of.channels}×${of.height}×${of.width}`;

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
