/** GET /v1/models; POST /v1/models imports one. */
import { importForm, model, modelPage, modelsQuery } from "../../../../../schemas/model.ts";
import { presentModel } from "../../../../shared/records/index.ts";
import { within, type Dependencies } from "../../../dependencies.ts";
import { idOfDataset } from "../../../../shared/find.ts";
import { importModel } from "../../../models/importing.ts";
import { sendPage } from "../../../http/slices.ts";
import type { App } from "../../../http/types.ts";
import { bodyUnchecked } from "../../../http/validation.ts";

export function modelsRoutes(app: App, dependencies: Dependencies): void {
  app.get(
    "/v1/models",
    {
      schema: {
        tags: ["models"],
        summary: "Models, newest first: all, or those of a name, a dataset, an entry of metadata",
        querystring: modelsQuery,
        response: { 200: modelPage },
      },
    },
    async (request, reply) => {
      const { view, ...query } = request.query;
      const listing = { ...query, dataset: await idOfDataset(request.records, query.dataset) };
      const page = await (view === "full"
        ? request.records.models.list(listing)
        : request.records.models.summaries(listing));
      return sendPage(reply, { ...page, data: page.data.map(presentModel) });
    },
  );

  app.post(
    "/v1/models",
    {
      schema: {
        tags: ["models"],
        summary:
          "Import a model: name, network and input as JSON, weights as a safetensors file, and if wanted classes and normalisation",
        body: { content: { "multipart/form-data": { schema: importForm } } },
        response: { 201: model },
      },
      validatorCompiler: bodyUnchecked,
    },
    async (request, reply) => {
      const made = await importModel(within(dependencies, request), request);
      return reply.code(201).header("location", `/v1/models/${made.id}`).send(presentModel(made));
    },
  );
}
