/** GET, PATCH and DELETE /v1/datasets/{id}. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { dataset, datasetChanges, deleteDatasetQuery, type DatasetChanges } from "../../../../../../schemas/dataset.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { presentDataset } from "../../../../../shared/records/index.ts";
import type { DatasetRecord } from "../../../../../shared/records/index.ts";
import { layout, putJson } from "../../../../../shared/storage/index.ts";
import { removeDataset, removeWithAll } from "../../../../datasets/remove.ts";
import { within, type Dependencies, type Within } from "../../../../dependencies.ts";
import { findDataset } from "../../../../../shared/find.ts";
import { Problem, conflict, notFound } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";

async function rename({ records, storage }: Within, record: DatasetRecord, given: DatasetChanges): Promise<void> {
  const fields = {
    ...(given.name === undefined ? {} : { name: given.name }),
    ...(given.alias === undefined ? {} : { alias: given.alias }),
  };
  const manifest = record.manifest ? { ...record.manifest, ...fields } : null;
  const answer = await records.datasets.patch(record.id, manifest ? { ...fields, manifest } : fields, record.status);
  if (answer === "alias-taken")
    throw conflict(`the alias '${given.alias}' belongs to another dataset; choose another, or rename that one`);
  if (answer === "status") throw conflict(`dataset ${record.id} is changing; try again in a moment`);
  if (answer === "missing") throw notFound(`dataset ${record.id} was deleted in this moment`);
  if (manifest) await putJson(storage, layout.datasetManifest(record.id), manifest);
}

/** What is built in is everybody's to use, and the operator's to change. */
async function requireOwn({ records }: FastifyRequest, { id, alias }: DatasetRecord): Promise<void> {
  if (await records.datasets.isOwn(id)) return;
  throw new Problem({
    code: "forbidden",
    detail: `dataset ${alias ?? id} is built in and everybody's: only a key of the default project may change it`,
  });
}

export function datasetRoutes(app: App, dependencies: Dependencies): void {
  app.get(
    "/v1/datasets/:id",
    {
      schema: {
        tags: ["datasets"],
        summary: "A dataset, by id, alias or alias@revision",
        params: idParams,
        response: { 200: dataset },
      },
    },
    async (request) => presentDataset(await findDataset(request.records, request.params.id)),
  );

  app.patch(
    "/v1/datasets/:id",
    {
      schema: {
        tags: ["datasets"],
        summary: "Change its name or alias; its samples never change",
        params: idParams,
        body: datasetChanges,
        response: { 200: dataset },
      },
    },
    async (request) => {
      const record = await findDataset(request.records, request.params.id);
      await requireOwn(request, record);
      await rename(within(dependencies, request), record, request.body);
      return presentDataset(await findDataset(request.records, record.id));
    },
  );

  app.delete(
    "/v1/datasets/:id",
    {
      schema: {
        tags: ["datasets"],
        summary:
          "Delete a dataset that no job or model needs, or with ?cascade=true with them; cancels one that is received or checked",
        params: idParams,
        querystring: deleteDatasetQuery,
        response: { 204: z.undefined().describe("deleted") },
      },
    },
    async (request, reply) => {
      const record = await findDataset(request.records, request.params.id);
      await requireOwn(request, record);
      await (request.query.cascade === true ? removeWithAll : removeDataset)(within(dependencies, request), record);
      return reply.code(204).send();
    },
  );
}
