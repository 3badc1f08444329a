/** The curves of a job: rows keyed by step, never written twice. */
import { z } from "zod";
import { split } from "./dataset.ts";
import { timestamp } from "./ids.ts";
import { queryInteger, usually } from "./query.ts";

export const metricRow = z.strictObject({
  step: z.int().min(1),
  epoch: z.int().min(1),
  at: timestamp,
  learningRate: z.number(),
  loss: z.number().nullable(),
  accuracy: z.number().nullable(),
  validationLoss: z.number().nullable(),
  validationAccuracy: z.number().nullable(),
  split: split.nullable().default(null).describe("where the validation figures come from; null where there are none"),
  samplesPerSecond: z.number().nullable(),
  gradientNorm: z.number().nullable(),
});
export type MetricRow = z.infer<typeof metricRow>;

export const metricSeries = z.enum(["step", "epoch"]);
export type MetricSeries = z.infer<typeof metricSeries>;

export const metricsQuery = z.strictObject({
  series: usually(metricSeries, "epoch").describe("epoch by default"),
  maxPoints: usually(queryInteger(3, 100_000), 1000).describe(
    "rows at most, 1000 by default: the first, the last, the best and the extremes are kept",
  ),
});

export const metrics = z.strictObject({
  series: metricSeries,
  data: z.array(metricRow),
  sampled: z.boolean().describe("whether rows were left out"),
  total: z.int(),
});
export type Metrics = z.infer<typeof metrics>;
