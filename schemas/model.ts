/** What a finished job leaves behind, or an import brings: a network with weights that answers predictions. */
import { z } from "zod";
import { file } from "./binary.ts";
import { split } from "./dataset.ts";
import { datasetId, jobId, metadata, modelAlias, modelId, modelReference, sha256, timestamp } from "./ids.ts";
import { networkSummary, normalisationKind, numerics, view } from "./job.ts";
import { network } from "./network.ts";
import { datasetFilter, nameFilter, pageOf, pageOrder, pageQuery, withMetadata } from "./page.ts";
import { evaluation } from "./prediction.ts";
import { usually } from "./query.ts";
import { shape } from "./shape.ts";

/** x ↦ (x − mean) / std for each channel, in the dataset's own range; part of the model. */
export const normalisation = z.strictObject({
  kind: normalisationKind,
  mean: z.array(z.number()),
  std: z.array(z.number().gt(0)),
});
export type Normalisation = z.infer<typeof normalisation>;

export const model = z.strictObject({
  id: modelId,
  object: z.literal("model"),
  name: z.string(),
  alias: modelAlias.nullable().describe("of several, the one given last"),
  job: jobId.nullable(),
  dataset: z.strictObject({ id: datasetId, revision: sha256 }).nullable(),
  checkpoint: z.strictObject({ epoch: z.int(), step: z.int() }).nullable(),
  network,
  input: shape,
  classes: z.array(z.string()),
  normalisation,
  numerics: numerics.optional().describe("of the training; predictions use them too. Imported models have none"),
  parameters: z.int(),
  bytes: z.int(),
  sha256: sha256.describe("digest of the weights file"),
  evaluation: z.strictObject({ split, accuracy: z.number(), loss: z.number().nullable() }).nullable(),
  createdAt: timestamp,
  metadata,
});
export type Model = z.infer<typeof model>;

/**
 * The manifest that stands in storage beside the weights and suffices to rebuild the record. A predictions file holds
 * float32 [count][classes] probabilities, then int32 [count] true classes, little-endian.
 */
export const modelManifest = z.strictObject({
  version: z.literal(1),
  model,
  weights: z.string().describe("key of the safetensors file in storage"),
  predictions: z.partialRecord(split, z.strictObject({ file: z.string(), count: z.int(), classes: z.int() })),
  evaluations: z.partialRecord(split, evaluation),
  aliases: z
    .array(z.strictObject({ name: modelAlias, at: timestamp }))
    .optional()
    .describe("where it has others than the one it was made with; the time says who has an alias that two name"),
});
export type ModelManifest = z.infer<typeof modelManifest>;

export const modelChanges = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  alias: modelAlias.nullable().optional(),
  metadata: metadata.optional(),
});

/** A model has at most so many classes. */
export const mostClasses = 65_536;

/** The form fields of an import, besides its file. */
export const importSettings = z.strictObject({
  name: z.string().min(1).max(200),
  alias: modelAlias.optional(),
  network,
  input: shape,
  classes: z.array(z.string().min(1).max(100)).min(1).max(mostClasses).optional(),
  normalisation: z
    .union([normalisation, z.enum(["none", "unit"])])
    .optional()
    .describe("by default none; unit divides by 255"),
});
export type ImportSettings = z.infer<typeof importSettings>;

/** The whole form of an import. */
export const importForm = z.object({ ...importSettings.shape, weights: file.describe("a safetensors file") });

/** A model in a list: all of it but long connection tables. */
export const modelSummary = model.extend({ network: networkSummary });
export type ModelSummary = z.infer<typeof modelSummary>;

export const modelsQuery = withMetadata(
  pageQuery.extend({
    name: nameFilter,
    dataset: datasetFilter,
    view: usually(view, "summary").describe("full: with long connection tables; a page then has fewer entries"),
  }),
);
export const modelPage = pageOf(modelSummary);
export type ModelPage = z.infer<typeof modelPage>;

/** Where an alias is moved to. */
export const aliasTarget = z.strictObject({ model: modelReference });
export const aliasParams = z.strictObject({ alias: z.string() });
export const movedAlias = z.strictObject({
  alias: modelAlias,
  model: modelId,
  previous: modelId.nullable().describe("what it named before"),
});
export const aliasesQuery = z.strictObject({
  limit: pageQuery.shape.limit,
  after: modelAlias.optional().describe("nextAfter of the page before"),
  order: usually(pageOrder, "asc").describe("by alias; asc by default"),
});
export const aliasPage = pageOf(z.strictObject({ alias: modelAlias, model: modelId }));
