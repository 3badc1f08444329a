/** Bends what was valid: JSON that is nearly what a schema asks for. */
import * as fc from "fast-check";
import { anyJson } from "./schema-values.ts";

const deepLevels = [40, 2000, 100_000];
const absurd = [-1, 0, 0.5, 1e308, -1e308, 2 ** 53, 2 ** 31, 5e-324, 65_537, "NaN", "1", true, null];
const strangeNames = ["nonesuch", "", "__proto__", "constructor", "a/b~c", "toString", "\u0000", "é".repeat(300)];

/** Where values stand in a JSON value, and their names. */
function places(value: unknown, at: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [[...at]];
  return [[...at], ...Object.entries(value).flatMap(([name, each]) => places(each, [...at, name]))];
}

/** A copy in which `change` made something else of what stands at a place; undefined takes it out. */
function changed(value: unknown, [first, ...rest]: readonly string[], change: (old: unknown) => unknown): unknown {
  if (first === undefined) return change(value);
  const inner = changed((value as Record<string, unknown>)[first], rest, change);
  if (Array.isArray(value))
    return inner === undefined
      ? value.filter((_, at) => String(at) !== first)
      : value.map((each: unknown, at) => (String(at) === first ? inner : each));
  const kept = Object.entries(value as object).filter(([name]) => name !== first);
  return Object.fromEntries(inner === undefined ? kept : [...kept, [first, inner]]);
}

const changes: fc.Arbitrary<(old: unknown) => unknown> = fc.oneof(
  anyJson.map((other) => () => other),
  fc.constantFrom(...absurd).map((number) => () => number),
  fc.constant(() => undefined),
  fc.integer({ min: 1, max: 200 }).map((times) => (old: unknown) => Array.from({ length: times }, () => old)),
  fc.string({ maxLength: 4000, minLength: 300 }).map((text) => () => text),
  fc.tuple(fc.constantFrom(...strangeNames), anyJson).map(([name, value]) => (old: unknown) => {
    const entries = typeof old === "object" && old !== null ? Object.entries(old) : [];
    return Object.fromEntries([...entries, [name, value]]);
  }),
);

/** One place of a value bent. Where it is nothing but text, take `bentText`. */
export const bent = (values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.tuple(values, fc.nat(), changes).map(([value, pick, change]) => {
    const all = places(value);
    return changed(value, all[pick % all.length], change) ?? null;
  });

/** The JSON of a value, or what is nearly JSON. */
export const bentText = (values: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  fc.oneof(
    fc.tuple(values, fc.nat()).map(([value, cut]) => {
      const text = JSON.stringify(value);
      return text.slice(0, cut % (text.length + 1));
    }),
    fc.constantFrom(...deepLevels).map((levels) => "[".repeat(levels) + "]".repeat(levels)),
    fc.constantFrom(...deepLevels).map((levels) => `{"network":${'{"layers":['.repeat(levels)}`),
    values.map((value) => JSON.stringify(value).replace(/\d+/, "1e999")),
    values.map((value) => `\uFEFF${JSON.stringify(value)}`),
    values.map((value) => JSON.stringify(value).replace("{", '{"a":1,"a":2,')),
    fc.string({ unit: "binary" }),
  );
