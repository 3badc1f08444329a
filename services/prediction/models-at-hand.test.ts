import { describe, expect, it, vi } from "vitest";
import { writeSafetensors } from "../../engine/index.ts";
import { completeNetwork } from "../../schemas/complete.ts";
import { network } from "../../schemas/network.ts";
import { chooseKernels } from "../shared/kernels.ts";
import { Batcher } from "./batcher.ts";
import type { KeyedSubject } from "./model-holder.ts";
import { ModelsAtHand } from "./models-at-hand.ts";
import { piecesOf } from "./pieces.ts";
import { Turns } from "./turns.ts";

const kernels = {
  reproducible: chooseKernels({ wanted: "auto", numerics: "reproducible" }),
  fast: chooseKernels({ wanted: "auto", numerics: "fast" }),
};
const mebibyte = 1024 * 1024;
const layers = [{ kind: "dense", units: 3, activation: "softmax" }];
const wave = (count: number) => Float32Array.from({ length: count }, (_, at) => Math.sin(at * 1.7));

function subject(key: string, read?: () => Promise<Uint8Array>): KeyedSubject & { reads: () => number } {
  const weights = writeSafetensors({
    tensors: new Map([
      ["layers.0.weight", { dtype: "F32" as const, shape: [3, 35], data: wave(105) }],
      ["layers.0.bias", { dtype: "F32" as const, shape: [3], data: wave(3) }],
    ]),
  });
  const reading = vi.fn<() => Promise<Uint8Array>>(read ?? (async () => weights));
  return {
    key,
    subject: {
      network: completeNetwork(network.parse({ layers })),
      input: { channels: 1, height: 7, width: 5 },
      classes: 3,
      normalisation: { kind: "unit", mean: [0], std: [255] },
      sha256: key,
      read: reading,
    },
    reads: () => reading.mock.calls.length,
  };
}

function make({ mostBytes = mebibyte } = {}) {
  const turns = new Turns();
  const warn = vi.fn<() => void>();
  const atHand = new ModelsAtHand({ kernels, mostBytes, turns, log: { info: () => undefined, warn } });
  const learn = (model: KeyedSubject, milliseconds: number, times = 40): void => {
    for (let each = 0; each < times; each++) atHand.learn(model, milliseconds);
  };
  return { turns, atHand, learn, warn };
}

const alone = { samples: 1, running: 0 };

describe("ModelsAtHand", () => {
  it("takes a single sample of a quick model that is often asked, while nothing runs", async () => {
    const { atHand, learn } = make();
    const model = subject("quick");
    learn(model, 0.02, 31);
    expect(model.reads()).toBe(0);
    learn(model, 0.02);
    await expect.poll(() => atHand.takes(model, alone)).toBe(true);
    expect(model.reads()).toBe(1);
    expect(atHand.takes(model, { samples: 2, running: 0 })).toBe(false);
    expect(atHand.takes(model, { samples: 1, running: 1 })).toBe(false);
    expect(atHand.takes(subject("another"), alone)).toBe(false);
    expect(atHand.heldBytes).toBeGreaterThan(0);
  });
  it("takes a model whose first times were those of code that is not compiled yet", async () => {
    const { atHand, learn } = make();
    const model = subject("warming");
    learn(model, 0.4, 100);
    expect(model.reads()).toBe(0);
    learn(model, 0.02, 1);
    await expect.poll(() => atHand.takes(model, alone)).toBe(true);
    expect(model.reads()).toBe(1);
  });
  it("leaves to the threads what takes longer, and what a turn has no time for", async () => {
    const { atHand, learn, turns } = make();
    const [slow, quick] = [subject("slow"), subject("quick")];
    learn(slow, 0.2);
    learn(quick, 0.02);
    await expect.poll(() => atHand.takes(quick, alone)).toBe(true);
    expect(slow.reads()).toBe(0);
    turns.now(() => {
      const until = performance.now() + 2;
      while (performance.now() < until);
    });
    expect(atHand.takes(quick, alone)).toBe(false);
    await expect.poll(() => atHand.takes(quick, alone)).toBe(true);
  });
  it("answers what a thread would: outputs and probabilities of the one sample", async () => {
    const { atHand, learn } = make();
    const model = subject("quick");
    learn(model, 0.02);
    await expect.poll(() => atHand.takes(model, alone)).toBe(true);
    const never = { takes: () => false, run: () => Promise.reject(new Error("not asked")) };
    const batcher = new Batcher({
      runners: [atHand, never],
      mostTogether: 8,
      mostTogetherBytes: mebibyte,
      mostWaitingBytes: mebibyte,
      mostWaitMs: 60_000,
    });
    const ask = (samples: Uint8Array | Float32Array) =>
      batcher.predict({ model, key: model.key, elements: 35, classes: 3, samples: piecesOf([samples]), count: 1 });
    const pixels = Uint8Array.from({ length: 35 }, (_, at) => (at * 37) % 256);
    const bytes = await ask(pixels);
    const reals = await ask(Float32Array.from(pixels));
    const dark = await ask(new Uint8Array(35));
    expect([...reals.outputs]).toEqual([...bytes.outputs]);
    expect([...dark.outputs]).not.toEqual([...bytes.outputs]);
    expect(bytes.probabilities.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(batcher.batches).toBe(3);
    expect(batcher.waiting).toBe(0);
  });
  it("goes without a model that has no room or cannot be read", async () => {
    const { atHand, learn, warn } = make({ mostBytes: 1024 });
    const [large, lost] = [subject("large"), subject("lost", () => Promise.reject(new Error("gone")))];
    learn(large, 0.02);
    learn(lost, 0.02);
    await expect.poll(() => warn.mock.calls.length).toBe(2);
    expect([atHand.takes(large, alone), atHand.takes(lost, alone)]).toEqual([false, false]);
    learn(large, 0.02);
    expect(large.reads()).toBe(1);
  });
});
