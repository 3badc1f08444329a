/**
 * Stochastic diagonal Levenberg–Marquardt (LeCun et al. 1998, appendix C; LeCun, Bottou, Orr & Müller 1998, §9.1)
 * through every implementation of the kernels: the h_kk that a checkpoint holds, and the weights after one and two
 * steps, against a network written out connection by connection (unrolled.ts).
 */
import { describe, expect, test } from "vitest";
import { createMemory, readSafetensors, writeSafetensors } from "../../engine/index.ts";
import type { FileTensor, Implementation } from "../../engine/index.ts";
import { plainSpec } from "../../engine/inspection.ts";
import { createTrainer, planTrainingWith } from "../../engine/trainer.ts";
import { network } from "../../schemas/network.ts";
import { optimiser } from "../../schemas/optimiser.ts";
import { implementations } from "../../services/shared/implementations.ts";
import { Unrolled } from "./unrolled.ts";
import type { Curve, Derivatives, Head, Maps } from "./unrolled.ts";

type Spec = Record<string, unknown>;
const input = { channels: 1, height: 7, width: 5 };
const classes = 3;
/** A block of eight and three single samples, twice: every sample counts for the estimate, whatever its order. */
const [count, batchSize] = [22, 11];
const [eta, mu, decay] = [0.013, 0.07, 0.05];
const multipliers: Record<string, number> = { "layers.0": 2, "layers.1": 0.5 };

const samples = Array.from({ length: count }, (_, n) =>
  Array.from({ length: 35 }, (_pixel, p) => Math.fround(Math.sin(5 * n + 0.37 * p * p + n * p))),
);
const labels = Array.from({ length: count }, (_, n) => (n * 7 + 1) % classes);
const oneOf = (low: number) =>
  labels.map((label) => Array.from({ length: classes }, (_, k) => (k === label ? 1 : low)));

interface Case {
  layers: Spec[];
  unrolled: Unrolled;
  /** Tensors whose numbers the unrolled network has no name for. */
  others?: ReadonlyMap<string, FileTensor>;
  low: number;
  head?: Head;
}

/** What a training's checkpoint holds after some steps. */
function train(
  { layers, unrolled, others = new Map(), head }: Case,
  { realBytes, kernels }: Implementation,
  steps: number,
): ReadonlyMap<string, FileTensor> {
  const loss = head === "softmax, cross-entropy" ? "cross-entropy" : "squared-error";
  const given = optimiser.parse({
    kind: "diagonal-levenberg-marquardt",
    learningRate: eta,
    mu,
    weightDecay: decay,
    samples: count,
  });
  const spec = {
    ...plainSpec({
      network: network.parse({ layers }),
      loss,
      input,
      classes,
      count,
      batchSize,
      seed: 1,
      optimiser: given,
    }),
    stopAtStep: steps,
  };
  const plan = planTrainingWith(spec, realBytes);
  const memory = createMemory(plan);
  const { samplesAddress, labelsAddress } = plan.splits.train;
  const flat = samples.flat();
  (realBytes === 8
    ? new Float64Array(memory.buffer, samplesAddress, flat.length)
    : new Float32Array(memory.buffer, samplesAddress, flat.length)
  ).set(flat);
  new Int32Array(memory.buffer, labelsAddress, count).set(labels);
  const own = [...unrolled.tensors].map(
    ([name, { shape, from, size }]) =>
      [name, { dtype: "F64", shape, data: Float64Array.from(unrolled.parameters.slice(from, from + size)) }] as const,
  );
  const trainer = createTrainer({
    plan,
    memory,
    kernels: kernels(memory),
    realBytes,
    initialWeights: writeSafetensors({ tensors: new Map<string, FileTensor>([...own, ...others]) }),
  });
  expect([...trainer.run()].at(-1)).toMatchObject({ kind: "finished", reason: "step", step: steps });
  return readSafetensors(trainer.checkpoint()).tensors;
}

const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const numbersOf = (tensors: ReadonlyMap<string, FileTensor>, name: string): number[] =>
  Array.from(tensors.get(name)!.data as ArrayLike<number>);
function expectAlike(found: readonly number[], expected: readonly number[], realBytes: 4 | 8, what: string): void {
  expect(norm(expected), what).toBeGreaterThan(0);
  expect(norm(found.map((value, at) => value - expected[at])) / norm(expected), what).toBeLessThan(
    realBytes === 8 ? 1e-12 : 2e-5,
  );
}

const batch = (step: number): [number, number] => [(step - 1) * batchSize, step * batchSize];

/**
 * η_k = ε/(μ + h_kk): the unrolled network takes a step on a batch, weight decay on filters and dense weights, the
 * layers' multipliers on ε.
 */
function descend({ unrolled, low, head }: Case, { curvature }: Derivatives, step: number): void {
  const { gradient } = unrolled.mean(samples.slice(...batch(step)), oneOf(low).slice(...batch(step)), head);
  for (const [name, { shape, from, size }] of unrolled.tensors) {
    const rate = eta * (multipliers[name.split(".", 2).join(".")] ?? 1);
    for (let k = from; k < from + size; k++) {
      const g = gradient[k] + (shape.length > 1 ? decay * unrolled.parameters[k] : 0);
      unrolled.parameters[k] -= (rate / (mu + curvature[k])) * g;
    }
  }
}

/** h_kk as the checkpoint holds it and the weights after one and two steps. */
function expectLeCun(make: () => Case, implementation: Implementation): void {
  const given = make();
  const expected = given.unrolled.mean(samples, oneOf(given.low), given.head);
  for (const steps of [1, 2]) {
    const found = train(make(), implementation, steps);
    descend(given, expected, steps);
    for (const [name, { from, size }] of given.unrolled.tensors) {
      const h = expected.curvature.slice(from, from + size);
      // A table's missing filters are no parameters; whatever stands there moves nothing, for their gradient is 0.
      const held = numbersOf(found, `optimiser.curvature.${name}`).map((value, k) => (h[k] === 0 ? 0 : value));
      expectAlike(held, h, implementation.realBytes, `h of ${name}`);
      expectAlike(
        numbersOf(found, name),
        given.unrolled.parameters.slice(from, from + size),
        implementation.realBytes,
        `${name} after ${steps} steps`,
      );
    }
  }
}

/** One map of 7×5, two 3×3 filters, trained subsampling of sums with a dropped column, three outputs. */
function notes(): Case {
  const unrolled = new Unrolled(input);
  const c1 = unrolled.convolution(unrolled.input, { name: "layers.0", maps: 2, size: 3, curve: "scaled-tanh" });
  const s2 = unrolled.subsampling(c1, { name: "layers.1", factor: 2, curve: "scaled-tanh" });
  unrolled.dense(s2, { name: "layers.2", units: classes, curve: "scaled-tanh" });
  const layers = [
    { kind: "convolution", maps: 2, size: 3, activation: "scaled-tanh", learningRate: 2 },
    { kind: "subsampling", factor: 2, reduce: "sum", activation: "scaled-tanh", learningRate: 0.5 },
    { kind: "dense", units: classes, activation: "scaled-tanh" },
  ];
  return { layers, unrolled, low: -1 };
}

/** Padding, a stride, means, a table of connections, a softmax with either loss, and other activations. */
function table(head: Head): Case {
  const unrolled = new Unrolled(input);
  const c1 = unrolled.convolution(unrolled.input, { name: "layers.0", maps: 3, size: 3, padding: 2, curve: "tanh" });
  const s2 = unrolled.subsampling(c1, { name: "layers.1", factor: 2, mean: true, curve: "linear" });
  const inputs = [[0], [1, 2]];
  const c3 = unrolled.convolution(s2, {
    name: "layers.2",
    maps: 2,
    size: 2,
    stride: 2,
    table: inputs,
    curve: "sigmoid",
  });
  unrolled.dense(c3, { name: "layers.3", units: classes, curve: "linear" });
  const { from } = unrolled.tensors.get("layers.2.weight")!;
  for (const missing of [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) unrolled.parameters[from + missing] = 0;
  const layers = [
    { kind: "convolution", maps: 3, size: 3, padding: 2, activation: "tanh", learningRate: 2 },
    { kind: "subsampling", factor: 2, reduce: "mean", learningRate: 0.5 },
    { kind: "convolution", maps: 2, size: 2, stride: 2, activation: "sigmoid", inputs },
    { kind: "dense", units: classes, activation: "softmax" },
  ];
  return { layers, unrolled, low: 0, head };
}

describe.each(implementations())(
  "$name: second derivatives as LeCun defines them, and the steps they make",
  (implementation) => {
    test("convolution, trained subsampling, dense, scaled tanh, squared error", () =>
      expectLeCun(notes, implementation));
    test.each(["softmax, cross-entropy", "softmax, squared-error"] as const)(
      "padding, stride, mean, a table, %s",
      (head) => expectLeCun(() => table(head), implementation),
    );

    test("residual blocks: x as it is under a gate of F's own, and x through a convolution", () =>
      expectLeCun(() => {
        const unrolled = new Unrolled(input);
        const add = (
          from: Maps,
          name: string,
          { maps, stride = 1, curve }: { maps: number; stride?: number; curve: Curve },
        ) => unrolled.convolution(from, { name, maps, size: 3, padding: 1, stride, curve });
        const c0 = add(unrolled.input, "layers.0", { maps: 2, curve: "tanh" });
        const f1 = add(c0, "layers.1.layers.0", { maps: 2, curve: "sigmoid" });
        const s1 = unrolled.sum(f1, c0, "tanh");
        const shortcut = { name: "layers.2.shortcut", maps: 3, size: 1, stride: 2, curve: "linear" } as const;
        const x2 = unrolled.convolution(s1, shortcut);
        const f2 = add(s1, "layers.2.layers.0", { maps: 3, stride: 2, curve: "tanh" });
        const g2 = add(f2, "layers.2.layers.1", { maps: 3, curve: "linear" });
        const s2 = unrolled.sum(g2, x2, "scaled-tanh");
        unrolled.dense(s2, { name: "layers.3", units: classes, curve: "tanh" });
        const three = (maps: number, activation: string, stride = 1): Spec => ({
          kind: "convolution",
          ...{ maps, size: 3, padding: 1, stride, activation },
        });
        const layers = [
          { ...three(2, "tanh"), learningRate: 2 },
          { kind: "residual", layers: [three(2, "sigmoid")], activation: "tanh", learningRate: 0.5 },
          { kind: "residual", layers: [three(3, "tanh", 2), three(3, "linear")], activation: "scaled-tanh" },
          { kind: "dense", units: classes, activation: "tanh" },
        ];
        return { layers, unrolled, low: -1 };
      }, implementation));

    test("batch normalisation with its running moments", () => {
      const make = (): Case => {
        const unrolled = new Unrolled(input);
        const c1 = unrolled.convolution(unrolled.input, { name: "layers.0", maps: 2, size: 3, curve: "tanh" });
        const n = unrolled.normalisation(c1, { name: "layers.1", variance: 1.7 + 1e-5 });
        unrolled.dense(n, { name: "layers.2", units: classes, curve: "tanh" });
        const moments = (value: number): FileTensor => ({
          dtype: "F64",
          shape: [2],
          data: Float64Array.of(value, value),
        });
        const layers = [
          { kind: "convolution", maps: 2, size: 3, activation: "tanh" },
          { kind: "batch-normalisation" },
          { kind: "dense", units: classes, activation: "tanh" },
        ];
        return {
          layers,
          unrolled,
          low: -1,
          others: new Map([
            ["layers.1.mean", moments(0)],
            ["layers.1.variance", moments(1.7)],
          ]),
        };
      };
      const given = make();
      const { curvature } = given.unrolled.mean(samples, oneOf(-1));
      const found = train(given, implementation, 1);
      for (const [name, { from, size }] of given.unrolled.tensors)
        expectAlike(
          numbersOf(found, `optimiser.curvature.${name}`),
          curvature.slice(from, from + size),
          implementation.realBytes,
          name,
        );
    });

    test.each(["per-pair", "per-input"])(
      "learned combinations, filters %s: through the squares of ∂w/∂k and ∂w/∂c, quotients of differences",
      (filters) => {
        const [maps, inputs, area] = [2, 3, 4];
        const perInput = filters === "per-input";
        const unrolled = new Unrolled(input);
        const c1 = unrolled.convolution(unrolled.input, { name: "layers.0", maps: inputs, size: 3, curve: "tanh" });
        const c2 = unrolled.convolution(c1, { name: "layers.1", maps, size: 2, curve: "tanh" });
        unrolled.dense(c2, { name: "layers.2", units: classes, curve: "tanh" });
        // The unrolled network holds the effective filters w_ij = α_ij k; the file holds k and c.
        const effective = unrolled.tensors.get("layers.1.weight")!;
        const k = Array.from({ length: (perInput ? 1 : maps) * inputs * area }, (_, n) => Math.cos(3 * n * n + 1));
        const c = Array.from({ length: maps * inputs }, (_, n) => Math.sin(5 * n + 2));
        const weights = (): number[] =>
          Array.from({ length: maps * inputs * area }, (_, at) => {
            const [j, i, tap] = [Math.floor(at / (inputs * area)), Math.floor(at / area) % inputs, at % area];
            const powers = c.slice(j * inputs, (j + 1) * inputs).map(Math.exp);
            return (
              (powers[i] / powers.reduce((sum, power) => sum + power, 0)) *
              k[((perInput ? 0 : j) * inputs + i) * area + tap]
            );
          });
        unrolled.parameters.splice(effective.from, effective.size, ...weights());
        const { curvature } = unrolled.mean(samples, oneOf(-1));
        const through = (free: number[]): number[] =>
          free.map((value, at) => {
            const moved = (by: number): number[] => {
              free[at] = value + by;
              return weights();
            };
            const [above, below] = [moved(1e-5), moved(-1e-5)];
            free[at] = value;
            return above.reduce(
              (sum, each, w) => sum + ((each - below[w]) / 2e-5) ** 2 * curvature[effective.from + w],
              0,
            );
          });
        const expected = new Map([
          ["weight", through(k)],
          ["mix", through(c)],
        ]);
        const layers = [
          { kind: "convolution", maps: inputs, size: 3, activation: "tanh" },
          { kind: "convolution", maps, size: 2, activation: "tanh", inputs: { learned: { filters, penalty: "none" } } },
          { kind: "dense", units: classes, activation: "tanh" },
        ];
        const others = new Map<string, FileTensor>([
          ["layers.1.weight", { dtype: "F64", shape: [perInput ? 1 : maps, inputs, 2, 2], data: Float64Array.from(k) }],
          ["layers.1.mix", { dtype: "F64", shape: [maps, inputs], data: Float64Array.from(c) }],
        ]);
        const found = train({ layers, unrolled, low: -1, others }, implementation, 1);
        for (const [name, h] of expected) {
          const held = numbersOf(found, `optimiser.curvature.layers.1.${name}`);
          expect(norm(held.map((value, at) => value - h[at])) / norm(h), name).toBeLessThan(
            implementation.realBytes === 8 ? 1e-8 : 2e-5,
          );
        }
      },
    );
  },
);

test("where nothing is left out the recursion is the second derivative itself: the last layer of a linear output", () => {
  const { unrolled } = notes();
  const linear = new Unrolled(input);
  linear.dense(
    linear.subsampling(linear.convolution(linear.input, { name: "a", maps: 2, size: 3, curve: "scaled-tanh" }), {
      name: "b",
      factor: 2,
      curve: "scaled-tanh",
    }),
    { name: "c", units: classes, curve: "linear" },
  );
  expect(linear.parameters).toEqual(unrolled.parameters);
  const lossAt = (): number => linear.mean(samples, oneOf(0)).loss;
  const [centre, { gradient, curvature }] = [lossAt(), linear.mean(samples, oneOf(0))];
  const step = 1e-3;
  for (const [name, { from, size }] of linear.tensors) {
    for (let k = from; k < from + size; k++) {
      const value = linear.parameters[k];
      const moved = (by: number): number => {
        linear.parameters[k] = value + by;
        return lossAt();
      };
      const [above, below] = [moved(step), moved(-step)];
      linear.parameters[k] = value;
      expect((above - below) / (2 * step)).toBeCloseTo(gradient[k], 5);
      if (name.startsWith("c.")) expect((above + below - 2 * centre) / step ** 2).toBeCloseTo(curvature[k], 6);
    }
  }
});
