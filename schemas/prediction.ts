/** Questions to a model and its answers. */
import { z } from "zod";
import { file } from "./binary.ts";
import { dtype, split } from "./dataset.ts";
import { numerics } from "./job.ts";
import { pageOf, pageOrder, pageQuery } from "./page.ts";
import { queryInteger, usually } from "./query.ts";

export const mostInstances = 4096;
const mostTopK = 65_536;
const usualTopK = 3;

export const instance = z.union([z.array(z.unknown()), z.strictObject({ b64: z.string().min(1) })]);
export const predictionRequest = z.strictObject({
  instances: z
    .array(instance)
    .min(1)
    .max(mostInstances)
    .describe(
      "numbers in the dataset's own range, C,H,W order, flat or nested; or pictures as {b64}: Base64, standard or URL-safe, wrapped, or a data: URL",
    ),
  topK: z.int().min(1).max(mostTopK).default(usualTopK),
  numerics: numerics.optional().describe("by default those that the model was trained in"),
});

export const rawType = "application/octet-stream";
export const mostRawSamples = 16_384;

/** Types of pictures that are read, with the names that some clients use for them. The content decides, not the name. */
export const readablePictureTypes = [
  "image/png",
  "image/jpeg",
  "image/jpg",
  "image/pjpeg",
  "image/webp",
  "image/gif",
  "image/bmp",
] as const;

/** The bodies in which inputs may come: each is read as what it is, also under another type or under none. */
export const askingBodies = {
  content: {
    "application/json": { schema: predictionRequest },
    ...Object.fromEntries(readablePictureTypes.map((type) => [type, { schema: file }])),
    [rawType]: { schema: file.describe(`samples one after another, C,H,W order, at most ${mostRawSamples}`) },
    "multipart/form-data": { schema: z.looseObject({}).describe("one file a picture") },
  },
};

/** Query parameters that go with a body that has no room for them. */
export const askingQuery = z.strictObject({
  topK: usually(queryInteger(1, mostTopK), usualTopK).describe("with a body that is no JSON"),
  dtype: usually(dtype, "uint8").describe("of an application/octet-stream body; uint8 by default"),
  numerics: numerics.optional().describe("by default those that the model was trained in"),
});

/** A model as it was. */
export const checkpointOfModel = queryInteger(0, 1_000_000)
  .optional()
  .describe("the checkpoint of this epoch, of the job that made the model, in the model's place");

export const modelPredictionsQuery = askingQuery.extend({ checkpoint: checkpointOfModel });
export const jobPredictionsQuery = askingQuery.extend({
  checkpoint: queryInteger(0, 1_000_000).optional().describe("epoch; the newest by default"),
});

export const rankedClass = z.strictObject({ class: z.int(), name: z.string(), probability: z.number() });
export const prediction = z.strictObject({
  class: z.int(),
  name: z.string(),
  confidence: z.number(),
  probabilities: z.array(z.number()),
  topK: z.array(rankedClass),
});
export type Prediction = z.infer<typeof prediction>;

export const predictionAnswer = z.strictObject({
  predictions: z.array(prediction),
  model: z.string(),
  numerics: numerics.describe("in which the answer was computed"),
  kernels: z.string().describe("by which it was"),
  conversion: z
    .array(z.string())
    .describe("what was done to the input, in words: of one picture its steps, of several a sentence for each"),
  milliseconds: z.number(),
});

/** A row of a model's predictions over a split. `class` is the true class. */
export const splitPrediction = z.strictObject({
  index: z.int(),
  class: z.int(),
  predicted: z.int(),
  correct: z.boolean(),
  confidence: z.number().nullable().describe("null where the network's answer is not finite"),
  probabilities: z.array(z.number().nullable()).describe("null where it is not finite"),
});
export type SplitPrediction = z.infer<typeof splitPrediction>;
export const splitPredictionPage = pageOf(splitPrediction);
export type SplitPredictionPage = z.infer<typeof splitPredictionPage>;

export const splitPredictionsQuery = z.strictObject({
  split: usually(split, "test").describe("test by default"),
  only: usually(z.enum(["all", "errors"]), "all"),
  sort: usually(z.enum(["index", "confidence"]), "index"),
  limit: pageQuery.shape.limit,
  after: queryInteger(0, 2 ** 31)
    .optional()
    .describe("nextAfter of the page before"),
  order: pageOrder.optional().describe("asc by index, desc by confidence by default"),
});
export const evaluationQuery = z.strictObject({ split: usually(split, "test") });

/** How far confidence can be believed: Guo et al., "On Calibration of Modern Neural Networks" (2017), §2. */
export const calibration = z.strictObject({
  bins: z
    .array(
      z.strictObject({
        from: z.number(),
        to: z.number(),
        samples: z.int(),
        accuracy: z.number().nullable().describe("share of right answers; null where the bin is empty"),
        confidence: z.number().nullable().describe("mean probability of the answer; null where the bin is empty"),
      }),
    )
    .describe("ten bins of equal width by confidence, from < confidence ≤ to"),
  expectedError: z.number().describe("mean of |accuracy − confidence| over the samples, bin by bin"),
});
export type Calibration = z.infer<typeof calibration>;

export const evaluation = z.strictObject({
  split,
  samples: z.int(),
  accuracy: z.number(),
  errorRate: z.number(),
  loss: z.number().nullable(),
  classes: z.array(
    z.strictObject({
      class: z.int(),
      name: z.string(),
      samples: z.int(),
      precision: z.number().nullable(),
      recall: z.number().nullable(),
      f1: z.number().nullable(),
    }),
  ),
  confusion: z.array(z.array(z.int())).describe("rows true, columns predicted"),
  topK: z
    .array(z.strictObject({ k: z.int(), accuracy: z.number() }))
    .default([])
    .describe(
      "share of samples whose class is among the k most probable; for k of 1, 2, 3, 5 and 10 below the classes",
    ),
  calibration: calibration.nullable().default(null).describe("null for models made before it was measured"),
});
export type Evaluation = z.infer<typeof evaluation>;
