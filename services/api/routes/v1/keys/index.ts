/** GET and POST /v1/keys, DELETE /v1/keys/{id}. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { defaultProject, keyPage, keyRequest, keysQuery, madeKey, type Key } from "../../../../../schemas/access.ts";
import { idParams } from "../../../../../schemas/query.ts";
import { presentKey, type KeyRecord } from "../../../../shared/records/index.ts";
import type { Dependencies } from "../../../dependencies.ts";
import { invalid, notFound } from "../../../http/problem.ts";
import type { App } from "../../../http/types.ts";

/** The operator's keys are those of the default project: they reach the keys of all. */
const projectWhoseKeys = ({ access }: FastifyRequest): string | null =>
  access.project === defaultProject ? null : access.project;

export function keysRoutes(app: App, { allRecords, keyring }: Dependencies): void {
  const shown = (record: KeyRecord): Key => ({
    ...presentKey(record),
    lastUsedAt: keyring.lastUse(record.id) ?? record.lastUsedAt,
  });
  app.get(
    "/v1/keys",
    {
      config: { access: "admin" },
      schema: {
        tags: ["access"],
        summary: "Keys of the project, newest first; for a key of the default project those of all",
        querystring: keysQuery,
        response: { 200: keyPage },
      },
    },
    async (request) => {
      const page = await allRecords.keys.list(request.query, projectWhoseKeys(request));
      return { ...page, data: page.data.map(shown) };
    },
  );

  app.post(
    "/v1/keys",
    {
      config: { access: "admin" },
      schema: {
        tags: ["access"],
        summary: "Make a key; the answer is the one place where it is shown",
        body: keyRequest,
        response: { 201: madeKey },
      },
    },
    async (request, reply) => {
      const { name, scope, expiresAt = null, project = request.access.project } = request.body;
      const reach = projectWhoseKeys(request);
      if ((reach !== null && project !== reach) || (await allRecords.projects.read(project)) === null)
        throw notFound(`/project: there is no project ${project}`);
      if (expiresAt !== null && Date.parse(expiresAt) <= Date.now())
        throw invalid("/expiresAt", `expected a time to come, found ${expiresAt}`);
      const { record, text } = await allRecords.keys.create({ name, project, scope, expiresAt });
      return reply
        .code(201)
        .header("location", `/v1/keys/${record.id}`)
        .header("cache-control", "no-store")
        .send({ ...presentKey(record), key: text });
    },
  );

  app.delete(
    "/v1/keys/:id",
    {
      config: { access: "admin" },
      schema: {
        tags: ["access"],
        summary: "Revoke a key: every api refuses it within two seconds",
        params: idParams,
        response: { 204: z.undefined().describe("revoked") },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const found = await allRecords.keys.read(id);
      const reach = projectWhoseKeys(request);
      if (!found || (reach !== null && found.project !== reach)) throw notFound(`there is no key ${id}`);
      await allRecords.keys.delete(id);
      return reply.code(204).send();
    },
  );
}
