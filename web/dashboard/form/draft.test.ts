import { expect, test } from "vitest";
import { pointerOf, valueAt, withValue } from "./draft.ts";

test("a path as a pointer, its special letters escaped", () => {
  expect(pointerOf([])).toBe("");
  expect(pointerOf(["network", "layers", 0, "size"])).toBe("/network/layers/0/size");
  expect(pointerOf(["space", "/optimiser/learningRate", "a~b"])).toBe("/space/~1optimiser~1learningRate/a~0b");
});

test("a value inside values, or undefined wherever the way ends", () => {
  const root = { layers: [{ size: 3 }], none: null };
  expect(valueAt(root, ["layers", 0, "size"])).toBe(3);
  for (const path of [["layers", 1, "size"], ["none", "a"], ["layers", 0, "size", "a"], ["a"]])
    expect(valueAt(root, path)).toBeUndefined();
});

test("a value is put into a copy; the original stays", () => {
  const root = { layers: [{ size: 3 }, { size: 5 }] };
  expect(withValue(root, ["layers", 1, "size"], 7)).toEqual({ layers: [{ size: 3 }, { size: 7 }] });
  expect(withValue(undefined, ["optimiser", "momentum"], 0.9)).toEqual({ optimiser: { momentum: 0.9 } });
  expect(root).toEqual({ layers: [{ size: 3 }, { size: 5 }] });
});

test("what is taken away takes with it the objects that it leaves empty, and no others", () => {
  expect(withValue({ a: { b: { c: 1 } }, d: 1 }, ["a", "b", "c"], undefined)).toEqual({ d: 1 });
  expect(withValue({ a: { b: 1, c: 2 } }, ["a", "b"], undefined)).toEqual({ a: { c: 2 } });
  expect(withValue({ a: { list: [] } }, ["a", "b"], undefined)).toEqual({ a: { list: [] } });
});
