import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { root } from "../../tests/laws/tree.ts";
import { formatted } from "../formatted.ts";
import { experiments } from "./experiments.ts";
import { renderResults } from "./report.ts";
import type { SuiteRow } from "./suite/run.ts";
import type { SweepRow } from "./sweep.ts";
import { defaultCandidate, nameOf, summarise } from "./sweep-report.ts";
import { candidates, naiveNetworks } from "./naive-networks.ts";
import type { Outcome } from "./training.ts";

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const outcomes = JSON.parse(read("results.json")) as Outcome[];
const sweep = JSON.parse(read("results-defaults.json")) as SweepRow[];
const suite = JSON.parse(read("results-suite.json")) as SuiteRow[];

test("docs/RESULTS.md is what docs/results.json says", async () => {
  const text = renderResults({ outcomes, sweep, suite });
  expect(read("RESULTS.md")).toBe(await formatted({ root, file: "docs/RESULTS.md", text }));
});

test("every outcome belongs to an experiment as it stands", () => {
  for (const { name, seed, epochs } of outcomes) {
    const experiment = experiments.find((each) => each.name === name);
    expect([name, experiment?.request.epochs, experiment?.seeds]).toEqual([
      name,
      epochs,
      expect.arrayContaining([seed]),
    ]);
  }
});

/** The last error rates of the seeds of an experiment. */
const errors = (name: string): number[] =>
  outcomes.filter((each) => each.name === name).map(({ errorRates }) => errorRates.at(-1) ?? NaN);
const effective = (name: string): number => {
  const found = outcomes.find((each) => each.name === name)?.effectiveInputs ?? [];
  return found.reduce((sum, value) => sum + value, 0) / found.length;
};

test("the results are those that the papers and toolboxes reach", () => {
  expect(Math.max(...errors("toolbox"))).toBeLessThan(0.13);
  expect(Math.max(...errors("lenet-5"))).toBeLessThanOrEqual(0.0095);
  expect(Math.max(...errors("lenet-5-distorted"))).toBeLessThanOrEqual(0.008);
});

test("l1 changes nothing, entropy thins with its strength", () => {
  const digest = (name: string): string | undefined => outcomes.find((each) => each.name === name)?.weightsSha256;
  for (const { name } of experiments.filter(
    (each) => each.name.startsWith("combination-l1") && digest(each.name) !== undefined,
  ))
    expect(digest(name)).toBe(digest("combination-none"));
  const thinning = [
    "combination-none",
    "combination-entropy-0.01",
    "combination-entropy-0.03",
    "combination-entropy-0.1",
  ].map(effective);
  expect(thinning).toEqual(thinning.toSorted((a, b) => b - a));
  expect(thinning.at(-1)).toBeLessThan(2);
});

test("with the defaults no naive network diverges, and none stays at chance where another optimiser learns", () => {
  const chosen = summarise(sweep).find(({ candidate }) => candidate === nameOf(defaultCandidate()));
  expect(chosen).toMatchObject({ diverged: 0, stuck: [] });
  expect(chosen?.trainings).toBe(sweep.length / candidates.length);
  expect(new Set(sweep.map(({ network }) => network))).toEqual(new Set(naiveNetworks.map(({ title }) => title)));
});
