/**
 * Every kernel of every implementation that was built, over the cases' grid: near the oracle in float64, and assembly
 * and native bit for bit the same in reproducible numerics. Walks the contract by itself: a kernel without cases fails.
 */
import { describe, expect, test } from "vitest";
import { activationCodes, gateSquared, kernelNames, lossCodes, reduceCodes } from "../../engine/kernels/kernels.ts";
import { referenceBench, runCase, workbenches } from "./bench.ts";
import { cases, ownArrays } from "./cases.ts";
import type { KernelCase } from "./cases.ts";

const oracle = referenceBench(8);
const single = referenceBench(4);
const built = workbenches();
const isStrict = (name: string): boolean => !name.endsWith("-fast") && !name.endsWith("-relaxed");
const strict = built.filter(({ name }) => isStrict(name));
const judged = ({ arrays }: KernelCase): string[] => Object.keys(arrays).filter((name) => !ownArrays.has(name));
const cached = new Map(kernelNames.map((kernel) => [kernel, cases[kernel]?.() ?? []]));

/**
 * Worst difference over the largest value of the array (at least 0.1: a sum that cancels keeps the roundings of its
 * terms, which are around 1).
 */
function distance(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let worst = 0;
  let scale = 0.1;
  for (let n = 0; n < wanted.length; n++) {
    scale = Math.max(scale, Math.abs(wanted[n]));
    const difference = Math.abs(found[n] - wanted[n]);
    worst = Math.max(worst, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return worst / scale;
}

/**
 * The first place where bits differ, or -1. Every NaN is the same, and so are the two zeros: a sensitivity of −0 (a
 * zero times a gate that rounding made negative) ends in sums that begin with +0.
 */
function firstDifference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  for (let n = 0; n < one.length; n++) if (!Object.is(one[n] + 0, other[n] + 0)) return n;
  return -1;
}

test("assembly was built, and whatever else stands beside it", () => {
  expect(built.map(({ name }) => name)).toContain("assembly");
});

describe.each(kernelNames)("%s", (kernel) => {
  const grid = cached.get(kernel)!;

  test("has cases", () => {
    expect(grid.length).toBeGreaterThan(2);
  });

  const answers = new Map<KernelCase, ReturnType<typeof runCase>>();
  const answerOf = (one: KernelCase): ReturnType<typeof runCase> => {
    const answer = answers.get(one) ?? runCase(oracle, kernel, one);
    answers.set(one, answer);
    return answer;
  };

  test.each([single, ...built])("$name is near the oracle", (bench) => {
    for (const one of grid) {
      const wanted = answerOf(one);
      const found = runCase(bench, kernel, one);
      for (const name of judged(one))
        expect(distance(found[name], wanted[name]), `${name} of ${kernel} ${JSON.stringify(one.numbers)}`).toBeLessThan(
          1e-5,
        );
    }
  });

  test.skipIf(strict.length < 2)("assembly and native give the same bits", () => {
    for (const one of grid) {
      const [first, ...others] = strict.map((bench) => ({ name: bench.name, found: runCase(bench, kernel, one) }));
      for (const other of others)
        for (const name of judged(one))
          expect(
            firstDifference(other.found[name], first.found[name]),
            `${name} of ${kernel} ${JSON.stringify(one.numbers)}: ${other.name} beside ${first.name}`,
          ).toBe(-1);
    }
  });
});

describe.each([single, ...built])("$name lets a NaN through", (bench) => {
  const one = (lanes: number, value: number): { type: "real"; values: number[] } => ({
    type: "real",
    values: new Array<number>(lanes).fill(value),
  });
  const isNan = (view: ArrayLike<number>): boolean[] => Array.from(view, (value) => Number.isNaN(value));

  test.each(
    Object.entries(activationCodes).flatMap(([name, activation]) =>
      [1, 8].map((lanes) => ({ name, activation, lanes })),
    ),
  )("$name, lanes $lanes: every activation and gate", ({ activation, lanes }) => {
    const forward = {
      arrays: { input: one(lanes, Number.NaN), weights: one(1, 1), bias: one(1, 0), output: one(lanes, 0) },
      numbers: { inputs: 1, units: 1, activation, lanes },
    };
    expect(isNan(runCase(bench, "denseForward", forward).output)).toEqual(new Array(lanes).fill(true));
    for (const gate of [activation, activation + gateSquared]) {
      const backward = {
        arrays: { delta: one(lanes, Number.NaN), weights: one(1, 1), input: one(lanes, 0.5), output: one(lanes, 0) },
        numbers: { inputs: 1, units: 1, gate, lanes },
      };
      expect(isNan(runCase(bench, "denseBackward", backward).output)).toEqual(new Array(lanes).fill(true));
    }
  });

  test.each([0, 1, 2, 3])("a maximum, the NaN at pixel %d of its block", (place) => {
    for (const lanes of [1, 8]) {
      const input = one(4 * lanes, 0.25);
      for (let lane = 0; lane < lanes; lane++) input.values[place * lanes + lane] = Number.NaN;
      const call = {
        arrays: { input, beta: one(1, 1), bias: one(1, 0), output: one(lanes, 0), down: one(lanes, 0) },
        numbers: {
          maps: 1,
          rows: 2,
          columns: 2,
          blockRows: 2,
          blockColumns: 2,
          reduce: reduceCodes.max,
          activation: activationCodes.relu,
          lanes,
        },
      };
      expect(isNan(runCase(bench, "subsamplingForward", call).output)).toEqual(new Array(lanes).fill(true));
    }
  });

  test.each([0, 2])("softmax, the NaN at unit %d", (place) => {
    const input = one(3, 1);
    input.values[place] = Number.NaN;
    expect(
      isNan(
        runCase(bench, "softmax", { arrays: { input, output: one(3, 0) }, numbers: { units: 3, lanes: 1 } }).output,
      ),
    ).toEqual([true, true, true]);
  });

  test.each([0, 2])(
    "the curvature of a softmax with squared error, the NaN at unit %d of the last lane, and of that lane alone",
    (place) => {
      for (const lanes of [1, 8]) {
        const output = one(3 * lanes, 1 / 3);
        output.values[place * lanes + lanes - 1] = Number.NaN;
        const count: KernelCase["arrays"][string] = { type: "int", values: [lanes, ...new Array<number>(31).fill(0)] };
        const call = {
          arrays: { output, delta: one(3 * lanes, 5), header: count },
          numbers: { kind: lossCodes["squared-error"], softmax: 1, activation: 0, units: 3, lanes },
        };
        expect(isNan(runCase(bench, "lossCurvature", call).delta)).toEqual(
          Array.from({ length: 3 * lanes }, (_, n) => n % lanes === lanes - 1),
        );
      }
    },
  );

  test("saturated activations stay finite and infinities do not become NaN", () => {
    for (const [activation, low, high] of [
      [activationCodes.sigmoid, 0, 1],
      [activationCodes.tanh, -1, 1],
    ] as const)
      for (const [u, wanted] of [
        [-1e4, low],
        [1e4, high],
        [Number.NEGATIVE_INFINITY, low],
        [Number.POSITIVE_INFINITY, high],
      ] as const) {
        const call = {
          arrays: { input: one(8, 0), weights: one(0, 1), bias: one(1, u), output: one(8, 5) },
          numbers: { inputs: 0, units: 1, activation, lanes: 8 },
        };
        for (const value of Array.from(runCase(bench, "denseForward", call).output))
          expect(value).toBeCloseTo(wanted, 6);
      }
  });
});
