/** GET /v1/models; POST /v1/models imports one. */
import { importForm, model, modelPage } from "../../../../../schemas/model.ts";
import { pageQuery } from "../../../../../schemas/page.ts";
import { presentModel } from "../../../../shared/records/index.ts";
import type { Dependencies } from "../../../dependencies.ts";
import { importModel } from "../../../models/importing.ts";
import type { App } from "../../../http/types.ts";
import { bodyUnchecked } from "../../../http/validation.ts";

export function modelsRoutes(app: App, dependencies: Dependencies): void {
  const { records } = dependencies;
  app.get(
    "/v1/models",
    {
      schema: {
        tags: ["models"],
        summary: "All models, newest first",
        querystring: pageQuery,
        response: { 200: modelPage },
      },
    },
    async (request) => {
      const page = await records.models.list(request.query);
      return { ...page, data: page.data.map(presentModel) };
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
      const made = await importModel(dependencies, request);
      return reply.code(201).header("location", `/v1/models/${made.id}`).send(presentModel(made));
    },
  );
}
