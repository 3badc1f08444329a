/** What is inside a model: its layers with what they learned, and what each makes of an input. */
import { z } from "zod";
import { shortcutKind } from "./layer.ts";
import { pageLimit, pageOf, pageOrder } from "./page.ts";
import { askingQuery, checkpointOfModel } from "./prediction.ts";
import { queryInteger, sheetScale, usually } from "./query.ts";
import { shape } from "./shape-schema.ts";

const numbers = z.array(z.number().nullable()).nullable();
/** What layers that weigh their inputs have learned. */
const weighing = {
  beta: numbers.describe("subsampling: β of every map; null in other layers"),
  bias: numbers.describe("subsampling: b of every map; null in other layers"),
  alpha: z
    .array(z.array(z.number().nullable()))
    .nullable()
    .describe("learned combinations: α, [maps][inputs]; null in other layers"),
  effectiveInputs: numbers.describe(
    "learned combinations: exp(−Σ α ln α) of every map, how many inputs it really uses; null in other layers",
  ),
};
const layerView = z.strictObject({
  index: z.int().describe("index in the network's (or block's) layers, from 0"),
  kind: z.string().describe("kind of the layer"),
  input: shape.describe("shape that arrives at the layer"),
  output: shape.describe("shape that it makes of it"),
  parameters: z.int().describe("numbers that are trained in it"),
  ...weighing,
});

export const networkView = z.strictObject({
  layers: z
    .array(
      layerView.extend({
        shortcut: shortcutKind.optional().describe("residual blocks: what carries x past the block's layers"),
        layers: z.array(layerView).optional().describe("residual blocks: the block's own layers"),
      }),
    )
    .describe("the layers in order, with what they learned"),
  parameters: z.int().describe("numbers that are trained, in all layers"),
});
export type NetworkView = z.infer<typeof networkView>;

/** What layers that weigh their inputs had learned at the end of an epoch: kept with the job. */
const insideLayer = z.strictObject({
  layer: z.int().describe("index in the network's layers, from 0"),
  inner: z
    .int()
    .nullable()
    .describe("residual blocks: which of the block's own layers, from 0; null for a layer of the network itself"),
  ...weighing,
});
const moment = {
  epoch: z.int().describe("the epoch at whose end it was so"),
  step: z.int().describe("batches done by then"),
};

/** As it is kept: a row an epoch. */
export const insideRow = z.strictObject({ ...moment, layers: z.array(insideLayer) });
export type InsideRow = z.infer<typeof insideRow>;

export const insideQuery = z.strictObject({
  layer: queryInteger(0, 199).optional().describe("this layer alone; by default all that have β or α"),
  limit: usually(pageLimit, 50).describe("epochs of a page; 50 by default"),
  after: queryInteger(0, 1_000_000_000).optional().describe("nextAfter of the page before: an epoch"),
  order: usually(pageOrder, "asc").describe("by epoch; asc by default"),
});
export const insidePage = pageOf(z.strictObject({ ...moment, ...insideLayer.shape }));

export const filterParams = z.strictObject({
  id: z.string().describe("id or alias of the model"),
  layer: z.string().describe("index of a convolution in the network's layers, from 0"),
});

const scale = sheetScale.optional().describe("side in pixels of one number on a sheet; otherwise what fits it well");

export const jobFilterParams = filterParams.extend({ id: z.string().describe("id of the job") });
export const jobFiltersQuery = z.strictObject({
  checkpoint: queryInteger(0, 1_000_000).optional().describe("the checkpoint of this epoch; the newest by default"),
  scale,
});

export const networkQuery = z.strictObject({ checkpoint: checkpointOfModel });
export const filtersQuery = z.strictObject({ checkpoint: checkpointOfModel, scale });

export const featureMapsQuery = askingQuery.omit({ topK: true, numerics: true }).extend({
  checkpoint: checkpointOfModel,
  layer: queryInteger(0, 199).optional().describe("this layer alone, counted from 0; by default all"),
  scale,
});

export const featureMaps = z.strictObject({
  model: z.string().describe("id of the model"),
  conversion: z.array(z.string()).describe("what was done to the input, in words"),
  layers: z
    .array(
      z.strictObject({
        layer: z.int().describe("index in the network's layers, from 0"),
        kind: z.string().describe("kind of the layer"),
        shape: shape.describe("channels, height and width of its maps"),
        values: z
          .array(z.array(z.array(z.number().nullable())))
          .describe("what it answers to the input, [map][row][column]; null where it is not finite"),
      }),
    )
    .describe("the layers that were asked for, in order"),
});
export type FeatureMaps = z.infer<typeof featureMaps>;
