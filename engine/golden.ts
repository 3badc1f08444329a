/**
 * Golden cases: a network, its first parameters, samples, and what an independent implementation computed from them (outputs, losses, gradients, parameters
 * after some steps). Runs a case through any implementation of the kernels and compares. Tensor names are those of the case's file. Never does I/O.
 */
import type { Loss, Network } from "../schemas/network.ts";
import type { Optimiser } from "../schemas/optimiser.ts";
import { networkShape, sizeOf } from "../schemas/shape.ts";
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
const numbers = ({ dtype, data }: Tensor): Float64Array => Float64Array.from({ length: data.length }, (_, index) => Number(data[index]) / (dtype === "U8" ? 255 : 1));

const scalar = (value: number): Tensor => ({ dtype: "F64", shape: [], data: Float64Array.of(value) });

/** Everything the case's file holds that can be computed, by the same names. Throws EngineError where the case cannot be run. */
export function runGolden(given: GoldenCase, file: TensorFile, { realBytes, kernels }: Implementation): Map<string, Tensor> {
  const { network, loss, input, batchSize, steps, optimiser } = given;
  const classes = sizeOf(networkShape(network.layers, input, null).layers.at(-1)?.output ?? input);
  const samples = numbers(needed(file, "input"));
  const labels = numbers(needed(file, "labels"));
  const perSample = sizeOf(input);
  const found = new Map<string, Tensor>();

  const first = new Inspection({
    network, loss, input, classes, samples: samples.subarray(0, batchSize * perSample), labels: labels.subarray(0, batchSize), seed: 1, realBytes, kernels,
  });
  for (const name of first.tensors().keys()) {
    const initial = file.tensors.get(`initial.${name}`);
    if (initial) first.put(name, initial.data);
    else if (!/\.(mean|variance)$/.test(name)) needed(file, `initial.${name}`);
  }
  const initialWeights = writeSafetensors({ tensors: first.tensors() });
  const { loss: firstLoss, penalisedLoss } = first.gradient();
  found.set("firstBatch.output", { dtype: "F64", shape: [batchSize, classes], data: Float64Array.from(first.outputs()) });
  found.set("firstBatch.loss", scalar(firstLoss));
  found.set("firstBatch.penalisedLoss", scalar(penalisedLoss));
  for (const [name, gradient] of first.gradients()) found.set(`firstBatch.gradient.${name}`, gradient);

  const spec = plainSpec({ network, loss, input, classes, count: batchSize * steps, batchSize, seed: 1, optimiser });
  const plan = planTrainingWith(spec, realBytes);
  const memory = createMemory(plan);
  const { samplesAddress, labelsAddress } = plan.splits.train;
  (realBytes === 8 ? new Float64Array(memory.buffer, samplesAddress, samples.length) : new Float32Array(memory.buffer, samplesAddress, samples.length)).set(samples);
  new Int32Array(memory.buffer, labelsAddress, labels.length).set(labels);
  const trainer = createTrainer({ plan, memory, kernels: kernels(memory), initialWeights, realBytes });
  const losses: number[] = [];
  for (const report of trainer.run()) {
    losses.push(...report.rows.map((row) => row.loss));
    if (report.kind === "diverged") throw new EngineError({ code: "invalid-settings", detail: `the case diverges at step ${report.step}: ${report.detail}` });
  }
  found.set("losses", { dtype: "F64", shape: [steps], data: Float64Array.from(losses) });
  for (const [name, tensor] of readSafetensors(trainer.checkpoint()).tensors) if (name.startsWith("layers.")) found.set(`final.${name}`, tensor);
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
 * The worst relative error of each group: per tensor ‖a−b‖₂ / max(‖b‖₂, 1e-3 × the largest norm in its group). A tensor of the case that was not computed, or
 * one whose size differs, counts as infinitely wrong.
 */
export function compareGolden(found: ReadonlyMap<string, Tensor>, file: TensorFile): Record<GoldenGroup, { worst: number; tensor: string }> {
  const result = Object.fromEntries(goldenGroups.map((group) => [group, { worst: 0, tensor: "" }])) as ReturnType<typeof compareGolden>;
  const expected = [...file.tensors].flatMap(([name, tensor]) => {
    const group = groupOf(name);
    return group ? [{ name, group, values: numbers(tensor) }] : [];
  });
  for (const { name, group, values } of expected) {
    const largest = Math.max(...expected.filter((each) => each.group === group).map((each) => norm(each.values)));
    const own = found.get(name);
    const wrong = !own || own.data.length !== values.length;
    const error = wrong ? Infinity : norm(numbers(own).map((value, index) => value - values[index]!)) / Math.max(norm(values), 1e-3 * largest, Number.MIN_VALUE);
    if (!(error <= result[group].worst)) result[group] = { worst: error, tensor: name };
  }
  return result;
}
