/** What a model's web page carries: everything that an answer needs, as JSON inside the page. */
import { z } from "zod";
import { conversion, valueRange } from "./dataset.ts";
import { model } from "./model.ts";

export const exportedModel = model
  .pick({ id: true, name: true, network: true, input: true, classes: true, normalisation: true, parameters: true })
  .extend({
    sha256: model.shape.sha256,
    conversion,
    range: valueRange.describe("where 0 … 255 of a picture goes"),
    evaluation: model.shape.evaluation,
    createdAt: model.shape.createdAt,
    weights: z.string().describe("a safetensors file, base64"),
  });
export type ExportedModel = z.infer<typeof exportedModel>;
