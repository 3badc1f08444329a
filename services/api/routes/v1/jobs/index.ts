/** POST and GET /v1/jobs. */
import { withPreset } from "../../../../../schemas/complete.ts";
import { estimate } from "../../../../../schemas/estimate.ts";
import { createJobQuery, job, jobPage, jobRequest, jobsQuery } from "../../../../../schemas/job.ts";
import { originOf, within, type Dependencies } from "../../../dependencies.ts";
import { enqueue } from "../../../../shared/jobs/enqueue.ts";
import { idOfDataset } from "../../../../shared/find.ts";
import { makeAwaitingOrder, makeOrder } from "../../../../shared/jobs/order.ts";
import { estimateOf } from "../../../jobs/estimate.ts";
import { showJob, showJobs } from "../../../jobs/show.ts";
import { planBytesWith } from "../../../jobs/planning.ts";
import { notFound } from "../../../http/problem.ts";
import { sendPage } from "../../../http/slices.ts";
import type { App } from "../../../http/types.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** A job's body as it came, a preset's settings apart: what is not in it was not given. */
    asked: unknown;
  }
}

export function jobsRoutes(app: App, dependencies: Dependencies): void {
  createRoute(app, dependencies);
  listRoute(app);
}

function createRoute(app: App, dependencies: Dependencies): void {
  const { config, storage, prediction } = dependencies;
  app.decorateRequest("asked", null);
  app.post(
    "/v1/jobs",
    {
      schema: {
        tags: ["jobs"],
        summary: "Queue a training, or with ?dryRun=true check and estimate it",
        querystring: createJobQuery,
        body: jobRequest,
        response: { 200: estimate, 202: job },
      },
      preValidation: async (request) => {
        request.body = withPreset(request.body) as typeof request.body;
        request.asked = request.body;
      },
    },
    async (request, reply) => {
      const { records } = request;
      const means = {
        records,
        storage,
        planBytes: planBytesWith(prediction),
        allowPrivateWebhooks: config.webhooks.allowPrivate,
      };
      const body = { read: request.body, asked: request.asked };
      if (request.query.dryRun === true)
        return reply.code(200).send(await estimateOf(records, await makeOrder(means, body)));
      const order =
        (await makeAwaitingOrder(means, body)) ??
        ({ ...(await makeOrder(means, body)), preset: null, asked: null } as const);
      const id = `job_${request.ulid}`;
      const { dataset, initialModel } = order;
      const queued = await enqueue(within(dependencies, request), {
        id,
        name: order.request.name,
        dataset: { id: dataset.id, revision: dataset.revision },
        request: order.request,
        metadata: order.request.metadata,
        origin: originOf(dependencies, request),
        initialModelId: initialModel?.id ?? null,
        preset: order.preset,
        asked: order.asked,
        ...("bytes" in order ? { bytes: order.bytes } : {}),
        warnings: order.warnings,
        reasons: order.reasons,
      });
      if (queued === "no-dataset") throw notFound(`dataset ${order.request.dataset} was deleted in this moment`);
      if (queued === "no-model") throw notFound(`model ${initialModel?.id} was deleted in this moment`);
      return reply
        .code(202)
        .header("location", `/v1/jobs/${id}`)
        .send(await showJob(records, queued));
    },
  );
}

function listRoute(app: App): void {
  app.get(
    "/v1/jobs",
    {
      schema: {
        tags: ["jobs"],
        summary: "Jobs, newest first: all, or those of a status, a name, a dataset, an entry of metadata",
        querystring: jobsQuery,
        response: { 200: jobPage },
      },
    },
    async (request, reply) => {
      const { view, ...query } = request.query;
      const listing = { ...query, dataset: await idOfDataset(request.records, query.dataset) };
      const page = await (view === "full"
        ? request.records.jobs.list(listing)
        : request.records.jobs.summaries(listing));
      return sendPage(reply, { ...page, data: await showJobs(request.records, page.data) });
    },
  );
}
