/** GET /v1/jobs/{id}/webhooks: what became of the calls to a job's webhook. */
import { idParams } from "../../../../../../schemas/query.ts";
import { webhookPage, webhooksQuery } from "../../../../../../schemas/webhook.ts";
import { findJob } from "../../../../../shared/find.ts";
import { presentWebhook } from "../../../../../shared/records/index.ts";
import type { App } from "../../../../http/types.ts";

export function webhookRoutes(app: App): void {
  app.get(
    "/v1/jobs/:id/webhooks",
    {
      schema: {
        tags: ["jobs"],
        summary: "The calls to a job's webhook: one for each change of its status, and what became of it",
        params: idParams,
        querystring: webhooksQuery,
        response: { 200: webhookPage },
      },
    },
    async (request) => {
      const { id } = await findJob(request.records, request.params.id);
      const { limit, after, order } = request.query;
      const all = await request.records.webhooks.list(id);
      const ordered = order === "asc" ? all : all.toReversed();
      const rest = ordered.filter(
        ({ event }) =>
          after === undefined || (order === "asc" ? Number(event) > Number(after) : Number(event) < Number(after)),
      );
      const data = rest.slice(0, limit).map((record) => presentWebhook(id, record));
      const hasMore = rest.length > limit;
      return { data, hasMore, nextAfter: hasMore ? (data.at(-1)?.event ?? null) : null };
    },
  );
}
