/** The curves of a job: rows keyed by step, never written twice. */
import { z } from "zod";
import { timestamp } from "./ids.ts";

export const metricRow = z.strictObject({
  step: z.int().min(1),
  epoch: z.int().min(1),
  at: timestamp,
  learningRate: z.number(),
  loss: z.number().nullable(),
  accuracy: z.number().nullable(),
  validationLoss: z.number().nullable(),
  validationAccuracy: z.number().nullable(),
  samplesPerSecond: z.number().nullable(),
  gradientNorm: z.number().nullable(),
});
export type MetricRow = z.infer<typeof metricRow>;

export const metricSeries = z.enum(["step", "epoch"]);
export type MetricSeries = z.infer<typeof metricSeries>;
