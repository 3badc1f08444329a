/** The OpenAPI document as the contract's tests read it. */
import type { JsonSchema } from "./schema-values.ts";

export interface Parameter {
  in: "path" | "query" | "header";
  name: string;
  required?: boolean;
  schema: JsonSchema;
}

export interface Answered {
  content?: Record<string, { schema: JsonSchema }>;
}

export interface Operation {
  method: string;
  path: string;
  parameters: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: JsonSchema; example?: unknown }> };
  /** By status; `default` for all others. */
  responses: Record<string, Answered>;
}

export interface Document {
  paths: Record<string, Record<string, Omit<Operation, "method" | "path">>>;
  components: { schemas: Record<string, JsonSchema> };
}

const methods = ["get", "post", "put", "patch", "delete"];

const isLast = ({ method, path }: Operation): boolean => method === "DELETE" || path.endsWith("/cancel");
const depth = ({ path }: Operation): number => path.split("/").length;

/** Those that end things or take them away come last, of these the parts before the wholes: others want to find them. */
export function operationsOf({ paths }: Document): Operation[] {
  const all = methods.flatMap((method) =>
    Object.entries(paths).flatMap(([path, { [method]: operation }]) =>
      operation ? [{ ...operation, parameters: operation.parameters ?? [], method: method.toUpperCase(), path }] : [],
    ),
  );
  const last = all.filter(isLast).toSorted((one, other) => depth(other) - depth(one));
  return [...all.filter((each) => !isLast(each)), ...last];
}

const start = "#/components/schemas/";

export const referenced =
  ({ components }: Document) =>
  (reference: string): JsonSchema => {
    const schema = components.schemas[reference.slice(start.length)];
    if (!reference.startsWith(start) || schema === undefined) throw new Error(`the document has no ${reference}`);
    return schema;
  };
