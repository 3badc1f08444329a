/** GET, PATCH and DELETE /v1/datasets/{id}. */
import { z } from "zod";
import { dataset, datasetChanges, type DatasetChanges } from "../../../../../../schemas/dataset.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { presentDataset } from "../../../../../shared/records/index.ts";
import type { DatasetRecord } from "../../../../../shared/records/index.ts";
import { layout, putJson } from "../../../../../shared/storage/index.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findDataset } from "../../../../../shared/find.ts";
import { conflict, inUse, notFound } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";

/** Where those that need a dataset are found. */
async function urlsOf({ records }: Dependencies, users: readonly string[]): Promise<Map<string, string>> {
  const evaluations = users.filter((user) => user.startsWith("evl_"));
  const found = await Promise.all(evaluations.map((id) => records.evaluations.read(id)));
  return new Map(
    users.map((user) => {
      const model = found.find((each) => each?.id === user)?.model;
      if (model !== undefined) return [user, `/v1/models/${model}/evaluations/${user}`];
      return [
        user,
        user.startsWith("job_") ? `/v1/jobs/${user}` : user.startsWith("mdl_") ? `/v1/models/${user}` : user,
      ];
    }),
  );
}

async function rename({ records, storage }: Dependencies, record: DatasetRecord, given: DatasetChanges): Promise<void> {
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

/** The samples stay where they are: other datasets may share them, and the collector finds those that nobody does. */
async function remove(dependencies: Dependencies, record: DatasetRecord): Promise<void> {
  const { records, storage, log } = dependencies;
  const gone = await records.datasets.delete(record.id);
  if (gone.kind === "missing") throw notFound(`there is no dataset ${record.id}`);
  if (gone.kind === "in-use") {
    const urls = await urlsOf(dependencies, gone.users);
    throw inUse(`dataset ${record.id}`, gone.users, (user) => urls.get(user) ?? user);
  }
  for (const prefix of [layout.dataset(record.id), layout.upload(record.id)]) {
    await storage
      .deleteAll(prefix)
      .catch((error: unknown) =>
        log.warn({ err: error, dataset: record.id }, "a deleted dataset's objects are left to the collector"),
      );
  }
}

export function datasetRoutes(app: App, dependencies: Dependencies): void {
  const { records } = dependencies;
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
    async (request) => presentDataset(await findDataset(records, request.params.id)),
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
      const record = await findDataset(records, request.params.id);
      await rename(dependencies, record, request.body);
      return presentDataset(await findDataset(records, record.id));
    },
  );

  app.delete(
    "/v1/datasets/:id",
    {
      schema: {
        tags: ["datasets"],
        summary: "Delete a dataset that no job or model needs; cancels one that is received or checked",
        params: idParams,
        response: { 204: z.undefined().describe("deleted") },
      },
    },
    async (request, reply) => {
      await remove(dependencies, await findDataset(records, request.params.id));
      return reply.code(204).send();
    },
  );
}
