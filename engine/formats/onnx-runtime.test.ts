/** Random networks with every kind of layer, exported and run by onnxruntime: the engine's own predictions come out. */
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { activationKind, type Layer } from "../../schemas/layer.ts";
import type { Normalisation } from "../../schemas/model.ts";
import { network as schema, type Network } from "../../schemas/network.ts";
import { networkShape, outputActivation } from "../../schemas/network-shape.ts";
import { sizeOf, type Shape } from "../../schemas/shape.ts";
import { createReference } from "../kernels/reference/reference.ts";
import { MemoryPlan, createMemory } from "../memory.ts";
import { planNetwork } from "../network.ts";
import { createPredictor, planPrediction } from "../prediction.ts";
import { exportOnnx } from "./onnx.ts";
import { writeSafetensors, type Tensor } from "./safetensors.ts";

/** Of tests/peers, whose packages `npm test` installs. */
const { InferenceSession, Tensor: RuntimeTensor } = createRequire(
  new URL("../../tests/peers/package.json", import.meta.url),
)("onnxruntime-node") as {
  InferenceSession: {
    create(bytes: Uint8Array): Promise<{
      run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array; dims: number[] }>>;
      release(): Promise<void>;
    }>;
  };
  Tensor: new (type: string, data: Float32Array, shape: number[]) => unknown;
};

const batch = 3;
const inner = fc.constantFrom(...activationKind.options.filter((each) => each !== "softmax"));

/** Tables name input maps by number; those beyond what arrives are taken modulo. */
const connections = fc.oneof(
  fc.constant("all" as const),
  fc.record({ learned: fc.record({ filters: fc.constantFrom("per-pair", "per-input") }) }),
  fc.record({ table: fc.array(fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 4 }) }),
);
const convolution = fc.record({
  kind: fc.constant("convolution"),
  maps: fc.integer({ min: 1, max: 4 }),
  size: fc.integer({ min: 1, max: 4 }),
  padding: fc.integer({ min: 0, max: 2 }),
  stride: fc.integer({ min: 1, max: 2 }),
  activation: inner,
  inputs: connections,
});
const subsampling = fc.record({
  kind: fc.constant("subsampling"),
  factor: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) },
    { weight: 1, arbitrary: fc.constant("all") },
  ),
  reduce: fc.constantFrom("sum", "mean", "max"),
  trainable: fc.boolean(),
  activation: inner,
});
const dense = fc.record({ kind: fc.constant("dense"), units: fc.integer({ min: 1, max: 6 }), activation: inner });
const normalising = fc.record({
  kind: fc.constant("batch-normalisation"),
  epsilon: fc.constantFrom(1e-5, 1e-3, 0.1),
  activation: inner,
});
const dropout = fc.record({ kind: fc.constant("dropout"), rate: fc.constantFrom(0, 0.5) });
const plain = fc.oneof(
  { weight: 4, arbitrary: convolution },
  { weight: 3, arbitrary: subsampling },
  { weight: 2, arbitrary: normalising },
  dense,
  dropout,
);
/** Half of the blocks are of layers that keep the shape, so that identity shortcuts come up. */
const keeping = fc.oneof(
  convolution.map((layer) => ({ ...layer, keeps: true })),
  normalising,
  dropout,
);
const residual = fc.record({
  kind: fc.constant("residual"),
  layers: fc.oneof(
    fc.array(keeping, { minLength: 1, maxLength: 3 }),
    fc.array(plain, { minLength: 1, maxLength: 3 }),
    fc.array(dense, { minLength: 1, maxLength: 2 }),
  ),
  activation: inner,
});

interface Drawn {
  kind: string;
  [setting: string]: unknown;
}

/** A drawn layer for the maps that arrive. */
function fitted(drawn: Drawn, { channels }: Shape): object {
  if (drawn.kind !== "convolution") return drawn;
  const { keeps, ...layer } = drawn as Drawn & { keeps?: boolean; maps: number; inputs: { table?: number[][] } };
  const maps = keeps ? channels : layer.maps;
  const { table } = layer.inputs;
  const inputs = table
    ? Array.from({ length: maps }, (_, map) => [...new Set(table[map % table.length].map((each) => each % channels))])
    : layer.inputs;
  return { ...layer, maps, inputs, ...(keeps ? { size: 3, padding: 1, stride: 1 } : {}) };
}

/** The drawn layers that fit one after the other, as a request has them; what does not fit is left out. */
function grow(drawn: readonly Drawn[], input: Shape): Layer[] {
  const layers: Layer[] = [];
  let arriving = input;
  for (const each of drawn) {
    const within = each.kind === "residual" ? { layers: grow(each["layers"] as Drawn[], arriving) } : {};
    const parsed = schema.safeParse({ layers: [{ ...fitted(each, arriving), ...within }] });
    if (!parsed.success) continue;
    const shape = networkShape(parsed.data.layers, arriving, null).layers[0];
    if (!shape) continue;
    layers.push(parsed.data.layers[0]);
    arriving = shape.output;
  }
  return layers;
}

interface Case {
  network: Network;
  input: Shape;
  classes: number;
  normalisation: Normalisation;
  seed: number;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    drawn: fc.array(fc.oneof({ weight: 5, arbitrary: plain }, { weight: 2, arbitrary: residual }), { maxLength: 6 }),
    ending: fc.constantFrom("dense", "subsampling", "batch-normalisation"),
    activation: fc.constantFrom(...activationKind.options),
    classes: fc.integer({ min: 2, max: 5 }),
    input: fc.record({
      channels: fc.integer({ min: 1, max: 3 }),
      height: fc.constantFrom(7, 9, 6),
      width: fc.constantFrom(5, 8, 11),
    }),
    normalises: fc.boolean(),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ drawn, ending, activation, classes, input, normalises, seed }) => {
    const last = ending === "subsampling" ? { kind: ending, factor: 1, activation } : { kind: ending, activation };
    const ended =
      ending === "dense"
        ? [{ kind: "dense", units: classes, activation }]
        : [{ kind: "dense", units: classes, activation: "tanh" }, last];
    const channels = Array.from({ length: input.channels }, (_, channel) => channel);
    return {
      network: schema.parse({ layers: [...grow(drawn, input), ...ended] }),
      input,
      classes,
      normalisation: normalises
        ? { kind: "standardise", mean: channels.map((each) => each - 0.3), std: channels.map((each) => 0.7 + each) }
        : { kind: "none", mean: channels.map(() => 0), std: channels.map(() => 1) },
      seed,
    };
  });

/** Weights as random as they come, about as large as training leaves them; variances above zero. */
function randomWeights({ network, input, classes, seed }: Case): Uint8Array {
  let state = seed;
  const draw = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const plan = planNetwork({
    network,
    input,
    classes,
    memory: new MemoryPlan(4),
    shards: 0,
    batchSize: 1,
    averageScale: 0,
  });
  const tensors = new Map<string, Tensor>();
  for (const { name, shape, size, place, isParameter } of plan.tensors) {
    const scale = name.endsWith("weight") && shape.length > 1 ? Math.sqrt(3 / (size / shape[0])) : 1;
    const data = Float32Array.from({ length: size }, () => draw() * scale);
    if (name.endsWith("variance")) for (const [at, value] of data.entries()) data[at] = value * value + 0.1;
    // Zero where a sparse table connects nothing, as a checkpoint has it.
    if (isParameter) for (const at of data.keys()) if (!isParameter(place(at))) data[at] = 0;
    tensors.set(name, { dtype: "F32", shape, data });
  }
  return writeSafetensors({ tensors });
}

const samplesOf = ({ input, seed }: Case): Float32Array =>
  Float32Array.from({ length: batch * sizeOf(input) }, (_, at) => Math.sin((at + seed) * 12.9898) * 2);

function predicted({ network, input, classes, normalisation }: Case, weights: Uint8Array, samples: Float32Array) {
  const plan = planPrediction({ network, input, classes, normalisation, batch });
  const memory = createMemory(plan);
  const kernels = createReference({ buffer: memory.buffer, realBytes: 4 });
  return Float32Array.from(createPredictor({ plan, memory, kernels, weights }).predict(samples, batch));
}

/** What the runtime makes of the exported file. */
async function run(tried: Case, weights: Uint8Array, samples: Float32Array): Promise<Float32Array> {
  const { input, classes } = tried;
  const names = Array.from({ length: classes }, (_, each) => `class ${each}`);
  const session = await InferenceSession.create(exportOnnx({ ...tried, classes: names, weights }));
  const shape = [batch, input.channels, input.height, input.width];
  const { output } = await session.run({ input: new RuntimeTensor("float32", samples, shape) });
  await session.release();
  expect(output.dims).toEqual([batch, classes]);
  return output.data;
}

const kindsOf = (layers: readonly Layer[]): string[] =>
  layers.flatMap((layer) => [layer.kind, ...(layer.kind === "residual" ? kindsOf(layer.layers) : [])]);

describe("onnxruntime", () => {
  it("computes what the engine predicts, whatever the network", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(cases, async (tried) => {
        const { network, input, classes } = tried;
        for (const kind of kindsOf(network.layers)) seen.add(kind);
        for (const { shortcut } of networkShape(network.layers, input, classes).layers)
          if (shortcut) seen.add(shortcut);
        seen.add(outputActivation(network.layers));
        const weights = randomWeights(tried);
        const samples = samplesOf(tried);
        const right = predicted(tried, weights, samples);
        const found = await run(tried, weights, samples);
        const largest = right.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
        const worst = right.reduce((most, each, at) => Math.max(most, Math.abs(each - found[at])), 0);
        expect(Number.isFinite(largest)).toBe(true);
        expect(worst).toBeLessThanOrEqual(1e-5 * largest);
      }),
      { seed: 20_161_107, numRuns: 200 },
    );
    expect([...seen].sort()).toEqual(
      [
        ...["convolution", "subsampling", "dense", "batch-normalisation", "dropout", "residual"],
        ...["identity", "projection"],
        ...activationKind.options,
      ].sort(),
    );
  });
});
