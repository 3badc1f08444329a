/** GET /v1/jobs/{id}/checkpoints, …/{epoch}, …/{epoch}/weights; POST /v1/jobs/{id}/predictions. */
import {
  checkpoint,
  checkpointPage,
  checkpointParams,
  checkpointsQuery,
  epochNumber,
} from "../../../../../../schemas/checkpoint.ts";
import { askingBodies, jobPredictionsQuery, predictionAnswer } from "../../../../../../schemas/prediction.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { presentCheckpoints } from "../../../../../shared/records/index.ts";
import { within, type Dependencies } from "../../../../dependencies.ts";
import { fileAnswer } from "../../../../http/binary.ts";
import { findJob, findReadyDataset } from "../../../../../shared/find.ts";
import { notFound, type Refusal } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";
import { AnswerText, checkAnswer } from "../../../../models/answers.ts";
import { beforeBody, mostAskingBytes, readAsked, takeEveryBody } from "../../../../models/asking.ts";
import { formOf } from "../../../../models/forms.ts";
import { subjectIn, subjectOfCheckpoint } from "../../../../models/subjects.ts";

/** Long enough to read any weights file. */
const downloadPinSeconds = 3600;

function epochOf(text: string, id: string): number {
  const read = epochNumber.safeParse(text);
  if (!read.success) throw notFound(`job ${id} has no checkpoint of epoch ${text}`);
  return read.data;
}

const letGo = (id: string, epoch: number): Refusal =>
  notFound(`job ${id} has no checkpoint of epoch ${epoch}, or it was let go by the job's policy`);

function listRoute(app: App): void {
  app.get(
    "/v1/jobs/:id/checkpoints",
    {
      schema: {
        tags: ["jobs"],
        summary: "The checkpoints that are kept",
        params: idParams,
        querystring: checkpointsQuery,
        response: { 200: checkpointPage },
      },
    },
    async (request) => {
      const { id, request: asked } = await findJob(request.records, request.params.id);
      const { limit, after, order } = request.query;
      const all = presentCheckpoints(await request.records.checkpoints.list(id), asked);
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
}

function oneRoute(app: App): void {
  app.get(
    "/v1/jobs/:id/checkpoints/:epoch",
    {
      schema: {
        tags: ["jobs"],
        summary: "The checkpoint of an epoch",
        params: checkpointParams,
        response: { 200: checkpoint },
      },
    },
    async (request) => {
      const { id, request: asked } = await findJob(request.records, request.params.id);
      const epoch = epochOf(request.params.epoch, id);
      const found = presentCheckpoints(await request.records.checkpoints.list(id), asked).find(
        (each) => each.epoch === epoch,
      );
      if (!found) throw letGo(id, epoch);
      return found;
    },
  );
}

function weightsRoute(app: App, { storage }: Dependencies): void {
  app.get(
    "/v1/jobs/:id/checkpoints/:epoch/weights",
    {
      schema: {
        tags: ["jobs"],
        summary: "A checkpoint's file (safetensors)",
        params: checkpointParams,
        response: { 200: fileAnswer("safetensors") },
      },
    },
    async (request, reply) => {
      const { id } = await findJob(request.records, request.params.id);
      const epoch = epochOf(request.params.epoch, id);
      const found = await request.records.checkpoints.pin(id, epoch, downloadPinSeconds);
      if (!found) throw letGo(id, epoch);
      reply.headers({
        "content-length": found.bytes,
        "content-disposition": `attachment; filename="${id}-epoch-${epoch}.safetensors"`,
        etag: `"${found.sha256}"`,
      });
      return reply.type("application/octet-stream").send(await storage.stream(found.key));
    },
  );
}

function predictionsRoute(app: App, dependencies: Dependencies): void {
  const { prediction } = dependencies;
  takeEveryBody(app);
  const asked = beforeBody(async (request) => {
    const job = await findJob(request.records, (request.params as { id: string }).id);
    const dataset = await findReadyDataset(request.records, job.dataset.id);
    return { job, dataset, input: dataset.shape };
  });
  app.post(
    "/v1/jobs/:id/predictions",
    {
      onRequest: asked.onRequest,
      bodyLimit: mostAskingBytes,
      config: { changesNothing: true },
      schema: {
        tags: ["jobs"],
        summary: "Predict new inputs from a checkpoint, also while the job runs",
        params: idParams,
        querystring: jobPredictionsQuery,
        body: askingBodies,
        response: { 200: predictionAnswer },
      },
    },
    async (request, reply) => {
      const began = performance.now();
      const { job, dataset } = asked.of(request);
      const { subject, epoch } = await subjectOfCheckpoint(
        within(dependencies, request),
        job,
        request.query.checkpoint ?? null,
      );
      const form = formOf(dataset.shape, dataset);
      const { samples, count, numerics, ...asking } = await readAsked(request, request.query, dependencies, form);
      checkAnswer({ count, classes: dataset.classes.length, topK: asking.topK });
      const inNumerics = subjectIn(subject, numerics);
      const { probabilities } = await prediction.predict(inNumerics, samples, count);
      return new AnswerText(dataset.classes).send(reply, {
        ...asking,
        ...prediction.computedIn(inNumerics),
        probabilities,
        model: `${job.id}@${epoch}`,
        began,
      });
    },
  );
}

export function checkpointRoutes(app: App, dependencies: Dependencies): void {
  listRoute(app);
  oneRoute(app);
  weightsRoute(app, dependencies);
  app.register(async (scope: App) => predictionsRoute(scope, dependencies));
}
