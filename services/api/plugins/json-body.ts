/** Bodies of JSON for every route, and a plain word for bodies of text. */
import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import { readBody, type BodyRead } from "../http/body.ts";
import { isBlank, readJson } from "../http/json.ts";
import { takesOtherThanJson, unreadType } from "../http/media-types.ts";
import { Problem } from "../http/problem.ts";
import type { App } from "../http/types.ts";

export const jsonBody = plugin(async (app: App) => {
  app.decorateRequest("bodyLimits", null);
  app.decorateRequest("lookedUp", null);
  // Many clients name a type also where they send nothing: a route that takes no body does not mind.
  app.addContentTypeParser("application/json", (request: FastifyRequest, payload: Readable, done: BodyRead) => {
    if (takesOtherThanJson(request)) throw unreadType(request);
    const make = (bytes: Buffer): unknown => {
      if (!isBlank(bytes)) return readJson(bytes);
      if (request.routeOptions.schema?.body === undefined) return undefined;
      throw new Problem({ code: "malformed-body", detail: "the body is empty, but its type says JSON" });
    };
    readBody({ request, payload, kind: "json" }, make, done);
  });
  app.removeContentTypeParser("text/plain");
  app.addContentTypeParser("text/plain", (request: FastifyRequest, payload: Readable, done: BodyRead) => {
    const make = (text: Buffer): undefined => {
      if (text.length > 0 || request.routeOptions.schema?.body !== undefined) throw unreadType(request);
    };
    readBody({ request, payload, kind: "bytes" }, make, done);
  });
});
