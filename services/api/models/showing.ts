/** What the routes that show a model at work on one input have in common: they answer JSON, or a picture of it. */
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import { askingBodies } from "../../../schemas/prediction.ts";
import { idParams } from "../../../schemas/query.ts";
import { findModel } from "../../shared/find.ts";
import { binary } from "../http/binary.ts";
import type { App } from "../http/types.ts";
import { beforeBody, mostAskingBytes, takeEveryBody } from "./asking.ts";

/** Looks a route's model up before its body is read. */
export function askingModels(app: App) {
  takeEveryBody(app);
  return beforeBody(async (request) => {
    const model = await findModel(request.records, (request.params as { id: string }).id);
    return { model, input: model.input };
  });
}

/** The options of such a route. */
export const showing = <Query extends z.ZodType, Answer extends z.ZodType>(
  { onRequest }: Pick<ReturnType<typeof askingModels>, "onRequest">,
  { summary, description, query, answer }: { summary: string; description: string; query: Query; answer: Answer },
) => ({
  onRequest,
  bodyLimit: mostAskingBytes,
  config: { changesNothing: true },
  schema: {
    tags: ["models"],
    summary,
    params: idParams,
    querystring: query,
    body: askingBodies,
    response: {
      200: { description, content: { "application/json": { schema: answer }, "image/png": { schema: binary } } },
    },
  },
});

export const wantsPicture = (request: FastifyRequest): boolean => (request.headers.accept ?? "").includes("image/png");
