/** GET /v1/jobs/{id}/progress and /metrics. */
import { jobProgress } from "../../../../../../schemas/job.ts";
import { metricRow, metrics, metricsQuery } from "../../../../../../schemas/metrics.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { readMetrics } from "../../../../../shared/progress/index.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findJob } from "../../../../../shared/find.ts";
import { thin } from "../../../../jobs/thinning.ts";
import type { WatchedJobs } from "../../../../jobs/watched.ts";
import { sendJson } from "../../../../http/slices.ts";
import { sendText } from "../../../../http/text.ts";
import type { App } from "../../../../http/types.ts";

const numbersOfRow = Object.keys(metricRow.shape).length;

export function watchRoutes(app: App, { redis }: Dependencies, watched: WatchedJobs): void {
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
    (request, reply) => sendText(reply, watched.progress(request.records, request.params.id)),
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
    async (request, reply) => {
      const { series, maxPoints, from, to } = request.query;
      const { id } = await findJob(request.records, request.params.id);
      const all = await readMetrics(redis, id, series, { from, to });
      const { rows, sampled } = thin(all, maxPoints);
      return sendJson(reply, { series, data: rows, sampled, total: all.length }, rows.length * numbersOfRow);
    },
  );
}
