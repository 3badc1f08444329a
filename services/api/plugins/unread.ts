/**
 * What a route does not read is refused by name, never dropped: fields in its query, and bodies that it takes none or
 * none of that form of.
 */
import type { FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import { z } from "zod";
import { Problem } from "../http/problem.ts";
import type { App } from "../http/types.ts";
import { parseOrThrow } from "../http/validation.ts";

const nothing = z.strictObject({});
/** Probes and scrapers put parameters of their own after a path: those of the process are let be. */
const ours = /^\/(v1|v2\/models)(\/|$)/;

function checkBody(request: FastifyRequest): void {
  const reads: unknown = request.routeOptions.schema?.body;
  const { body } = request;
  if (reads === undefined) {
    if (body !== undefined && body !== null) parseOrThrow(nothing, body);
  } else if (reads instanceof z.ZodType) {
    if (request.isMultipart())
      throw new Problem({
        code: "unsupported-media-type",
        detail: "this route reads JSON, not a form: send it with content-type: application/json",
      });
    if (request.headers["content-type"] === undefined)
      throw new Problem({
        code: "malformed-body",
        detail: "there is no body: expected JSON, with content-type: application/json",
      });
  }
}

export const unread = plugin(async (app: App) => {
  app.addHook("onRoute", (route) => {
    if (ours.test(route.url) && route.schema) route.schema.querystring ??= nothing;
  });
  app.addHook("preValidation", (request, _reply, done) => {
    if (ours.test(request.routeOptions.url ?? "")) checkBody(request);
    done();
  });
});
