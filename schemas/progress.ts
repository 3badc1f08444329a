/** Where a job stands now: small, replaced about once a second. */
import { z } from "zod";
import { split } from "./dataset.ts";
import { timestamp } from "./ids.ts";

/** What a moment of a training was worth on the split that is looked at between epochs. */
export const validationFigures = z.strictObject({
  split: split.describe("the split that was measured"),
  loss: z.number().nullable().describe("mean loss of a sample, without penalties; null where it is not finite"),
  accuracy: z.number().describe("share of samples that were answered right, from 0 to 1"),
});

export const progress = z.strictObject({
  fraction: z.number().min(0).max(1).describe("share of all steps that is done, from 0 to 1"),
  epoch: z.int().min(0).describe("the epoch under way, counted from 1; 0 before the first"),
  epochs: z.int().min(1).describe("epochs of the whole training, if nothing stops it before"),
  step: z.int().min(0).describe("batches done since the start of the training"),
  steps: z.int().min(0).describe("batches of the whole training"),
  samplesPerSecond: z
    .number()
    .nullable()
    .describe("training samples a second, smoothed over some seconds; null until it was measured"),
  elapsedSeconds: z.number().describe("seconds of training over all attempts; waiting and pauses do not count"),
  remainingSeconds: z.number().nullable().describe("estimated seconds to the last step; null until there is a rate"),
  loss: z
    .number()
    .nullable()
    .describe("mean over the epoch so far, without penalties; null before the first batch and where not finite"),
  accuracy: z
    .number()
    .nullable()
    .describe("share of the epoch's training samples so far that were answered right; null before the first batch"),
  validation: validationFigures
    .nullable()
    .describe("figures of the last epoch that ended; null before that, and where nothing is measured"),
  best: z
    .strictObject({
      epoch: z.int().describe("the epoch, counted from 1"),
      accuracy: z.number().describe("its accuracy on the deciding split, from 0 to 1"),
    })
    .nullable()
    .describe(
      "the best epoch until now; null before the first ends, and where no split decides (see the request's validation)",
    ),
  epochsSinceBest: z
    .int()
    .nullable()
    .describe("epochs that ended since the best one, which patience counts; null where there is no best"),
  updatedAt: timestamp.describe("when these figures were taken, ISO 8601 in UTC"),
});
export type Progress = z.infer<typeof progress>;
