/**
 * Every pixel traced, inside residual blocks and at both their ends: its sum is the number that the engine has, and
 * that PyTorch's autograd gave for the recorded cases.
 */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  createExplainer,
  createMemory,
  createReference,
  planSensitivities,
  readSafetensors,
  writeSafetensors,
  type FileTensor,
} from "../../engine/index.ts";
import { lossOf } from "../../schemas/complete.ts";
import { network, type Loss, type Network } from "../../schemas/network.ts";
import { networkShape } from "../../schemas/network-shape.ts";
import { sizeOf, type Shape } from "../../schemas/shape.ts";
import { weightedLayers } from "../../schemas/weights.ts";
import { at, nodesOf, numberOf, rowOf } from "../../web/dashboard/mathematics/inside.ts";
import type { Inside, Maps, Place, Row } from "../../web/dashboard/mathematics/inside.ts";
import { filterGradient, traceBackward, traceForward } from "../../web/dashboard/mathematics/trace.ts";

const cases = new URL("sensitivities/", import.meta.url);
const names = readdirSync(cases);
it("has cases", () => expect(names.length).toBeGreaterThanOrEqual(3));

const nested = (data: ArrayLike<number | bigint>, { channels, height, width }: Shape): Maps =>
  Array.from({ length: channels }, (_, map) =>
    Array.from({ length: height }, (__, row) =>
      Array.from({ length: width }, (___, column) => Number(data[(map * height + row) * width + column])),
    ),
  );

interface Subject {
  network: Network;
  loss: Loss;
  input: Shape;
  classes: number;
  normalisation: { kind: "standardise"; mean: number[]; std: number[] };
  label: number;
  sample: ArrayLike<number>;
  tensors: ReadonlyMap<string, FileTensor>;
}

/** As the engine has it, in float64. */
function insideOf({ label, sample, tensors, ...spec }: Subject): Inside {
  const plan = planSensitivities(spec, 8);
  const memory = createMemory(plan);
  const kernels = createReference({ buffer: memory.buffer, realBytes: 8 });
  const explainer = createExplainer({ plan, memory, kernels, weights: writeSafetensors({ tensors }) });
  const rows = explainer.sensitivities(sample, label).layers.flatMap((row) => [...(row.layers ?? []), row]);
  const own = tensors as Inside["tensors"];
  return {
    nodes: nodesOf(spec.network.layers, own),
    tensors: own,
    rows: rows.map((row) => ({
      ...row,
      values: nested(row.values, row.shape),
      sensitivities: nested(row.sensitivities, row.shape),
    })),
  };
}

/** The same with what PyTorch gave wherever it was recorded: of everything but what is inside blocks. */
function recordedInside(name: string): Inside {
  const raw = JSON.parse(readFileSync(new URL(`${name}/case.json`, cases), "utf8"));
  const { tensors } = readSafetensors(readFileSync(new URL(`${name}/tensors.safetensors`, cases)));
  const recorded = (of: string): ArrayLike<number | bigint> => tensors.get(of)!.data;
  const inside = insideOf({
    ...raw,
    network: network.parse(raw.network),
    sample: Array.from(recorded("sample"), Number),
    tensors,
  });
  return {
    ...inside,
    rows: inside.rows.map((row, index): Row => {
      const node = inside.nodes[index - 1] ?? { layer: -1, inner: null };
      if (node.inner !== null) return row;
      return {
        ...row,
        values: nested(recorded(`values.${node.layer}`), row.shape),
        sensitivities: nested(recorded(`sensitivities.${node.layer}`), row.shape),
      };
    }),
  };
}

/** A sequence in −1 … 1 that is the same on every machine. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** With weights and a sample by chance. */
function drawnInside(layers: readonly object[]): Inside {
  const [input, classes, next] = [{ channels: 2, height: 11, width: 7 }, 3, numbers(7)];
  const parsed = network.parse({ layers });
  const tensors = new Map<string, FileTensor>();
  const weighted = weightedLayers(parsed.layers, networkShape(parsed.layers, input, classes).layers);
  for (const { path, tensors: own } of weighted)
    for (const [name, shape] of Object.entries(own)) {
      const data = Float64Array.from({ length: shape.reduce((all, each) => all * each, 1) }, next);
      tensors.set(`${path}.${name}`, { dtype: "F64", shape, data: name === "variance" ? data.map(Math.abs) : data });
    }
  return insideOf({
    network: parsed,
    loss: lossOf(parsed),
    input,
    classes,
    normalisation: { kind: "standardise", mean: [0.25, -0.5], std: [2, 0.75] },
    label: 1,
    sample: Float64Array.from({ length: sizeOf(input) }, next),
    tensors,
  });
}

const drawn = {
  "x goes past a block as it is": [
    { kind: "convolution", maps: 3, size: 3, activation: "tanh" },
    {
      kind: "residual",
      activation: "relu",
      layers: [
        { kind: "convolution", maps: 4, size: 3, padding: 1, activation: "linear" },
        { kind: "batch-normalisation", activation: "leaky-relu" },
        { kind: "dropout", rate: 0.5 },
        { kind: "convolution", maps: 3, size: 3, padding: 1, activation: "scaled-tanh", inputs: { learned: {} } },
      ],
    },
    { kind: "subsampling", factor: 2, reduce: "mean", trainable: true, activation: "sigmoid" },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
  "a normalisation ends a block, which makes its sum as well in a training": [
    { kind: "convolution", maps: 3, size: 3, activation: "tanh" },
    {
      kind: "residual",
      activation: "relu",
      layers: [{ kind: "convolution", maps: 3, size: 3, padding: 1 }, { kind: "batch-normalisation" }],
    },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
  "x is projected by strides, one block right above another": [
    {
      kind: "residual",
      activation: "tanh",
      layers: [
        { kind: "convolution", maps: 5, size: 3, padding: 1, stride: 2, activation: "relu" },
        { kind: "convolution", maps: 3, size: 1, activation: "linear" },
      ],
    },
    {
      kind: "residual",
      layers: [{ kind: "subsampling", factor: 2, reduce: "max", trainable: true, activation: "tanh" }],
      shortcut: "projection",
    },
    { kind: "dense", units: 3, activation: "sigmoid" },
  ],
};

const placesOf = ({ channels, height, width }: Shape): Place[] =>
  Array.from({ length: channels * height * width }, (_, index) => ({
    map: Math.floor(index / (height * width)),
    row: Math.floor(index / width) % height,
    column: index % width,
  }));

const all: [string, Inside][] = [
  ...names.map((name): [string, Inside] => [name, recordedInside(name)]),
  ...Object.entries(drawn).map(([name, layers]): [string, Inside] => [name, drawnInside(layers)]),
];

describe.each(all)("%s", (_, inside) => {
  const last = inside.nodes.length - 1;
  const rows = inside.rows.map(({ kind, shape }, index) => ({
    kind,
    shape,
    node: index - 1,
    name: numberOf(inside.nodes[index - 1] ?? { layer: -1, inner: null }),
  }));

  it("has a row for each node, those of a block before their sum", () =>
    expect(rows.map(({ kind }) => kind)).toEqual(["input", ...inside.nodes.map(({ spec }) => spec.kind)]));

  it.each(rows.slice(1))("x of $name, $kind", ({ node, shape }) => {
    const { spec, shortcut } = inside.nodes[node];
    const isSoftmax = "activation" in spec && spec.activation === "softmax";
    for (const place of placesOf(shape)) {
      const trace = traceForward(inside, node, place);
      expect(trace?.ways.length).toBe(shortcut ? 2 : 1);
      if (isSoftmax) expect(trace?.result).toBeNull();
      else expect(trace?.result, JSON.stringify(place)).toBeCloseTo(at(rowOf(inside, node).values, place), 6);
    }
  });

  it.each(rows.slice(0, -1))("δ of $name, $kind", ({ node, shape }) => {
    const isSplit = inside.nodes.some(({ shortcut }) => shortcut?.from === node);
    for (const place of placesOf(shape)) {
      const trace = traceBackward(inside, node, place);
      expect(trace?.ways.length).toBe(isSplit ? 2 : 1);
      expect(trace?.result, JSON.stringify(place)).toBeCloseTo(at(rowOf(inside, node).sensitivities, place), 6);
    }
  });

  it("ends where the loss gives δ", () =>
    expect(traceBackward(inside, last, { map: 0, row: 0, column: 0 })).toBeNull());
});

/** L2 norm of the gradient of a convolution's filters and biases, from what the page shows of each. */
function normOf(inside: Inside, node: number): number {
  const { spec, path, from, shortcut } = inside.nodes[node];
  const step = shortcut?.projection ?? (spec.kind === "convolution" ? { spec, path, from } : null);
  if (!step) throw new Error("no convolution");
  const { channels } = rowOf(inside, step.from).shape;
  const filters = Array.from({ length: step.spec.maps * channels }, (_, pair) =>
    filterGradient(inside, { step, node, map: Math.floor(pair / channels), input: pair % channels }),
  ).flat(2);
  const biases = rowOf(inside, node).sensitivities.map((map) =>
    map.flat().reduce<number>((sum, each) => sum + (each ?? 0), 0),
  );
  return Math.hypot(...filters, ...biases);
}

it("has the gradients of what is inside a block and of what goes past it", () => {
  const inside = drawnInside(drawn["x is projected by strides, one block right above another"]);
  // Of a block the norm is that of its two convolutions and its projection.
  const [first, second, sum] = [0, 1, 2].map((node) => normOf(inside, node));
  const norms = inside.rows.slice(1).map(({ gradientNorm }) => gradientNorm);
  expect(first).toBeCloseTo(norms[0] ?? 0, 9);
  expect(second).toBeCloseTo(norms[1] ?? 0, 9);
  expect(Math.hypot(first, second, sum)).toBeCloseTo(norms[2] ?? 0, 9);
});
