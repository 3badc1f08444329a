/** A model judged on data of somebody's choice, by a worker: `evl_…`. The report has the form of a split's evaluation. */
import { z } from "zod";
import { split } from "./dataset.ts";
import { datasetId, datasetReference, evaluationId, modelId, sha256, timestamp } from "./ids.ts";
import { datasetFilter, pageOf, pageQuery } from "./page.ts";
import { calibration, evaluation, splitPredictionsQuery } from "./prediction.ts";

export const evaluationRequest = z.strictObject({
  dataset: datasetReference.describe("an id, an alias, or alias@revision"),
  split: split.default("test"),
});

export const evaluationStatus = z.enum(["queued", "running", "cancelling", "cancelled", "succeeded", "failed"]);
export type EvaluationStatus = z.infer<typeof evaluationStatus>;

export const evaluationEnded = (status: EvaluationStatus): boolean =>
  status === "cancelled" || status === "succeeded" || status === "failed";

export const modelEvaluation = z.strictObject({
  id: evaluationId,
  object: z.literal("evaluation"),
  model: modelId,
  dataset: z.strictObject({ id: datasetId, revision: sha256 }),
  split,
  status: evaluationStatus,
  terminal: z.boolean(),
  progress: z.strictObject({
    fraction: z.number().min(0).max(1),
    samples: z.int().describe("answered so far"),
    total: z.int().describe("of the split"),
  }),
  samples: z.int().nullable().describe("null until it has succeeded, like every figure"),
  accuracy: z.number().nullable(),
  errorRate: z.number().nullable(),
  loss: z
    .number()
    .nullable()
    .describe(
      "by the loss that the model was trained with; of an import cross-entropy behind a softmax, else squared error",
    ),
  warnings: z.array(z.string()).describe("what is likely wrong, in sentences"),
  error: z.strictObject({ code: z.string(), detail: z.string() }).nullable(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  finishedAt: timestamp.nullable(),
});
export type ModelEvaluation = z.infer<typeof modelEvaluation>;

/** What makes a page of evaluations too long: shown of one at a time. */
export const evaluationDetails = z.strictObject({
  classes: evaluation.shape.classes.nullable().describe("null until it has succeeded, and beyond 2000 classes"),
  confusion: evaluation.shape.confusion
    .nullable()
    .describe("rows true, columns predicted, in the model's order of classes; null beyond 2000 classes"),
  topK: evaluation.shape.topK.unwrap().nullable(),
  calibration: calibration.nullable(),
});
export type EvaluationDetails = z.infer<typeof evaluationDetails>;

export const detailedEvaluation = modelEvaluation.extend(evaluationDetails.shape);
export type DetailedEvaluation = z.infer<typeof detailedEvaluation>;
export const modelEvaluationsQuery = pageQuery.extend({ dataset: datasetFilter });
export const modelEvaluationPage = pageOf(modelEvaluation);

export const evaluationParams = z.strictObject({ id: z.string(), evaluation: z.string() });
export const evaluationPredictionsQuery = splitPredictionsQuery.omit({ split: true });

/** Where the predictions of an evaluation that succeeded are: as those of a model over a split. */
const predictionsFile = z.strictObject({ file: z.string(), count: z.int(), classes: z.int() });

/** What stands in storage of an evaluation that succeeded, and suffices to rebuild its record. */
export const evaluationManifest = z.strictObject({
  version: z.literal(1),
  evaluation: modelEvaluation,
  details: evaluationDetails,
  predictions: predictionsFile,
});
export type EvaluationManifest = z.infer<typeof evaluationManifest>;
