/** What a job ends with: figures of its model, or why there is none. */
import { z } from "zod";
import { jobId, sha256 } from "./ids.ts";

export const splitResult = z.strictObject({
  loss: z.number().nullable().describe("mean loss of a sample, without penalties; null where it is not finite"),
  accuracy: z.number().describe("share of samples that were answered right, from 0 to 1"),
  samples: z.int().describe("samples of the split"),
});

export const jobResult = z.strictObject({
  stopReason: z
    .enum(["epochs", "validationAccuracy", "patience", "maxSeconds", "step", "sweep"])
    .describe(
      "why it ended: all epochs were done, a field of stopWhen, or (of a reproduction) the original's step; sweep: its sweep was over and took what there was",
    ),
  epochs: z.int().describe("epochs that were done"),
  steps: z.int().describe("batches that were done"),
  seconds: z.number().describe("seconds of training over all attempts"),
  kernels: z.string().describe("the kernels that computed it"),
  train: splitResult.nullable().describe("the model on the samples it was trained on; null where not measured"),
  validation: splitResult
    .nullable()
    .describe("the model on the validation split or what was held out; null without one"),
  test: splitResult.nullable().describe("the model on the test split; null where the dataset has none"),
});
export type JobResult = z.infer<typeof jobResult>;

export const jobError = z.strictObject({
  code: z.string().describe("the kind for programs, such as diverged; explained at /problems/{code}"),
  detail: z.string().describe("what went wrong, and what to try"),
  step: z.int().nullable().describe("the step at which it went wrong; null where it was not at a step"),
});

/** What a reproduction found: null until it ended. */
export const reproduction = z.strictObject({
  of: jobId.describe("the job that is done again"),
  expected: sha256.describe("SHA-256 digest of that job's weights"),
  found: sha256.nullable().describe("SHA-256 digest of the weights of this one; null until it ended"),
  agrees: z.boolean().nullable().describe("whether the two are the same; null until it ended"),
});
