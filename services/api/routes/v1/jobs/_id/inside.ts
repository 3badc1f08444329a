/** GET /v1/jobs/{id}/inside: β, b and α of every epoch. */
import { insidePage, insideQuery } from "../../../../../../schemas/inside.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { findJob } from "../../../../../shared/find.ts";
import { readInside } from "../../../../../shared/progress/index.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { notFound } from "../../../../http/problem.ts";
import { sendPage } from "../../../../http/slices.ts";
import type { App } from "../../../../http/types.ts";

export function jobInsideRoutes(app: App, { redis }: Dependencies): void {
  app.get(
    "/v1/jobs/:id/inside",
    {
      schema: {
        tags: ["jobs"],
        summary: "What subsampling layers and learned combinations had learned by the end of each epoch",
        params: idParams,
        querystring: insideQuery,
        response: { 200: insidePage },
      },
    },
    async (request, reply) => {
      const { layer, limit, after, order } = request.query;
      const { id } = await findJob(request.records, request.params.id);
      const found = await readInside(redis, id, { after, limit: limit + 1, order });
      const rows = found.slice(0, limit);
      const there = new Set(rows[0]?.layers.map((each) => each.layer));
      if (layer !== undefined && rows.length > 0 && !there.has(layer))
        throw notFound(
          `layer ${layer} of job ${id} has neither β nor learned combinations; layers with some: ${[...there].join(", ")}`,
        );
      const data = rows.flatMap(({ epoch, step, layers }) =>
        layers.filter((each) => layer === undefined || each.layer === layer).map((each) => ({ epoch, step, ...each })),
      );
      const hasMore = found.length > limit;
      return sendPage(reply, { data, hasMore, nextAfter: hasMore ? String(rows.at(-1)?.step) : null });
    },
  );
}
