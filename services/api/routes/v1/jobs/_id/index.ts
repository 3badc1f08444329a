/** GET and DELETE /v1/jobs/{id}, and what may be asked of a job: cancel, pause, resume, reproduce. */
import { z } from "zod";
import { deleteJobQuery, isTerminal, job, type JobStatus } from "../../../../../../schemas/job.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { type JobOutcome, type JobRecord, type NewJob } from "../../../../../shared/records/index.ts";
import { originOf, within, type Dependencies, type Within } from "../../../../dependencies.ts";
import { enqueue } from "../../../../../shared/jobs/enqueue.ts";
import { findJob, findReadyDataset } from "../../../../../shared/find.ts";
import { showJob } from "../../../../jobs/show.ts";
import { removeJob } from "../../../../jobs/remove.ts";
import { Refusal, conflict, notFound } from "../../../../http/problem.ts";
import type { WatchedJobs } from "../../../../jobs/watched.ts";
import { sendText } from "../../../../http/text.ts";
import type { App } from "../../../../http/types.ts";

const reasons: Record<string, Partial<Record<JobStatus, string>>> = {
  cancelled: { succeeded: "it has succeeded", failed: "it has failed" },
  paused: {
    paused: "it is paused already",
    cancelling: "it is being cancelled",
    cancelled: "it was cancelled",
    succeeded: "it has succeeded",
    failed: "it has failed",
  },
  resumed: {
    queued: "it is queued already",
    running: "it is running",
    pausing: "it has not paused yet; ask again when its status is paused",
    cancelling: "it is being cancelled",
    cancelled: "it was cancelled",
    succeeded: "it has succeeded",
    failed: "it has failed",
  },
};

function settled(outcome: JobOutcome, id: string, asked: keyof typeof reasons): JobStatus {
  if (outcome.kind === "missing") throw notFound(`there is no job ${id}`);
  if (outcome.kind === "forbidden" || outcome.kind === "fenced")
    throw conflict(
      `job ${id} cannot be ${asked}: ${reasons[asked]?.[outcome.status] ?? `its status is ${outcome.status}`}`,
    );
  return outcome.status;
}

/** What becomes of a trial is for its sweep to say: it alone lets one wait or go on, and needs it until its end. */
async function refuseOfSweep({ records }: Within, { id, sweep }: JobRecord, asked: string): Promise<void> {
  const status = sweep === null ? undefined : (await records.sweeps.runOf(sweep.id))?.status;
  if (sweep === null || status === undefined || isTerminal(status)) return;
  throw conflict(
    `job ${id} is trial ${sweep.trial} of sweep ${sweep.id}, which is ${status}; it cannot be ${asked} by itself: ask the sweep, or cancel the job`,
  );
}

async function reproduce(
  dependencies: Within,
  original: JobRecord,
  { id, origin }: Required<Pick<NewJob, "id" | "origin">>,
): Promise<JobRecord> {
  const { receipt } = original;
  if (receipt === null)
    throw conflict(
      `job ${original.id} has no receipt to compare with: ${isTerminal(original.status) ? `it ended ${original.status} without weights` : `it is still ${original.status}`}`,
    );
  const dataset = await findReadyDataset(dependencies.records, original.dataset.id).catch((error: unknown) => {
    if (error instanceof Refusal && error.code === "not-found")
      throw conflict(`the dataset of job ${original.id} was deleted`);
    throw error;
  });
  if (dataset.revision !== original.dataset.revision)
    throw conflict(`the dataset of job ${original.id} has another revision now`);
  const name = `reproduction of ${original.name ?? original.id}`.slice(0, 200);
  const queued = await enqueue(dependencies, {
    id,
    origin,
    name,
    dataset: original.dataset,
    request: { ...original.request, name, webhook: null },
    metadata: original.metadata,
    initialModelId: original.initialModelId,
    ...(original.bytes === null ? {} : { bytes: original.bytes }),
    warnings: original.warnings,
    reasons: original.reasons,
    reproduction: {
      of: original.id,
      expected: receipt.weights,
      stopAtStep: receipt.stoppedAtStep,
      rescheduled: receipt.rescheduled,
    },
  });
  if (queued === "no-dataset") throw conflict(`the dataset of job ${original.id} was deleted`);
  if (queued === "no-model") throw conflict(`the initial model of job ${original.id} was deleted`);
  return queued;
}

function recordRoutes(app: App, dependencies: Dependencies, watched: WatchedJobs): void {
  app.get(
    "/v1/jobs/:id",
    { schema: { tags: ["jobs"], summary: "A job", params: idParams, response: { 200: job } } },
    (request, reply) => sendText(reply, watched.whole(request.records, request.params.id)),
  );

  app.delete(
    "/v1/jobs/:id",
    {
      schema: {
        tags: ["jobs"],
        summary: "Delete a job that ended; its model stays unless ?models=true",
        params: idParams,
        querystring: deleteJobQuery,
        response: { 204: z.undefined().describe("deleted") },
      },
    },
    async (request, reply) => {
      const record = await findJob(request.records, request.params.id);
      await refuseOfSweep(within(dependencies, request), record, "deleted");
      await removeJob(within(dependencies, request), record, request.query.models === true);
      return reply.code(204).send();
    },
  );
}

export function jobRoutes(app: App, dependencies: Dependencies, watched: WatchedJobs): void {
  const { queues } = dependencies;
  recordRoutes(app, dependencies, watched);

  /**
   * What no longer waits does not count as waiting. A job that a worker still has keeps its delivery: the worker's
   * successor fulfils the request.
   */
  const withdraw = async (id: string, status: JobStatus, run: number): Promise<void> => {
    if (status === "cancelled" || status === "paused") await queues.withdraw(id, run);
  };

  const action = (
    verb: "cancel" | "pause" | "resume",
    asked: keyof typeof reasons,
    summary: string,
    after: (id: string, status: JobStatus, run: number) => Promise<void>,
  ): void => {
    app.post(
      `/v1/jobs/:id/${verb}`,
      { schema: { tags: ["jobs"], summary, params: idParams, response: { 202: job } } },
      async (request, reply) => {
        const { id } = request.params;
        if (verb !== "cancel")
          await refuseOfSweep(within(dependencies, request), await findJob(request.records, id), asked);
        // The run before: a resume that comes in between makes a delivery of its own, which stays.
        const run = (await request.records.jobs.runOf(id))?.run ?? 0;
        const status = settled(await request.records.jobs[verb](id), id, asked);
        await after(id, status, run).catch((error: unknown) =>
          request.log.warn({ err: error, job: id }, "the queue follows later"),
        );
        return reply.code(202).send(await showJob(request.records, await findJob(request.records, id)));
      },
    );
  };
  action("cancel", "cancelled", "End a job; its last checkpoint stays", withdraw);
  action("pause", "paused", "Stop a job within one batch, with a checkpoint to go on from", withdraw);
  action("resume", "resumed", "Queue a paused job again, from its last checkpoint", (id) => queues.deliverJob(id));

  app.post(
    "/v1/jobs/:id/reproduce",
    {
      schema: {
        tags: ["jobs"],
        summary: "Run a job again up to the step where it ended, and compare the digests of the weights",
        params: idParams,
        response: { 202: job },
      },
    },
    async (request, reply) => {
      const id = `job_${request.ulid}`;
      const queued = await reproduce(within(dependencies, request), await findJob(request.records, request.params.id), {
        id,
        origin: originOf(dependencies, request),
      });
      return reply
        .code(202)
        .header("location", `/v1/jobs/${id}`)
        .send(await showJob(request.records, queued));
    },
  );
}
