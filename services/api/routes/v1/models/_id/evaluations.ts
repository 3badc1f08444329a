/** /v1/models/{id}/evaluations: a model judged on any dataset that fits it, by a worker. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import {
  detailedEvaluation,
  evaluationEnded,
  evaluationManifest,
  evaluationParams,
  evaluationPredictionsQuery,
  evaluationRequest,
  modelEvaluation,
  modelEvaluationPage,
  modelEvaluationsQuery,
  type EvaluationDetails,
} from "../../../../../../schemas/evaluation.ts";
import { splitPredictionPage } from "../../../../../../schemas/prediction.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { findModel, findReadyDataset, idOfDataset } from "../../../../../shared/find.ts";
import { presentEvaluation, type EvaluationRecord } from "../../../../../shared/records/index.ts";
import { getJson, layout } from "../../../../../shared/storage/index.ts";
import { originOf, type Dependencies } from "../../../../dependencies.ts";
import { conflict, notFound } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";
import { checkFit, evaluationWarnings } from "../../../../models/evaluations.ts";
import { sendPredictions } from "../../../../models/prediction-pages.ts";
import type { StoredPredictions } from "../../../../models/stored-predictions.ts";

type Params = z.infer<typeof evaluationParams>;

/** One of this model, and of no other. */
async function findEvaluation(request: FastifyRequest): Promise<EvaluationRecord> {
  const { id, evaluation } = request.params as Params;
  const [model, found] = await Promise.all([
    findModel(request.records, id),
    request.records.evaluations.read(evaluation),
  ]);
  if (found?.model !== model.id) throw notFound(`model ${model.id} has no evaluation ${evaluation}`);
  return found;
}

function createRoute(app: App, dependencies: Dependencies): void {
  const { queues } = dependencies;
  app.post(
    "/v1/models/:id/evaluations",
    {
      schema: {
        tags: ["models"],
        summary: "Judge a model on a split of any dataset of its shape and classes; a worker does it",
        params: idParams,
        body: evaluationRequest,
        response: { 202: modelEvaluation },
      },
    },
    async (request, reply) => {
      const { split } = request.body;
      const model = await findModel(request.records, request.params.id);
      const dataset = await findReadyDataset(request.records, request.body.dataset);
      checkFit(model, dataset, split);
      const trained = model.dataset === null ? null : await request.records.datasets.read(model.dataset.id);
      const id = `evl_${request.ulid}`;
      const entry = {
        id,
        model: model.id,
        dataset: { id: dataset.id, revision: dataset.revision },
        split,
        progress: { fraction: 0, samples: 0, total: dataset.splits[split] },
        warnings: evaluationWarnings(trained, dataset),
        origin: originOf(dependencies, request),
      };
      const made = await request.records.evaluations.create(entry, model.classes.length);
      if (made === "no-dataset") throw notFound(`dataset ${request.body.dataset} was deleted in this moment`);
      const record = made === "no-model" ? null : await request.records.evaluations.read(id);
      if (!record) throw notFound(`model ${model.id} was deleted in this moment`);
      await queues
        .deliverEvaluation(id)
        .catch((error: unknown) => request.log.warn({ err: error, evaluation: id }, "it waits in the outbox"));
      return reply
        .code(202)
        .header("location", `/v1/models/${model.id}/evaluations/${id}`)
        .send(presentEvaluation(record));
    },
  );
}

const unknown: EvaluationDetails = { classes: null, confusion: null, topK: null, calibration: null };

function readRoutes(app: App, dependencies: Dependencies, stored: StoredPredictions): void {
  const { storage } = dependencies;
  app.get(
    "/v1/models/:id/evaluations",
    {
      schema: {
        tags: ["models"],
        summary: "Evaluations of a model that were asked for, newest first",
        params: idParams,
        querystring: modelEvaluationsQuery,
        response: { 200: modelEvaluationPage },
      },
    },
    async (request) => {
      const { id } = await findModel(request.records, request.params.id);
      const dataset = await idOfDataset(request.records, request.query.dataset);
      const page = await request.records.evaluations.list(id, { ...request.query, dataset });
      return { ...page, data: page.data.map(presentEvaluation) };
    },
  );
  app.get(
    "/v1/models/:id/evaluations/:evaluation",
    {
      schema: {
        tags: ["models"],
        summary: "An evaluation: how far it is, and its figures once it has succeeded",
        params: evaluationParams,
        response: { 200: detailedEvaluation },
      },
    },
    async (request) => {
      const found = await findEvaluation(request);
      const details = found.files
        ? (await getJson(storage, found.files.manifest, evaluationManifest)).details
        : unknown;
      return { ...presentEvaluation(found), ...details };
    },
  );
  app.get(
    "/v1/models/:id/evaluations/:evaluation/predictions",
    {
      schema: {
        tags: ["models"],
        summary: "The predictions of an evaluation, in the model's classes",
        params: evaluationParams,
        querystring: evaluationPredictionsQuery,
        response: { 200: splitPredictionPage },
      },
    },
    async (request, reply) => {
      const { id, status, files } = await findEvaluation(request);
      if (!files)
        throw conflict(
          `evaluation ${id} is ${status}: ${evaluationEnded(status) ? "it made no predictions" : "ask again when it has succeeded"}`,
        );
      return sendPredictions(reply, stored, files.predictions, request.query);
    },
  );
}

function endRoutes(app: App, dependencies: Dependencies): void {
  const { storage, queues } = dependencies;
  app.post(
    "/v1/models/:id/evaluations/:evaluation/cancel",
    {
      schema: {
        tags: ["models"],
        summary: "End an evaluation that has not ended",
        params: evaluationParams,
        response: { 202: modelEvaluation },
      },
    },
    async (request, reply) => {
      const { id } = await findEvaluation(request);
      const outcome = await request.records.evaluations.cancel(id);
      if (outcome.kind === "forbidden")
        throw conflict(
          `evaluation ${id} cannot be cancelled: it has ${outcome.status === "cancelled" ? "been cancelled" : outcome.status}`,
        );
      if (outcome.kind === "changed" && outcome.status === "cancelled") await queues.withdrawEvaluation(id);
      return reply.code(202).send(presentEvaluation(await findEvaluation(request)));
    },
  );
  app.delete(
    "/v1/models/:id/evaluations/:evaluation",
    {
      schema: {
        tags: ["models"],
        summary: "Delete an evaluation that ended, with its predictions",
        params: evaluationParams,
        response: { 204: z.undefined().describe("deleted") },
      },
    },
    async (request, reply) => {
      const { id } = await findEvaluation(request);
      const gone = await request.records.evaluations.delete(id);
      if (gone !== "deleted" && gone !== "missing")
        throw conflict(`evaluation ${id} is ${gone}; cancel it first: only evaluations that ended can be deleted`);
      await storage
        .deleteAll(layout.evaluation(id))
        .catch((error: unknown) =>
          request.log.warn({ err: error, evaluation: id }, "a deleted evaluation's objects are left to the collector"),
        );
      return reply.code(204).send();
    },
  );
}

export function evaluationRoutes(app: App, dependencies: Dependencies, stored: StoredPredictions): void {
  createRoute(app, dependencies);
  readRoutes(app, dependencies, stored);
  endRoutes(app, dependencies);
}
