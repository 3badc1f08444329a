/** Questions to a model and its answers. */
import { z } from "zod";
import { split } from "./dataset.ts";

export const instance = z.union([z.array(z.unknown()), z.strictObject({ b64: z.string().min(1) })]);
export const predictionRequest = z.strictObject({
  instances: z
    .array(instance)
    .min(1)
    .max(4096)
    .describe("numbers in the dataset's own range, C,H,W order, flat or nested; or pictures as {b64}"),
  topK: z.int().min(1).max(65_536).default(3),
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
  conversion: z.array(z.string()).describe("what was done to the pictures, in words"),
  milliseconds: z.number(),
});

/** A row of a model's predictions over a split. `class` is the true class. */
export const splitPrediction = z.strictObject({
  index: z.int(),
  class: z.int(),
  predicted: z.int(),
  correct: z.boolean(),
  confidence: z.number(),
  probabilities: z.array(z.number()),
});
export type SplitPrediction = z.infer<typeof splitPrediction>;

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
});
export type Evaluation = z.infer<typeof evaluation>;
