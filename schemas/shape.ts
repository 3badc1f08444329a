/** Shapes of samples and of what layers make of them (network-shape.ts), and how weights start. */
import { z } from "zod";
import type { ActivationKind, InitialiserKind } from "./layer.ts";

export const shape = z
  .strictObject({
    channels: z
      .int()
      .min(1)
      .max(65_536)
      .describe("feature maps; of a picture 1 (grey) or 3 (colour), of a vector its units"),
    height: z.int().min(1).max(4096).describe("rows, in pixels"),
    width: z.int().min(1).max(4096).describe("columns, in pixels"),
  })
  .describe("channels × height × width of one sample or of what a layer answers");
/** Feature maps × rows × columns. A vector of n units is n×1×1. */
export type Shape = z.infer<typeof shape>;

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
