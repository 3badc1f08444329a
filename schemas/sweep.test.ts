import { describe, expect, it } from "vitest";
import { z } from "zod";
import { jobRequest } from "./job.ts";
import * as words from "./sweep.ts";

const { completeSweepRequest, sweepBase, sweepRequest } = words;

const minimal = { base: { dataset: "pets", network: "lenet-5" }, space: { "/batchSize": { choices: [32, 64] } } };

/** Every sentence, with the pointer it belongs to. */
function refusals(body: unknown): string[] {
  const { error } = sweepRequest.safeParse(body);
  interface Issue {
    path: PropertyKey[];
    message: string;
    errors?: Issue[][];
    issues?: Issue[];
  }
  const flat = (issues: readonly Issue[], at: string): string[] =>
    issues.flatMap((issue) => {
      const here = at + issue.path.map((each) => `/${String(each)}`).join("");
      const inner = issue.issues === undefined ? (issue.errors ?? []) : [issue.issues];
      return inner.length > 0 ? inner.flatMap((branch) => flat(branch, here)) : [`${here}: ${issue.message}`];
    });
  return error === undefined ? [] : flat(error.issues, "");
}

const withSpace = (pointer: string, dimension: unknown): unknown => ({ ...minimal, space: { [pointer]: dimension } });

describe("a request for a sweep", () => {
  it("is short where little is said", () => {
    expect(sweepRequest.parse(minimal)).toEqual({
      ...minimal,
      name: null,
      objective: { metric: "accuracy", split: "validation" },
      seed: 1,
      parallel: 4,
      stopWhen: { maxSeconds: null, accuracy: null },
      priority: 0,
      metadata: {},
    });
  });

  it("reads back as itself when it is complete", () => {
    const complete = completeSweepRequest.parse({ ...minimal, search: { kind: "halving", trials: 27 } });
    expect(complete.search).toEqual({ kind: "halving", trials: 27, reduction: 3, firstEpochs: 1 });
    expect(completeSweepRequest.parse(complete)).toEqual(complete);
  });

  it("takes a folder of pictures and a budget", () => {
    const body = { base: { dataset: "pets" }, space: "auto", stopWhen: { maxSeconds: 600 } };
    expect(sweepRequest.parse(body)).toMatchObject(body);
  });

  it.each([
    ["/x", { log: [0, 1] }, "/space//x/log/0: must be greater than 0, found 0"],
    [
      "/x",
      { log: [1, 0.1] },
      "/space//x/log: the lower bound stands first and the upper one is larger, found [1, 0.1]",
    ],
    ["/x", { uniform: [2, 2] }, "/space//x/uniform: the lower bound stands first"],
    ["/x", { integers: [9, 3] }, "/space//x/integers: the lower bound stands first"],
    ["/x", { integers: [0.5, 3] }, "/space//x/integers/0: "],
    ["/x", { choices: [] }, "/space//x/choices: an empty choice leaves nothing to choose"],
    ["/x", { choices: [1, 2, 1] }, "/space//x/choices: a value is named twice"],
    ["/x", {}, "/space//x: expected exactly one of"],
    ["/x", { log: [1, 2], choices: [1] }, "/space//x: expected exactly one of"],
    ["/x", { logg: [1, 2] }, "/space//x: "],
    ["x", { choices: [1] }, "/space/x: expected a JSON pointer into the job request"],
    ["", { choices: [1] }, "/space/: expected a JSON pointer into the job request"],
    ["/a~2", { choices: [1] }, "/space//a~2: expected a JSON pointer into the job request"],
  ])("refuses %s as %j", (pointer, dimension, sentence) => {
    expect(refusals(withSpace(pointer, dimension)).some((each) => each.startsWith(sentence))).toBe(true);
  });

  it("refuses pointers of which one lies inside another, none, and too many", () => {
    const choices = { choices: [1, 2] };
    expect(refusals({ ...minimal, space: { "/optimiser/momentum": choices, "/optimiser": choices } })).toContain(
      "/space//optimiser/momentum: /optimiser/momentum lies inside /optimiser, which is searched as a whole; keep one of the two",
    );
    expect(refusals({ ...minimal, space: { "/a": choices, "/ab": choices, "/a-": choices } })).toEqual([]);
    expect(refusals({ ...minimal, space: {} }).join()).toContain("needs 1 to 32 pointers, found 0");
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`/p${index}`, choices]));
    expect(refusals({ ...minimal, space: many }).join()).toContain("found 33");
  });

  it("bounds the trials", () => {
    for (const kind of ["random", "halving", "asha"])
      expect(refusals({ ...minimal, search: { kind, trials: 1e9 } })).toEqual([
        "/search/trials: a sweep holds at most 10000 trials, found 1000000000",
      ]);
  });

  it("refuses unknown fields, in the base, too", () => {
    expect(refusals({ ...minimal, paralel: 2 })).toHaveLength(1);
    expect(refusals({ ...minimal, base: { ...minimal.base, epoch: 3 } })[0]).toContain("/base: ");
    expect(refusals({ ...minimal, search: { kind: "grid", trials: 3 } })).toHaveLength(1);
    expect(refusals({ ...minimal, objective: { split: "train" } })).toHaveLength(1);
  });
});

describe("the base", () => {
  it("checks every field of a job request and adds none that is absent", () => {
    expect(sweepBase.parse({ dataset: "pets" })).toEqual({ dataset: "pets" });
    expect(sweepBase.safeParse({}).success).toBe(false);
    for (const [field, schema] of Object.entries(jobRequest.shape)) {
      if (schema.safeParse(Symbol.iterator).success) continue;
      expect(sweepBase.safeParse({ dataset: "pets", [field]: Symbol.iterator }).success, field).toBe(false);
    }
    const whole = jobRequest.parse({ dataset: "pets", network: "lenet-5" });
    expect(sweepBase.parse(whole)).toEqual(whole);
  });
});

describe("every word", () => {
  const schemas = Object.entries<unknown>(words).filter(
    (entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType,
  );
  it.each(schemas)("%s can be shown in the OpenAPI document", (_name, schema) => {
    expect(Object.keys(z.toJSONSchema(schema, { io: "input" })).length).toBeGreaterThan(0);
  });
  it("of the base is shown as a job request, of which the dataset alone is needed", () => {
    const { properties, required } = z.toJSONSchema(sweepBase, { io: "input" });
    expect(Object.keys(properties ?? {})).toEqual(Object.keys(jobRequest.shape));
    expect(required).toEqual(["dataset"]);
  });
});
