import { expect, test } from "vitest";
import { heldOutOf } from "../schemas/validation.ts";
import { holdOut } from "./held-out.ts";

const labels = Int32Array.from({ length: 97 }, (_, index) => (index === 13 ? 3 : (index * index) % 3));
const countOf = (flags: Uint8Array, label: number, flag: number): number =>
  labels.reduce((sum, each, index) => sum + (each === label && flags[index] === flag ? 1 : 0), 0);
const held = (seed: number, fraction = 0.2): Uint8Array => holdOut({ labels, classes: 5, fraction, seed });

test.each([0.01, 0.2, 0.9])("a fraction of %f is held out of every class of two or more", (fraction) => {
  for (let label = 0; label < 5; label++) {
    const flags = held(7, fraction);
    const count = countOf(flags, label, 0) + countOf(flags, label, 1);
    expect(countOf(flags, label, 1)).toBe(heldOutOf(count, fraction));
    if (count > 1) expect(countOf(flags, label, 1)).toBeGreaterThan(0);
    if (count > 0) expect(countOf(flags, label, 0)).toBeGreaterThan(0);
  }
});

test("the seed decides which, for ever", () => {
  expect(held(7)).toEqual(held(7));
  expect(held(7)).not.toEqual(held(8));
  expect([...held(7).keys()].filter((index) => held(7)[index] === 1).join(" ")).toBe(
    "4 11 18 24 25 27 31 37 40 44 48 57 63 64 67 71 79 90 94 95",
  );
});
