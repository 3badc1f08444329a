/** The interface explains itself: every field and parameter says what it is, and every example is one that works. */
import { beforeAll, describe, expect, it } from "vitest";
import { interfaceDocument, type Document, type Node } from "./interface.ts";

let document: Document;
beforeAll(async () => {
  document = await interfaceDocument();
});

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** Every node of the document, with where it stands. */
function* nodes(value: unknown, at = ""): Generator<[at: string, node: Node]> {
  if (Array.isArray(value)) for (const [index, each] of value.entries()) yield* nodes(each, `${at}/${index}`);
  if (!isNode(value)) return;
  yield [at, value];
  for (const [name, each] of Object.entries(value)) yield* nodes(each, `${at}/${name}`);
}

/** A field's own words, or those of the component that it is. */
function describes(field: Node): string {
  if (typeof field.description === "string") return field.description;
  const name = typeof field.$ref === "string" ? /[^/]+$/.exec(field.$ref)?.[0] : undefined;
  return name === undefined ? "" : describes(document.components.schemas[name]);
}

/** Every property of every schema, and every parameter. */
function fields(): [at: string, field: Node][] {
  return [...nodes(document)].flatMap(([at, node]): [string, Node][] => [
    ...(at.endsWith("/example") || !isNode(node.properties)
      ? []
      : Object.entries(node.properties as Record<string, Node>).map(([name, field]): [string, Node] => [
          `${at}/${name}`,
          field,
        ])),
    ...(Array.isArray(node.parameters)
      ? (node.parameters as Node[]).map((field): [string, Node] => [`${at}/${String(field.name)}`, field])
      : []),
  ]);
}

const mayBeNull = (field: Node): boolean =>
  [field, ...((field.anyOf ?? field.oneOf ?? []) as Node[])].some(({ type }) => [type].flat().includes("null"));

describe("every field and parameter", () => {
  it("says what it is", () => {
    const silent = fields().filter(([, field]) => describes(field).trim().length < 3);
    expect(silent.map(([at]) => at)).toEqual([]);
  });
  it("that may be null says when it is", () => {
    const silent = fields().filter(([, field]) => mayBeNull(field) && !/\bnull\b/.test(describes(field)));
    expect(silent.map(([at]) => at)).toEqual([]);
  });
});
