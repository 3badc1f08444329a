/** What is inside a model: its layers with what they learned, and what each makes of an input. */
import { z } from "zod";
import { shortcutKind } from "./layer.ts";
import { pageLimit, pageOf, pageOrder } from "./page.ts";
import { askingQuery, checkpointOfModel } from "./prediction.ts";
import { queryInteger, sheetScale, usually } from "./query.ts";
import { shape } from "./shape.ts";

const numbers = z.array(z.number().nullable()).nullable();
const layerView = z.strictObject({
  index: z.int(),
  kind: z.string(),
  input: shape,
  output: shape,
  parameters: z.int(),
  beta: numbers.describe("subsampling: β of every map"),
  bias: numbers.describe("subsampling: b of every map"),
  alpha: z.array(z.array(z.number().nullable())).nullable().describe("learned combinations: α, [maps][inputs]"),
  effectiveInputs: numbers.describe("learned combinations: exp(−Σ α ln α) of every map"),
});

export const networkView = z.strictObject({
  layers: z.array(
    layerView.extend({
      shortcut: shortcutKind.optional().describe("residual blocks: what carries x past the block's layers"),
      layers: z.array(layerView).optional().describe("residual blocks: the block's own layers"),
    }),
  ),
  parameters: z.int(),
});
export type NetworkView = z.infer<typeof networkView>;

/** What layers that weigh their inputs had learned at the end of an epoch: kept with the job. */
const insideLayer = z.strictObject({
  layer: z.int(),
  inner: z.int().nullable().describe("residual blocks: which of the block's own layers"),
  beta: numbers.describe("subsampling: β of every map"),
  bias: numbers.describe("subsampling: b of every map"),
  alpha: z.array(z.array(z.number().nullable())).nullable().describe("learned combinations: α, [maps][inputs]"),
  effectiveInputs: numbers.describe("learned combinations: exp(−Σ α ln α) of every map"),
});
const moment = { epoch: z.int(), step: z.int() };

/** As it is kept: a row an epoch. */
export const insideRow = z.strictObject({ ...moment, layers: z.array(insideLayer) });
export type InsideRow = z.infer<typeof insideRow>;

export const insideQuery = z.strictObject({
  layer: queryInteger(0, 199).optional().describe("this layer alone; by default all that have β or α"),
  limit: usually(pageLimit, 50).describe("epochs of a page; 50 by default"),
  after: queryInteger(0, 1_000_000_000).optional().describe("nextAfter of the page before"),
  order: usually(pageOrder, "asc").describe("by epoch; asc by default"),
});
export const insidePage = pageOf(z.strictObject({ ...moment, ...insideLayer.shape }));

export const filterParams = z.strictObject({ id: z.string(), layer: z.string() });

const scale = sheetScale.optional().describe("side in pixels of one number on a sheet; otherwise what fits it well");

export const networkQuery = z.strictObject({ checkpoint: checkpointOfModel });
export const filtersQuery = z.strictObject({ checkpoint: checkpointOfModel, scale });

export const featureMapsQuery = askingQuery.omit({ topK: true, numerics: true }).extend({
  checkpoint: checkpointOfModel,
  layer: queryInteger(0, 199).optional().describe("this layer alone"),
  scale,
});

export const featureMaps = z.strictObject({
  model: z.string(),
  conversion: z.array(z.string()),
  layers: z.array(
    z.strictObject({
      layer: z.int(),
      kind: z.string(),
      shape,
      values: z.array(z.array(z.array(z.number().nullable()))).describe("[map][row][column]"),
    }),
  ),
});
export type FeatureMaps = z.infer<typeof featureMaps>;
