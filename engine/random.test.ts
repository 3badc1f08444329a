import { describe, expect, it } from "vitest";
import { extend, hash, mix, normal, permutation, purposes, uniform } from "./random.ts";

describe("hash of a place", () => {
  it("mixes as murmur3's finaliser does", () => {
    // 0 is its fixed point; 1 → 0x514e28b7 is the published value of fmix32(1)
    expect([mix(0), mix(1), mix(0xffffffff)]).toEqual([0, 0x514e28b7, 0x81f16f39]);
  });
  it("differs by length, order and value, and extends", () => {
    const places = [hash(), hash(0), hash(0, 0), hash(0, 1), hash(1, 0), hash(1), hash(1, 1)];
    expect(new Set(places).size).toBe(places.length);
    expect(extend(hash(3, 4), 5)).toBe(hash(3, 4, 5));
  });
  it("gives every purpose its own number", () => {
    const codes = Object.values(purposes);
    expect(new Set(codes).size).toBe(codes.length);
  });
});

describe("distributions", () => {
  const draws = 200_000;
  it("uniform fills [0, 1) evenly", () => {
    const bins = new Float64Array(20);
    for (let unit = 0; unit < draws; unit++) bins[Math.floor(uniform(hash(1, 6, unit)) * 20)] += 1;
    const expected = draws / 20;
    const chiSquare = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(43.8); // 19 degrees of freedom, p = 0.001
    expect(uniform(0xffffffff)).toBeLessThan(1);
  });
  it("neighbouring places are uncorrelated", () => {
    let sum = 0;
    for (let unit = 0; unit < draws; unit++) sum += (uniform(hash(7, unit)) - 0.5) * (uniform(hash(7, unit + 1)) - 0.5);
    expect(Math.abs((sum / draws) * 12)).toBeLessThan(0.01);
  });
  it("normal has mean 0, variance 1, no skew and a kurtosis of 3", () => {
    const moments = [0, 0, 0, 0];
    for (let unit = 0; unit < draws; unit++) {
      const z = normal(hash(2, unit));
      for (let order = 0; order < 4; order++) moments[order] += z ** (order + 1) / draws;
    }
    expect(Math.abs(moments[0])).toBeLessThan(0.01);
    expect(Math.abs(moments[1] - 1)).toBeLessThan(0.015);
    expect(Math.abs(moments[2])).toBeLessThan(0.03);
    expect(Math.abs(moments[3] - 3)).toBeLessThan(0.1);
    expect(Number.isFinite(normal(0)) && Number.isFinite(normal(0xffffffff))).toBe(true);
  });
});

describe("permutation", () => {
  it("holds every sample once, the same for the same place, another for another epoch or seed", () => {
    const first = permutation({ seed: 1, epoch: 1, count: 1001 });
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 1001 }, (_, place) => place));
    expect(permutation({ seed: 1, epoch: 1, count: 1001 })).toEqual(first);
    expect(permutation({ seed: 1, epoch: 2, count: 1001 })).not.toEqual(first);
    expect(permutation({ seed: 2, epoch: 1, count: 1001 })).not.toEqual(first);
  });
  it("is unbiased: the 24 orders of four come equally often", () => {
    const seen = new Map<string, number>();
    const into = new Uint32Array(4);
    for (let epoch = 0; epoch < 24_000; epoch++) {
      const order = permutation({ seed: 5, epoch, count: 4, into }).join();
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(24);
    const chiSquare = [...seen.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(49.7); // 23 degrees of freedom, p = 0.001
  });
  it("writes into a given array and refuses one that is too short", () => {
    const into = new Uint32Array(9);
    expect(permutation({ seed: 1, epoch: 0, count: 7, into })).toBe(into);
    expect(() => permutation({ seed: 1, epoch: 0, count: 10, into })).toThrow("10");
    expect([...permutation({ seed: 1, epoch: 0, count: 1 })]).toEqual([0]);
    expect(permutation({ seed: 1, epoch: 0, count: 0 }).length).toBe(0);
  });
});
