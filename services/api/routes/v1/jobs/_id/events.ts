/**
 * GET /v1/jobs/{id}/events: a page, or with Accept: text/event-stream the same sequence live, from Last-Event-ID on.
 */
import { eventPage, eventsQuery } from "../../../../../../schemas/event.ts";
import { isTerminal } from "../../../../../../schemas/job.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { findJob } from "../../../../../shared/find.ts";
import { jobSequence } from "../../../../../shared/progress/index.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { stillAllowed } from "../../../../access/still-allowed.ts";
import { eventsAnswer, sendEvents } from "../../../../http/events.ts";
import type { EventStreams } from "../../../../http/streams.ts";
import type { App } from "../../../../http/types.ts";

export function eventRoutes(app: App, dependencies: Dependencies, streams: EventStreams): void {
  const { redis, feed } = dependencies;
  app.get(
    "/v1/jobs/:id/events",
    {
      schema: {
        tags: ["jobs"],
        summary: "What happened to a job, in order: a page, or live as server-sent events",
        params: idParams,
        querystring: eventsQuery,
        response: eventsAnswer(eventPage, "job"),
      },
    },
    async (request, reply) => {
      const { id, status } = await findJob(request.records, request.params.id);
      const { query } = request;
      const terminal = isTerminal(status);
      const isAllowed = stillAllowed(dependencies, request);
      return sendEvents(request, reply, {
        redis,
        sequence: jobSequence,
        feed,
        streams,
        isAllowed,
        query,
        id,
        terminal,
      });
    },
  );
}
