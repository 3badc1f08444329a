import fc from "fast-check";
import { expect, it } from "vitest";
import { rank } from "./ranking.ts";

it("ranks like a sort of all at once, over several runs and with what is no number last", async () => {
  for (const [seed, count] of [
    [1, 0],
    [2, 7],
    [3, 16_385],
    [4, 70_001],
  ]) {
    const some = fc.sample(fc.constantFrom(0.1, 0.25, 0.5, NaN, 1, 0), { numRuns: count, seed });
    const values = Float32Array.from(some);
    const known = [...values.keys()].filter((place) => !Number.isNaN(values[place]));
    const unknown = [...values.keys()].filter((place) => Number.isNaN(values[place]));
    const expected = [...known.sort((left, right) => values[right] - values[left] || left - right), ...unknown];
    expect([...(await rank(values))]).toEqual(expected);
  }
});

it("lets others have their turn", async () => {
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  await rank(Float32Array.from({ length: 300_000 }, (_, place) => (place * 7919) % 104_729));
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(10);
});
