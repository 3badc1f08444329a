/** Back-propagation against finite differences, asked for over HTTP. */
import { z } from "zod";
import { datasetReference } from "./ids.ts";
import { loss, network, presetName } from "./network.ts";
import { shape } from "./shape.ts";

export const gradientCheckRequest = z.strictObject({
  network: z.union([presetName, network]),
  input: shape.optional().describe("channels, height and width; or give a dataset"),
  dataset: datasetReference.optional().describe("take input and classes from this dataset"),
  loss: loss.optional(),
  seed: z.int().min(0).max(4_294_967_295).default(1),
  sample: z.int().min(1).max(100_000).nullable().default(20).describe("elements checked of each tensor; null: all"),
});
export type GradientCheckRequest = z.infer<typeof gradientCheckRequest>;

const checkedTensor = z.strictObject({
  name: z.string(),
  elements: z.int(),
  checked: z.int(),
  skipped: z.int(),
  worstRelativeError: z.number().nullable(),
});

export const gradientCheck = z.strictObject({
  worst: z.number().nullable(),
  complete: z.boolean().describe("false where time ran out; what was checked until then stands here"),
  layers: z.array(z.strictObject({ index: z.int(), kind: z.string(), parameters: z.array(checkedTensor) })),
});
export type GradientCheck = z.infer<typeof gradientCheck>;
