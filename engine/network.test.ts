import { expect, test } from "vitest";
import { network as networkSchema } from "../schemas/network.ts";
import { cutBatch } from "./batches.ts";
import { EngineError } from "./errors.ts";
import { MemoryPlan } from "./memory.ts";
import { planNetwork } from "./network.ts";
import { wiresOf } from "./passes.ts";
import { Program } from "./program.ts";
import { SlotPlanner } from "./slots.ts";

const plan = (layers: Record<string, unknown>[], classes = 3) =>
  planNetwork({
    network: networkSchema.parse({ layers }),
    input: { channels: 2, height: 7, width: 5 },
    classes,
    memory: new MemoryPlan(4),
    shards: 4,
    batchSize: 29,
    averageScale: 64,
  });

const refusal = (run: () => unknown): EngineError => {
  try {
    run();
  } catch (error) {
    if (error instanceof EngineError) return error;
  }
  throw new Error("nothing was refused");
};

test("a layer of billions of weights is refused with its place and the bytes, before any memory exists", () => {
  const error = refusal(() =>
    plan([
      { kind: "dense", units: 65_536 },
      { kind: "dense", units: 65_536 },
      { kind: "dense", units: 3 },
    ]),
  );
  expect(error).toMatchObject({ code: "too-large", pointer: "/layers/1" });
  expect(error.detail).toMatch(/4294967296 numbers.*\d+ bytes/);
});

test("a network that does not fit its input is refused with its place", () => {
  const error = refusal(() =>
    plan([
      { kind: "convolution", maps: 4, size: 3 },
      { kind: "convolution", maps: 4, size: 4 },
      { kind: "dense", units: 3 },
    ]),
  );
  expect(error).toMatchObject({ code: "network-does-not-fit", pointer: "/layers/1/size" });
});

test("no sensitivity goes below the lowest layer with something to train", () => {
  const { trains, layers } = plan([
    { kind: "subsampling", factor: 2, trainable: false },
    { kind: "dropout" },
    { kind: "dense", units: 3, activation: "softmax" },
  ]);
  expect(trains).toEqual([false, false, true]);
  expect(layers.map((layer) => layer.kind)).toEqual(["subsampling", "dropout", "dense"]);
});

test("a normalisation leaves δ of the layer below in the place of its own, but for one whose δ is a sum's as well", () => {
  const { deltaOf, layers, nodes } = plan([
    { kind: "convolution", maps: 3, size: 3 },
    { kind: "batch-normalisation", activation: "relu" },
    {
      kind: "residual",
      layers: [
        { kind: "convolution", maps: 3, size: 3, padding: 1 },
        { kind: "batch-normalisation", activation: "relu" },
        { kind: "convolution", maps: 3, size: 3, padding: 1 },
        { kind: "batch-normalisation" },
      ],
      activation: "relu",
    },
    { kind: "batch-normalisation" },
    { kind: "dense", units: 3, activation: "softmax" },
  ]);
  expect(layers.map(({ kind }, index) => `${kind} in ${nodes[deltaOf[index]].path}`)).toEqual([
    "convolution in layers.1",
    "batch-normalisation in layers.1",
    "identity in layers.3",
    "convolution in layers.2.layers.1",
    "batch-normalisation in layers.2.layers.1",
    "convolution in layers.2.layers.2",
    "batch-normalisation in layers.3",
    "residual in layers.3",
    "batch-normalisation in layers.3",
    "dense in layers.4",
  ]);
});

test("the gradient of a bias that a normalisation cancels is not computed", () => {
  const network = plan([
    { kind: "convolution", maps: 3, size: 3, padding: 1 },
    { kind: "batch-normalisation", activation: "relu" },
    {
      kind: "residual",
      layers: [
        { kind: "convolution", maps: 3, size: 3, padding: 1, activation: "tanh" },
        { kind: "convolution", maps: 4, size: 3, padding: 1 },
      ],
    },
    { kind: "batch-normalisation" },
    { kind: "dense", units: 3, activation: "softmax" },
  ]);
  const cut = cutBatch(8);
  const { groups } = new SlotPlanner({
    memory: new MemoryPlan(4),
    plan: network,
    threads: 1,
    purpose: "training",
    curvature: false,
  }).plan(cut);
  const [slot] = groups[0].slots;
  const biases = network.layers.flatMap((layer, index) => {
    const asked: string[] = [];
    const program = new Program();
    program.call = (kernel, given) => {
      if (kernel === "convolutionGradient")
        asked.push(`${network.nodes[index].path} ${(given as { biasGradient: number }).biasGradient > 0}`);
      return program;
    };
    layer.gradient?.(program, wiresOf(network, slot, index));
    return asked;
  });
  expect(biases).toEqual([
    "layers.0 false",
    "layers.2.shortcut false",
    "layers.2.layers.0 true",
    "layers.2.layers.1 false",
  ]);
});
