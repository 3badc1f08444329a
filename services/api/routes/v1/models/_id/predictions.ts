/** GET /v1/models/{id}/predictions over a split, POST for new inputs, GET …/evaluation. */
import type { Split } from "../../../../../../schemas/dataset.ts";
import { modelManifest } from "../../../../../../schemas/model.ts";
import {
  askingBodies,
  evaluation,
  evaluationQuery,
  modelPredictionsQuery,
  predictionAnswer,
  splitPredictionPage,
  splitPredictionsQuery,
} from "../../../../../../schemas/prediction.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import type { ModelRecord } from "../../../../../shared/records/index.ts";
import { getJson, type Storage } from "../../../../../shared/storage/index.ts";
import { within, type Dependencies } from "../../../../dependencies.ts";
import { findModel } from "../../../../../shared/find.ts";
import { notFound } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";
import { checkAnswer } from "../../../../models/answers.ts";
import { beforeBody, mostAskingBytes, readAsked, takeEveryBody } from "../../../../models/asking.ts";
import { sendPredictions } from "../../../../models/prediction-pages.ts";
import type { ServedModels } from "../../../../models/served.ts";
import type { StoredPredictions } from "../../../../models/stored-predictions.ts";
import { checkpointOf, subjectIn } from "../../../../models/subjects.ts";

/** What the model has of a split, or a 404 that says of which splits it has something. */
function ofSplit<Found>(id: string, what: string, all: Partial<Record<Split, Found>>, split: Split): Found {
  const found = all[split];
  if (found !== undefined) return found;
  const there = Object.keys(all);
  throw notFound(
    `model ${id} has no ${what} over '${split}'; ${there.length === 0 ? "it has none over any split: it was imported, or its dataset has nothing to test on" : `there are some over ${there.join(", ")}`}`,
  );
}

/** An evaluation without predictions is of samples that are no split of the dataset: the job held them out. */
async function missing({ id, files }: ModelRecord, split: Split, storage: Storage): Promise<never> {
  const { evaluations } = await getJson(storage, files.manifest, modelManifest);
  if (split === "validation" && evaluations.validation !== undefined)
    throw notFound(
      `model ${id} has no predictions over 'validation' of their own: its job held that part out of the training split, so its samples stand among those of ?split=train; GET /v1/models/${id}/evaluation?split=validation says how well they were answered`,
    );
  return ofSplit(id, "predictions", files.predictions as Record<Split, never>, split);
}

function splitRoute(app: App, { storage }: Dependencies, stored: StoredPredictions): void {
  app.get(
    "/v1/models/:id/predictions",
    {
      schema: {
        tags: ["models"],
        summary: "The model's predictions over a split of its dataset",
        params: idParams,
        querystring: splitPredictionsQuery,
        response: { 200: splitPredictionPage },
      },
    },
    async (request, reply) => {
      const { split, ...query } = request.query;
      const model = await findModel(request.records, request.params.id);
      const file = model.files.predictions[split] ?? (await missing(model, split, storage));
      return sendPredictions(reply, stored, file, query);
    },
  );
}

function evaluationRoute(app: App, { storage }: Dependencies): void {
  app.get(
    "/v1/models/:id/evaluation",
    {
      schema: {
        tags: ["models"],
        summary: "Accuracy, per-class figures and the confusion matrix over a split",
        params: idParams,
        querystring: evaluationQuery,
        response: { 200: evaluation },
      },
    },
    async (request) => {
      const model = await findModel(request.records, request.params.id);
      const { evaluations } = await getJson(storage, model.files.manifest, modelManifest);
      return ofSplit(model.id, "evaluation", evaluations, request.query.split);
    },
  );
}

function newInputsRoute(app: App, dependencies: Dependencies, served: ServedModels): void {
  const { prediction } = dependencies;
  takeEveryBody(app);
  const asked = beforeBody((request) => served.find(request.records, (request.params as { id: string }).id));
  app.post(
    "/v1/models/:id/predictions",
    {
      onRequest: asked.onRequest,
      bodyLimit: mostAskingBytes,
      config: { changesNothing: true },
      schema: {
        tags: ["models"],
        summary: "Predict new inputs: numbers, pictures, or raw samples",
        params: idParams,
        querystring: modelPredictionsQuery,
        body: askingBodies,
        response: { 200: predictionAnswer },
      },
    },
    async (request, reply) => {
      const began = performance.now();
      const { record, form, answers, subject: now } = asked.of(request);
      const { checkpoint } = request.query;
      const trained =
        checkpoint === undefined ? now : await checkpointOf(within(dependencies, request), record, checkpoint);
      const read = readAsked(request, request.query, dependencies, form);
      const { samples, count, numerics, topK, conversion } = read instanceof Promise ? await read : read;
      checkAnswer({ count, classes: record.classes.length, topK });
      const subject = subjectIn(trained, numerics);
      const { probabilities } = await prediction.predict(subject, samples, count);
      const computed = prediction.computedIn(subject);
      return answers.send(reply, { ...computed, topK, conversion, probabilities, model: record.id, began });
    },
  );
}

export function modelPredictionRoutes(
  app: App,
  dependencies: Dependencies,
  { stored, served }: { stored: StoredPredictions; served: ServedModels },
): void {
  splitRoute(app, dependencies, stored);
  evaluationRoute(app, dependencies);
  app.register(async (scope: App) => newInputsRoute(scope, dependencies, served));
}
