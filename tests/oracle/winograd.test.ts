/**
 * That `fast` native kernels take Winograd's way where they should, in kernels, predictions and trainings. Its
 * transforms multiply by √2, so of whole numbers it makes numbers that are near but not whole, while direct sums, fused
 * or not, are exact: a wrong result and a way that is not taken both show.
 */
import { expect, test } from "vitest";
import {
  createMemory,
  createPredictor,
  planPrediction,
  readSafetensors,
  writeSafetensors,
} from "../../engine/index.ts";
import { preparedFloats, type KernelName } from "../../engine/kernels/kernels.ts";
import { optimiser } from "../../schemas/optimiser.ts";
import { sizeOf } from "../../schemas/shape.ts";
import { chooseKernels, everyKernels, loadKernels, type KernelsDescription } from "../../services/shared/kernels.ts";
import { smallSpec, startTraining } from "../support/training.ts";
import { referenceBench, runCase, workbenches } from "./bench.ts";
import type { Contents, KernelCase } from "./cases.ts";

/** x86-64-v2 has no fused multiply-add: its fast kernels are its reproducible ones. */
const takesWinograd = (name: string): boolean =>
  name.startsWith("native-") && name.endsWith("-fast") && !name.includes("-v2");

let state = 5;
/** Whole numbers from −most to most. */
const whole = (count: number, most: number): Contents => ({
  type: "real",
  values: Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * (2 * most + 1)) - most;
  }),
});

/** Worst difference over the largest value. */
function distance(found: ArrayLike<number>, exact: ArrayLike<number>): number {
  let [worst, largest] = [0, 1];
  for (let n = 0; n < exact.length; n++) {
    worst = Math.max(worst, Math.abs(found[n] - exact[n]));
    largest = Math.max(largest, Math.abs(exact[n]));
  }
  return worst / largest;
}

function expectWay(name: string, found: ArrayLike<number>, exact: ArrayLike<number>): void {
  if (takesWinograd(name)) {
    expect(distance(found, exact), name).toBeGreaterThan(0);
    expect(distance(found, exact), name).toBeLessThan(1e-5);
  } else expect(distance(found, exact), name).toBe(0);
}

const [rows, columns] = [17, 15];
const [outRows, outColumns] = [rows - 2, columns - 2];
const size = { inputs: 9, maps: 16 };
const { inputs, maps } = size;

/** A convolution 3×3 of 9 inputs to 16 maps where nothing else is said, all ways; 17×15 pixels with the padding. */
const kernelCase = (
  kernel: KernelName,
  { lanes, padding }: { lanes: number; padding: number },
  { inputs, maps }: { inputs: number; maps: number } = size,
): KernelCase => {
  const numbers = {
    inputs,
    maps,
    size: 3,
    stride: 1,
    rows: rows - 2 * padding,
    columns: columns - 2 * padding,
    padding,
    lanes,
  };
  const x = whole(inputs * numbers.rows * numbers.columns * lanes, 4);
  const y = whole(maps * outRows * outColumns * lanes, 4);
  const [weights, bias] = [whole(inputs * 9 * maps, 4), whole(maps, 4)];
  const padded: Contents = { type: "real", values: new Float32Array(inputs * rows * columns * lanes) };
  if (kernel === "convolutionForward") {
    const shortcut = whole(maps * outRows * outColumns * lanes, 4);
    const arrays = { input: x, ...(padding > 0 ? { padded, shortcut } : {}), weights, bias, output: y };
    return { arrays, numbers: { ...numbers, activation: padding > 0 ? 4 : 0 } };
  }
  if (kernel === "convolutionGradient")
    return { arrays: { input: x, delta: y, gradient: weights, biasGradient: bias }, numbers };
  return {
    arrays: { delta: y, weights, input: x, output: whole(x.values.length, 4) },
    numbers: { ...numbers, outRows, outColumns, gate: 0 },
  };
};

test.each([
  ["convolutionForward", 8, 0],
  ["convolutionForward", 1, 0],
  ["convolutionForward", 8, 1],
  ["convolutionForward", 1, 1],
  ["convolutionBackward", 8, 0],
  ["convolutionGradient", 8, 0],
] as const)("%s, lanes %d, padding %d", (kernel, lanes, padding) => {
  const one = kernelCase(kernel, { lanes, padding });
  const array = kernel === "convolutionGradient" ? "gradient" : "output";
  const exact = runCase(referenceBench(8), kernel, one)[array];
  for (const bench of workbenches()) expectWay(bench.name, runCase(bench, kernel, one)[array], exact);
});

test.each([
  [8, inputs, maps],
  [1, inputs, maps],
  [8, 11, 13],
  [8, 43, 9],
  [1, 16, 24],
])("filters that are prepared give the bits of those that are not: lanes %d, %d inputs, %d maps", (lanes, from, to) => {
  const one = kernelCase("convolutionForward", { lanes, padding: 1 }, { inputs: from, maps: to });
  const room: Contents = { type: "real", values: new Float32Array(preparedFloats({ inputs: from, maps: to })) };
  const prepare = { arrays: { weights: one.arrays.weights, prepared: room }, numbers: { inputs: from, maps: to } };
  for (const bench of workbenches()) {
    const { prepared } = runCase(bench, "convolutionPrepare", prepare);
    // Where they are used, nothing is read of the filters themselves.
    const weights = takesWinograd(bench.name) ? whole(one.arrays.weights.values.length, 4) : one.arrays.weights;
    const arrays = { ...one.arrays, weights, prepared: { type: "real" as const, values: prepared as Float32Array } };
    expect(runCase(bench, "convolutionForward", { ...one, arrays }).output, bench.name).toEqual(
      runCase(bench, "convolutionForward", one).output,
    );
  }
});

const layers = [
  { kind: "convolution", maps: inputs, size: 3, activation: "linear" },
  { kind: "convolution", maps, size: 3, activation: "linear" },
  { kind: "dense", units: 3, activation: "linear" },
];

/** One step over eight pictures of zeros and ones. */
const spec = smallSpec(layers, {
  loss: "squared-error",
  optimiser: optimiser.parse({ kind: "sgd", learningRate: 0.125 }),
  normalisation: { kind: "none", mean: [0, 0], std: [1, 1] },
  input: { channels: 2, height: rows + 2, width: columns + 2 },
  counts: { train: 8, validation: 0, test: 0 },
  batchSize: 8,
  epochs: 1,
  judge: null,
});
const pictures = Uint8Array.from(whole(8 * sizeOf(spec.input), 1).values, (value) => Math.abs(value));
const exactly = chooseKernels({ wanted: "reference", numerics: "reproducible" });

/** Weights of −1, 0 and 1; of the last layer's only each fortieth, so that every sum stays exact. */
async function wholeWeights(): Promise<Uint8Array> {
  const { trainer, close } = await startTraining(spec);
  const { tensors, metadata } = readSafetensors(trainer.checkpoint());
  await close();
  for (const [name, tensor] of tensors)
    if (tensor.data instanceof Float32Array)
      tensor.data.set(
        Array.from(whole(tensor.data.length, 1).values, (value, n) =>
          name === "layers.2.weight" && n % 40 > 0 ? 0 : value,
        ),
      );
  return writeSafetensors({ tensors, metadata });
}

async function trained(description: KernelsDescription, initialWeights: Uint8Array): Promise<Float32Array> {
  const { trainer, plan, memory, close } = await startTraining(spec, { description, from: { initialWeights } });
  new Uint8Array(memory.buffer, plan.splits.train.samplesAddress, pictures.length).set(pictures);
  for (const report of trainer.run()) expect(report.kind).not.toBe("diverged");
  const { data } = trainer.tensors((name) => name === "layers.1.weight").get("layers.1.weight")!;
  await close();
  return Float32Array.from(data as Float32Array);
}

test("a training", async () => {
  const weights = await wholeWeights();
  const exact = await trained(exactly, weights);
  expect(
    distance(exact, readSafetensors(weights).tensors.get("layers.1.weight")!.data as Float32Array),
  ).toBeGreaterThan(0.1);
  for (const description of everyKernels()) expectWay(description.name, await trained(description, weights), exact);
});

test("a prediction of one sample, and of eight", async () => {
  const { network, input, classes, normalisation } = spec;
  const weights = await wholeWeights();
  const predict = (description: KernelsDescription): { alone: Float32Array; together: Float32Array } => {
    const plan = planPrediction({ network, input, classes, normalisation, batch: 8 });
    const memory = createMemory(plan);
    const predictor = createPredictor({ plan, memory, kernels: loadKernels(description, memory), weights });
    const alone = predictor.featureMaps(pictures.subarray(0, sizeOf(input)))[1].values;
    return { alone, together: predictor.predict(pictures, 8) };
  };
  const exact = predict(exactly);
  for (const description of everyKernels()) {
    const { alone, together } = predict(description);
    expectWay(description.name, alone, exact.alone);
    expectWay(description.name, together, exact.together);
  }
});
