/** What is inside a model: its layers with what they learned, and what each makes of an input. */
import { z } from "zod";
import { shortcutKind } from "./layer.ts";
import { askingQuery } from "./prediction.ts";
import { queryInteger } from "./query.ts";
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
  alpha: z.array(z.array(z.number())).nullable().describe("learned combinations: α, [maps][inputs]"),
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

export const filterParams = z.strictObject({ id: z.string(), layer: z.string() });

export const featureMapsQuery = askingQuery
  .omit({ topK: true })
  .extend({ layer: queryInteger(0, 199).optional().describe("this layer alone") });

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
