/** Questions to a model and its answers. */
import { z } from "zod";
import { file } from "./binary.ts";
import { dtype, split } from "./dataset.ts";
import { aSeven } from "./examples.ts";
import { numerics } from "./job.ts";
import { pageOf, pageOrder, pageQuery } from "./page.ts";
import { queryInteger, usually } from "./query.ts";

export const mostInstances = 4096;
const mostTopK = 65_536;
const usualTopK = 3;

export const instance = z.union([
  z.array(z.unknown()),
  z.strictObject({ b64: z.string().min(1).describe("a picture in Base64, or as a data: URL") }),
]);
export const predictionRequest = z
  .strictObject({
    instances: z
      .array(instance)
      .min(1)
      .max(mostInstances)
      .describe(
        "numbers in the dataset's own range, C,H,W order, flat or nested; or pictures as {b64}: Base64, standard or URL-safe, wrapped, or a data: URL",
      ),
    topK: z
      .int()
      .min(1)
      .max(mostTopK)
      .default(usualTopK)
      .describe("how many of the most probable classes each answer ranks"),
    numerics: numerics.optional().describe("by default those that the model was trained in"),
  })
  .meta({ examples: [{ instances: [{ b64: aSeven }], topK: 2 }] });

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
  topK: usually(queryInteger(1, mostTopK), usualTopK).describe(
    "how many of the most probable classes each answer ranks, with a body that is no JSON; 3 by default",
  ),
  dtype: usually(dtype, "uint8").describe("what the numbers of an application/octet-stream body are; uint8 by default"),
  numerics: numerics.optional().describe("by default those that the model was trained in"),
});

/** A model as it was. */
export const checkpointOfModel = queryInteger(0, 1_000_000)
  .optional()
  .describe("the checkpoint of this epoch, of the job that made the model, in the model's place");

export const modelPredictionsQuery = askingQuery.extend({ checkpoint: checkpointOfModel });
export const jobPredictionsQuery = askingQuery.extend({
  checkpoint: queryInteger(0, 1_000_000).optional().describe("the checkpoint of this epoch; the newest by default"),
});

export const rankedClass = z.strictObject({
  class: z.int().describe("index of the class"),
  name: z.string().describe("name of the class"),
  probability: z.number().describe("from 0 to 1; outputs without softmax are brought to shares of one"),
});
export const prediction = z.strictObject({
  class: z.int().describe("index of the most probable class"),
  name: z.string().describe("name of the most probable class"),
  confidence: z.number().describe("its probability, from 0 to 1"),
  probabilities: z.array(z.number()).describe("of every class, in the order of the model's classes"),
  topK: z.array(rankedClass).describe("the most probable classes, the first first"),
});
export type Prediction = z.infer<typeof prediction>;

export const predictionAnswer = z.strictObject({
  predictions: z.array(prediction).describe("an answer for each input, in their order"),
  model: z.string().describe("id of the model, or of the job whose checkpoint answered"),
  numerics: numerics.describe("in which numerics the answer was computed"),
  kernels: z.string().describe("the kernels that computed the answer"),
  conversion: z
    .array(z.string())
    .describe("what was done to the input, in words: of one picture its steps, of several a sentence for each"),
  milliseconds: z.number().describe("time from the parsed request to the answer, in milliseconds"),
});

/** A row of a model's predictions over a split. `class` is the true class. */
export const splitPrediction = z.strictObject({
  index: z.int().describe("place of the sample in its split, counted from 0"),
  class: z.int().describe("index of the true class"),
  predicted: z.int().describe("index of the class that the model answers"),
  correct: z.boolean().describe("whether the two agree"),
  confidence: z
    .number()
    .nullable()
    .describe("probability of the answer, from 0 to 1; null where the network's answer is not finite"),
  probabilities: z.array(z.number().nullable()).describe("of every class; null where it is not finite"),
});
export type SplitPrediction = z.infer<typeof splitPrediction>;
export const splitPredictionPage = pageOf(splitPrediction);
export type SplitPredictionPage = z.infer<typeof splitPredictionPage>;

export const splitPredictionsQuery = z.strictObject({
  split: usually(split, "test").describe("of which split; test by default"),
  only: usually(z.enum(["all", "errors"]), "all").describe(
    "errors: only samples that are answered wrong; all by default",
  ),
  class: queryInteger(0, 65_535).optional().describe("only samples of this true class, by its index"),
  predicted: queryInteger(0, 65_535)
    .optional()
    .describe("only samples that are answered with this class, by its index"),
  sort: usually(z.enum(["index", "confidence"]), "index").describe(
    "by place in the split, the default, or by confidence",
  ),
  limit: pageQuery.shape.limit,
  after: queryInteger(0, 2 ** 31)
    .optional()
    .describe("nextAfter of the page before"),
  order: pageOrder.optional().describe("by default asc by index, desc by confidence"),
});
export const evaluationQuery = z.strictObject({
  split: usually(split, "test").describe("on which split; test by default"),
});

/** How far confidence can be believed: Guo et al., "On Calibration of Modern Neural Networks" (2017), §2. */
export const calibration = z.strictObject({
  bins: z
    .array(
      z.strictObject({
        from: z.number().describe("confidences above this"),
        to: z.number().describe("up to and with this"),
        samples: z.int().describe("samples answered with such a confidence"),
        accuracy: z.number().nullable().describe("share of right answers; null where the bin is empty"),
        confidence: z.number().nullable().describe("mean probability of the answer; null where the bin is empty"),
      }),
    )
    .describe("ten bins of equal width by confidence, from < confidence ≤ to"),
  expectedError: z.number().describe("mean of |accuracy − confidence| over the samples, bin by bin"),
});
export type Calibration = z.infer<typeof calibration>;

export const evaluation = z.strictObject({
  split: split.describe("the split that it was measured on"),
  samples: z.int().describe("samples of the split"),
  accuracy: z.number().describe("share of samples that were answered right, from 0 to 1"),
  errorRate: z.number().describe("share of samples that were answered wrong: 1 − accuracy"),
  loss: z.number().nullable().describe("mean loss of a sample, without penalties; null where it is not finite"),
  classes: z
    .array(
      z.strictObject({
        class: z.int().describe("index of the class"),
        name: z.string().describe("name of the class"),
        samples: z.int().describe("samples that are of this class"),
        precision: z
          .number()
          .nullable()
          .describe("of the samples answered as this class, the share that is; null where none was"),
        recall: z
          .number()
          .nullable()
          .describe("of the samples of this class, the share answered as it; null where there are none"),
        f1: z.number().nullable().describe("harmonic mean of precision and recall; null where either is"),
      }),
    )
    .describe("each class on its own"),
  confusion: z.array(z.array(z.int())).describe("counts of samples: rows are true classes, columns predicted ones"),
  topK: z
    .array(
      z.strictObject({
        k: z.int().describe("how many of the most probable classes count"),
        accuracy: z.number().describe("share of samples whose class is among them, from 0 to 1"),
      }),
    )
    .default([])
    .describe(
      "share of samples whose class is among the k most probable; for k of 1, 2, 3, 5 and 10 below the classes",
    ),
  calibration: calibration
    .nullable()
    .default(null)
    .describe("how far confidence can be believed; null for models made before it was measured"),
});
export type Evaluation = z.infer<typeof evaluation>;
