/** GET /v1/jobs/{id}/progress and /metrics. */
import { isTerminal, jobProgress } from "../../../../../../schemas/job.ts";
import { metrics, metricsQuery } from "../../../../../../schemas/metrics.ts";
import type { Progress } from "../../../../../../schemas/progress.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { readMetrics } from "../../../../../shared/progress/index.ts";
import type { JobRecord, Records } from "../../../../../shared/records/index.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findJob } from "../../../../../shared/find.ts";
import { thin } from "../../../../jobs/thinning.ts";
import type { App } from "../../../../http/types.ts";

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
        response: { 200: jobProgress },
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
          200: metrics,
        },
      },
    },
    async (request) => {
      const { series, maxPoints } = request.query;
      const { id } = await findJob(records, request.params.id);
      const all = await readMetrics(redis, id, series);
      const { rows, sampled } = thin(all, maxPoints);
      return { series, data: rows, sampled, total: all.length };
    },
  );
}
