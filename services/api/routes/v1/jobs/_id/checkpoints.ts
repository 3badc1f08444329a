/** GET /v1/jobs/{id}/checkpoints, …/{epoch}, …/{epoch}/weights; POST /v1/jobs/{id}/predictions. */
import { z } from "zod";
import { checkpoint } from "../../../../../../schemas/checkpoint.ts";
import { predictionAnswer } from "../../../../../../schemas/prediction.ts";
import { presentCheckpoints } from "../../../../../shared/records/index.ts";
import { predictionRows } from "../../../../models/answers.ts";
import { askingBodies, askingQuery, mostAskingBytes, readAsked, takeEveryBody } from "../../../../models/asking.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findJob } from "../../../../../shared/find.ts";
import { formOf } from "../../../../models/forms.ts";
import { subjectOfCheckpoint } from "../../../../models/subjects.ts";
import { idParams, pageOf, pageQuery, queryInteger } from "../../../../http/paging.ts";
import { notFound } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";

const epochParams = z.strictObject({ id: z.string(), epoch: z.string() });
const epochs = queryInteger(0, 1_000_000);
const listQuery = pageQuery.extend({
  after: epochs.optional().describe("nextAfter of the page before"),
  order: pageQuery.shape.order.describe("by epoch; asc by default"),
});
/** A job may keep so many last and as many best ones: all, where nothing else is asked for. */
const usualLimit = 1000;
/** Long enough to read any weights file. */
const downloadPinSeconds = 3600;

function epochOf(text: string, id: string): number {
  const read = epochs.safeParse(text);
  if (!read.success) throw notFound(`job ${id} has no checkpoint of epoch ${text}`);
  return read.data;
}

export function checkpointRoutes(app: App, dependencies: Dependencies): void {
  const { records, storage, prediction } = dependencies;
  app.get(
    "/v1/jobs/:id/checkpoints",
    {
      schema: {
        tags: ["jobs"],
        summary: "The checkpoints that are kept",
        params: idParams,
        querystring: listQuery,
        response: { 200: pageOf(checkpoint) },
      },
    },
    async (request) => {
      const { id } = await findJob(records, request.params.id);
      const { limit = usualLimit, after, order = "asc" } = request.query;
      const all = presentCheckpoints(await records.checkpoints.list(id));
      const ordered = order === "asc" ? all : all.toReversed();
      const rest =
        after === undefined
          ? ordered
          : ordered.filter(({ epoch }) => (order === "asc" ? epoch > after : epoch < after));
      const data = rest.slice(0, limit);
      const hasMore = rest.length > limit;
      return { data, hasMore, nextAfter: hasMore ? String(data[data.length - 1].epoch) : null };
    },
  );

  app.get(
    "/v1/jobs/:id/checkpoints/:epoch",
    {
      schema: {
        tags: ["jobs"],
        summary: "The checkpoint of an epoch",
        params: epochParams,
        response: { 200: checkpoint },
      },
    },
    async (request) => {
      const { id } = await findJob(records, request.params.id);
      const epoch = epochOf(request.params.epoch, id);
      const found = presentCheckpoints(await records.checkpoints.list(id)).find((each) => each.epoch === epoch);
      if (!found) throw notFound(`job ${id} has no checkpoint of epoch ${epoch}, or it was let go by the job's policy`);
      return found;
    },
  );

  app.get(
    "/v1/jobs/:id/checkpoints/:epoch/weights",
    {
      schema: {
        tags: ["jobs"],
        summary: "A checkpoint's file (safetensors)",
        params: epochParams,
        response: {
          200: { description: "safetensors", content: { "application/octet-stream": { schema: z.string() } } },
        },
      },
    },
    async (request, reply) => {
      const { id } = await findJob(records, request.params.id);
      const epoch = epochOf(request.params.epoch, id);
      const found = await records.checkpoints.pin(id, epoch, downloadPinSeconds);
      if (!found) throw notFound(`job ${id} has no checkpoint of epoch ${epoch}, or it was let go by the job's policy`);
      reply.headers({
        "content-length": found.bytes,
        "content-disposition": `attachment; filename="${id}-epoch-${epoch}.safetensors"`,
        etag: `"${found.sha256}"`,
      });
      return reply.type("application/octet-stream").send((await storage.stream(found.key)) as never);
    },
  );

  app.register(async (scope: App) => {
    takeEveryBody(scope);
    scope.post(
      "/v1/jobs/:id/predictions",
      {
        bodyLimit: mostAskingBytes,
        schema: {
          tags: ["jobs"],
          summary: "Predict new inputs from a checkpoint, also while the job runs",
          params: idParams,
          querystring: askingQuery.extend({ checkpoint: epochs.optional().describe("epoch; the newest by default") }),
          body: askingBodies as never,
          response: { 200: predictionAnswer },
        },
      },
      async (request) => {
        const began = performance.now();
        const { checkpoint: epoch, ...query } = request.query;
        const job = await findJob(records, request.params.id);
        const { subject, dataset, epoch: found } = await subjectOfCheckpoint(dependencies, job, epoch ?? null);
        const { samples, count, topK, conversion } = await readAsked(
          request,
          query,
          prediction,
          formOf(dataset.shape, dataset),
        );
        const { probabilities } = await prediction.predict(subject, samples, count);
        return {
          predictions: predictionRows(probabilities, dataset.classes, topK),
          model: `${job.id}@${found}`,
          conversion,
          milliseconds: performance.now() - began,
        };
      },
    );
  });
}
