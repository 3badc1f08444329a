import { describe, expect, it } from "vitest";
import { Batcher, type BatcherOptions } from "./batcher.ts";
import type { Outputs, Samples } from "./protocol.ts";

/** Two classes: the sample's first of three elements, and its negative. */
const echo = (samples: Samples, count: number): Outputs => {
  const outputs = new Float32Array(2 * count);
  for (let each = 0; each < count; each++) outputs.set([samples[3 * each], -samples[3 * each]], 2 * each);
  return { outputs, probabilities: outputs.slice() };
};
const batcher = (mostTogether = 8, mostWaitingBytes = 1e6, other: Partial<BatcherOptions> = {}) => {
  const ran: { key: string; count: number }[] = [];
  const made = new Batcher({
    mostTogether,
    mostTogetherBytes: 1e6,
    mostWaitingBytes,
    mostWaitMs: 60_000,
    ...other,
    run: async (key, samples, count) => {
      ran.push({ key, count });
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (key === "broken") throw new Error("broken");
      return echo(samples, count);
    },
  });
  return { made, ran };
};
const sample = (...values: number[]) => Float32Array.from(values.flatMap((value) => [value, 0, 0]));

describe("Batcher", () => {
  it("runs requests of one moment together and gives each its own rows", async () => {
    const { made, ran } = batcher();
    const answers = await Promise.all([
      made.predict("a", sample(1, 2), 2),
      made.predict("a", sample(3), 1),
      made.predict("a", sample(4, 5, 6), 3),
    ]);
    expect(answers.map(({ outputs }) => [...outputs])).toEqual([
      [1, -1, 2, -2],
      [3, -3],
      [4, -4, 5, -5, 6, -6],
    ]);
    expect(ran).toEqual([{ key: "a", count: 6 }]);
  });
  it("keeps models apart, and bytes from reals", async () => {
    const { made, ran } = batcher();
    await Promise.all([
      made.predict("a", sample(1), 1),
      made.predict("b", sample(2), 1),
      made.predict("a", Uint8Array.of(3, 0, 0), 1),
    ]);
    expect(ran.map(({ count }) => count)).toEqual([1, 1, 1]);
  });
  it("never makes a batch larger than allowed, but for one request that is", async () => {
    const { made, ran } = batcher(3);
    await Promise.all([
      made.predict("a", sample(1, 2), 2),
      made.predict("a", sample(3, 4), 2),
      made.predict("a", sample(5, 6, 7, 8, 9), 5),
    ]);
    expect(ran.map(({ count }) => count)).toEqual([2, 2, 5]);
  });
  it("takes turns between models", async () => {
    const { made, ran } = batcher(1);
    await Promise.all([
      made.predict("a", sample(1), 1),
      made.predict("a", sample(2), 1),
      made.predict("b", sample(3), 1),
    ]);
    expect(ran.map(({ key }) => key)).toEqual(["a", "b", "a"]);
  });
  it("refuses when too much waits, and takes more once it is done", async () => {
    const { made } = batcher(1, 20);
    const first = made.predict("a", sample(1), 1);
    await expect(made.predict("a", sample(2), 1)).rejects.toMatchObject({ fault: "overloaded" });
    await first;
    expect((await made.predict("a", sample(3), 1)).outputs[0]).toBe(3);
  });
  it("gives a failure to those it belongs to", async () => {
    const { made } = batcher();
    const [bad, good] = await Promise.allSettled([
      made.predict("broken", sample(1), 1),
      made.predict("a", sample(1), 1),
    ]);
    expect([bad?.status, good?.status]).toEqual(["rejected", "fulfilled"]);
  });
  it("makes no batch of more bytes than allowed, but for one request that is", async () => {
    const { made, ran } = batcher(100, 1e6, { mostTogetherBytes: 36 });
    await Promise.all([
      made.predict("a", sample(1, 2), 2),
      made.predict("a", sample(3), 1),
      made.predict("a", sample(4), 1),
      made.predict("a", sample(5, 6, 7, 8), 4),
    ]);
    expect(ran.map(({ count }) => count)).toEqual([3, 1, 4]);
  });
  it("refuses who waited too long when its turn comes", async () => {
    const { made, ran } = batcher(1, 1e6, { mostWaitMs: 0.5 });
    const all = await Promise.allSettled([1, 2, 3].map((each) => made.predict("a", sample(each), 1)));
    expect(all.map((each) => each.status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(all[1]).toMatchObject({ reason: { fault: "overloaded" } });
    expect(ran).toHaveLength(1);
    expect((await made.predict("a", sample(4), 1)).outputs[0]).toBe(4);
  });
});
