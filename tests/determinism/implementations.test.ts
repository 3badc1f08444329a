/**
 * One seed, the same bits, in WebAssembly and in native code at every level this processor has, on one thread and on
 * two: whole trainings, not kernels.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { optimiser } from "../../schemas/optimiser.ts";
import { everyKernels } from "../../services/shared/kernels.ts";
import { smallSpec, startTraining } from "../support/training.ts";

const strict = everyKernels().filter(({ kind, fast }) => kind !== "reference" && !fast);
const layers = [
  { kind: "convolution", maps: 7, size: 3, padding: 1, activation: "scaled-tanh" },
  { kind: "batch-normalisation" },
  { kind: "subsampling", factor: 2, reduce: "mean", activation: "sigmoid" },
  {
    kind: "convolution",
    maps: 9,
    size: 2,
    activation: "tanh",
    inputs: { learned: { filters: "per-pair", penalty: "entropy", strength: 0.01 } },
  },
  { kind: "dropout", rate: 0.3 },
  { kind: "dense", units: 37, activation: "leaky-relu" },
  { kind: "dense", units: 3, activation: "softmax" },
];

/** What several blocks go through together. */
const large = [
  layers[0],
  { kind: "dense", units: 600, activation: "tanh" },
  { kind: "dense", units: 220, activation: "relu" },
  layers.at(-1)!,
];

test.each([
  [
    "blocks, empty lanes and single samples",
    { optimiser: optimiser.parse({ kind: "adam", learningRate: 0.005, clipNorm: 1 }) },
  ],
  ["with layers that are frozen", {}, layers, [0, 1, 3]],
  ["large dense layers", {}, large],
  ["online", { batchSize: 1, epochs: 1, optimiser: optimiser.parse({ kind: "nesterov", learningRate: 0.01 }) }],
])("%s", async (_, changes, used: readonly Record<string, unknown>[] = layers, frozen: readonly number[] = []) => {
  const network = used.map((layer, at) => (frozen.includes(at) ? { ...layer, learningRate: 0 } : layer));
  expect(strict.map(({ kind }) => kind)).toContain("assembly");
  const digests: Record<string, string> = {};
  for (const description of strict) {
    for (const threads of [1, 2]) {
      const { trainer, close } = await startTraining(smallSpec(network, { ...changes, threads }), { description });
      for (const report of trainer.run()) expect(report.kind).not.toBe("diverged");
      digests[`${description.name} on ${threads}`] = createHash("sha256").update(trainer.checkpoint()).digest("hex");
      await close();
    }
  }
  expect(new Set(Object.values(digests)), JSON.stringify(digests, null, 1)).toHaveProperty("size", 1);
});
