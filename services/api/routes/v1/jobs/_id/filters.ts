/** GET /v1/jobs/{id}/filters/{layer}.png: what a job's filters are by now. */
import { jobFilterParams, jobFiltersQuery } from "../../../../../../schemas/inside.ts";
import { findJob } from "../../../../../shared/find.ts";
import { within, type Dependencies } from "../../../../dependencies.ts";
import { pngAnswer } from "../../../../http/binary.ts";
import type { App } from "../../../../http/types.ts";
import { drawFilters } from "../../../../models/filters.ts";
import { subjectOfCheckpoint } from "../../../../models/subjects.ts";

export function jobFilterRoutes(app: App, dependencies: Dependencies): void {
  const { prediction } = dependencies;
  app.get(
    "/v1/jobs/:id/filters/:layer.png",
    {
      schema: {
        tags: ["jobs"],
        summary:
          "The filters of a convolution at a checkpoint, also while the job runs: a row a map, a column an input",
        params: jobFilterParams,
        querystring: jobFiltersQuery,
        response: { 200: pngAnswer("Filters; grey is 0") },
      },
    },
    async (request, reply) => {
      const job = await findJob(request.records, request.params.id);
      const { checkpoint, scale } = request.query;
      const png = await drawFilters({
        prediction,
        network: job.request.network,
        owner: `job ${job.id}`,
        layer: request.params.layer,
        scale,
        subject: async () =>
          (await subjectOfCheckpoint(within(dependencies, request), job, checkpoint ?? null)).subject,
      });
      if (checkpoint !== undefined) reply.header("cache-control", "public, max-age=31536000, immutable");
      return reply.type("image/png").send(png);
    },
  );
}
