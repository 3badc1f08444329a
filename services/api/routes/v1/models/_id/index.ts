/** GET, PATCH and DELETE /v1/models/{id}. */
import { z } from "zod";
import { model, modelChanges } from "../../../../../../schemas/model.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { presentModel } from "../../../../../shared/records/index.ts";
import { within, type Dependencies } from "../../../../dependencies.ts";
import { findModel } from "../../../../../shared/find.ts";
import { followRecord } from "../../../../models/manifest.ts";
import { removeModel } from "../../../../models/remove.ts";
import { conflict, notFound } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";

export function modelRoutes(app: App, dependencies: Dependencies): void {
  app.get(
    "/v1/models/:id",
    { schema: { tags: ["models"], summary: "A model, by id or alias", params: idParams, response: { 200: model } } },
    async (request) => presentModel(await findModel(request.records, request.params.id)),
  );

  app.patch(
    "/v1/models/:id",
    {
      schema: {
        tags: ["models"],
        summary: "Change the name, the alias or the metadata",
        params: idParams,
        body: modelChanges,
        response: { 200: model },
      },
    },
    async (request) => {
      const { id } = await findModel(request.records, request.params.id);
      const { name, alias: newAlias, metadata: newMetadata } = request.body;
      const fields = {
        ...(name === undefined ? {} : { name }),
        ...(newAlias === undefined ? {} : { alias: newAlias }),
        ...(newMetadata === undefined ? {} : { metadata: newMetadata }),
      };
      const done = await request.records.models.patch(id, fields);
      if (done === "alias-taken") throw conflict(`the alias '${newAlias}' belongs to another model`);
      if (done === "missing") throw notFound(`there is no model ${id}`);
      await followRecord(within(dependencies, request), id);
      return presentModel(await findModel(request.records, id));
    },
  );

  app.delete(
    "/v1/models/:id",
    {
      schema: {
        tags: ["models"],
        summary: "Delete a model that no job needs",
        params: idParams,
        response: { 204: z.undefined().describe("deleted") },
      },
    },
    async (request, reply) => {
      const { id } = await findModel(request.records, request.params.id);
      await removeModel(within(dependencies, request), id);
      return reply.code(204).send();
    },
  );
}
