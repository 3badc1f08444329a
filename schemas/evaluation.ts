/** A model judged on data of somebody's choice, by a worker: `evl_…`. The report has the form of a split's evaluation. */
import { z } from "zod";
import { split } from "./dataset.ts";
import { datasetId, datasetReference, evaluationId, modelId, sha256, timestamp } from "./ids.ts";
import { datasetFilter, pageOf, pageQuery } from "./page.ts";
import { calibration, evaluation, splitPredictionsQuery } from "./prediction.ts";

export const evaluationRequest = z
  .strictObject({
    dataset: datasetReference.describe(
      "what to judge on: id, alias or alias@revision of a dataset of the model's shape",
    ),
    split: split.default("test").describe("the split to judge on"),
  })
  .meta({ examples: [{ dataset: "mnist", split: "test" }] });

export const evaluationStatus = z
  .enum(["queued", "running", "cancelling", "cancelled", "succeeded", "failed"])
  .describe("where it stands; cancelled, succeeded and failed are for good");
export type EvaluationStatus = z.infer<typeof evaluationStatus>;

export const evaluationEnded = (status: EvaluationStatus): boolean =>
  status === "cancelled" || status === "succeeded" || status === "failed";

export const modelEvaluation = z.strictObject({
  id: evaluationId,
  object: z.literal("evaluation").describe("what this is: always evaluation"),
  model: modelId.describe("id of the model that is judged"),
  dataset: z
    .strictObject({ id: datasetId, revision: sha256.describe("SHA-256 digest of the dataset's content") })
    .describe("what it is judged on"),
  split: split.describe("the split it is judged on"),
  status: evaluationStatus,
  terminal: z.boolean().describe("whether it has ended for good"),
  progress: z
    .strictObject({
      fraction: z.number().min(0).max(1).describe("share of the samples that is answered, from 0 to 1"),
      samples: z.int().describe("samples answered so far"),
      total: z.int().describe("samples of the split"),
    })
    .describe("how far it is"),
  samples: z.int().nullable().describe("samples of the split; null until it has succeeded, like every figure"),
  accuracy: z
    .number()
    .nullable()
    .describe("share of samples that were answered right, from 0 to 1; null until it has succeeded"),
  errorRate: z
    .number()
    .nullable()
    .describe("share of samples answered wrong: 1 − accuracy; null until it has succeeded"),
  loss: z
    .number()
    .nullable()
    .describe(
      "mean of a sample, by the loss that the model was trained with (of an import cross-entropy behind a softmax, else squared error); null until it has succeeded and where not finite",
    ),
  warnings: z.array(z.string()).describe("what is likely wrong, in sentences"),
  error: z
    .strictObject({
      code: z.string().describe("the kind for programs, explained at /problems/{code}"),
      detail: z.string().describe("what went wrong"),
    })
    .nullable()
    .describe("why it failed; null where it did not"),
  createdAt: timestamp.describe("when it was accepted, ISO 8601 in UTC"),
  startedAt: timestamp.nullable().describe("when a worker began, ISO 8601 in UTC; null before that"),
  finishedAt: timestamp.nullable().describe("when it ended, ISO 8601 in UTC; null before that"),
});
export type ModelEvaluation = z.infer<typeof modelEvaluation>;

/** What makes a page of evaluations too long: shown of one at a time. */
export const evaluationDetails = z.strictObject({
  classes: evaluation.shape.classes
    .nullable()
    .describe("each class on its own; null until it has succeeded, and beyond 2000 classes"),
  confusion: evaluation.shape.confusion
    .nullable()
    .describe(
      "counts of samples: rows are true classes, columns predicted ones, in the model's order; null until it has succeeded, and beyond 2000 classes",
    ),
  topK: evaluation.shape.topK
    .unwrap()
    .nullable()
    .describe("share of samples whose class is among the k most probable; null until it has succeeded"),
  calibration: calibration.nullable().describe("how far confidence can be believed; null until it has succeeded"),
});
export type EvaluationDetails = z.infer<typeof evaluationDetails>;

export const detailedEvaluation = modelEvaluation.extend(evaluationDetails.shape);
export type DetailedEvaluation = z.infer<typeof detailedEvaluation>;
export const modelEvaluationsQuery = pageQuery.extend({ dataset: datasetFilter });
export const modelEvaluationPage = pageOf(modelEvaluation);

export const evaluationParams = z.strictObject({
  id: z.string().describe("id or alias of the model"),
  evaluation: z.string().describe("id of the evaluation, evl_…"),
});
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
