import { describe, expect, it } from "vitest";
import type { MetricRow } from "../../../schemas/metrics.ts";
import { thin } from "./thinning.ts";

const row = (step: number, loss: number | null, validationAccuracy: number | null = null): MetricRow => ({
  step,
  epoch: 1,
  at: "2026-01-01T00:00:00.000Z",
  learningRate: 0.1,
  loss,
  accuracy: null,
  validationLoss: null,
  validationAccuracy,
  split: validationAccuracy === null ? null : "validation",
  samplesPerSecond: null,
  gradientNorm: null,
});
const curve = Array.from({ length: 1000 }, (_, index) =>
  row(index + 1, index === 437 ? 99 : index === 612 ? -5 : Math.sin(index / 9), index === 333 ? 0.9 : 0.5),
);

describe("thin", () => {
  it("gives all rows where they are few", () =>
    expect(thin(curve.slice(0, 7), 7)).toEqual({ rows: curve.slice(0, 7), sampled: false }));
  it.each([5, 20, 100])("keeps first, last, best and extremes within %i rows", (most) => {
    const { rows, sampled } = thin(curve, most);
    expect(sampled).toBe(true);
    expect(rows.length).toBeLessThanOrEqual(most);
    expect(rows.map(({ step }) => step)).toEqual(
      expect.arrayContaining(most < 6 ? [1, 438, 613, 1000] : [1, 334, 438, 613, 1000]),
    );
    expect(rows.map(({ step }) => step)).toEqual(rows.map(({ step }) => step).sort((left, right) => left - right));
  });
  it("keeps the best within three rows", () =>
    expect(thin(curve, 3).rows.map(({ step }) => step)).toEqual([1, 334, 1000]));
  it("spreads over the whole curve", () => {
    const steps = thin(curve, 100).rows.map(({ step }) => step);
    expect(Math.max(...steps.slice(1).map((step, index) => step - (steps[index] ?? 0)))).toBeLessThan(60);
  });
  it("stands rows without numbers", () =>
    expect(
      thin(
        Array.from({ length: 9 }, (_, index) => row(index + 1, null)),
        4,
      ).rows.length,
    ).toBeGreaterThanOrEqual(2));
});
