/** GET /v1/models/{id}/predictions over a split, POST for new inputs, GET …/evaluation. */
import { z } from "zod";
import { split as splitName, type Split } from "../../../../../../schemas/dataset.ts";
import { modelManifest } from "../../../../../../schemas/model.ts";
import { evaluation, predictionAnswer, splitPrediction } from "../../../../../../schemas/prediction.ts";
import type { ModelRecord } from "../../../../../shared/records/index.ts";
import { getJson } from "../../../../../shared/storage/index.ts";
import { predictionRows } from "../../../../models/answers.ts";
import { askingBodies, askingQuery, mostAskingBytes, readAsked, takeEveryBody } from "../../../../models/asking.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findJob, findModel } from "../../../../../shared/find.ts";
import { formOf } from "../../../../models/forms.ts";
import { subjectOf, subjectOfCheckpoint } from "../../../../models/subjects.ts";
import { idParams, pageOf, pageQuery, queryInteger } from "../../../../http/paging.ts";
import { conflict, notFound } from "../../../../http/problem.ts";
import { StoredPredictions } from "../../../../models/stored-predictions.ts";
import type { App } from "../../../../http/types.ts";

const pageOfPredictions = z.strictObject({
  split: splitName.optional().describe("test by default"),
  only: z.enum(["all", "errors"]).optional(),
  sort: z.enum(["index", "confidence"]).optional(),
  limit: pageQuery.shape.limit,
  after: queryInteger(0, 2 ** 31)
    .optional()
    .describe("nextAfter of the page before"),
  order: z.enum(["asc", "desc"]).optional().describe("asc by index, desc by confidence by default"),
});
const usualLimit = 50;

/** What the model has of a split, or a 404 that says of which splits it has something. */
function ofSplit<Found>(id: string, what: string, all: Partial<Record<Split, Found>>, split: Split): Found {
  const found = all[split];
  if (found !== undefined) return found;
  const there = Object.keys(all);
  throw notFound(
    `model ${id} has no ${what} over '${split}'; ${there.length === 0 ? "it has none over any split: it was imported, or its dataset has nothing to test on" : `there are some over ${there.join(", ")}`}`,
  );
}

async function subjectFor(dependencies: Dependencies, model: ModelRecord, epoch: number | undefined) {
  if (epoch === undefined) return subjectOf(dependencies.storage, model);
  if (model.job === null) throw conflict(`model ${model.id} was imported: it has no checkpoints`);
  return (await subjectOfCheckpoint(dependencies, await findJob(dependencies.records, model.job), epoch)).subject;
}

export function modelPredictionRoutes(app: App, dependencies: Dependencies): void {
  const { records, storage, prediction } = dependencies;
  const stored = new StoredPredictions(storage);

  app.get(
    "/v1/models/:id/predictions",
    {
      schema: {
        tags: ["models"],
        summary: "The model's predictions over a split of its dataset",
        params: idParams,
        querystring: pageOfPredictions,
        response: { 200: pageOf(splitPrediction) },
      },
    },
    async (request) => {
      const {
        split = "test",
        only = "all",
        sort = "index",
        limit = usualLimit,
        after = null,
        order = sort === "index" ? "asc" : "desc",
      } = request.query;
      const model = await findModel(records, request.params.id);
      return stored.page(ofSplit(model.id, "predictions", model.files.predictions, split), {
        only,
        sort,
        limit,
        after,
        order,
      });
    },
  );

  app.get(
    "/v1/models/:id/evaluation",
    {
      schema: {
        tags: ["models"],
        summary: "Accuracy, per-class figures and the confusion matrix over a split",
        params: idParams,
        querystring: z.strictObject({ split: splitName.optional() }),
        response: { 200: evaluation },
      },
    },
    async (request) => {
      const model = await findModel(records, request.params.id);
      const { evaluations } = await getJson(storage, model.files.manifest, modelManifest);
      return ofSplit(model.id, "evaluation", evaluations, request.query.split ?? "test");
    },
  );

  app.register(async (scope: App) => {
    takeEveryBody(scope);
    scope.post(
      "/v1/models/:id/predictions",
      {
        bodyLimit: mostAskingBytes,
        schema: {
          tags: ["models"],
          summary: "Predict new inputs: numbers, pictures, or raw samples",
          params: idParams,
          querystring: askingQuery.extend({
            checkpoint: queryInteger(0, 1_000_000).optional().describe("predict from the checkpoint of this epoch"),
          }),
          body: askingBodies as never,
          response: { 200: predictionAnswer },
        },
      },
      async (request) => {
        const began = performance.now();
        const { checkpoint, ...query } = request.query;
        const model = await findModel(records, request.params.id);
        const subject = await subjectFor(dependencies, model, checkpoint);
        const dataset = model.dataset === null ? null : await records.datasets.read(model.dataset.id);
        const { samples, count, topK, conversion } = await readAsked(
          request,
          query,
          prediction,
          formOf(model.input, dataset),
        );
        const { probabilities } = await prediction.predict(subject, samples, count);
        return {
          predictions: predictionRows(probabilities, model.classes, topK),
          model: model.id,
          conversion,
          milliseconds: performance.now() - began,
        };
      },
    );
  });
}
