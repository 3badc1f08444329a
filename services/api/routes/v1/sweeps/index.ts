/** POST and GET /v1/sweeps. */
import { epochsOf } from "../../../../../search/index.ts";
import {
  createSweepQuery,
  sweep,
  sweepEstimate,
  sweepPage,
  sweepRequest,
  sweepsQuery,
  type CompleteSweepRequest,
  type SweepEstimate,
} from "../../../../../schemas/sweep.ts";
import { findSweep, idOfDataset } from "../../../../shared/find.ts";
import { presentSweep } from "../../../../shared/records/index.ts";
import { originOf, within, type Dependencies } from "../../../dependencies.ts";
import { notFound } from "../../../http/problem.ts";
import { sendPage } from "../../../http/slices.ts";
import type { App } from "../../../http/types.ts";
import type { CheckedSweep } from "../../../../shared/sweeps/check.ts";
import { leftOf } from "../../../../shared/sweeps/left.ts";
import { acceptSweep } from "../../../sweeps/accept.ts";

const withoutSecret = (request: CompleteSweepRequest): CompleteSweepRequest => {
  const { webhook } = request.base;
  return webhook ? { ...request, base: { ...request.base, webhook: { url: webhook.url } } } : request;
};

function estimateOf(checked: CheckedSweep): SweepEstimate {
  const { plan, shown, ownEpochs, secondsPerEpoch: seconds, reasons, warnings } = checked;
  const epochs = plan.rungs[0].epochs === null ? ownEpochs : epochsOf(plan.rungs, 0);
  return {
    request: withoutSecret(plan.request),
    rungs: [...plan.rungs],
    trials: plan.trials,
    requests: shown.map((each) => ({
      ...each,
      request: { ...each.request, webhook: each.request.webhook && { url: each.request.webhook.url } },
    })),
    epochs,
    secondsPerEpoch: seconds,
    seconds: seconds === null ? null : seconds * epochs,
    reasons,
    warnings,
  };
}

export function sweepsRoutes(app: App, dependencies: Dependencies): void {
  const { queues } = dependencies;
  app.post(
    "/v1/sweeps",
    {
      schema: {
        tags: ["sweeps"],
        summary: "Search for the best values of a job request, or with ?dryRun=true check and estimate that",
        querystring: createSweepQuery,
        body: sweepRequest,
        response: { 200: sweepEstimate, 202: sweep },
      },
    },
    async (request, reply) => {
      const { records } = request;
      const own = within(dependencies, request);
      const isDry = request.query.dryRun === true;
      const checked = await acceptSweep(own, request.body, { isDry });
      if (isDry) return reply.code(200).send(estimateOf(checked));
      const { plan, dataset, reasons, warnings, models } = checked;
      const id = `swp_${request.ulid}`;
      const { name, metadata } = plan.request;
      const made = await records.sweeps.create({
        id,
        name,
        dataset: { id: dataset.id, revision: dataset.revision },
        left: dataset.revision === null ? leftOf(request.body) : null,
        request: plan.request,
        rungs: [...plan.rungs],
        trials: { total: plan.trials, queued: plan.trials, running: 0, stopped: 0, succeeded: 0, failed: 0 },
        reasons,
        warnings,
        metadata,
        origin: originOf(own, request),
        models,
      });
      if (made === "no-dataset") throw notFound(`dataset ${plan.request.base.dataset} was deleted in this moment`);
      if (made === "no-model") throw notFound("a model to start from was deleted in this moment");
      const record = await findSweep(records, id);
      await queues
        .deliverSweep(id)
        .catch((error: unknown) => request.log.warn({ err: error, sweep: id }, "it waits in the outbox"));
      return reply.code(202).header("location", `/v1/sweeps/${id}`).send(presentSweep(record));
    },
  );

  app.get(
    "/v1/sweeps",
    {
      schema: {
        tags: ["sweeps"],
        summary: "Sweeps, newest first: all, or those of a status, a name, a dataset, an entry of metadata",
        querystring: sweepsQuery,
        response: { 200: sweepPage },
      },
    },
    async (request, reply) => {
      const { records } = request;
      const { view, ...query } = request.query;
      const listing = { ...query, dataset: await idOfDataset(records, query.dataset) };
      const page = await (view === "full" ? records.sweeps.list(listing) : records.sweeps.summaries(listing));
      return sendPage(reply, { ...page, data: page.data.map(presentSweep) });
    },
  );
}
