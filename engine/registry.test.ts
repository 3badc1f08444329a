/** Every kind of layer as a value: walks the registry, so a new kind is looked at before its author writes a test. */
import { describe, expect, test } from "vitest";
import { layer as schema } from "../schemas/layer.ts";
import type { Layer } from "../schemas/layer.ts";
import { networkShape } from "../schemas/network-shape.ts";
import type { Tensor, Wires } from "./layer.ts";
import { MemoryPlan } from "./memory.ts";
import { Program } from "./program.ts";
import { layerPlanners, planLayer, plannedKind } from "./registry.ts";
import type { PlannedKind } from "./registry.ts";

const input = { channels: 3, height: 7, width: 5 };
const specs: Record<PlannedKind, Record<string, unknown>> = {
  convolution: { kind: "convolution", maps: 2, size: 3, padding: 1 },
  combination: { kind: "convolution", maps: 2, size: 3, inputs: { learned: {} } },
  subsampling: { kind: "subsampling", factor: 2 },
  dense: { kind: "dense", units: 4 },
  dropout: { kind: "dropout" },
  "batch-normalisation": { kind: "batch-normalisation" },
  sum: { kind: "residual", layers: [{ kind: "dropout" }] },
  identity: { kind: "residual", layers: [{ kind: "dropout" }] },
  projection: { kind: "convolution", maps: 4, size: 1 },
};
const parts = ["sum", "identity", "projection"] as const;
const partOf = (kind: PlannedKind) => parts.find((part) => part === kind) ?? "layer";
const below = { name: "layers.3.bias", gradient: 0 } as Tensor;

function plan(spec: Layer, shards = 4, part: ReturnType<typeof partOf> = "layer", frozen = false, shift = below) {
  const memory = new MemoryPlan(4);
  const [shape] = networkShape([spec], input, null).layers;
  const activation = "activation" in spec && spec.activation !== "softmax" ? spec.activation : "linear";
  const planned = planLayer(part, {
    spec,
    path: "layers.4",
    draws: 4,
    input,
    output: shape.output,
    activation,
    declaredActivation: activation,
    inputActivation: "tanh",
    shifts: [shift],
    memory,
    shards,
    batchSize: 27,
    explains: false,
    frozen,
    averageScale: 64,
  });
  const wires: Wires = {
    lanes: 8,
    header: 1,
    input: 2,
    shortcut: 6,
    output: 3,
    delta: 4,
    inputDelta: 5,
    shard: 1,
    cancelsBias: false,
    own: [...planned.buffers, ...planned.curvatureBuffers].map((_, at) => 100 + at),
  };
  return { planned, wires, shape };
}

/** The calls that one of a layer's functions records. */
const recorded = (record: (program: Program) => void): string[] => {
  const program = new Program();
  record(program);
  return program.names();
};

describe.each(Object.keys(layerPlanners) as PlannedKind[])("%s", (kind) => {
  const spec = schema.parse({ learningRate: 3, ...specs[kind] });

  const part = partOf(kind);

  test("plans as itself, with the shapes of the request", () => {
    expect(plannedKind({ spec, part })).toBe(kind);
    const { planned, shape } = plan(spec, 4, part);
    expect(planned).toMatchObject({ kind: kind === "sum" ? "residual" : kind, input, output: shape.output });
  });

  test("its tensors are named by place, carry its learning rate, and are placed one to one", () => {
    for (const { name, size, shape, learningRate, place } of plan(spec, 4, part).planned.tensors) {
      expect(name).toMatch(/^layers\.4\.[a-z]+$/);
      expect(learningRate).toBe(3);
      expect(shape.reduce((product, side) => product * side, 1)).toBe(size);
      const places = new Set(Array.from({ length: size }, (_, at) => place(at)));
      expect(places.size).toBe(size);
      expect(Math.max(...places)).toBe(size - 1);
    }
  });

  test("counts as many parameters as the shapes say", () => {
    const { planned, shape } = plan(spec, 4, part);
    const trained = planned.tensors.filter((tensor) => tensor.gradient !== 0);
    expect(trained.reduce((sum, tensor) => sum + tensor.size, 0)).toBe(shape.parameters);
  });

  test("passes nothing down where nothing below is trained", () => {
    const { planned, wires } = plan(spec, 4, part);
    const both = recorded((program) => planned.backward(program, wires));
    const ownAlone = recorded((program) => planned.backward(program, { ...wires, inputDelta: 0 }));
    expect(both.length).toBeGreaterThan(ownAlone.length);
    const squares = recorded((program) => planned.curvature(program, wires));
    const ownSquares = recorded((program) => planned.curvature(program, { ...wires, inputDelta: 0 }));
    expect(squares.length).toBeGreaterThan(ownSquares.length);
  });

  test("frozen it computes no gradient, passes down as before and nothing at all where nothing below learns", () => {
    const { planned, wires } = plan(spec, 4, part, true);
    expect(planned.tensors.every(({ gradient }) => gradient === 0)).toBe(true);
    for (const pass of ["backward", "curvature"] as const) {
      expect(recorded((program) => planned[pass](program, wires)).join()).not.toMatch(/gradient/i);
      expect(recorded((program) => planned[pass](program, { ...wires, inputDelta: 0 }))).toEqual([]);
      expect(recorded((program) => planned[pass](program, wires))).not.toEqual([]);
    }
    expect(planned.meetings).toBeUndefined();
  });

  test("has no gradients where the network only predicts", () =>
    expect(plan(spec, 0, part).planned.tensors.every((tensor) => tensor.gradient === 0)).toBe(true));
});

describe("biases that only shift whole maps", () => {
  const shifts = (spec: Record<string, unknown>): string[] =>
    plan(schema.parse(spec)).planned.shifts.map(({ name }) => name);
  test("a linear layer's own", () => {
    expect(shifts(specs.convolution)).toEqual(["layers.4.bias"]);
    expect(shifts(specs.combination)).toEqual(["layers.4.bias"]);
    expect(shifts(specs["batch-normalisation"])).toEqual(["layers.4.bias"]);
  });
  test("through a linear subsampling also those below", () => {
    expect(shifts(specs.subsampling)).toEqual(["layers.3.bias", "layers.4.bias"]);
    expect(shifts({ ...specs.subsampling, trainable: false })).toEqual(["layers.3.bias"]);
  });
  test("through a linear batch normalisation that is frozen also those below, if they learn", () => {
    const bias = { ...below, gradient: 640 };
    const spec = schema.parse(specs["batch-normalisation"]);
    expect(plan(spec, 4, "layer", true, bias).planned.shifts.map(({ name }) => name)).toEqual([
      "layers.3.bias",
      "layers.4.bias",
    ]);
    expect(plan(spec, 4, "layer", true).planned.shifts.map(({ name }) => name)).toEqual(["layers.4.bias"]);
  });
  test("none through an activation or a dropout", () => {
    expect(shifts({ ...specs.convolution, activation: "tanh" })).toEqual([]);
    expect(shifts({ ...specs.subsampling, activation: "tanh" })).toEqual([]);
    expect(shifts(specs.dropout)).toEqual([]);
    expect(plan(schema.parse({ ...specs.sum, activation: "relu" }), 4, "sum").planned.shifts).toEqual([]);
  });
});
