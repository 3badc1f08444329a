/**
 * What a `fast` prediction computes as one: the right layers and no others, near what the layers give one by one, with
 * statistics far from those of a fresh network. In `reproducible` numerics not a bit changes.
 */
import { expect, test } from "vitest";
import type { Numerics } from "../schemas/job.ts";
import { everyKernels, loadKernels, type KernelsDescription } from "../services/shared/kernels.ts";
import { smallSpec, startTraining } from "../tests/support/training.ts";
import { createMemory, createPredictor, planPrediction, readSafetensors, writeSafetensors } from "./index.ts";
import type { Kernels, Predictor, TrainingSpec } from "./index.ts";
import { callBytes, kernelNames } from "./kernels/kernels.ts";
import { around, hash } from "./random.ts";

type Spec = Record<string, unknown>;
const convolution = (maps: number, more: Spec = {}): Spec => ({
  kind: "convolution",
  maps,
  size: 3,
  padding: 1,
  ...more,
});
const normalisation = (activation = "linear"): Spec => ({ kind: "batch-normalisation", activation });
const residual = (layers: Spec[], activation = "relu"): Spec => ({ kind: "residual", layers, activation });
/** Linear: a softmax that is sure of its answer would hide differences. */
const outputs: Spec = { kind: "dense", units: 3 };

/** Layers, and how many of their normalisations and sums a `fast` prediction still computes by themselves. */
const networks: [title: string, layers: Spec[], normalisations: number, sums?: number][] = [
  ["a convolution and its normalisation", [convolution(5, { padding: 0 }), normalisation("tanh"), outputs], 0],
  ["padding, twice", [convolution(9), normalisation("relu"), convolution(10), normalisation("leaky-relu"), outputs], 0],
  ["a stride", [convolution(9, { stride: 2 }), normalisation("scaled-tanh"), outputs], 0],
  ["filters of one pixel", [convolution(11, { size: 1, padding: 0 }), normalisation("sigmoid"), outputs], 0],
  ["a dense layer", [{ kind: "dense", units: 13 }, normalisation("relu"), outputs], 0],
  [
    "a learned combination",
    [convolution(5, { inputs: { learned: { filters: "per-input" } } }), normalisation("tanh"), outputs],
    0,
  ],
  ["the last layer", [convolution(4), { kind: "dense", units: 3 }, normalisation("tanh")], 0],
  [
    "inside a block with an identity, and below it",
    [
      convolution(9),
      normalisation("relu"),
      residual([convolution(9), normalisation("relu"), convolution(9), normalisation()]),
      outputs,
    ],
    0,
  ],
  [
    "inside a block with a projection",
    [
      convolution(8),
      residual([convolution(10, { stride: 2 }), normalisation("relu"), convolution(10), normalisation()], "tanh"),
      outputs,
    ],
    0,
  ],
  [
    "after a shortcut: the sum has no filters",
    [convolution(4), residual([convolution(4)]), normalisation("relu"), outputs],
    1,
  ],
  [
    "first in a block: the shortcut reads the convolution too",
    [convolution(4), residual([normalisation("relu"), convolution(4)]), outputs],
    1,
  ],
  [
    "inside a block that ends with an activation: the sum stays",
    [convolution(4), residual([convolution(4), normalisation("tanh")]), outputs],
    0,
    1,
  ],
  [
    "a block that ends with a subsampling: the sum stays",
    [convolution(4), residual([convolution(4), { kind: "subsampling", factor: 1 }]), normalisation(), outputs],
    1,
    1,
  ],
  [
    "a block of single pixels, whose filters are a dense layer's: the sum stays",
    [
      convolution(4),
      { kind: "subsampling", factor: "all", reduce: "mean", trainable: false },
      residual([convolution(4, { size: 1, padding: 0 }), normalisation()]),
      outputs,
    ],
    0,
    1,
  ],
  ["after an activation", [convolution(4, { activation: "tanh" }), normalisation("relu"), outputs], 1],
  ["after a subsampling", [convolution(4), { kind: "subsampling", factor: 2 }, normalisation("relu"), outputs], 1],
  ["after a normalisation", [convolution(4), normalisation(), normalisation("tanh"), outputs], 1],
];

const specOf = (layers: Spec[]): TrainingSpec =>
  smallSpec(layers, {
    loss: "squared-error",
    counts: { train: 8, validation: 0, test: 13 },
    batchSize: 8,
    epochs: 1,
    judge: null,
  });

/** Variances from 1e-4 to 1e4, means to ±3 and factors of either sign, none of which a fresh network has. */
async function wildWeights(spec: TrainingSpec): Promise<Uint8Array> {
  const { trainer, close } = await startTraining(spec);
  const { tensors, metadata } = readSafetensors(trainer.checkpoint());
  await close();
  let drawn = 0;
  const draw = (): number => around(hash(5, drawn++));
  for (const [name, { data }] of tensors) {
    if (!(data instanceof Float32Array)) continue;
    const isNormalised = tensors.has(name.replace(/[^.]+$/, "variance"));
    for (let n = 0; n < data.length; n++) {
      if (name.endsWith("variance")) data[n] = 10 ** (4 * draw());
      else if (name.endsWith("mean")) data[n] = 3 * draw();
      else if (name.endsWith("bias") || isNormalised) data[n] = draw();
    }
  }
  return writeSafetensors({ tensors, metadata });
}

/** Kernels that write down what they run. */
const listening = (inner: Kernels, memory: WebAssembly.Memory, heard: string[]): Kernels => ({
  name: inner.name,
  run(program, calls) {
    const words = new Uint32Array(memory.buffer);
    for (let call = 0; call < calls; call++) heard.push(kernelNames[words[(program + call * callBytes) / 4]]);
    inner.run(program, calls);
  },
});

function predictorOf(
  { network, input, classes, normalisation: inputs }: TrainingSpec,
  weights: Uint8Array,
  { description, numerics }: { description: KernelsDescription; numerics?: Numerics },
): { predictor: Predictor; heard: string[] } {
  const plan = planPrediction({
    network,
    input,
    classes,
    normalisation: inputs,
    batch: 16,
    ...(numerics && { numerics }),
  });
  const memory = createMemory(plan);
  const heard: string[] = [];
  const kernels = listening(loadKernels(description, memory), memory, heard);
  return { predictor: createPredictor({ plan, memory, kernels, weights }), heard };
}

/** Worst difference over the largest value. */
function distance(found: Float32Array, wanted: Float32Array): number {
  const largest = Math.max(...wanted.map(Math.abs));
  return Math.max(...found.map((value, n) => Math.abs(value - wanted[n]))) / largest;
}

/** Samples of the test split, and what the trainer's own evaluation makes of them. */
async function evaluated(spec: TrainingSpec, weights: Uint8Array, description: KernelsDescription) {
  const { trainer, plan, memory, close } = await startTraining(spec, {
    description,
    from: { initialWeights: weights },
  });
  const { samplesAddress, samplesBytes } = plan.splits.test;
  const samples = new Uint8Array(memory.buffer, samplesAddress, samplesBytes).slice();
  const outputs = Float32Array.from(trainer.evaluate("test", { outputs: true }).outputs!);
  await close();
  return { samples, outputs };
}

test.each(networks)("%s", async (_, layers, remaining, sums = 0) => {
  const spec = specOf(layers);
  const weights = await wildWeights(spec);
  // A normalisation that ends a block and is linear makes its sum as well, fused or not.
  const blocks = layers.filter(({ kind, layers: own }) => {
    const last = kind === "residual" ? (own as Spec[]).at(-1) : null;
    return last && !(last.kind === "batch-normalisation" && last.activation === "linear");
  }).length;
  const normalisations = JSON.stringify(layers).match(/batch-normalisation/g)!.length;
  for (const description of everyKernels()) {
    const { samples, outputs } = await evaluated(spec, weights, description);
    const size = samples.length / 13;
    const plain = predictorOf(spec, weights, { description });
    const fast = predictorOf(spec, weights, { description, numerics: "fast" });
    const answers = [plain, fast].map(({ predictor, heard }) => {
      heard.length = 0;
      const together = predictor.predict(samples.subarray(0, 8 * size), 8);
      const counted = ["normalisationForward", "residualForward", "pad"].map(
        (kernel) => heard.filter((name) => name === kernel).length,
      );
      const alone = predictor.predict(samples.subarray(0, size), 1);
      const maps = predictor.featureMaps(samples.subarray(0, size)).map(({ values }) => values);
      return { together, counted, alone, maps };
    });
    expect(answers[0].counted.slice(0, 2)).toEqual([normalisations, blocks]);
    expect(answers[1].counted).toEqual([remaining, sums, 0]);
    // Not fused: the bits of the trainer's evaluation, which fuses nothing.
    expect(answers[0].together).toEqual(outputs.subarray(0, 8 * 3));
    expect(distance(answers[1].together, answers[0].together), description.name).toBeLessThan(1e-5);
    expect(distance(answers[1].alone, answers[0].alone), description.name).toBeLessThan(1e-5);
    // Every layer's own maps are shown, also of those that are computed as one.
    expect(answers[1].maps).toEqual(answers[0].maps);
  }
});

test("`reproducible`, said or not, is the same to the bit", async () => {
  const spec = specOf(networks[7][1]);
  const weights = await wildWeights(spec);
  for (const description of everyKernels()) {
    const { samples, outputs } = await evaluated(spec, weights, description);
    const { predictor, heard } = predictorOf(spec, weights, { description, numerics: "reproducible" });
    expect(predictor.predict(samples, 13)).toEqual(outputs);
    expect(heard.filter((name) => name === "normalisationForward")).toHaveLength(2 * 3);
  }
});
