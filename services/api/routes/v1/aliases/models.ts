/** /v1/aliases/models: which model an alias names, moved in one step. */
import { z } from "zod";
import { aliasPage, aliasParams, aliasTarget, aliasesQuery, movedAlias } from "../../../../../schemas/model.ts";
import { modelAlias } from "../../../../../schemas/ids.ts";
import { findModel } from "../../../../shared/find.ts";
import { within, type Dependencies } from "../../../dependencies.ts";
import { invalid, notFound } from "../../../http/problem.ts";
import type { App } from "../../../http/types.ts";
import { followRecord } from "../../../models/manifest.ts";

function listRoute(app: App): void {
  app.get(
    "/v1/aliases/models",
    {
      schema: {
        tags: ["models"],
        summary: "Every alias and the model that it names",
        querystring: aliasesQuery,
        response: { 200: aliasPage },
      },
    },
    async (request) => {
      const { limit, after, order } = request.query;
      const all = await request.records.models.aliases();
      if (order === "desc") all.reverse();
      const isLater = (alias: string): boolean =>
        after === undefined || (order === "asc" ? alias > after : alias < after);
      const rest = all.filter(({ alias }) => isLater(alias));
      const data = rest.slice(0, limit);
      const hasMore = rest.length > limit;
      return { data, hasMore, nextAfter: hasMore ? (data.at(-1)?.alias ?? null) : null };
    },
  );
}

export function aliasRoutes(app: App, dependencies: Dependencies): void {
  listRoute(app);
  app.put(
    "/v1/aliases/models/:alias",
    {
      schema: {
        tags: ["models"],
        summary: "Let an alias name a model from now on; other aliases of that model stay",
        params: aliasParams,
        body: aliasTarget,
        response: { 200: movedAlias },
      },
    },
    async (request) => {
      const { alias } = request.params;
      const { model: reference } = request.body;
      const wrong = modelAlias.safeParse(alias).error?.issues[0]?.message;
      if (wrong !== undefined) throw invalid("/path/alias", `${wrong}, found '${alias.slice(0, 100)}'`);
      const { id } = await findModel(request.records, reference);
      const answer = await request.records.models.name(alias, id);
      if (answer.kind !== "named") throw notFound(`model ${reference} was deleted in this moment`);
      const { previous } = answer;
      for (const each of new Set([id, ...(previous === null ? [] : [previous])]))
        await followRecord(within(dependencies, request), each);
      return { alias, model: id, previous };
    },
  );
  app.delete(
    "/v1/aliases/models/:alias",
    {
      schema: {
        tags: ["models"],
        summary: "Take an alias away; its model stays",
        params: aliasParams,
        response: { 204: z.undefined().describe("taken away") },
      },
    },
    async (request, reply) => {
      const { alias } = request.params;
      const model = await request.records.models.unname(alias);
      if (model === null) throw notFound(`no model has the alias ${alias}`);
      await followRecord(within(dependencies, request), model);
      return reply.code(204).send();
    },
  );
}
