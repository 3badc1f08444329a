/**
 * The interface's own description of a request, read from its OpenAPI document: fields, bounds, defaults and words
 * stand there and nowhere else, so a new setting appears in the form by itself.
 */
export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  const?: string | number | boolean;
  enum?: readonly string[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  additionalProperties?: unknown;
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
}

export type Schemas = Readonly<Record<string, Schema>>;

/** What a reference leads to, with the words that stand beside the reference. */
export function resolved(schema: Schema, all: Schemas): Schema {
  if (schema.$ref === undefined) return schema;
  const { $ref, ...own } = schema;
  return { ...resolved(all[$ref.split("/").at(-1) ?? ""] ?? {}, all), ...own };
}

/** One of the things that a value may be. */
export interface Variant {
  label: string;
  schema: Schema;
  matches: (value: unknown) => boolean;
  /** What it is when it is chosen. */
  initial: unknown;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function initialOf(schema: Schema, all: Schemas): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.properties)
    return Object.fromEntries(
      (schema.required ?? []).map((name) => [name, initialOf(resolved(schema.properties?.[name] ?? {}, all), all)]),
    );
  if (schema.type === "integer" || schema.type === "number") return Math.max(schema.minimum ?? 0, usual(schema));
  if (schema.type === "array") return schema.items?.type === "array" ? [[0]] : [];
  return "";
}

/** Where nothing is said a share is a tenth and a number of things eight. */
const usual = ({ type, maximum = 10 }: Schema): number =>
  type === "integer" ? Math.min(8, maximum) : maximum <= 1 ? 0.1 : 1;

function objectVariant(schema: Schema, all: Schemas): Variant {
  const consts = Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
    const { const: fixed } = resolved(each, all);
    return fixed === undefined ? [] : [[name, fixed] as const];
  });
  const first = schema.required?.[0] ?? Object.keys(schema.properties ?? {})[0] ?? "settings";
  const [fixed] = consts;
  return {
    label: fixed?.[0] === "kind" ? String(fixed[1]) : fixed ? `${fixed[0]}: ${String(fixed[1])}` : spoken(first),
    schema,
    matches: (value) =>
      isRecord(value) && (fixed ? value[fixed[0]] === fixed[1] : first in value || schema.required === undefined),
    initial: initialOf(schema, all),
  };
}

/** Everything that a value may be, one entry each; a single entry where there is no choice. */
export function variantsOf(given: Schema, all: Schemas): Variant[] {
  const schema = resolved(given, all);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.flatMap((each) => variantsOf(each, all));
  if (schema.enum)
    return schema.enum.map((word) => ({ label: word, schema: {}, matches: (value) => value === word, initial: word }));
  if (schema.type === "null") return [{ label: "none", schema: {}, matches: (value) => value === null, initial: null }];
  if (schema.const !== undefined)
    return [
      { label: String(schema.const), schema: {}, matches: (value) => value === schema.const, initial: schema.const },
    ];
  if (schema.properties) return [objectVariant(schema, all)];
  const { type = "string" } = schema;
  const initial = initialOf(schema, all);
  const is = (value: unknown): boolean =>
    type === "array" ? Array.isArray(value) : type === "integer" ? typeof value === "number" : typeof value === type;
  return [
    { label: type === "array" ? "a table" : type === "string" ? "by name" : "a number", schema, matches: is, initial },
  ];
}

/** batchSize → batch size */
export const spoken = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll("-", " ");
