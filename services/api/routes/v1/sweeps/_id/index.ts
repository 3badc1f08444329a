/** GET and DELETE /v1/sweeps/{id}, and what may be asked of a sweep: cancel, pause, resume. */
import { z } from "zod";
import { idParams } from "../../../../../../schemas/query.ts";
import { deleteSweepQuery, sweep } from "../../../../../../schemas/sweep.ts";
import { findSweep } from "../../../../../shared/find.ts";
import { presentSweep } from "../../../../../shared/records/index.ts";
import { within, type Dependencies } from "../../../../dependencies.ts";
import { conflict } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";
import { removeSweep } from "../../../../sweeps/remove.ts";

const verbs = {
  cancel: { asked: "cancelled", summary: "End a sweep and its trials; what they reached stays" },
  pause: {
    asked: "paused",
    summary: "Stop all trials of a sweep within one batch, each with a checkpoint to go on from",
  },
  resume: { asked: "resumed", summary: "Go on with a paused sweep where it was" },
} as const;

export function sweepRoutes(app: App, dependencies: Dependencies): void {
  const { queues } = dependencies;
  app.get(
    "/v1/sweeps/:id",
    { schema: { tags: ["sweeps"], summary: "A sweep", params: idParams, response: { 200: sweep } } },
    async (request) => presentSweep(await findSweep(request.records, request.params.id)),
  );

  app.delete(
    "/v1/sweeps/:id",
    {
      schema: {
        tags: ["sweeps"],
        summary: "Delete a sweep that ended, with the jobs of its trials; models stay unless ?models=true",
        params: idParams,
        querystring: deleteSweepQuery,
        response: { 204: z.undefined().describe("deleted") },
      },
    },
    async (request, reply) => {
      await removeSweep(within(dependencies, request), request.params.id, { models: request.query.models === true });
      return reply.code(204).send();
    },
  );

  for (const verb of ["cancel", "pause", "resume"] as const) {
    const { asked, summary } = verbs[verb];
    app.post(
      `/v1/sweeps/:id/${verb}`,
      { schema: { tags: ["sweeps"], summary, params: idParams, response: { 202: sweep } } },
      async (request, reply) => {
        const { id } = request.params;
        const outcome = await request.records.sweeps[verb](id);
        if (outcome.kind === "forbidden")
          throw conflict(`sweep ${id} cannot be ${asked}: its status is ${outcome.status}`);
        if (outcome.kind === "changed")
          await queues
            .deliverSweep(id)
            .catch((error: unknown) => request.log.warn({ err: error, sweep: id }, "the queue follows later"));
        return reply.code(202).send(presentSweep(await findSweep(request.records, id)));
      },
    );
  }
}
