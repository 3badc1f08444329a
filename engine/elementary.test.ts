import { describe, expect, it } from "vitest";
import { cos, exp, expm1, log, pow, sin, tanh } from "./elementary.ts";

/** The worst relative error against `expected` over a grid, and where. */
function worst(options: {
  ours: (x: number) => number;
  expected: (x: number) => number;
  from: number;
  to: number;
  points: number;
}): { error: number; at: number } {
  let error = 0;
  let at = NaN;
  for (let point = 0; point <= options.points; point++) {
    const x = options.from + ((options.to - options.from) * point) / options.points;
    const right = options.expected(x);
    const found = options.ours(x);
    const off = right === found ? 0 : Math.abs(found - right) / Math.max(Math.abs(right), 1e-300);
    if (!(off <= error)) {
      error = off;
      at = x;
    }
  }
  return { error, at };
}
const points = 60_000;

describe("elementary functions against Math on dense grids", () => {
  const within = (name: string, options: Parameters<typeof worst>[0], tolerance = 1e-15): void => {
    it(`${name} from ${options.from} to ${options.to}`, () => {
      const { error, at } = worst(options);
      expect(error, `at ${at}`).toBeLessThanOrEqual(tolerance);
    });
  };
  for (const [from, to] of [
    [-1, 1],
    [-30, 30],
    [-700, 709],
  ] as const)
    within("exp", { ours: exp, expected: Math.exp, from, to, points });
  for (const [from, to] of [
    [-1e-3, 1e-3],
    [-1, 1],
    [-38, 38],
  ] as const)
    within("expm1", { ours: expm1, expected: Math.expm1, from, to, points });
  for (const [from, to] of [
    [0.5, 2],
    [0.9999, 1.0001],
    [1e-9, 1],
    [1, 1e9],
  ] as const)
    within("log", { ours: log, expected: Math.log, from, to, points });
  for (const [from, to] of [
    [-1e-4, 1e-4],
    [-1, 1],
    [-25, 25],
  ] as const)
    within("tanh", { ours: tanh, expected: Math.tanh, from, to, points });
  for (const [from, to] of [
    [-0.8, 0.8],
    [-7, 7],
    [-1000, 1000],
  ] as const) {
    within("sin", { ours: sin, expected: Math.sin, from, to, points });
    within("cos", { ours: cos, expected: Math.cos, from, to, points });
  }
  for (const y of [0.5, 3, 17, 1000, -2.5, 100_000]) {
    const reach = Math.min(3, Math.exp(690 / Math.abs(y)) * 0.999);
    within(
      `pow to the ${y}`,
      { ours: (x) => pow(x, y), expected: (x) => x ** y, from: 1 / reach, to: reach, points },
      3e-15,
    );
  }
  within(
    "beta to the step",
    {
      ours: (t) => pow(0.999, Math.round(t)),
      expected: (t) => 0.999 ** Math.round(t),
      from: 1,
      to: 60_000,
      points: 60_000,
    },
    3e-15,
  );
});

describe("elementary functions at the edges", () => {
  it("exp saturates and keeps subnormal results", () => {
    expect([exp(0), exp(-746), exp(710), exp(-Infinity), exp(Infinity), exp(NaN)]).toEqual([
      1,
      0,
      Infinity,
      0,
      Infinity,
      NaN,
    ]);
    expect(exp(-740)).toBeCloseTo(Math.exp(-740), 320);
    expect(exp(-740)).toBeGreaterThan(0);
    expect(exp(709.7)).toBeLessThan(Infinity);
  });
  it("log of powers of two, zero, negatives and subnormals", () => {
    expect([log(1), log(0), log(-1), log(Infinity), log(NaN)]).toEqual([0, -Infinity, NaN, Infinity, NaN]);
    expect(log(5e-324)).toBe(Math.log(5e-324));
    expect(log(1024) / log(2)).toBe(10);
  });
  it("tanh is odd, saturates, and passes NaN through", () => {
    expect(tanh(30)).toBe(1);
    expect(tanh(-30)).toBe(-1);
    expect(tanh(NaN)).toBe(NaN);
    expect(Object.is(tanh(-0), -0)).toBe(true);
    for (const x of [0.1, 0.7, 3.3]) expect(tanh(-x)).toBe(-tanh(x));
  });
  it("sin and cos of special angles, and refusal of huge ones", () => {
    expect([sin(0), cos(0), sin(Infinity), cos(NaN), sin(1e7)]).toEqual([0, 1, NaN, NaN, NaN]);
    expect(sin(Math.PI)).toBeCloseTo(1.2246467991473532e-16, 25);
    expect(cos(Math.PI)).toBe(-1);
  });
  it("pow at its corners", () => {
    expect([pow(0, 2), pow(0, -1), pow(5, 0), pow(-2, 2), pow(Infinity, 2), pow(2, 2000), pow(2, -2000)]).toEqual([
      0,
      Infinity,
      1,
      NaN,
      Infinity,
      Infinity,
      0,
    ]);
    expect(pow(10, 3)).toBe(1000);
    expect(pow(2, 100)).toBe(2 ** 100);
  });
});

describe("the same bits on every machine", () => {
  it("keeps the bits it had when this test was written", () => {
    const words = [exp(1.25), log(7.5), tanh(0.3), sin(2.5), cos(2.5), pow(0.95, 17)].map((value) =>
      new BigUint64Array(new Float64Array([value]).buffer)[0].toString(16),
    );
    expect(words).toMatchInlineSnapshot(`
      [
        "400bec38edb0faf0",
        "40001e85798eb9a3",
        "3fd2a4dda7d914f9",
        "3fe326af0dcfcab0",
        "bfe9a2f7ef858b7d",
        "3fdac27bcb63c563",
      ]
    `);
  });
});
