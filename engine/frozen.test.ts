/** Layers with `learningRate` 0: no bit of them changes, no work is done for them, and everything else is as it was. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { optimiser } from "../schemas/optimiser.ts";
import { smallSpec, startTraining } from "../tests/support/training.ts";
import { planExecution } from "./execution-plan.ts";
import { readSafetensors } from "./index.ts";
import type { FileTensor, TrainingSpec } from "./index.ts";

type Spec = Record<string, unknown>;
const three = (maps: number): Spec => ({ kind: "convolution", maps, size: 3, padding: 1, activation: "tanh" });
const learned = { ...three(5), inputs: { learned: { filters: "per-input", penalty: "entropy", strength: 0.01 } } };
const layers: Spec[] = [
  three(4),
  learned,
  { kind: "subsampling", factor: 2, activation: "sigmoid" },
  { kind: "residual", layers: [three(6), { ...three(6), inputs: "pairs", maps: 15 }], activation: "relu" },
  { kind: "dense", units: 300, activation: "tanh" },
  { kind: "dense", units: 3, activation: "softmax" },
];

const frozenAt = (places: readonly number[], learningRate: number): Spec[] =>
  layers.map((layer, at) => (places.includes(at) ? { ...layer, learningRate } : layer));

async function trained(spec: TrainingSpec): Promise<{ first: Map<string, FileTensor>; last: Map<string, FileTensor> }> {
  const { trainer, close } = await startTraining(spec);
  const first = trainer.tensors(() => true);
  for (const report of trainer.run()) expect(report.kind).not.toBe("diverged");
  const last = new Map(readSafetensors(trainer.checkpoint()).tensors);
  await close();
  return { first, last };
}

const kinds = [
  { kind: "nesterov", learningRate: 0.05, weightDecay: 0.01 },
  { kind: "adam", learningRate: 0.005 },
  { kind: "diagonal-levenberg-marquardt", learningRate: 0.01, samples: 54 },
];

describe.each(kinds)("$kind", (kind) => {
  test.each([[[0]], [[1]], [[0, 1, 2]], [[3]], [[4]], [[0, 1, 3, 4]], [[5]], [[0, 1, 2, 3, 4, 5]]])(
    "frozen at %j",
    async (places) => {
      const changes = { epochs: 1, optimiser: optimiser.parse(kind) };
      const { first, last } = await trained(smallSpec(frozenAt(places, 0), changes));
      // A multiplier that float32 rounds to 0 computes everything and moves nothing.
      const { last: before } = await trained(smallSpec(frozenAt(places, 1e-300), changes));
      for (const [name, tensor] of first) {
        expect([name, isDeepStrictEqual(last.get(name), before.get(name))]).toEqual([name, true]);
        const isFrozen = places.includes(Number(name.split(".")[1]));
        if (isFrozen) expect([name, isDeepStrictEqual(last.get(name), tensor)]).toEqual([name, true]);
        const hasState = [...last.keys()].some((key) => /^optimiser\.[a-z]+\.(.*)$/.exec(key)?.[1] === name);
        expect(hasState, name).toBe(!isFrozen);
      }
    },
  );
});

test("batch normalisation that is frozen stands on its running statistics and keeps them", async () => {
  const normal = { kind: "batch-normalisation", learningRate: 0 };
  const spec = smallSpec([three(4), normal, { kind: "dense", units: 3, activation: "softmax" }]);
  const { first, last } = await trained(spec);
  for (const what of ["weight", "bias", "mean", "variance"])
    expect(last.get(`layers.1.${what}`)).toEqual(first.get(`layers.1.${what}`));
  expect(last.get("layers.0.weight")).not.toEqual(first.get("layers.0.weight"));
  // Mean 0 and variance 1: as if it were not there, but for ε.
  const epsilon = 1e-30;
  const nothing = { kind: "subsampling", factor: 1, trainable: false };
  const plain = await trained(smallSpec([three(4), nothing, { ...spec.network.layers[2] }]));
  const identity = await trained(smallSpec([three(4), { ...normal, epsilon }, { ...spec.network.layers[2] }]));
  expect(identity.last.get("layers.0.weight")).toEqual(plain.last.get("layers.0.weight"));
});

test("nothing runs back below the first layer that learns", () => {
  /** Kernel calls of one slot's programs, forward and back. */
  const callsOf = (places: readonly number[]): string[] => {
    const { training } = planExecution(smallSpec(frozenAt(places, 0)));
    return (training.steps.whole?.phases ?? []).flatMap(({ programs, spare, join }) =>
      [programs[0], spare[0], ...(join ? [join] : [])].flatMap((program) => program.names()),
    );
  };
  const back = (names: readonly string[]): number => names.filter((name) => /Backward|Gradient/.test(name)).length;
  expect(back(callsOf([0, 1, 2, 3, 4]))).toBe(1);
  expect(back(callsOf([0, 1, 2, 3, 4, 5]))).toBe(0);
  expect(back(callsOf([0]))).toBeLessThan(back(callsOf([])));
  // In the middle δ passes, and the gradient is not computed.
  expect(back(callsOf([4]))).toBe(back(callsOf([])) - 1);
});
