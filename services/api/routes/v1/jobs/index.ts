/** POST and GET /v1/jobs. */
import { z } from "zod";
import { withPreset } from "../../../../../schemas/complete.ts";
import { completeJobRequest, job, jobRequest, jobStatus } from "../../../../../schemas/job.ts";
import { presentJob } from "../../../../shared/records/index.ts";
import type { Dependencies } from "../../../dependencies.ts";
import { findDataset, findJob } from "../../../find.ts";
import { estimate, estimateAnswer, makeOrder, type Order } from "../../../order.ts";
import { pageOf, pageQuery, pageRequest, queryFlag } from "../../../paging.ts";
import { notFound } from "../../../problem.ts";
import type { App } from "../../../types.ts";

const createQuery = z.strictObject({ dryRun: queryFlag.optional().describe("check and estimate; queue nothing") });
const listQuery = pageQuery.extend({ status: jobStatus.optional(), dataset: z.string().max(200).optional().describe("id or alias") });

/** Records the job and its order in one step, then hands it to the queue; where that fails, whoever looks through the outbox does. */
async function enqueue({ records, queues, log }: Dependencies, id: string, { request, dataset, initialModel }: Order): Promise<void> {
  const made = await records.jobs.create({
    id,
    name: request.name,
    dataset: { id: dataset.id, revision: dataset.revision },
    request,
    metadata: request.metadata,
    initialModelId: initialModel?.id ?? null,
  });
  if (made === "no-dataset") throw notFound(`dataset ${request.dataset} was deleted in this moment`);
  if (made === "no-model") throw notFound(`model ${request.initialModel} was deleted in this moment`);
  await queues.deliverJob(id).catch((error: unknown) => log.warn({ err: error, job: id }, "a job waits in the outbox"));
}

export function jobsRoutes(app: App, dependencies: Dependencies): void {
  const { records } = dependencies;
  app.post(
    "/v1/jobs",
    {
      schema: {
        tags: ["jobs"],
        summary: "Queue a training, or with ?dryRun=true check and estimate it",
        querystring: createQuery,
        body: jobRequest,
        response: { 200: estimateAnswer(completeJobRequest), 202: job },
      },
      preValidation: async (request) => {
        request.body = withPreset(request.body) as typeof request.body;
      },
    },
    async (request, reply) => {
      const order = await makeOrder(dependencies, request.body);
      if (request.query.dryRun === true) return reply.code(200).send(await estimate(records, order));
      const id = `job_${request.ulid}`;
      await enqueue(dependencies, id, order);
      return reply.code(202).header("location", `/v1/jobs/${id}`).send(presentJob(await findJob(records, id)));
    },
  );

  app.get(
    "/v1/jobs",
    { schema: { tags: ["jobs"], summary: "All jobs, newest first", querystring: listQuery, response: { 200: pageOf(job) } } },
    async (request) => {
      const { status, dataset } = request.query;
      const id = dataset === undefined ? undefined : (await findDataset(records, dataset)).id;
      const page = await records.jobs.list({ ...pageRequest(request.query), status, dataset: id });
      return { ...page, data: page.data.map(presentJob) };
    },
  );
}
