/** Why a model answered what it did to one input: sensitivities, saliency. */
import { z } from "zod";
import { loss } from "./network.ts";
import { askingQuery, checkpointOfModel } from "./prediction.ts";
import { queryInteger, sheetScale, usually } from "./query.ts";
import { shape } from "./shape-schema.ts";

const explainingQuery = askingQuery.omit({ topK: true, numerics: true }).extend({
  class: queryInteger(0, 65_535).optional().describe("the class to be explained; by default the predicted one"),
  checkpoint: checkpointOfModel,
  scale: sheetScale.optional().describe("side in pixels of one number on a sheet; otherwise what fits it well"),
});

/** A layer of the request, or −1 for the input. */
const layerOrInput = z
  .string()
  .regex(/^(-1|\d{1,15})$/, "expected a whole number, -1 for the input")
  .meta({ type: "integer", minimum: -1, maximum: 199 })
  .transform(Number)
  .pipe(z.int().min(-1).max(199));

export const sensitivitiesQuery = explainingQuery.extend({
  class: explainingQuery.shape.class.describe("the true class of the input; by default the predicted one"),
  layer: layerOrInput.optional().describe("this layer alone, -1 for the input; a sheet needs one"),
  inner: queryInteger(0, 63)
    .optional()
    .describe("with `layer` a residual block: of its own layers this one alone, and its sheet in place of the block's"),
  loss: loss
    .optional()
    .describe(
      "by default the loss that the model was trained with; where its job is not known, cross-entropy for a softmax output, squared-error otherwise",
    ),
});

const maps = z.array(z.array(z.array(z.number().nullable())));
const seenLayer = z.strictObject({
  layer: z.int().describe("index in the network's layers; -1: the input as it was normalised, x⁰"),
  kind: z.string().describe("kind of the layer; 'input' for the input"),
  shape: shape.describe("channels, height and width of its maps"),
  values: maps.describe("x, [map][row][column]"),
  sensitivities: maps.describe(
    "δ = ∂E/∂u, before the layer's activation; of the input ∂E/∂x⁰. Batch normalisation stands on its running statistics, taken for constants, and nothing is dropped out",
  ),
  gradientNorm: z
    .number()
    .nullable()
    .describe("L2 norm of the gradient of all of the layer's parameters, penalties included; null where it has none"),
});

export const sensitivities = z.strictObject({
  model: z.string().describe("id of the model"),
  conversion: z.array(z.string()).describe("what was done to the input, in words"),
  loss: z
    .number()
    .nullable()
    .describe("loss of this input alone, without penalties; null where it is not finite, as everywhere here"),
  class: z.int().describe("index of the class that was taken for the true one"),
  layers: z
    .array(
      seenLayer.extend({
        layers: z
          .array(seenLayer.extend({ layer: z.int().describe("index in the block's layers") }))
          .optional()
          .describe("residual blocks: the block's own layers"),
      }),
    )
    .describe("the layers that were asked for, from the input on"),
});

export const saliencyQuery = explainingQuery.extend({
  method: usually(z.enum(["gradient", "occlusion"]), "gradient").describe(
    "gradient, the default: the slope of the class's score (Simonyan et al. 2013); occlusion: what its probability falls by under a patch of the picture's mean (Zeiler & Fergus 2014)",
  ),
  patch: queryInteger(1, 4096)
    .optional()
    .describe("occlusion: the patch's side in pixels; by default a seventh of the longer side"),
  stride: queryInteger(1, 4096)
    .optional()
    .describe("occlusion: from one position to the next; by default half of the patch"),
});

export const saliency = z.strictObject({
  model: z.string().describe("id of the model"),
  conversion: z.array(z.string()).describe("what was done to the input, in words"),
  method: z.enum(["gradient", "occlusion"]).describe("how it was computed"),
  class: z.int().describe("index of the class that is explained"),
  values: z
    .array(z.array(z.number().nullable()))
    .describe(
      "[row][column]; gradient: the largest |∂u/∂x⁰| of a pixel's channels, u of the class before softmax or activation; occlusion: the fall of the class's probability, negative where it rose; null where not finite",
    ),
});
