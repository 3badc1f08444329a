/** The answer to a dry run: the request with everything filled in, what it makes and what it would cost. */
import { z } from "zod";
import { completeJobRequest } from "./job.ts";
import { shortcutKind } from "./layer.ts";

const extent = z.strictObject({
  channels: z.int().describe("feature maps, or the units of a vector"),
  height: z.int().describe("rows"),
  width: z.int().describe("columns"),
});

const layerRow = z.strictObject({
  kind: z.string().describe("kind of the layer"),
  input: extent.describe("shape that arrives at the layer"),
  output: extent.describe("shape that it makes of it"),
  parameters: z.int().describe("numbers that are trained in it"),
  flops: z.int().describe("floating-point operations of one sample, forward"),
});

export const estimate = z.strictObject({
  request: completeJobRequest,
  layers: z
    .array(
      layerRow.extend({
        shortcut: shortcutKind.optional().describe("residual blocks: what carries x past the block's layers"),
        layers: z.array(layerRow).optional().describe("residual blocks: the block's own layers"),
      }),
    )
    .describe("the layers in order, with what arrives at each and what leaves it"),
  parameters: z.int().describe("numbers that are trained, in all layers"),
  bytes: z.int().describe("memory of the training, in bytes: samples, weights, maps, gradients"),
  flopsPerSample: z.int().describe("floating-point operations for one training sample, forward and backward"),
  secondsPerEpoch: z
    .number()
    .nullable()
    .describe("seconds of one epoch, from the rate workers last reported for such a network; null where none has"),
  warnings: z.array(z.string()).describe("what is legal in the request and likely wrong"),
  reasons: z
    .array(z.string())
    .describe("what was decided for this job, and why, in sentences: which layers start with a model's weights"),
});
export type Estimate = z.infer<typeof estimate>;
