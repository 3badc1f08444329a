/** Every sentence says what would be right and, where it may, what was found. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { jobRequest } from "../../schemas/job.ts";
import { network } from "../../schemas/network.ts";
import { queryInteger } from "../../schemas/query.ts";
import { parse } from "./parse.ts";

function detailsOf(schema: z.ZodType, value: unknown): Record<string, string> {
  const read = parse(schema, value);
  if (!("error" in read)) return {};
  return Object.fromEntries(read.error.errors.map(({ pointer, detail }) => [pointer, detail]));
}

describe("what is refused", () => {
  it("says how many characters or entries there are where there may be fewer or must be more", () => {
    const schema = z.strictObject({ name: z.string().max(5), rows: z.array(z.int()).min(2) });
    expect(detailsOf(schema, { name: "seven h", rows: [1] })).toEqual({
      "/name": "needs at most 5 characters, found 7",
      "/rows": "needs at least 2 entries, found 1",
    });
  });

  it("says what stands where a pattern is expected, unless that is a secret", () => {
    const digits = z.string().regex(/^\d+$/, "expected digits");
    expect(detailsOf(z.strictObject({ limit: queryInteger(1, 9) }), { limit: "ten" })).toEqual({
      "/limit": 'expected a whole number, found "ten"',
    });
    expect(detailsOf(z.strictObject({ secret: digits }), { secret: "hunter2" })).toEqual({
      "/secret": "expected digits, found something else",
    });
  });

  it("says once what was found where nothing of a union fits", () => {
    const { "/network": detail } = detailsOf(jobRequest, { dataset: "mnist", network: "lenet5" });
    expect(detail).toContain('"lenet-5"');
    expect(detail.match(/found/gu)).toHaveLength(1);
    expect(detail).toMatch(/, found "lenet5"$/u);
  });

  it("says where layers belong that came as a bare list, wherever a network stands", () => {
    const layers = [{ type: "dense", units: 10 }];
    const words = 'expected the layers in an object, {"layers": […]}, found a list';
    expect(detailsOf(jobRequest, { dataset: "mnist", network: layers })["/network"]).toContain(words);
    expect(detailsOf(network, layers)).toEqual({ "": words });
  });
});
