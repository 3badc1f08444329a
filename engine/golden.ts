/**
 * Golden cases: a network, its first parameters, samples, and what an independent implementation computed from them
 * (outputs, losses, gradients, parameters after some steps). Runs a case through any implementation of the kernels and
 * compares. Tensor names are those of the case's file. Never does I/O.
 */
import type { Loss, Network } from "../schemas/network.ts";
import type { Optimiser, Schedule } from "../schemas/optimiser.ts";
import { sizeOf } from "../schemas/shape.ts";
import { networkShape } from "../schemas/network-shape.ts";
import type { Shape } from "../schemas/shape.ts";
import { EngineError } from "./errors.ts";
import { readSafetensors, writeSafetensors } from "./formats/safetensors.ts";
import type { Tensor, TensorFile } from "./formats/safetensors.ts";
import { Inspection, plainSpec } from "./inspection.ts";
import type { Kernels, RealBytes } from "./kernels/kernels.ts";
import { createMemory } from "./memory.ts";
import { createTrainer, planTrainingWith } from "./trainer.ts";

export interface GoldenCase {
  name: string;
  network: Network;
  loss: Loss;
  optimiser: Optimiser;
  /** All steps are one epoch. */
  schedule: Schedule;
  input: Shape;
  batchSize: number;
  steps: number;
}

export interface Implementation {
  name: string;
  realBytes: RealBytes;
  kernels: (memory: WebAssembly.Memory) => Kernels;
}

const needed = (file: TensorFile, name: string): Tensor => {
  const tensor = file.tensors.get(name);
  if (!tensor) throw new EngineError({ code: "invalid-file", detail: `the case has no tensor '${name}'` });
  return tensor;
};

/** Numbers of a tensor; bytes count as 0 … 1. */
const numbers = ({ dtype, data }: Tensor): Float64Array =>
  Float64Array.from({ length: data.length }, (_, index) => Number(data[index]) / (dtype === "U8" ? 255 : 1));

/**
 * The case's samples and labels: as many as its steps take. Throws EngineError where there are fewer, or a label names
 * no class.
 */
function samplesOf(
  file: TensorFile,
  count: number,
  perSample: number,
  classes: number,
): { samples: Float64Array; labels: Float64Array } {
  const part = (name: string, wanted: number): Float64Array => {
    const values = numbers(needed(file, name));
    if (values.length < wanted)
      throw new EngineError({
        code: "invalid-file",
        detail: `the case's tensor '${name}' has ${values.length} numbers; ${count} samples (batchSize × steps) need ${wanted}`,
      });
    return values.subarray(0, wanted);
  };
  const samples = part("input", count * perSample);
  const labels = part("labels", count);
  const wrong = labels.find((label) => !(Number.isInteger(label) && label >= 0 && label < classes));
  if (wrong !== undefined)
    throw new EngineError({
      code: "invalid-file",
      detail: `the case's labels name class ${wrong}; the network has classes 0 to ${classes - 1}`,
    });
  return { samples, labels };
}

const scalar = (value: number): Tensor => ({ dtype: "F64", shape: [], data: Float64Array.of(value) });

/** Throws EngineError where the case's tensor has another size than the network's. */
function put(inspection: Inspection, name: string, { data, shape }: Tensor): void {
  const wanted = inspection.values(name).length;
  if (data.length !== wanted)
    throw new EngineError({
      code: "invalid-file",
      detail: `the case's tensor 'initial.${name}' is [${shape.join(", ")}]: ${data.length} numbers, where the network has ${wanted}`,
    });
  inspection.put(name, data);
}

/**
 * Everything the case's file holds that can be computed, by the same names. Throws EngineError where the case cannot be
 * run.
 */
export function runGolden(
  given: GoldenCase,
  file: TensorFile,
  { realBytes, kernels }: Implementation,
): Map<string, Tensor> {
  const { network, loss, input, batchSize, steps, optimiser, schedule } = given;
  const classes = sizeOf(networkShape(network.layers, input, null).layers.at(-1)?.output ?? input);
  const perSample = sizeOf(input);
  const { samples, labels } = samplesOf(file, batchSize * steps, perSample, classes);
  const found = new Map<string, Tensor>();

  const first = new Inspection({
    network,
    loss,
    input,
    classes,
    samples: samples.subarray(0, batchSize * perSample),
    labels: labels.subarray(0, batchSize),
    seed: 1,
    realBytes,
    kernels,
  });
  for (const name of first.tensors().keys()) {
    const initial = file.tensors.get(`initial.${name}`);
    if (initial) put(first, name, initial);
    else if (!/\.(mean|variance)$/.test(name)) needed(file, `initial.${name}`);
  }
  const initialWeights = writeSafetensors({ tensors: first.tensors() });
  const { loss: firstLoss, penalisedLoss } = first.gradient();
  found.set("firstBatch.output", {
    dtype: "F64",
    shape: [batchSize, classes],
    data: Float64Array.from(first.outputs()),
  });
  found.set("firstBatch.loss", scalar(firstLoss));
  found.set("firstBatch.penalisedLoss", scalar(penalisedLoss));
  for (const [name, gradient] of first.gradients()) found.set(`firstBatch.gradient.${name}`, gradient);

  const spec = {
    ...plainSpec({ network, loss, input, classes, count: batchSize * steps, batchSize, seed: 1, optimiser }),
    schedule,
  };
  const plan = planTrainingWith(spec, realBytes);
  const memory = createMemory(plan);
  const { samplesAddress, labelsAddress } = plan.splits.train;
  (realBytes === 8
    ? new Float64Array(memory.buffer, samplesAddress, samples.length)
    : new Float32Array(memory.buffer, samplesAddress, samples.length)
  ).set(samples);
  new Int32Array(memory.buffer, labelsAddress, labels.length).set(labels);
  const trainer = createTrainer({ plan, memory, kernels: kernels(memory), initialWeights, realBytes });
  const losses: number[] = [];
  for (const report of trainer.run()) {
    losses.push(...report.rows.map((row) => row.loss));
    if (report.kind === "diverged")
      throw new EngineError({
        code: "invalid-file",
        detail: `the case diverges at step ${report.step}: ${report.detail}`,
      });
  }
  found.set("losses", { dtype: "F64", shape: [steps], data: Float64Array.from(losses) });
  for (const [name, tensor] of readSafetensors(trainer.checkpoint()).tensors)
    if (name.startsWith("layers.")) found.set(`final.${name}`, tensor);
  return found;
}

const norm = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

export type GoldenGroup = "outputs" | "losses" | "gradients" | "parameters";
export const goldenGroups: readonly GoldenGroup[] = ["outputs", "losses", "gradients", "parameters"];

const groupOf = (name: string): GoldenGroup | null => {
  if (name === "firstBatch.output") return "outputs";
  if (name === "losses" || name === "firstBatch.loss" || name === "firstBatch.penalisedLoss") return "losses";
  if (name.startsWith("firstBatch.gradient.")) return "gradients";
  return name.startsWith("final.") ? "parameters" : null;
};

/**
 * The worst relative error of each group (NaN where the case has nothing to compare with): per tensor ‖a−b‖₂ /
 * max(‖b‖₂, 1e-3 × the largest norm in its group). A tensor of the case that was not computed, or one whose size
 * differs, counts as infinitely wrong.
 */
export function compareGolden(
  found: ReadonlyMap<string, Tensor>,
  file: TensorFile,
): Record<GoldenGroup, { worst: number; tensor: string }> {
  const result = Object.fromEntries(goldenGroups.map((group) => [group, { worst: NaN, tensor: "" }])) as ReturnType<
    typeof compareGolden
  >;
  const expected = [...file.tensors].flatMap(([name, tensor]) => {
    const group = groupOf(name);
    return group ? [{ name, group, values: numbers(tensor) }] : [];
  });
  for (const { name, group, values } of expected) {
    const largest = Math.max(...expected.filter((each) => each.group === group).map((each) => norm(each.values)));
    const own = found.get(name);
    const wrong = !own || own.data.length !== values.length;
    const error = wrong
      ? Infinity
      : norm(numbers(own).map((value, index) => value - values[index])) /
        Math.max(norm(values), 1e-3 * largest, Number.MIN_VALUE);
    if (result[group].tensor === "" || !(error <= result[group].worst)) result[group] = { worst: error, tensor: name };
  }
  return result;
}
