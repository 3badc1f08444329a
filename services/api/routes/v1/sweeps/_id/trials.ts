/** GET /v1/sweeps/{id}/trials: rows of trials, by number or the best first. */
import { idParams } from "../../../../../../schemas/query.ts";
import { trialPage, trialsQuery } from "../../../../../../schemas/trial.ts";
import { findSweep } from "../../../../../shared/find.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { sendPage } from "../../../../http/slices.ts";
import type { App } from "../../../../http/types.ts";
import { SweepTrials } from "../../../../sweeps/trials.ts";

export function trialRoutes(app: App, dependencies: Dependencies): void {
  const trials = new SweepTrials(dependencies);
  app.get(
    "/v1/sweeps/:id/trials",
    {
      schema: {
        tags: ["sweeps"],
        summary: "Trials of a sweep: their values, how far they are, and what they reached",
        params: idParams,
        querystring: trialsQuery,
        response: { 200: trialPage },
      },
    },
    async (request, reply) =>
      sendPage(reply, await trials.page(await findSweep(request.records, request.params.id), request.query)),
  );
}
