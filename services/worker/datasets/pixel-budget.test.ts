import { expect, test } from "vitest";
import { datasetLimits } from "../../shared/dataset-limits.ts";
import { PixelBudget } from "./pixel-budget.ts";

const limits = datasetLimits.parse({});
const spend = (count: number, picture: { pixels: number; bytes: number }): number => {
  const budget = new PixelBudget(limits);
  for (let number = 1; number <= count; number++) {
    try {
      budget.spend(picture);
    } catch (error) {
      expect((error as Error).message).toMatch(/MAX_DECODED_PIXELS \(4,000,000,000\)/);
      return number;
    }
  }
  return 0;
};

test("photographs are not counted up, however many there are", () =>
  expect(spend(100_000, { pixels: 12_000_000, bytes: 1_500_000 })).toBe(0));

test("pictures of one colour are refused before they have held up others for long", () => {
  expect(spend(5000, { pixels: 39_700_000, bytes: 360 })).toBe(102);
  expect(spend(100, { pixels: 39_700_000, bytes: 360 })).toBe(0);
});
