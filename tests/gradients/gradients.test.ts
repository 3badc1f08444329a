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
import { layOut } from "../../engine/nodes.ts";
import { layerPlanners, plannedKind } from "../../engine/registry.ts";
import { activationKind, penaltyKind, reduceKind } from "../../schemas/layer.ts";
import { network } from "../../schemas/network.ts";
import { networkShape } from "../../schemas/network-shape.ts";
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
  for (const node of layOut(parsed.layers, networkShape(parsed.layers, input, classes).layers))
    covered.add(plannedKind(node));
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

describe("residual blocks", () => {
  const three = (maps: number, more: Spec = {}): Spec => ({ kind: "convolution", maps, size: 3, padding: 1, ...more });
  const normal: Spec = { kind: "batch-normalisation" };
  const relu: Spec = { ...normal, activation: "relu" };
  const block = (layers: Spec[], more: Spec = {}): Spec => ({ kind: "residual", layers, activation: "tanh", ...more });
  const smooth: Spec = { ...normal, activation: "tanh" };
  const cases: [string, Spec[]][] = [
    ["identity", [block([three(4)])]],
    ["identity under an activation that F ends with", [block([three(4, { activation: "sigmoid" })])]],
    ["a projection where nothing changes", [block([three(4)], { shortcut: "projection" })]],
    ["a projection with a stride", [block([three(6, { stride: 2 }), three(6)])]],
    [
      "as people write it",
      [block([three(4), smooth, three(4), normal]), block([three(6, { stride: 2 }), relu, three(6), normal])],
    ],
    [
      "normalisation first, over a shared input",
      [block([normal, three(4)], { activation: "linear" }), block([smooth, three(4)])],
    ],
    ["normalisation after the sum", [block([three(4)], { activation: "linear" }), smooth]],
    [
      "learned combinations, dropout and subsampling",
      [
        block([
          { ...learned("per-pair", "entropy"), maps: 4, size: 3, padding: 1 },
          { kind: "dropout", rate: 0.3 },
        ]),
        block([{ kind: "subsampling", factor: 2, reduce: "mean" }]),
      ],
    ],
    [
      "units, behind the whole map",
      [
        { kind: "subsampling", factor: "all", reduce: "mean" },
        block([
          { kind: "dense", units: 5, activation: "tanh" },
          { kind: "dense", units: 4 },
        ]),
        block([{ kind: "dense", units: 6, activation: "tanh" }]),
      ],
    ],
  ];
  test.each(cases)("%s", (_, layers) => {
    const before = layers[0].kind === "subsampling" || layers.length > 1 ? { ...first, size: 3, padding: 1 } : first;
    // 9 × 7 halves to 5 × 4 only where a stride begins at the first pixel; even maps halve either way.
    expectRight(
      [
        layers.some((each) => JSON.stringify(each).includes('"factor":2')) ? first : before,
        ...layers,
        output("softmax"),
      ],
      "cross-entropy",
    );
  });
  test("as the first layer and as the last", () => {
    expectRight([block([three(2)]), output("softmax")], "cross-entropy");
    expectRight(
      [{ kind: "dense", units: 3 }, block([{ kind: "dense", units: 3 }], { activation: "softmax" })],
      "cross-entropy",
    );
    expectRight(
      [{ kind: "dense", units: 3 }, block([{ kind: "dense", units: 3 }], { activation: "tanh" })],
      "squared-error",
    );
  });
  test("a filter with padding that covers its map", () =>
    expectRight(
      [
        { ...first, size: 7, activation: "tanh" },
        block([{ kind: "convolution", maps: 4, size: 3, padding: 1 }]),
        { kind: "convolution", maps: 3, size: 5, padding: 2, stride: 3 },
        output("softmax"),
      ],
      "cross-entropy",
    ));
});

describe("frozen layers pass sensitivities down and are not checked themselves", () => {
  const frozen = (spec: Spec): Spec => ({ ...spec, learningRate: 0 });
  const three = (maps: number): Spec => ({ kind: "convolution", maps, size: 3, padding: 1, activation: "tanh" });
  const kinds: Record<string, Spec> = {
    convolution: three(4),
    combination: { ...learned("per-input", "entropy"), maps: 4 },
    subsampling: { kind: "subsampling", factor: 2, activation: "tanh" },
    "batch normalisation": { kind: "batch-normalisation", activation: "sigmoid" },
    dense: { kind: "dense", units: 5, activation: "tanh" },
    "a block": { kind: "residual", layers: [three(6), { kind: "batch-normalisation" }], activation: "tanh" },
  };
  test.each(Object.entries(kinds))("%s", (_, spec) => {
    const layers = [first, { kind: "batch-normalisation" }, frozen(spec), output("softmax")];
    expectRight(layers, "cross-entropy");
    expect(check(layers, "cross-entropy").result.layers.map(({ parameters }) => parameters.length)).toEqual([
      2, 2, 0, 2,
    ]);
  });
  test("the first ones, and some inside a block", () => {
    const inner = [frozen(three(4)), { kind: "batch-normalisation", activation: "tanh" }, frozen(three(5))];
    const layers = [frozen(first), { kind: "residual", layers: inner }, output("softmax")];
    expectRight(layers, "cross-entropy");
    expect(check(layers, "cross-entropy").result.layers.map(({ parameters }) => parameters.length)).toEqual([0, 4, 2]);
  });
  test("all of them: nothing is checked, and nothing is wrong", () => {
    const { result } = check([frozen(first), frozen(output("softmax"))], "cross-entropy");
    expect(result).toMatchObject({ complete: true, worst: 0 });
  });
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
