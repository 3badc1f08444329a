/** Which types of bodies a route reads: told to whoever sends another. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { Problem } from "./problem.ts";

const jsonType = "application/json";

/** null where the route takes no body. */
function readTypes(request: FastifyRequest): string[] | null {
  const reads = request.routeOptions.schema?.body as z.ZodType | { content: Record<string, unknown> } | undefined;
  if (reads === undefined) return null;
  return reads instanceof z.ZodType ? [jsonType] : Object.keys(reads.content);
}

/** Whether what is called JSON is nothing that this route reads. */
export const takesOtherThanJson = (request: FastifyRequest): boolean =>
  readTypes(request)?.includes(jsonType) === false;

export function unreadType(request: FastifyRequest): Problem {
  const given = request.headers["content-type"]?.slice(0, 100) ?? "(none)";
  const types = readTypes(request);
  const instead = types === null ? "it takes no body" : `send ${types.join(", ")}`;
  return new Problem({
    code: "unsupported-media-type",
    detail: `this route does not read a body of type '${given}'; ${instead}`,
  });
}
