/**
 * What a route does not read is refused by name, never dropped: fields in its query, and bodies that it takes none or
 * none of that form of.
 */
import type { FastifyRequest, preValidationHookHandler } from "fastify";
import plugin from "fastify-plugin";
import { z } from "zod";
import { Problem } from "../http/problem.ts";
import type { App } from "../http/types.ts";
import { parseOrThrow } from "../../shared/parse.ts";

const nothing = z.strictObject({});
/** Probes and scrapers put parameters of their own after a path: those of the process are let be. */
const ours = /^\/(v1|v2\/models)(\/|$)/;

type Check = (request: FastifyRequest) => void;

const refuseBody: Check = ({ body }) => {
  if (body !== undefined && body !== null) parseOrThrow(nothing, body);
};

const refuseForm: Check = (request) => {
  if (request.isMultipart())
    throw new Problem({
      code: "unsupported-media-type",
      detail: "this route reads JSON, not a form: send it with content-type: application/json",
    });
};

const requireJson: Check = (request) => {
  refuseForm(request);
  if (request.headers["content-type"] === undefined)
    throw new Problem({
      code: "malformed-body",
      detail: "there is no body: expected JSON, with content-type: application/json",
    });
};

/** Null where the route itself reads its body, whatever its form. */
function checkFor(reads: unknown): Check | null {
  if (reads === undefined) return refuseBody;
  if (!(reads instanceof z.ZodType)) return null;
  return reads.safeParse(undefined).success ? refuseForm : requireJson;
}

export const unread = plugin(async (app: App) => {
  app.addHook("onRoute", (route) => {
    if (!ours.test(route.url)) return;
    if (route.schema) route.schema.querystring ??= nothing;
    const check = checkFor(route.schema?.body);
    if (!check) return;
    const others = [route.preValidation ?? []].flat();
    const checkBody: preValidationHookHandler = (request, _reply, done) => {
      check(request);
      done();
    };
    route.preValidation = [checkBody, ...others];
  });
});
