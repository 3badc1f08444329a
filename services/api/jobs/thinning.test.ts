import { describe, expect, it } from "vitest";
import type { MetricRow } from "../../../schemas/metrics.ts";
import { Curve } from "./thinning.ts";

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
/** Thinned after it came in parts of an odd size. */
function thin(rows: readonly MetricRow[], most: number): Promise<{ rows: MetricRow[]; sampled: boolean }> {
  const curve = new Curve<MetricRow>();
  for (let at = 0; at < rows.length; at += 77) curve.add(rows.slice(at, at + 77));
  return curve.thinned(most);
}
const curve = Array.from({ length: 1000 }, (_, index) =>
  row(index + 1, index === 437 ? 99 : index === 612 ? -5 : Math.sin(index / 9), index === 333 ? 0.9 : 0.5),
);

describe("thin", () => {
  it("gives all rows where they are few", () =>
    expect(thin(curve.slice(0, 7), 7)).resolves.toEqual({ rows: curve.slice(0, 7), sampled: false }));
  it.each([5, 20, 100])("keeps first, last, best and extremes within %i rows", async (most) => {
    const { rows, sampled } = await thin(curve, most);
    expect(sampled).toBe(true);
    expect(rows.length).toBeLessThanOrEqual(most);
    expect(rows.map(({ step }) => step)).toEqual(
      expect.arrayContaining(most < 6 ? [1, 438, 613, 1000] : [1, 334, 438, 613, 1000]),
    );
    expect(rows.map(({ step }) => step)).toEqual(rows.map(({ step }) => step).sort((left, right) => left - right));
  });
  it("keeps the best within three rows", async () =>
    expect((await thin(curve, 3)).rows.map(({ step }) => step)).toEqual([1, 334, 1000]));
  it("keeps the extremes of the loss in every stretch of a long curve, and they are those of all its rows", async () => {
    const [count, most] = [123_457, 2000];
    const long = Array.from({ length: count }, (_, index) =>
      row(index + 1, Math.sin(index * 1.7) * (1 + index / count)),
    );
    const { rows } = await thin(long, most);
    expect(rows.length).toBeLessThanOrEqual(most);
    const kept = new Set(rows.map(({ step }) => step));
    // First, last and best; least and largest of loss and learning rate, some of them the same: what is left is halved.
    const losses = long.map(({ loss }) => loss ?? Number.NaN);
    const ends = new Set([0, count - 1, losses.indexOf(Math.min(...losses)), losses.indexOf(Math.max(...losses))]);
    const stretches = Math.floor((most - ends.size) / 2);
    for (let stretch = 0; stretch < stretches; stretch++) {
      const from = Math.floor((stretch * count) / stretches);
      const part = losses.slice(from, Math.floor(((stretch + 1) * count) / stretches));
      for (const extreme of [Math.min(...part), Math.max(...part)])
        expect(kept.has(from + part.indexOf(extreme) + 1), `${extreme} of stretch ${stretch}`).toBe(true);
    }
  });
  it("spreads over the whole curve", async () => {
    const steps = (await thin(curve, 100)).rows.map(({ step }) => step);
    expect(Math.max(...steps.slice(1).map((step, index) => step - (steps[index] ?? 0)))).toBeLessThan(60);
  });
  it("stands rows without numbers", async () =>
    expect(
      (
        await thin(
          Array.from({ length: 9 }, (_, index) => row(index + 1, null)),
          4,
        )
      ).rows.length,
    ).toBeGreaterThanOrEqual(2));
});
