import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calibrate, topKAccuracy } from "./calibration.ts";

const classes = ["a", "b", "c"];
const of = (rows: number[][], labels: number[]) => ({
  probabilities: Float32Array.from(rows.flat()),
  labels: Int32Array.from(labels),
  classes,
});

describe("calibration", () => {
  it("holds what is right beside what was claimed, bin by bin", () => {
    const found = calibrate(
      of(
        [
          [0.75, 0.25, 0],
          [0.25, 0.75, 0],
          [0.5, 0.25, 0.25],
          [0, 0, 1],
        ],
        [0, 0, 0, 2],
      ),
    );
    const filled = found?.bins.filter(({ samples }) => samples > 0);
    expect(filled).toEqual([
      { from: 0.4, to: 0.5, samples: 1, accuracy: 1, confidence: 0.5 },
      { from: 0.7, to: 0.8, samples: 2, accuracy: 0.5, confidence: 0.75 },
      { from: 0.9, to: 1, samples: 1, accuracy: 1, confidence: 1 },
    ]);
    // (|1 − 0.5| + |1 − 1.5| + |1 − 1|) / 4
    expect(found?.expectedError).toBe(0.25);
  });
  it("is null without samples, or where an answer is no number", () => {
    expect(calibrate(of([], []))).toBeNull();
    expect(calibrate(of([[NaN, NaN, NaN]], [1]))).toBeNull();
  });
  it("has a bin for every sample, and an error between 0 and 1", () => {
    const row = fc
      .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
      .map((shares) => shares.map((share) => share / shares.reduce((sum, each) => sum + each, 0)));
    fc.assert(
      fc.property(fc.array(fc.tuple(row, fc.nat(2)), { minLength: 1, maxLength: 40 }), (samples) => {
        const found = calibrate(
          of(
            samples.map(([shares]) => shares),
            samples.map(([, label]) => label),
          ),
        );
        expect(found?.bins.reduce((sum, bin) => sum + bin.samples, 0)).toBe(samples.length);
        expect(found?.expectedError).toBeGreaterThanOrEqual(0);
        expect(found?.expectedError).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("top-k accuracy", () => {
  it("counts the class among the k most probable, the first of equals first", () => {
    const rows = [
      [0.5, 0.3, 0.2],
      [0.4, 0.4, 0.2],
      [0.2, 0.3, 0.5],
    ];
    expect(topKAccuracy(of(rows, [1, 1, 0]))).toEqual([
      { k: 1, accuracy: 0 },
      { k: 2, accuracy: 2 / 3 },
    ]);
    expect(topKAccuracy(of(rows, [0, 0, 2]))[0]).toEqual({ k: 1, accuracy: 1 });
  });
});
