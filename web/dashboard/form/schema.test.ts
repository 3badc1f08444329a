import { expect, test } from "vitest";
import { z } from "zod";
import { jobRequest } from "../../../schemas/job.ts";
import { resolved, spoken, variantsOf, type Schema } from "./schema.ts";

const all = {
  Size: { type: "integer", minimum: 1, maximum: 9, description: "the side" },
  Alias: { $ref: "#/components/schemas/Size" },
} as const;

test("a reference is followed, and what stands beside it counts more", () => {
  expect(resolved({ $ref: "#/components/schemas/Alias", description: "here" }, all)).toEqual({
    type: "integer",
    minimum: 1,
    maximum: 9,
    description: "here",
  });
  expect(resolved({ $ref: "#/components/schemas/None" }, all)).toEqual({});
});

test("each thing that a value may be is a choice that knows its own values", () => {
  const schema: Schema = {
    anyOf: [
      { enum: ["lenet-5", "auto"] },
      { type: "object", required: ["fraction"], properties: { fraction: { type: "number", maximum: 1 } } },
      { type: "object", required: ["kind"], properties: { kind: { const: "step" }, every: { type: "integer" } } },
      { type: "null" },
    ],
  };
  const variants = variantsOf(schema, all);
  expect(variants.map(({ label, initial }) => [label, initial])).toEqual([
    ["lenet-5", "lenet-5"],
    ["auto", "auto"],
    ["fraction", { fraction: 0.1 }],
    ["step", { kind: "step" }],
    ["none", null],
  ]);
  const chosen = (value: unknown): string | undefined => variants.find(({ matches }) => matches(value))?.label;
  expect([chosen("auto"), chosen({ fraction: 0.3 }), chosen({ kind: "step", every: 2 }), chosen(null)]).toEqual([
    "auto",
    "fraction",
    "step",
    "none",
  ]);
  expect([chosen("nothing"), chosen(3), chosen([]), chosen(undefined)]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("whatever a choice begins with, the request of a job takes it", () => {
  const root = z.toJSONSchema(jobRequest, { io: "input", unrepresentable: "any", reused: "inline" }) as Schema & {
    $defs?: Record<string, Schema>;
  };
  const fields = ["optimiser", "schedule", "loss", "sampling", "normalisation"] as const;
  const plain = { dataset: "strokes", network: { layers: [{ kind: "dense", units: 3, activation: "softmax" }] } };
  for (const name of fields)
    for (const { label, initial } of variantsOf(root.properties?.[name] ?? {}, root.$defs ?? {})) {
      const read = jobRequest.safeParse({ ...plain, [name]: initial });
      const wrong = read.success ? [] : read.error.issues.filter(({ path }) => path[0] === name);
      expect([name, label, wrong]).toEqual([name, label, []]);
    }
});

test("names as words", () =>
  expect([spoken("batchSize"), spoken("cross-entropy")]).toEqual(["batch size", "cross entropy"]));
