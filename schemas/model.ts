/** What a finished job leaves behind, or an import brings: a network with weights that answers predictions. */
import { z } from "zod";
import { projectId } from "./access.ts";
import { file } from "./binary.ts";
import { split } from "./dataset.ts";
import { datasetId, jobId, metadata, modelAlias, modelId, modelReference, sha256, timestamp } from "./ids.ts";
import { networkSummary, normalisationKind, numerics, view } from "./job.ts";
import { network } from "./network.ts";
import { datasetFilter, nameFilter, pageOf, pageOrder, pageQuery, withMetadata } from "./page.ts";
import { evaluation } from "./prediction.ts";
import { usually } from "./query.ts";
import { shape } from "./shape-schema.ts";

/** x ↦ (x − mean) / std for each channel, in the dataset's own range; part of the model. */
export const normalisation = z.strictObject({
  kind: normalisationKind,
  mean: z.array(z.number()).describe("what is taken away from each channel"),
  std: z.array(z.number().gt(0)).describe("what each channel is then divided by"),
});
export type Normalisation = z.infer<typeof normalisation>;

export const model = z.strictObject({
  id: modelId,
  object: z.literal("model").describe("what this is: always model"),
  name: z
    .string()
    .describe("what you call it; otherwise the name of its job, or its dataset and when the job was sent"),
  alias: modelAlias
    .nullable()
    .describe("the alias that names it, of several the one given last; null where it has none"),
  job: jobId.nullable().describe("id of the job that made it; null where it was imported"),
  dataset: z
    .strictObject({ id: datasetId, revision: sha256.describe("SHA-256 digest of the dataset's content") })
    .nullable()
    .describe("what it was trained on; null where it was imported"),
  checkpoint: z
    .strictObject({
      epoch: z.int().describe("the epoch that its weights are of"),
      step: z.int().describe("the step that its weights are of"),
    })
    .nullable()
    .describe("which moment of the training it is: the best, or else the last; null where it was imported"),
  network,
  input: shape.describe("channels, height and width of what it takes"),
  classes: z.array(z.string()).describe("names of the classes, in the order of its outputs"),
  normalisation: normalisation.describe("what is done to the numbers of an input first"),
  numerics: numerics.optional().describe("of the training; predictions use them too. Imported models have none"),
  parameters: z.int().describe("numbers that were trained"),
  bytes: z.int().describe("size of the weights file in bytes"),
  sha256: sha256.describe("SHA-256 digest of the weights file"),
  evaluation: z
    .strictObject({
      split: split.describe("the split it was measured on: test, or else validation, or else train"),
      accuracy: z.number().describe("share of samples that were answered right, from 0 to 1"),
      loss: z.number().nullable().describe("mean loss of a sample; null where it is not finite"),
    })
    .nullable()
    .describe("how good it is on its dataset; null where it was imported"),
  createdAt: timestamp.describe("when it was made, ISO 8601 in UTC"),
  metadata,
});
export type Model = z.infer<typeof model>;

/**
 * The manifest that stands in storage beside the weights and suffices to rebuild the record. A predictions file holds
 * float32 [count][classes] probabilities, then int32 [count] true classes, little-endian.
 */
export const modelManifest = z.strictObject({
  version: z.literal(1),
  project: projectId.optional().describe("where it belongs; absent in those from before there were projects"),
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

export const modelChanges = z
  .strictObject({
    name: z.string().min(1).max(200).optional().describe("what to call it from now on"),
    alias: modelAlias.nullable().optional().describe("an alias that names it from now on; null takes its alias away"),
    metadata: metadata.optional().describe("your notes from now on, in place of all that were there"),
  })
  .meta({ examples: [{ alias: "digits@production", metadata: { team: "vision" } }] });

/** A model has at most so many classes. */
export const mostClasses = 65_536;

/** The form fields of an import, besides its file. */
export const importSettings = z.strictObject({
  name: z.string().min(1).max(200).describe("what you call the model"),
  alias: modelAlias.optional(),
  network: network.describe("its layers, as JSON; the weights file must hold what they need"),
  input: shape.describe("channels, height and width of what it takes, as JSON"),
  classes: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(mostClasses)
    .optional()
    .describe("names of the classes, as JSON, in the order of its outputs; by default their numbers from 0"),
  normalisation: z
    .union([normalisation, z.enum(["none", "unit"])])
    .optional()
    .describe("what is done to the numbers of an input first, as JSON; by default none; unit divides by 255"),
});
export type ImportSettings = z.infer<typeof importSettings>;

/** The whole form of an import. */
export const importForm = z.object({
  ...importSettings.shape,
  weights: file.describe("a safetensors file with the names of tensors that an export has"),
});

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
export const aliasTarget = z
  .strictObject({
    model: modelReference.describe("the model that the alias names from now on: its id or another alias"),
  })
  .meta({ examples: [{ model: "mdl_01J9ZQ8F3W6T0N5XK2V7RBYCDE" }] });
export const aliasParams = z.strictObject({ alias: z.string().describe("the alias, such as digits@production") });
export const movedAlias = z.strictObject({
  alias: modelAlias,
  model: modelId,
  previous: modelId.nullable().describe("the model that it named before; null where it is new"),
});
export const aliasesQuery = z.strictObject({
  limit: pageQuery.shape.limit,
  after: modelAlias.optional().describe("nextAfter of the page before: an alias"),
  order: usually(pageOrder, "asc").describe("by alias; asc by default"),
});
export const aliasPage = pageOf(z.strictObject({ alias: modelAlias, model: modelId }));
