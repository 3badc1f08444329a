/** Where a job stands now: small, replaced about once a second. */
import { z } from "zod";
import { split } from "./dataset.ts";
import { timestamp } from "./ids.ts";

export const progress = z.strictObject({
  fraction: z.number().min(0).max(1),
  epoch: z.int().min(0),
  epochs: z.int().min(1),
  step: z.int().min(0),
  steps: z.int().min(0),
  samplesPerSecond: z.number().nullable(),
  elapsedSeconds: z.number(),
  remainingSeconds: z.number().nullable(),
  loss: z.number().nullable().describe("mean over the epoch so far, without penalties"),
  accuracy: z.number().nullable(),
  validation: z.strictObject({ split, loss: z.number().nullable(), accuracy: z.number() }).nullable(),
  best: z.strictObject({ epoch: z.int(), accuracy: z.number() }).nullable(),
  epochsSinceBest: z.int().nullable(),
  updatedAt: timestamp,
});
export type Progress = z.infer<typeof progress>;
