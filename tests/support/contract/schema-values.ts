/**
 * Values from JSON schemas, as fast-check draws and shrinks them. They need not all be valid: where a schema recurs
 * deeper than is useful, null stands.
 */
import * as fc from "fast-check";

/** As much of JSON Schema as our OpenAPI document uses. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  examples?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

export interface ValuesOptions {
  /** What `$ref` names. */
  resolve: (reference: string) => JsonSchema;
  /** Values that a property of this name may well have: the names of things that there are. */
  known: (property: string) => readonly unknown[];
}

const mostReferences = 4;
const mostEntries = 3;
const mostCharacters = 40;
/** One optional property in so many is given: of a request with all of them hardly one is accepted. */
const oneIn = 4;
const absent = Symbol("absent");

/** JSON of any kind, a few levels deep. */
export const anyJson: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 2, depthSize: "small" });

/** Bounds of a number, one beyond each included now and then. */
function numbers(schema: JsonSchema, whole: boolean): fc.Arbitrary<number> {
  const least = schema.minimum ?? schema.exclusiveMinimum ?? (whole ? -1000 : -1e6);
  const most = schema.maximum ?? schema.exclusiveMaximum ?? (whole ? Math.max(least, 1000) : Math.max(least, 1e6));
  const edges = [least, most, ...(least < 1 && most > 1 ? [1] : [])];
  const near = Math.min(most, least + 8);
  if (whole)
    return fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: Math.ceil(least), max: Math.floor(near) }) },
      { weight: 2, arbitrary: fc.maxSafeInteger().map((any) => least + (Math.abs(any) % (most - least + 1))) },
      { weight: 1, arbitrary: fc.constantFrom(...edges) },
    );
  return fc.oneof(
    { weight: 4, arbitrary: fc.double({ min: least, max: most, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(...edges) },
  );
}

function texts(schema: JsonSchema): fc.Arbitrary<string> {
  const { pattern, format, minLength = 0 } = schema;
  if (pattern !== undefined) {
    // What a pattern forbids to stand first is seen to by looking at the outcome.
    const whole = new RegExp(pattern, "u");
    return fc
      .stringMatching(new RegExp(pattern.replaceAll(/\(\?![^)]*\)/g, ""), "u"))
      .filter((text) => whole.test(text));
  }
  if (format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  if (format === "uri") return fc.webUrl();
  const maxLength = Math.min(schema.maxLength ?? mostCharacters, Math.max(minLength, mostCharacters));
  return fc.oneof(fc.string({ minLength, maxLength }), fc.string({ minLength, maxLength, unit: "binary" }));
}

export class SchemaValues {
  readonly #options: ValuesOptions;
  readonly #made = new Map<string, fc.Arbitrary<unknown>>();

  constructor(options: ValuesOptions) {
    this.#options = options;
  }

  /** Values of a schema. `references` counts those that led here. */
  of(schema: JsonSchema, references = 0): fc.Arbitrary<unknown> {
    if (schema.$ref !== undefined) return this.#referred(schema.$ref, references);
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    const branches = schema.anyOf ?? schema.oneOf;
    if (branches) return fc.oneof(...branches.map((branch) => this.of(branch, references)));
    const kinds = [schema.type ?? []].flat();
    if (kinds.length === 0) return anyJson;
    return this.#withExamples(schema, fc.oneof(...kinds.map((kind) => this.#ofKind(kind, schema, references))));
  }

  #withExamples({ examples }: JsonSchema, values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
    return examples?.length ? fc.oneof({ weight: 3, arbitrary: values }, fc.constantFrom(...examples)) : values;
  }

  #referred(reference: string, references: number): fc.Arbitrary<unknown> {
    if (references > mostReferences) return fc.constant(null);
    const name = `${references} ${reference}`;
    let made = this.#made.get(name);
    if (!made) this.#made.set(name, (made = this.of(this.#options.resolve(reference), references + 1)));
    return made;
  }

  #ofKind(kind: string, schema: JsonSchema, references: number): fc.Arbitrary<unknown> {
    switch (kind) {
      case "null":
        return fc.constant(null);
      case "boolean":
        return fc.boolean();
      case "integer":
        return numbers(schema, true);
      case "number":
        return numbers(schema, false);
      case "string":
        return texts(schema);
      case "array":
        return this.#lists(schema, references);
      case "object":
        return this.#objects(schema, references);
      default:
        throw new Error(`the document has a type '${kind}' that is not known here`);
    }
  }

  #lists(schema: JsonSchema, references: number): fc.Arbitrary<unknown> {
    if (schema.prefixItems) return fc.tuple(...schema.prefixItems.map((item) => this.of(item, references)));
    const { minItems = 0, maxItems = Infinity } = schema;
    return fc.array(this.of(schema.items ?? {}, references), {
      minLength: minItems,
      maxLength: Math.min(maxItems, minItems + mostEntries),
    });
  }

  #objects({ properties = {}, required = [], ...rest }: JsonSchema, references: number): fc.Arbitrary<unknown> {
    const named = fc.record(
      Object.fromEntries(
        Object.entries(properties).map(([name, schema]) => [
          name,
          required.includes(name)
            ? this.ofProperty(name, schema, references)
            : fc.oneof(
                { weight: oneIn - 1, arbitrary: fc.constant(absent) },
                { weight: 1, arbitrary: this.ofProperty(name, schema, references) },
              ),
        ]),
      ),
    );
    const given = named.map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== absent)));
    const { additionalProperties: others } = rest;
    if (typeof others !== "object") return given;
    const names = rest.propertyNames
      ? this.of(rest.propertyNames, references)
      : fc.string({ minLength: 1, maxLength: 8 });
    const entries = fc.array(fc.tuple(names, this.of(others, references)), { maxLength: mostEntries });
    return fc.tuple(given, entries).map(([own, more]) => ({ ...Object.fromEntries(more), ...own }));
  }

  /** A property's values, and mostly those that mean something to the service. */
  ofProperty(name: string, schema: JsonSchema, references = 0): fc.Arbitrary<unknown> {
    const values = this.of(schema, references);
    const known = this.#options.known(name);
    if (known.length === 0) return values;
    return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: values });
  }
}
