import { describe, expect, it } from "vitest";
import type { Layer } from "../../schemas/layer.ts";
import { network as schema } from "../../schemas/network.ts";
import { readOnnx, runOnnx } from "../../tests/support/onnx-graph.ts";
import { EngineError } from "../errors.ts";
import { createReference } from "../kernels/reference/reference.ts";
import { MemoryPlan, createMemory } from "../memory.ts";
import { planNetwork } from "../network.ts";
import { createPredictor, planPrediction } from "../prediction.ts";
import { exportOnnx } from "./onnx.ts";
import { writeSafetensors, type Tensor } from "./safetensors.ts";

/**
 * Every kind of layer, connection, reduction and activation; a 9×7 picture of two channels, so no side equals another.
 */
const network = schema.parse({
  layers: [
    { kind: "convolution", maps: 4, size: 3, padding: 1, activation: "scaled-tanh", inputs: [[0], [1], [0, 1], [1]] },
    { kind: "batch-normalisation", epsilon: 0.01 },
    { kind: "subsampling", factor: 2, reduce: "sum" },
    { kind: "convolution", maps: 3, size: 2, activation: "relu", inputs: { learned: { filters: "per-pair" } } },
    { kind: "dropout" },
    {
      kind: "convolution",
      maps: 5,
      size: 2,
      padding: 1,
      stride: 2,
      activation: "leaky-relu",
      inputs: { learned: { filters: "per-input" } },
    },
    { kind: "subsampling", factor: 2, reduce: "max", trainable: false, activation: "sigmoid" },
    { kind: "dense", units: 6, activation: "linear" },
    { kind: "subsampling", factor: 1, reduce: "mean", activation: "tanh" },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
});
const input = { channels: 2, height: 9, width: 7 };
const classes = ["one", "two", "three"];
const normalisation = { kind: "standardise" as const, mean: [3, -1], std: [2, 0.5] };

let place = 0;
const numbers = (...shape: number[]): Tensor => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.sin(++place * 12.9898) * 0.7);
  return { dtype: "F32", shape, data };
};
const tensors = new Map<string, Tensor>([
  ["layers.0.weight", numbers(4, 2, 3, 3)],
  ["layers.0.bias", numbers(4)],
  ["layers.1.weight", numbers(4)],
  ["layers.1.bias", numbers(4)],
  ["layers.1.mean", numbers(4)],
  ["layers.1.variance", { dtype: "F32", shape: [4], data: new Float32Array([0.5, 1, 2, 0.1]) }],
  ["layers.2.beta", numbers(4)],
  ["layers.2.bias", numbers(4)],
  ["layers.3.weight", numbers(3, 4, 2, 2)],
  ["layers.3.bias", numbers(3)],
  ["layers.3.mix", numbers(3, 4)],
  ["layers.5.weight", numbers(1, 3, 2, 2)],
  ["layers.5.bias", numbers(5)],
  ["layers.5.mix", numbers(5, 3)],
  ["layers.7.weight", numbers(6, 5)],
  ["layers.7.bias", numbers(6)],
  ["layers.8.beta", numbers(6)],
  ["layers.8.bias", numbers(6)],
  ["layers.9.weight", numbers(3, 6)],
  ["layers.9.bias", numbers(3)],
]);
for (const [map, reads] of [[0], [1], [0, 1], [1]].entries())
  // a sparse table keeps zeros where nothing is connected
  for (const channel of [0, 1])
    if (!reads.includes(channel))
      tensors.get("layers.0.weight")!.data.fill(0 as never, (map * 2 + channel) * 9, (map * 2 + channel + 1) * 9);
const weights = writeSafetensors({ tensors });

type Maps = number[][][];
const activate: Record<string, (u: number) => number> = {
  linear: (u) => u,
  sigmoid: (u) => 1 / (1 + Math.exp(-u)),
  tanh: Math.tanh,
  "scaled-tanh": (u) => 1.7159 * Math.tanh((2 * u) / 3),
  relu: (u) => Math.max(0, u),
  "leaky-relu": (u) => (u < 0 ? 0.01 * u : u),
};
const grid = (rows: number, columns: number, value: (row: number, column: number) => number): number[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (__, column) => value(row, column)));

/** Layers by the equations of the notes, one sample, float64. */
function through(layers: readonly Layer[], given: Maps, of: ReadonlyMap<string, Tensor>, prefix = ""): Maps {
  const tensor = (name: string): number[] => Array.from(of.get(name)!.data as Float32Array);
  let maps = given;
  for (const [index, layer] of layers.entries()) {
    const name = (part: string): string => `${prefix}layers.${index}.${part}`;
    if (layer.kind === "convolution") {
      const learned = typeof layer.inputs === "object" && !Array.isArray(layer.inputs) ? layer.inputs.learned : null;
      const [w, b, inputs, area] = [tensor(name("weight")), tensor(name("bias")), maps.length, layer.size ** 2];
      const alpha = (map: number, from: number): number => {
        if (!learned) return 1;
        const c = tensor(name("mix"))
          .slice(map * inputs, (map + 1) * inputs)
          .map(Math.exp);
        return c[from] / c.reduce((x, y) => x + y, 0);
      };
      const before = maps;
      const side = (length: number): number => Math.floor((length + 2 * layer.padding - layer.size) / layer.stride) + 1;
      const [height, width] = [side(before[0].length), side(before[0][0].length)];
      maps = b.map((bias, map) =>
        grid(height, width, (row, column) => {
          let u = bias;
          for (let from = 0; from < inputs; from++)
            for (let tap = 0; tap < area; tap++) {
              const x =
                before[from][row * layer.stride + Math.floor(tap / layer.size) - layer.padding]?.[
                  column * layer.stride + (tap % layer.size) - layer.padding
                ] ?? 0;
              u +=
                alpha(map, from) * w[((learned?.filters === "per-input" ? 0 : map * inputs) + from) * area + tap] * x;
            }
          return activate[layer.activation](u);
        }),
      );
    } else if (layer.kind === "subsampling") {
      const [beta, bias] = layer.trainable
        ? [tensor(name("beta")), tensor(name("bias"))]
        : [maps.map(() => 1), maps.map(() => 0)];
      const [high, across] =
        layer.factor === "all" ? [maps[0].length, maps[0][0].length] : [layer.factor, layer.factor];
      maps = maps.map((map, j) =>
        grid(Math.floor(map.length / high), Math.floor(map[0].length / across), (row, column) => {
          const block = grid(high, across, (y, x) => map[row * high + y][column * across + x]).flat();
          const sum = block.reduce((a, c) => a + c, 0);
          const d = layer.reduce === "max" ? Math.max(...block) : layer.reduce === "mean" ? sum / block.length : sum;
          return activate[layer.activation](beta[j] * d + bias[j]);
        }),
      );
    } else if (layer.kind === "dense") {
      const x = maps.flat(2);
      const [w, b] = [tensor(name("weight")), tensor(name("bias"))];
      let y = b.map((bias, unit) => x.reduce((sum, each, from) => sum + w[unit * x.length + from] * each, bias));
      if (layer.activation === "softmax") {
        const sum = y.reduce((a, u) => a + Math.exp(u), 0);
        y = y.map((u) => Math.exp(u) / sum);
      } else y = y.map((u) => activate[layer.activation](u));
      maps = y.map((each) => [[each]]);
    } else if (layer.kind === "batch-normalisation") {
      const [weight, bias, mean, variance] = ["weight", "bias", "mean", "variance"].map((each) =>
        tensor(name(each)),
      ) as [number[], number[], number[], number[]];
      maps = maps.map((map, j) =>
        map.map((row) =>
          row.map((x) =>
            activate[layer.activation](((x - mean[j]) / Math.sqrt(variance[j] + layer.epsilon)) * weight[j] + bias[j]),
          ),
        ),
      );
    } else if (layer.kind === "residual") {
      const before = maps;
      const after = through(layer.layers, maps, of, name(""));
      const stride = layer.layers.reduce((product, each) => product * ("stride" in each ? each.stride : 1), 1);
      const carried = (map: number, row: number, column: number): number => {
        if (!of.has(name("shortcut.weight"))) return before[map][row][column];
        const w = tensor(name("shortcut.weight"));
        return before.reduce(
          (sum, each, from) => sum + w[map * before.length + from] * each[row * stride][column * stride],
          tensor(name("shortcut.bias"))[map],
        );
      };
      maps = after.map((map, j) =>
        map.map((values, row) => values.map((x, column) => activate[layer.activation](x + carried(j, row, column)))),
      );
    }
  }
  return maps;
}

const byHand = (sample: Maps, layers = network.layers, of: ReadonlyMap<string, Tensor> = tensors): number[] =>
  through(
    layers,
    sample.map((map, channel) =>
      map.map((row) => row.map((x) => (x - normalisation.mean[channel]) / normalisation.std[channel])),
    ),
    of,
  ).flat(2);

const samples = Array.from({ length: 3 }, (_, n) =>
  Array.from({ length: 2 }, (__, c) =>
    grid(9, 7, (row, column) => Math.cos(n * 5 + c * 3 + row * 1.7 + column * 0.9) * 4 + 2),
  ),
);
const flat = Float32Array.from(samples.flat(3));
const exported = exportOnnx({ network, input, classes, normalisation, weights });
const expected = samples.flatMap((sample) => byHand(sample));

/** Residual blocks with all that may stand in them, by the names that a checkpoint has. */
const blocks = schema.parse({
  layers: [
    { kind: "convolution", maps: 3, size: 3, padding: 1, activation: "tanh" },
    {
      kind: "residual",
      activation: "relu",
      layers: [
        { kind: "batch-normalisation", activation: "relu" },
        { kind: "convolution", maps: 3, size: 3, padding: 1 },
        { kind: "dropout" },
      ],
    },
    {
      kind: "residual",
      activation: "scaled-tanh",
      layers: [
        { kind: "convolution", maps: 4, size: 3, padding: 1, stride: 2, inputs: { learned: {} } },
        { kind: "batch-normalisation" },
      ],
    },
    { kind: "subsampling", factor: "all", reduce: "mean", activation: "tanh" },
    { kind: "dense", units: 5 },
    { kind: "residual", layers: [{ kind: "dense", units: 5, activation: "tanh" }] },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
});
const own = new Map<string, Tensor>(
  planNetwork({
    network: blocks,
    input,
    classes: 3,
    memory: new MemoryPlan(4),
    shards: 0,
    batchSize: 1,
    averageScale: 0,
  }).tensors.map(({ name, shape }) => {
    const drawn = numbers(...shape);
    if (name.endsWith("variance")) drawn.data = (drawn.data as Float32Array).map((value) => value * value + 0.1);
    return [name, drawn];
  }),
);
const weightsOfBlocks = writeSafetensors({ tensors: own });
const exportedBlocks = exportOnnx({ network: blocks, input, classes, normalisation, weights: weightsOfBlocks });
const expectedBlocks = samples.flatMap((sample) => byHand(sample, blocks.layers, own));

function worst(found: ArrayLike<number>, right: readonly number[] = expected): number {
  expect(found.length).toBe(right.length);
  return Math.max(...right.map((value, at) => Math.abs(found[at] - value)));
}

describe("exportOnnx", () => {
  it("makes a graph that computes what the equations say, for any batch", () => {
    const model = readOnnx(exported);
    expect(worst(runOnnx(model, { shape: [3, 2, 9, 7], data: Float64Array.from(flat) }).data)).toBeLessThan(1e-6);
    expect(model.input).toEqual({ name: "input", shape: ["batch", 2, 9, 7] });
    expect(model.output).toEqual({ name: "output", shape: ["batch", 3] });
    expect([model.irVersion, model.operatorSet]).toEqual([7, 13]);
    expect(JSON.parse(model.metadata["classes"])).toEqual(classes);
    expect(JSON.parse(model.metadata["normalisation"])).toEqual(normalisation);
    expect(schema.parse(JSON.parse(model.metadata["network"]))).toEqual(network);
  });

  it("computes what the engine predicts", () => {
    const plan = planPrediction({ network, input, classes: classes.length, normalisation, batch: 3 });
    const memory = createMemory(plan);
    const predictor = createPredictor({
      plan,
      memory,
      kernels: createReference({ buffer: memory.buffer, realBytes: 4 }),
      weights,
    });
    expect(worst(predictor.predict(flat, 3))).toBeLessThan(1e-6);
  });

  it("carries x past a residual block, through a convolution where its shape changes", () => {
    const model = readOnnx(exportedBlocks);
    expect(model.nodes.filter(({ operator }) => operator === "Add")).toHaveLength(4);
    const found = runOnnx(model, { shape: [3, 2, 9, 7], data: Float64Array.from(flat) }).data;
    expect(worst(found, expectedBlocks)).toBeLessThan(1e-6);
    const plan = planPrediction({ network: blocks, input, classes: classes.length, normalisation, batch: 3 });
    const memory = createMemory(plan);
    const kernels = createReference({ buffer: memory.buffer, realBytes: 4 });
    const predictor = createPredictor({ plan, memory, kernels, weights: weightsOfBlocks });
    expect(worst(predictor.predict(flat, 3), expectedBlocks)).toBeLessThan(1e-6);
    const maps = predictor.featureMaps(flat.subarray(0, 126));
    expect(maps.map(({ layer, kind }) => [layer, kind])).toEqual(blocks.layers.map(({ kind }, layer) => [layer, kind]));
    const block = through(
      blocks.layers.slice(0, 2),
      samples[0].map((map, c) => map.map((row) => row.map((x) => (x - normalisation.mean[c]) / normalisation.std[c]))),
      own,
    );
    expect(worst(maps[1].values, block.flat(2))).toBeLessThan(1e-6);
  });

  it("omits dropout, and a normalisation that changes nothing", () => {
    const plain = readOnnx(
      exportOnnx({ network, input, classes, normalisation: { kind: "none", mean: [0, 0], std: [1, 1] }, weights }),
    );
    expect(plain.nodes[0].operator).toBe("Conv");
    expect(plain.nodes.map((node) => node.operator)).not.toContain("Dropout");
  });

  it("flattens maps before a softmax over them", () => {
    const pooled = schema.parse({ layers: [{ kind: "convolution", maps: 3, size: 7, activation: "softmax" }] });
    const file = writeSafetensors({
      tensors: new Map([
        ["layers.0.weight", numbers(3, 1, 7, 7)],
        ["layers.0.bias", numbers(3)],
      ]),
    });
    const model = readOnnx(
      exportOnnx({
        network: pooled,
        input: { channels: 1, height: 7, width: 7 },
        classes,
        normalisation: { kind: "none", mean: [0], std: [1] },
        weights: file,
      }),
    );
    const output = runOnnx(model, { shape: [1, 1, 7, 7], data: Float64Array.from({ length: 49 }, (_, at) => at / 49) });
    expect(output.shape).toEqual([1, 3]);
    expect(output.data.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
  });

  it("refuses weights and networks that do not belong together", () => {
    const without = (name: string, replacement?: Tensor): Uint8Array => {
      const changed = new Map(tensors);
      if (replacement) changed.set(name, replacement);
      else changed.delete(name);
      return writeSafetensors({ tensors: changed });
    };
    const attempt =
      (file: Uint8Array, of = network): (() => unknown) =>
      () =>
        exportOnnx({ network: of, input, classes, normalisation, weights: file });
    expect(attempt(without("layers.7.bias"))).toThrow("layers.7.bias is missing");
    expect(attempt(without("layers.3.mix", numbers(4, 3)))).toThrow("has the shape [4, 3]; the network needs [3, 4]");
    expect(attempt(without("layers.8.beta", { dtype: "U8", shape: [6], data: new Uint8Array(6) }))).toThrow(
      "not floats",
    );
    expect(attempt(weights, schema.parse({ layers: [{ kind: "convolution", maps: 3, size: 20 }] }))).toThrow(
      EngineError,
    );
  });
});
