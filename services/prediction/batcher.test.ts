import { describe, expect, it, vi } from "vitest";
import { Batcher, type BatcherOptions, type Runner } from "./batcher.ts";
import { piecesOf } from "./pieces.ts";
import type { Outputs, Samples } from "./protocol.ts";

const elements = 3;
/** Two classes: the sample's first of three elements, and its negative. */
const echo = (samples: Samples, count: number): Outputs => {
  const outputs = new Float32Array(2 * count);
  for (let each = 0; each < count; each++) outputs.set([samples[elements * each], -samples[elements * each]], 2 * each);
  return { outputs, probabilities: outputs.slice() };
};

interface Made {
  predict: (key: string, samples: Samples, count: number) => Promise<Outputs>;
  ran: { by: number; key: string; count: number }[];
  batcher: Batcher<string>;
}

interface Options extends Partial<BatcherOptions<string>> {
  takes?: ((key: string) => boolean)[];
  /** Done while a batch runs. */
  meanwhile?: () => void;
}

function make(options: Options = {}): Made {
  const ran: Made["ran"] = [];
  const { takes = [() => true], meanwhile, ...other } = options;
  const runners = takes.map((each, by): Runner<string> => ({
    takes: each,
    run: async ({ model: key, shape: { count, dtype }, copyInto }) => {
      ran.push({ by, key, count });
      const bytes = new Uint8Array(count * elements * (dtype === "uint8" ? 1 : 4));
      copyInto(bytes);
      await new Promise((resolve) => setTimeout(resolve, 2));
      meanwhile?.();
      if (key === "broken") throw new Error("broken");
      return echo(dtype === "uint8" ? bytes : new Float32Array(bytes.buffer), count);
    },
  }));
  const batcher = new Batcher({
    runners,
    mostTogether: 8,
    mostTogetherBytes: 1e6,
    mostWaitingBytes: 1e6,
    mostWaitMs: 60_000,
    ...other,
  });
  const predict: Made["predict"] = (key, samples, count) =>
    batcher.predict({ model: key, key, elements, classes: 2, samples: piecesOf([samples]), count });
  return { predict, ran, batcher };
}
const sample = (...values: number[]) => Float32Array.from(values.flatMap((value) => [value, 0, 0]));
const firsts = (answers: readonly Outputs[]): number[][] => answers.map(({ outputs }) => [...outputs]);

describe("Batcher", () => {
  it("runs requests of one moment together and gives each its own rows", async () => {
    const { predict, ran } = make();
    const answers = await Promise.all([
      predict("a", sample(1, 2), 2),
      predict("a", sample(3), 1),
      predict("a", sample(4, 5, 6), 3),
    ]);
    expect(firsts(answers)).toEqual([
      [1, -1, 2, -2],
      [3, -3],
      [4, -4, 5, -5, 6, -6],
    ]);
    expect(ran).toEqual([{ by: 0, key: "a", count: 6 }]);
  });
  it("keeps models apart, and bytes from reals", async () => {
    const { predict, ran } = make();
    const answers = await Promise.all([
      predict("a", sample(1), 1),
      predict("b", sample(2), 1),
      predict("a", Uint8Array.of(3, 0, 0), 1),
    ]);
    expect(ran.map(({ count }) => count)).toEqual([1, 1, 1]);
    expect(firsts(answers)).toEqual([
      [1, -1],
      [2, -2],
      [3, -3],
    ]);
  });
  it("never makes a batch larger than allowed: a request of more samples goes in several", async () => {
    const { predict, ran } = make({ mostTogether: 3 });
    const answers = await Promise.all([
      predict("a", sample(1, 2), 2),
      predict("a", sample(3, 4), 2),
      predict("a", sample(5, 6, 7, 8, 9), 5),
    ]);
    expect(ran.map(({ count }) => count)).toEqual([3, 3, 3]);
    expect(firsts(answers)).toEqual([
      [1, -1, 2, -2],
      [3, -3, 4, -4],
      [5, -5, 6, -6, 7, -7, 8, -8, 9, -9],
    ]);
  });
  it("never makes a batch of more bytes than allowed, answers included, but for a sample that alone has more", async () => {
    const { predict, ran } = make({ mostTogetherBytes: 2 * (12 + 16) });
    await Promise.all([1, 2, 3].map((each) => predict("a", sample(each), 1)));
    await make({ mostTogetherBytes: 5 }).predict("a", sample(1), 1);
    expect(ran.map(({ count }) => count)).toEqual([2, 1]);
  });
  it("takes turns between models, also where one of them has a request of many samples", async () => {
    const { predict, ran } = make({ mostTogether: 2 });
    await Promise.all([predict("a", sample(1, 2, 3, 4, 5), 5), predict("b", sample(6), 1)]);
    expect(ran.map(({ key }) => key)).toEqual(["a", "b", "a", "a"]);
  });
  it("uses every runner, and only those that take the model", async () => {
    const { predict, ran } = make({ mostTogether: 2, takes: [() => true, (key) => key === "small"] });
    const answers = await Promise.all([
      predict("large", sample(1, 2, 3), 3),
      predict("small", sample(4, 5, 6), 3),
      predict("large", sample(7), 1),
    ]);
    expect(ran.filter(({ by }) => by === 1).every(({ key }) => key === "small")).toBe(true);
    expect(new Set(ran.map(({ by }) => by)).size).toBe(2);
    expect(firsts(answers)).toEqual([
      [1, -1, 2, -2, 3, -3],
      [4, -4, 5, -5, 6, -6],
      [7, -7],
    ]);
  });
  it("refuses when too much waits, and takes more once it is done", async () => {
    const { predict, batcher } = make({ mostTogether: 1, mostWaitingBytes: 20 });
    const first = predict("a", sample(1), 1);
    await expect(predict("a", sample(2), 1)).rejects.toMatchObject({ fault: "overloaded" });
    await first;
    expect((await predict("a", sample(3), 1)).outputs[0]).toBe(3);
    expect(batcher.waiting).toBe(0);
  });
  it("refuses what waited too long when its turn comes", async () => {
    let nowMs = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => nowMs);
    const { predict } = make({ mostTogether: 1, mostWaitMs: 1, meanwhile: () => (nowMs += 2) });
    const settled = await Promise.allSettled([1, 2, 3].map((each) => predict("a", sample(each), 1)));
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect((await predict("a", sample(4), 1)).outputs[0]).toBe(4);
    clock.mockRestore();
  });
  it("gives a failure to those it belongs to, once, and goes on", async () => {
    const { predict, batcher } = make({ mostTogether: 2, takes: [() => true, () => true] });
    const [bad, good] = await Promise.allSettled([
      predict("broken", sample(1, 2, 3, 4, 5), 5),
      predict("a", sample(1), 1),
    ]);
    expect([bad?.status, good?.status]).toEqual(["rejected", "fulfilled"]);
    expect((await predict("a", sample(2), 1)).outputs[0]).toBe(2);
    expect(batcher.waiting).toBe(0);
  });
});
