/** Requests of one operation of the OpenAPI document: as it says, and nearly so. */
import * as fc from "fast-check";
import { bent, bentText } from "./bend.ts";
import { referenced, type Document, type Operation, type Parameter } from "./document.ts";
import { SchemaValues, type JsonSchema } from "./schema-values.ts";

/** A part of a form: a field, or a file. */
export type FormPart = readonly [name: string, content: string | Uint8Array];

export interface ContractRequest {
  method: string;
  /** With the query. */
  url: string;
  headers: Record<string, string>;
  body?: string | Uint8Array | FormPart[];
}

/** What there is for requests to name. */
export interface World {
  /** By the parameter's name, or by the part of a path that stands before it. */
  paths: Record<string, readonly string[]>;
  /** By the name of a property or a field of a query. */
  values: Record<string, readonly unknown[]>;
  /** Contents of files and bodies of bytes, by media type; "" for any. */
  contents: Record<string, readonly Uint8Array[]>;
  /** Whole forms that are taken, by path. */
  forms: Record<string, readonly FormPart[][]>;
  /** Keys: the first may do everything. */
  keys: readonly string[];
}

const bytesType = "application/octet-stream";
const strangeIds = [
  "x",
  "job_x",
  `job_${"0".repeat(26)}`,
  `mdl_${"0".repeat(26)}`,
  "a".repeat(300),
  "é\u0000",
  "../..",
  "a/b",
];
const textOf = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
/** Halves of surrogate pairs cannot travel. */
const wellFormed = (text: string): string => Buffer.from(text).toString();
const often = (arbitrary: fc.Arbitrary<string>) => ({ weight: 6, arbitrary });

export class ContractRequests {
  readonly #world: World;
  readonly #values: SchemaValues;

  constructor({ document, world }: { document: Document; world: World }) {
    this.#world = world;
    this.#values = new SchemaValues({ resolve: referenced(document), known: (name) => world.values[name] ?? [] });
  }

  of(operation: Operation): fc.Arbitrary<ContractRequest> {
    return fc
      .tuple(this.#paths(operation), this.#queries(operation), this.#headers(operation), this.#bodies(operation))
      .map(([path, query, headers, sent]) => ({
        method: operation.method,
        url: query === "" ? path : `${path}?${query}`,
        headers: { ...headers, ...(sent?.type === undefined ? {} : { "content-type": sent.type }) },
        ...(sent === null ? {} : { body: sent.body }),
      }));
  }

  #paths({ path, parameters }: Operation): fc.Arbitrary<string> {
    const names = [...path.matchAll(/([^/]*)\/\{(\w+)\}/g)];
    return fc
      .record(Object.fromEntries(names.map(([, before, name]) => [name, this.#inPath(before, parameters, name)])))
      .map((given) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(given[name])));
  }

  #inPath(before: string, parameters: readonly Parameter[], name: string): fc.Arbitrary<string> {
    const known = this.#world.paths[name] ?? this.#world.paths[before] ?? [];
    const schema = parameters.find((each) => each.in === "path" && each.name === name)?.schema ?? {};
    // An empty part, or dots alone, lead to another route.
    const others = fc
      .oneof(this.#values.of(schema).map(textOf), fc.constantFrom(...strangeIds), fc.string({ unit: "grapheme" }))
      .filter((text) => !/^\.{0,2}$/.test(text) && wellFormed(text) === text);
    if (known.length === 0) return others;
    // The first is what most is known of.
    const good = fc.oneof(fc.constant(known[0]), fc.constantFrom(...known));
    return fc.oneof(often(good), { weight: 1, arbitrary: others });
  }

  #queries({ parameters }: Operation): fc.Arbitrary<string> {
    const asked = parameters.filter((each) => each.in === "query");
    const given = asked.map(({ name, schema, required }) => {
      const values = this.#values.ofProperty(name, schema);
      const either = fc.oneof(often(values.map(textOf)), { weight: 1, arbitrary: bent(values).map(textOf) });
      const pair = either.map((text) => [name.replace("*", "key"), text] as const);
      return required === true ? pair : fc.option(pair, { freq: 1 });
    });
    const strange = fc.constantFrom(["nonesuch", "1"] as const, ["limit", "-1"] as const, ["", ""] as const);
    const extra = fc.oneof({ weight: 12, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: strange });
    return fc.tuple(...given, extra).map((pairs) =>
      pairs
        .filter((pair) => pair !== null)
        .map(([name, text]) => `${encodeURIComponent(name)}=${encodeURIComponent(wellFormed(text))}`)
        .join("&"),
    );
  }

  #headers({ parameters, responses }: Operation): fc.Arbitrary<Record<string, string>> {
    const types = Object.values(responses).flatMap(({ content = {} }) => Object.keys(content));
    const [first, ...others] = this.#world.keys.map((key) => `Bearer ${key}`);
    const wrong = [...others, "", "Bearer", "Basic YTpi", `Bearer fm_${"0".repeat(43)}`];
    const rare = (arbitrary: fc.Arbitrary<string>, freq: number) => fc.option(arbitrary, { freq, nil: undefined });
    const own = parameters.filter((each) => each.in === "header").map(({ name }) => name.toLowerCase());
    // Printable, as the headers of HTTP are.
    const text = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
    return fc
      .record({
        authorization: fc.oneof({ weight: 15, arbitrary: fc.constant(first) }, fc.constantFrom(...wrong)),
        accept: rare(fc.constantFrom(...types, "*/*", "text/html", "image/png", "nothing"), 2),
        ...Object.fromEntries(own.map((name) => [name, rare(fc.oneof(fc.nat().map(String), text), 1)])),
      })
      .map((given) =>
        Object.fromEntries(
          Object.entries(given).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
        ),
      );
  }

  #bodies({
    path,
    method,
    requestBody,
  }: Operation): fc.Arbitrary<{ type?: string; body: NonNullable<ContractRequest["body"]> } | null> {
    const unasked = fc.constantFrom({ type: "application/json", body: "{}" }, { type: "text/plain", body: "x" });
    if (!requestBody)
      // A GET with a body is nothing that fetch would send.
      return fc.oneof(
        { weight: 12, arbitrary: fc.constant(null) },
        { weight: method === "GET" ? 0 : 1, arbitrary: unasked },
      );
    const bodies = Object.entries(requestBody.content).map(([type, { schema, example }]) =>
      this.#content({ path, type, schema: example === undefined ? schema : { ...schema, examples: [example] } }).map(
        (body) =>
          // The type of a form carries its boundary.
          Array.isArray(body) ? { body } : { type, body },
      ),
    );
    return fc.oneof(
      // Pictures have many types, and what is in them hardly differs: every second body is of the first type.
      { weight: 20, arbitrary: fc.oneof({ weight: bodies.length, arbitrary: bodies[0] }, ...bodies) },
      { weight: 1, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: unasked },
    );
  }

  #content({
    path,
    type,
    schema,
  }: {
    path: string;
    type: string;
    schema: JsonSchema;
  }): fc.Arbitrary<string | Uint8Array | FormPart[]> {
    if (type === "multipart/form-data") {
      const known = this.#world.forms[path] ?? [];
      const others = this.#forms(schema);
      if (known.length === 0) return others;
      const good = fc.constantFrom(...known);
      return fc.oneof(
        { weight: 2, arbitrary: good },
        { weight: 3, arbitrary: fc.tuple(good, others).map(([own, more]) => [...own, ...more.slice(0, 1)]) },
        { weight: 1, arbitrary: fc.shuffledSubarray([...known[0]]) },
        { weight: 2, arbitrary: others },
      );
    }
    if (type !== "application/json") return this.#bytes(type);
    const values = this.#values.of(schema);
    return fc.oneof(
      { weight: 6, arbitrary: values.map((value) => JSON.stringify(value)) },
      { weight: 4, arbitrary: bent(values).map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: bentText(values) },
    );
  }

  #bytes(type: string): fc.Arbitrary<Uint8Array> {
    const known = this.#world.contents[type] ?? this.#world.contents[""];
    const good = fc.constantFrom(...known);
    return fc.oneof(
      { weight: 3, arbitrary: good },
      { weight: 1, arbitrary: fc.tuple(good, fc.nat()).map(([bytes, cut]) => bytes.subarray(0, cut % bytes.length)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    );
  }

  #forms({ properties = {}, required = [] }: JsonSchema): fc.Arbitrary<FormPart[]> {
    const files = this.#bytes(bytesType);
    const parts = Object.entries(properties).map(([name, schema]): fc.Arbitrary<FormPart | null> => {
      const values = this.#values.ofProperty(name, schema);
      const texts = fc.oneof(often(values.map(textOf)), { weight: 1, arbitrary: bent(values).map(textOf) });
      const content: fc.Arbitrary<string | Uint8Array> = schema.format === "binary" ? files : texts;
      const part = content.map((each): FormPart => [name, typeof each === "string" ? wellFormed(each) : each]);
      return required.includes(name)
        ? fc.option(part, { freq: 12 })
        : fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: part });
    });
    const strange = fc.tuple(fc.constantFrom("nonesuch", "file", "x"), files);
    return fc
      .tuple(fc.tuple(...parts), fc.option(strange, { freq: 2 }))
      .map(([all, extra]) => [...all, extra].filter((part) => part !== null));
  }
}
