/** The interface explains itself: every field and parameter says what it is, and every example is one that works. */
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { completeRequest, contradictions, withPreset } from "../../schemas/complete.ts";
import { jobRequest } from "../../schemas/job.ts";
import { networkShape } from "../../schemas/network-shape.ts";
import { validationProblems } from "../../schemas/validation.ts";
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

/** Of a schema its own; of a body, where the document has moved them beside its schema, one or several by name. */
function examplesOf({ example, examples: own, schema }: Node): [example: unknown, schema: Node | null][] {
  if (Array.isArray(own)) return own.map((each) => [each, null]);
  if (!isNode(schema)) return [];
  const several = isNode(own) ? Object.values(own as Record<string, { value: unknown }>).map(({ value }) => value) : [];
  return [...several, ...(example === undefined ? [] : [example])].map((each) => [each, schema]);
}

/** Every example with the schema that it stands in. */
const examples = (): [at: string, example: unknown, schema: Node][] =>
  [...nodes(document)].flatMap(([at, node]) =>
    examplesOf(node).map(([each, schema]): [string, unknown, Node] => [at, each, schema ?? node]),
  );

/** What is wrong with a value by a schema of the document. */
function complaints(value: unknown, schema: Node): string[] {
  const whole = { ...schema, $defs: document.components.schemas };
  const local = JSON.parse(JSON.stringify(whole).replaceAll("#/components/schemas/", "#/$defs/")) as Node;
  const read = z.fromJSONSchema(local).safeParse(value);
  return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join("/")}: ${message}`);
}

/** MNIST, as far as a request can contradict it. */
const mnist = {
  shape: { channels: 1, height: 28, width: 28 },
  classes: 10,
  facts: {
    splits: { train: 60_000, validation: 0, test: 10_000 },
    trainingCounts: Array.from({ length: 10 }, () => 6000),
  },
};

describe("every example", () => {
  it("is one of the schema that it stands in", () => {
    expect(examples().length).toBeGreaterThan(40);
    expect(
      examples().flatMap(([at, example, schema]) => complaints(example, schema).map((fault) => `${at}: ${fault}`)),
    ).toEqual([]);
  });
  it("of a body is there wherever JSON is sent", () => {
    const bodies = [...nodes(document.paths)].flatMap(([at, { requestBody }]) => {
      const json = (requestBody as { content?: Record<string, Node> } | undefined)?.content?.["application/json"];
      return json === undefined ? [] : [[at, json] as const];
    });
    expect(bodies.length).toBeGreaterThan(5);
    const without = bodies.filter(([, body]) => {
      const name = /[^/]+$/.exec((body.schema as { $ref?: string }).$ref ?? "")?.[0];
      return examplesOf(name === undefined ? body : document.components.schemas[name]).length === 0;
    });
    expect(without.map(([at]) => at)).toEqual([]);
  });
  it("of a job can be trained on MNIST as it stands", () => {
    const jobs = document.components.schemas.JobRequestInput.examples as { dataset: string }[];
    expect(jobs.map(({ dataset }) => dataset)).toEqual(jobs.map(() => "mnist"));
    for (const example of jobs) {
      const request = completeRequest(jobRequest.parse(withPreset(example)), mnist.classes);
      expect(contradictions(request)).toEqual([]);
      expect(networkShape(request.network.layers, mnist.shape, mnist.classes).problems).toEqual([]);
      expect(validationProblems(request, mnist.facts)).toEqual([]);
    }
  });
});
