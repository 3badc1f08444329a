/** GET /v1/jobs/{id}/progress and /metrics. */
import { z } from "zod";
import { isTerminal, jobStatus } from "../../../../../../schemas/job.ts";
import { metricRow, metricSeries } from "../../../../../../schemas/metrics.ts";
import { progress, type Progress } from "../../../../../../schemas/progress.ts";
import { readMetrics } from "../../../../../shared/progress/index.ts";
import type { JobRecord, Records } from "../../../../../shared/records/index.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findJob } from "../../../../../shared/find.ts";
import { idParams, queryInteger } from "../../../../http/paging.ts";
import { thin } from "../../../../jobs/thinning.ts";
import type { App } from "../../../../http/types.ts";

const metricsQuery = z.strictObject({
  series: metricSeries.optional().describe("epoch by default"),
  maxPoints: queryInteger(3, 100_000)
    .optional()
    .describe("rows at most, 1000 by default: the first, the last, the best and the extremes are kept"),
});
const usualPoints = 1000;

/** Of a job that has not begun. */
async function standstill(records: Records, record: JobRecord): Promise<Progress> {
  const { epochs, batchSize } = record.request;
  const dataset = await records.datasets.read(record.dataset.id);
  return {
    fraction: 0,
    epoch: 0,
    epochs,
    step: 0,
    steps: dataset ? epochs * Math.ceil(dataset.splits.train / batchSize) : 0,
    samplesPerSecond: null,
    elapsedSeconds: 0,
    remainingSeconds: null,
    loss: null,
    accuracy: null,
    validation: null,
    best: null,
    epochsSinceBest: null,
    updatedAt: record.createdAt,
  };
}

export function watchRoutes(app: App, { records, redis }: Dependencies): void {
  app.get(
    "/v1/jobs/:id/progress",
    {
      schema: {
        tags: ["jobs"],
        summary: "Where a job stands now",
        params: idParams,
        response: { 200: progress.extend({ status: jobStatus, terminal: z.boolean() }) },
      },
    },
    async (request) => {
      const record = await findJob(records, request.params.id);
      return {
        status: record.status,
        terminal: isTerminal(record.status),
        ...(record.progress ?? (await standstill(records, record))),
      };
    },
  );

  app.get(
    "/v1/jobs/:id/metrics",
    {
      schema: {
        tags: ["jobs"],
        summary: "The curves of a job, by step or by epoch",
        params: idParams,
        querystring: metricsQuery,
        response: {
          200: z.strictObject({
            series: metricSeries,
            data: z.array(metricRow),
            sampled: z.boolean().describe("whether rows were left out"),
            total: z.int(),
          }),
        },
      },
    },
    async (request) => {
      const { series = "epoch", maxPoints = usualPoints } = request.query;
      const { id } = await findJob(records, request.params.id);
      const all = await readMetrics(redis, id, series);
      const { rows, sampled } = thin(all, maxPoints);
      return { series, data: rows, sampled, total: all.length };
    },
  );
}
