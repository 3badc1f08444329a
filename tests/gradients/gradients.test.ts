/**
 * Finite differences over the whole registry: every layer kind × activation × loss × connection scheme × penalty, in
 * float64, on odd sizes. Found by walking the registry and the schemas: a new kind or activation is checked before its
 * author writes a test.
 */
import { describe, expect, test } from "vitest";
import { checkGradients, createReference } from "../../engine/index.ts";
import type { Kernels } from "../../engine/index.ts";
import { Inspection } from "../../engine/inspection.ts";
import { callBytes, callWords, opcodes } from "../../engine/kernels/kernels.ts";
import { layerPlanners, plannedKind } from "../../engine/registry.ts";
import { activationKind, penaltyKind, reduceKind } from "../../schemas/layer.ts";
import { network } from "../../schemas/network.ts";
import { implementations } from "../../services/shared/implementations.ts";
import type { Loss, Network } from "../../schemas/network.ts";

type Spec = Record<string, unknown>;
const classes = 3;
const input = { channels: 2, height: 9, width: 7 };
const output = (activation: string): Spec => ({ kind: "dense", units: classes, activation });
const first: Spec = { kind: "convolution", maps: 4, size: 2, activation: "tanh" };

const check = (layers: Spec[], loss: Loss, seed = 3) => {
  const parsed: Network = network.parse({ layers });
  return {
    parsed,
    result: checkGradients({
      network: parsed,
      loss,
      input,
      classes,
      seed,
      sample: null,
      kernels: (memory) => createReference({ buffer: memory.buffer, realBytes: 8 }),
    }),
  };
};
const covered = new Set<string>();
const expectRight = (layers: Spec[], loss: Loss): void => {
  const { parsed, result } = check(layers, loss);
  for (const layer of parsed.layers) covered.add(plannedKind(layer));
  expect(result.complete).toBe(true);
  const tensors = result.layers.flatMap(({ parameters }) => parameters);
  // Kinks are rare: most of every tensor must have been compared.
  for (const { name, elements, checked, worstRelativeError } of tensors) {
    expect(checked, name).toBeGreaterThanOrEqual(Math.ceil(elements * 0.7));
    expect(worstRelativeError, name).toBeLessThan(1e-6);
  }
};

const hidden = activationKind.options.filter((each) => each !== "softmax");
const learned = (filters: string, penalty: string): Spec => ({
  kind: "convolution",
  maps: 3,
  size: 2,
  activation: "tanh",
  inputs: { learned: { filters, penalty, strength: 0.3 } },
});

describe("activations in every kind that has one, with every loss they allow", () => {
  for (const activation of hidden) {
    test(`${activation} in convolution, batch normalisation, subsampling and dense`, () => {
      const layers = [
        { ...first, activation },
        { kind: "batch-normalisation", activation },
        { kind: "subsampling", factor: 2, activation },
        { kind: "dense", units: 5, activation },
      ];
      expectRight([...layers, output(activation)], "squared-error");
      expectRight([...layers, output("softmax")], "cross-entropy");
    });
  }
  test("softmax with squared error: the full Jacobian", () => expectRight([first, output("softmax")], "squared-error"));
});

describe("convolution", () => {
  const schemes: [string, Spec][] = [
    ["pairs", { maps: 6, inputs: "pairs" }],
    ["triplets", { maps: 4, inputs: "triplets" }],
    ["an explicit table", { maps: 3, inputs: [[0, 1], [3], [0, 2, 3]] }],
    ["padding and stride", { maps: 3, padding: 1, stride: 2, size: 3 }],
  ];
  test.each(schemes)("%s", (_, spec) => {
    expectRight(
      [first, { kind: "convolution", size: 2, activation: "tanh", ...spec }, output("softmax")],
      "cross-entropy",
    );
  });
  test("LeNet-5's table", () =>
    expectRight(
      [
        { ...first, maps: 6 },
        { kind: "convolution", maps: 16, size: 3, activation: "scaled-tanh", inputs: "lenet-5" },
        output("softmax"),
      ],
      "cross-entropy",
    ));
  test("one output pixel, as the last layer and with a softmax", () => {
    expectRight(
      [
        { kind: "subsampling", factor: 3, reduce: "mean" },
        { kind: "convolution", maps: 4, size: 2, activation: "tanh" },
        output("softmax"),
      ],
      "cross-entropy",
    );
    expectRight(
      [
        { kind: "convolution", maps: 2, size: 7, activation: "tanh" },
        { kind: "subsampling", factor: 1 },
        { kind: "dense", units: 3, activation: "linear" },
      ],
      "squared-error",
    );
  });
});

describe("learned combinations", () => {
  for (const penalty of penaltyKind.options) {
    test.each(["per-pair", "per-input"])(`%s with penalty ${penalty}`, (filters) =>
      expectRight([first, learned(filters, penalty), output("softmax")], "cross-entropy"),
    );
  }
});

describe("subsampling", () => {
  for (const reduce of reduceKind.options) {
    test.each([true, false])(`${reduce} of a whole map that is not square, trainable %s`, (trainable) =>
      expectRight(
        [first, { kind: "subsampling", factor: "all", reduce, trainable, activation: "sigmoid" }, output("softmax")],
        "cross-entropy",
      ),
    );
    test.each([true, false])(`${reduce}, trainable %s`, (trainable) =>
      expectRight(
        [first, { kind: "subsampling", factor: 3, reduce, trainable, activation: "sigmoid" }, output("softmax")],
        "cross-entropy",
      ),
    );
  }
});

test("dropout between layers", () =>
  expectRight(
    [
      first,
      { kind: "dropout", rate: 0.3 },
      { kind: "dense", units: 6, activation: "tanh" },
      { kind: "dropout", rate: 0.5 },
      output("softmax"),
    ],
    "cross-entropy",
  ));

test("batch normalisation after maps and after units", () => {
  expectRight(
    [
      first,
      { kind: "batch-normalisation" },
      { kind: "subsampling", factor: 2 },
      { kind: "dense", units: 4, activation: "tanh" },
      { kind: "batch-normalisation" },
      output("softmax"),
    ],
    "cross-entropy",
  );
});

test("every planned kind was checked", () =>
  expect([...covered].toSorted()).toEqual(Object.keys(layerPlanners).toSorted()));

describe("a wrong gradient is seen", () => {
  // The check must be able to fail: a kernel of the backward pass is left out.
  test.each(["convolutionGradient", "convolutionBackward", "subsamplingGradient", "denseGradient"] as const)(
    "without %s",
    (missing) => {
      const layers = [
        first,
        { kind: "subsampling", factor: 2, activation: "tanh" },
        { kind: "convolution", maps: 3, size: 2, activation: "tanh" },
        output("softmax"),
      ];
      const kernels = (memory: WebAssembly.Memory): Kernels => {
        const whole = createReference({ buffer: memory.buffer, realBytes: 8 });
        const words = new Uint32Array(memory.buffer);
        const run = (program: number, calls: number): void => {
          for (let call = 0; call < calls; call++)
            if (words[program / 4 + call * callWords] !== opcodes[missing]) whole.run(program + call * callBytes, 1);
        };
        return { name: "lame", run };
      };
      const result = checkGradients({
        network: network.parse({ layers }),
        loss: "cross-entropy",
        input,
        classes,
        seed: 3,
        sample: 10,
        kernels,
      });
      expect(result.worst).toBeGreaterThan(1e-2);
    },
  );
});

test("a bias whose map is normalised right after has the gradient 0, to the last bit", () => {
  const layers = [
    { ...first, activation: "linear" },
    { kind: "subsampling", factor: 2 },
    { kind: "batch-normalisation" },
    output("softmax"),
  ];
  const samples = Float64Array.from({ length: 5 * 2 * 9 * 7 }, (_, index) => Math.sin(index * index));
  const inspection = new Inspection({
    network: network.parse({ layers }),
    loss: "cross-entropy",
    input,
    classes,
    seed: 3,
    samples,
    labels: [0, 1, 2, 0, 1],
    realBytes: 8,
    kernels: (memory) => createReference({ buffer: memory.buffer, realBytes: 8 }),
  });
  inspection.gradient();
  for (const name of ["layers.0.bias", "layers.1.bias"])
    expect(
      inspection.gradientOf(name).every((value) => value === 0),
      name,
    ).toBe(true);
  expect(inspection.gradientOf("layers.2.bias").some((value) => value !== 0)).toBe(true);
});

test("a map with one input has a mix gradient of exactly 0, in every implementation: Adam would make a step of rounding", () => {
  const samples = Float64Array.from({ length: 3 * 2 * 9 * 7 }, (_, index) => Math.sin(index * index));
  for (const { name, kernels, realBytes } of implementations()) {
    const layers = [
      { kind: "convolution", maps: 1, size: 2, activation: "tanh" },
      learned("per-input", "none"),
      output("softmax"),
    ];
    const inspection = new Inspection({
      network: network.parse({ layers }),
      loss: "cross-entropy",
      input,
      classes,
      seed: 3,
      samples,
      labels: [0, 1, 2],
      realBytes,
      kernels,
    });
    inspection.gradient();
    expect(
      inspection.gradientOf("layers.1.mix").every((value) => value === 0),
      name,
    ).toBe(true);
  }
});
