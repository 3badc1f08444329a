import fc from "fast-check";
import { expect, it } from "vitest";
import { overlap, pointerTo, put, tokensOf, whyNothing } from "./pointer.ts";

it("escapes as RFC 6901 does, and back", () => {
  expect(pointerTo("a/b", "m~n", "", "0")).toBe("/a~1b/m~0n//0");
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (tokens) => {
      expect(tokensOf(pointerTo(...tokens))).toEqual(tokens);
    }),
  );
});

it("puts a value where the pointer leads and leaves everything else as it was, the given data too", () => {
  const root = { layers: [{ maps: 1, size: 5 }, { units: 10 }], loss: "x" };
  const before = structuredClone(root);
  const found = put(root, "/layers/0/maps", { deep: 7 }) as typeof root;
  expect(found).toEqual({ layers: [{ maps: { deep: 7 }, size: 5 }, { units: 10 }], loss: "x" });
  expect(Array.isArray(found.layers)).toBe(true);
  expect(root).toEqual(before);
  expect(put(root, "/loss", null)).toEqual({ ...before, loss: null });
});

it("tells how far a pointer leads", () => {
  const root = { "a/b": [1, { c: null }] };
  expect(whyNothing(root, "/a~1b/1/c")).toBeNull();
  expect(whyNothing(root, "/a~1b/2")).toContain("/a~1b is a list of 2, counted from 0");
  expect(whyNothing(root, "/a~1b/1/c/d")).toContain("/a~1b/1/c is null");
  expect(whyNothing(root, "/a~1b/length")).not.toBeNull();
  expect(whyNothing(root, "/constructor")).toContain("the job request has a/b");
});

it("sees when one place lies in another", () => {
  expect(overlap("/a", "/a")).toBe(true);
  expect(overlap("/a", "/a/b")).toBe(true);
  expect(overlap("/a/b", "/a")).toBe(true);
  expect(overlap("/a", "/ab")).toBe(false);
});
