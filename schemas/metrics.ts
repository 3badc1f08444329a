/** The curves of a job: rows keyed by step, never written twice. */
import { z } from "zod";
import { split } from "./dataset.ts";
import { timestamp } from "./ids.ts";
import { queryInteger, usually } from "./query.ts";

export const metricRow = z.strictObject({
  step: z.int().min(1).describe("batches done by then: the key of the row"),
  epoch: z.int().min(1).describe("the epoch that the step belongs to, counted from 1"),
  at: timestamp.describe("when it was measured, ISO 8601 in UTC"),
  learningRate: z.number().describe("the rate of this step by the schedule, before any layer's own multiplier"),
  loss: z
    .number()
    .nullable()
    .describe("mean training loss of a sample, of the batch or the epoch, without penalties; null where not finite"),
  accuracy: z
    .number()
    .nullable()
    .describe("share of training samples answered right, of the batch or the epoch; null where it was not measured"),
  validationLoss: z
    .number()
    .nullable()
    .describe("mean loss on `split` after the epoch; null in rows of steps, without such a split, where not finite"),
  validationAccuracy: z
    .number()
    .nullable()
    .describe("share of `split` answered right after the epoch; null in rows of steps and without such a split"),
  split: split.nullable().default(null).describe("where the validation figures come from; null where there are none"),
  samplesPerSecond: z.number().nullable().describe("training samples a second at that time; null until measured"),
  gradientNorm: z
    .number()
    .nullable()
    .describe("L2 norm of the gradient over all parameters, before clipping; null where it is not finite"),
});
export type MetricRow = z.infer<typeof metricRow>;

export const metricSeries = z.enum(["step", "epoch"]);
export type MetricSeries = z.infer<typeof metricSeries>;

export const metricsQuery = z.strictObject({
  series: usually(metricSeries, "epoch").describe(
    "epoch: a row for each epoch, the default; step: a row for each batch, or for each of so many",
  ),
  maxPoints: usually(queryInteger(3, 100_000), 1000).describe(
    "rows at most, 1000 by default: the first, the last, the best and the extremes are kept",
  ),
  from: queryInteger(0, 1_000_000_000).optional().describe("only rows of this step and later ones"),
  to: queryInteger(0, 1_000_000_000).optional().describe("only rows of this step and earlier ones"),
});

export const metrics = z.strictObject({
  series: metricSeries.describe("of what a row is: a step or an epoch"),
  data: z.array(metricRow).describe("the rows, by step"),
  sampled: z.boolean().describe("whether rows were left out"),
  total: z.int().describe("rows that there are between `from` and `to`, with those left out"),
});
export type Metrics = z.infer<typeof metrics>;
