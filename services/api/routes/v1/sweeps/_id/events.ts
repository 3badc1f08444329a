/**
 * GET /v1/sweeps/{id}/events: a page, or with Accept: text/event-stream the same sequence live, from Last-Event-ID on.
 */
import { eventsQuery } from "../../../../../../schemas/event.ts";
import { isTerminal } from "../../../../../../schemas/job.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { sweepEventPage } from "../../../../../../schemas/sweep-event.ts";
import { findSweep } from "../../../../../shared/find.ts";
import { sweepSequence } from "../../../../../shared/progress/index.ts";
import { stillAllowed } from "../../../../access/still-allowed.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { eventsAnswer, sendEvents } from "../../../../http/events.ts";
import type { EventStreams } from "../../../../http/streams.ts";
import type { App } from "../../../../http/types.ts";

export function sweepEventRoutes(app: App, dependencies: Dependencies, streams: EventStreams): void {
  const { redis, sweepFeed: feed } = dependencies;
  app.get(
    "/v1/sweeps/:id/events",
    {
      schema: {
        tags: ["sweeps"],
        summary: "What happened to a sweep and its trials, in order: a page, or live as server-sent events",
        params: idParams,
        querystring: eventsQuery,
        response: eventsAnswer(sweepEventPage, "sweep"),
      },
    },
    async (request, reply) => {
      const { id, status } = await findSweep(request.records, request.params.id);
      const { query } = request;
      const terminal = isTerminal(status);
      const isAllowed = stillAllowed(dependencies, request);
      return sendEvents(request, reply, {
        redis,
        sequence: sweepSequence,
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
