/** GET /v1/jobs/{id}/progress and /metrics. */
import { jobProgress } from "../../../../../../schemas/job.ts";
import { metricRow, metrics, metricsQuery, type MetricRow } from "../../../../../../schemas/metrics.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { metricPages } from "../../../../../shared/progress/index.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findJob } from "../../../../../shared/find.ts";
import { Curve } from "../../../../jobs/thinning.ts";
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
      const curve = new Curve<MetricRow>();
      for await (const rows of metricPages(redis, id, series, { from, to })) curve.add(rows);
      const { rows, sampled } = await curve.thinned(maxPoints);
      const data = rows.map((row) => metricRow.parse(row));
      return sendJson(reply, { series, data, sampled, total: curve.length }, data.length * numbersOfRow);
    },
  );
}
