import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dimension } from "../schemas/sweep.ts";
import { axesOf, drawnParameters, gridParameters, gridSize } from "./space.ts";

const space = {
  "/optimiser/learningRate": { log: [0.001, 0.3] },
  "/batchSize": { choices: [32, 64, 128] },
  "/network/layers/0/maps": { integers: [4, 32] },
  "/optimiser/momentum": { uniform: [0.5, 0.99] },
} satisfies Record<string, Dimension>;

const draws = (dimension: Dimension, count: number, seed = 1): unknown[] => {
  const axes = axesOf({ "/x": dimension }, seed);
  return Array.from({ length: count }, (_, trial) => drawnParameters(axes, trial)["/x"]);
};
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("draws", () => {
  it("have these bits, on every machine", () => {
    expect([0, 1, 9999].map((trial) => drawnParameters(axesOf(space, 1), trial))).toMatchInlineSnapshot(`
      [
        {
          "/batchSize": 32,
          "/network/layers/0/maps": 17,
          "/optimiser/learningRate": 0.134354888794,
          "/optimiser/momentum": 0.757541458167,
        },
        {
          "/batchSize": 32,
          "/network/layers/0/maps": 9,
          "/optimiser/learningRate": 0.00694905735722,
          "/optimiser/momentum": 0.849313719729,
        },
        {
          "/batchSize": 128,
          "/network/layers/0/maps": 26,
          "/optimiser/learningRate": 0.202875212687,
          "/optimiser/momentum": 0.929941259651,
        },
      ]
    `);
  });

  it("depend on seed, trial and pointer alone: not on the other pointers, nor on their order", () => {
    const all = drawnParameters(axesOf(space, 7), 3);
    for (const [pointer, dimension] of Object.entries(space).reverse())
      expect(drawnParameters(axesOf({ [pointer]: dimension }, 7), 3)).toEqual({ [pointer]: all[pointer] });
    const turned = Object.fromEntries(Object.entries(space).reverse());
    expect(JSON.stringify(drawnParameters(axesOf(turned, 7), 3))).toBe(JSON.stringify(all));
    expect(drawnParameters(axesOf(space, 8), 3)).not.toEqual(all);
    const same = { uniform: [0, 1] } satisfies Dimension;
    const { "/a": a, "/b": b } = drawnParameters(axesOf({ "/a": same, "/b": same }, 7), 3);
    expect(a).not.toBe(b);
  });

  it("stay within their bounds", () => {
    const bounds = fc
      .tuple(fc.double({ min: 1e-100, max: 1e100 }), fc.double({ min: 1e-100, max: 1e100 }))
      .filter(([least, most]) => least < most);
    fc.assert(
      fc.property(bounds, fc.nat(), fc.nat({ max: 9999 }), ([least, most], seed, trial) => {
        for (const kind of ["log", "uniform"] as const) {
          const axes = axesOf({ "/x": { [kind]: [least, most] } }, seed);
          const value = drawnParameters(axes, trial)["/x"] as number;
          expect(value).toBeGreaterThanOrEqual(least);
          expect(value).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  it("fall evenly: factors of a log, values of a uniform, every integer, every choice", () => {
    const factors = draws({ log: [0.001, 1000] }, 4000).map((value) => Math.log10(value as number));
    expect(mean(factors)).toBeCloseTo(0, 0);
    expect(factors.filter((factor) => factor < -2).length / 4000).toBeCloseTo(1 / 6, 1);
    expect(mean(draws({ uniform: [-1, 3] }, 4000) as number[])).toBeCloseTo(1, 1);
    for (const dimension of [{ integers: [-1, 3] }, { choices: [null, "a", {}, [1], false] }] as Dimension[]) {
      const counts = new Map<string, number>();
      for (const value of draws(dimension, 5000))
        counts.set(JSON.stringify(value), (counts.get(JSON.stringify(value)) ?? 0) + 1);
      expect(counts.size).toBe(5);
      for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
    }
  });

  it("reach both ends of the widest range of integers without a bias for one half", () => {
    const values = draws({ integers: [-2_147_483_648, 2_147_483_647] }, 2000) as number[];
    expect(values.every(Number.isSafeInteger)).toBe(true);
    expect(values.filter((value) => value < 0).length).toBeGreaterThan(900);
    expect(values.filter((value) => value >= 0).length).toBeGreaterThan(900);
    // Three quarters of 2³²: a remainder alone would bring the first third twice as often.
    const uneven = draws({ integers: [-1_073_741_824, 2_147_483_647] }, 3000) as number[];
    expect(uneven.filter((value) => value < 0).length / 3000).toBeCloseTo(1 / 3, 1);
  });
});

describe("a grid", () => {
  const grid = (dimension: Dimension, points: number): unknown[] => {
    const axes = axesOf({ "/x": dimension }, 1);
    return Array.from({ length: gridSize(dimension, points) }, (_, trial) => gridParameters(axes, points, trial)["/x"]);
  };

  it("takes ranges at even steps with both ends, integers each once, and all choices", () => {
    expect(grid({ log: [0.001, 1] }, 4)).toEqual([0.001, 0.01, 0.1, 1]);
    expect(grid({ log: [0.001, 0.3] }, 2)).toEqual([0.001, 0.3]);
    expect(grid({ uniform: [0.5, 0.9] }, 5)).toEqual([0.5, 0.6, 0.7, 0.8, 0.9]);
    expect(grid({ integers: [4, 32] }, 3)).toEqual([4, 18, 32]);
    expect(grid({ integers: [1, 4] }, 3)).toEqual([1, 3, 4]);
    expect(grid({ integers: [4, 6] }, 10)).toEqual([4, 5, 6]);
    expect(grid({ choices: ["a", "b", "c", "d"] }, 2)).toEqual(["a", "b", "c", "d"]);
  });

  it("has each combination once", () => {
    const axes = axesOf(space, 1);
    const size = axes.reduce((product, { dimension }) => product * gridSize(dimension, 3), 1);
    expect(size).toBe(81);
    const all = Array.from({ length: size }, (_, trial) => JSON.stringify(gridParameters(axes, 3, trial)));
    expect(new Set(all).size).toBe(81);
  });
});
