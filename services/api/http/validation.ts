/** The validators of Fastify's routes: each part of a request is read by its schema. */
import type { FastifySchemaCompiler } from "fastify";
import { z } from "zod";
import { parse } from "../../shared/parse.ts";

const prefixes: Record<string, string> = { querystring: "/query", params: "/path", headers: "/headers" };

/** A path has all its parameters, and each is a text: where a schema asks no more of them there is nothing to check. */
const asksForTexts = (schema: z.ZodType): boolean =>
  schema instanceof z.ZodObject &&
  Object.values(schema.shape).every((field) => field instanceof z.ZodString && !field._zod.def.checks?.length);

function isEmpty(value: unknown): boolean {
  for (const _name in value as object) return false;
  return true;
}

export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const prefix = prefixes[httpPart ?? ""] ?? "";
  if (httpPart === "params" && asksForTexts(schema)) return (value: unknown) => ({ value });
  if (httpPart !== "querystring") return (value: unknown) => parse(schema, value, prefix);
  // Most requests have no query: what its fields are by default is found once.
  const usual = parse(schema, {}, prefix);
  if ("error" in usual) return (value: unknown) => parse(schema, value, prefix);
  Object.freeze(usual.value);
  return (value: unknown) => (isEmpty(value) ? usual : parse(schema, value, prefix));
};

/** The same, but for the body: it is a form or a picture, read and checked by the route itself, part by part. */
export const bodyUnchecked: FastifySchemaCompiler<unknown> = (route) =>
  route.httpPart === "body"
    ? (value: unknown) => ({ value })
    : validatorCompiler(route as Parameters<typeof validatorCompiler>[0]);
