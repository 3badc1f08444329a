import { expect, test } from "vitest";
import { fitNormalisation } from "./normalisation.ts";

const statistics = { mean: [33, 40], std: [78, 0], minimum: -2, maximum: 6 };

test("standardise takes the training split's constants; a channel without variation divides by one", () =>
  expect(fitNormalisation("standardise", "uint8", statistics)).toEqual({
    kind: "standardise",
    mean: [33, 40],
    std: [78, 1],
  }));
test("unit divides bytes by 255, and float32 by the training split's range", () => {
  expect(fitNormalisation("unit", "uint8", statistics)).toEqual({ kind: "unit", mean: [0, 0], std: [255, 255] });
  expect(fitNormalisation("unit", "float32", statistics)).toEqual({ kind: "unit", mean: [-2, -2], std: [8, 8] });
});
test("none leaves numbers as they are", () =>
  expect(fitNormalisation("none", "float32", statistics)).toEqual({ kind: "none", mean: [0, 0], std: [1, 1] }));
