import { expect, test } from "vitest";
import { ago, bytes, counted, duration, figure, mark, nameOf, percent, percentMark, shapeOf, short } from "./format.ts";

/** Those cases of which something else is said. */
const wrong = <Given>(say: (given: Given) => string, cases: readonly (readonly [Given, string])[]): unknown[] =>
  cases.flatMap(([given, wanted]) => (say(given) === wanted ? [] : [{ given, wanted, said: say(given) }]));

test("shares have more places near the ends, and say so where one of ten thousand is wrong", () =>
  expect(
    wrong(percent, [
      [0, "0 %"],
      [1, "100 %"],
      [0.5, "50.0 %"],
      [0.987, "98.7 %"],
      [0.9899, "98.99 %"],
      [0.9999, "99.99 %"],
      [0.9998999, "99.99 %"],
      [0.99999, "99.999 %"],
      [0.0001, "0.01 %"],
      [0.000001, "0.0001 %"],
      [null, "–"],
      [Number.NaN, "–"],
    ]),
  ).toEqual([]));

test("figures have three digits that mean something", () =>
  expect(
    wrong(figure, [
      [0, "0"],
      [0.031_249, "0.0312"],
      [1.25e-7, "1.25e-7"],
      [61_706, "61,706"],
      [2.345_67e8, "2.35e+8"],
      [-0.5, "-0.5"],
      [null, "–"],
      [Number.POSITIVE_INFINITY, "–"],
    ]),
  ).toEqual([]));

test("beside an axis numbers are short", () => {
  expect(
    wrong(mark, [
      [0, "0"],
      [0.25, "0.25"],
      [1500, "1,500"],
      [4.84e28, "4.8e28"],
      [0.0001, "1e-4"],
    ]),
  ).toEqual([]);
  expect(
    wrong(percentMark, [
      [0.4, "40 %"],
      [0.975, "97.5 %"],
    ]),
  ).toEqual([]);
});

test("sizes go by thousands", () => {
  expect(
    wrong(short, [
      [999, "999"],
      [1000, "1 k"],
      [1_234_567, "1.23 M"],
      [5e15, "5000 T"],
    ]),
  ).toEqual([]);
  expect(
    wrong(bytes, [
      [12, "12 B"],
      [1_500_000, "1.5 MB"],
    ]),
  ).toEqual([]);
});

test("times are said in two units at most", () =>
  expect(
    wrong(duration, [
      [0.41, "0.4 s"],
      [12.4, "12 s"],
      [59.7, "1 min"],
      [200, "3 min 20 s"],
      [7500, "2 h 5 min"],
      [3600, "1 h"],
      [273_600, "3 d 4 h"],
      [null, "–"],
    ]),
  ).toEqual([]));

test("how long ago, from now to a date", () => {
  const now = Date.parse("2026-03-31T12:00:00Z");
  const before = (seconds: number): string => ago(new Date(now - seconds * 1000).toISOString(), now);
  expect([-5, 3, 42, 200, 7500, 90_000].map(before)).toEqual([
    "just now",
    "just now",
    "42 s ago",
    "3 min ago",
    "2 h ago",
    "1 d ago",
  ]);
  expect(before(86_400 * 40)).toBe("2026-02-19");
});

test("names, shapes and counts", () => {
  expect([counted(1, "job"), counted(3, "job"), counted(0, "class", "classes")]).toEqual([
    "1 job",
    "3 jobs",
    "0 classes",
  ]);
  expect(shapeOf({ channels: 3, height: 7, width: 5 })).toBe("3×7×5");
  expect(nameOf({ name: null, id: "job_01ARZ3NDEKTSV4RRFFQ69G5FAV" })).toBe("job_…9G5FAV");
  expect(nameOf({ name: "strokes", id: "job_1" })).toBe("strokes");
});
