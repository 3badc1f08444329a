/**
 * One evaluation of a model on the thread it blocks: samples are read piece by piece, so a split may be larger than the
 * memory. It never touches Redis or storage.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { EngineError, createMemory, createPredictor, planPrediction, probabilitiesOf } from "../../../engine/index.ts";
import type { FailureCode } from "../../../schemas/failure.ts";
import { sizeOf } from "../../../schemas/shape.ts";
import { outputActivation } from "../../../schemas/network-shape.ts";
import { loadKernels } from "../../shared/kernels.ts";
import { predictionsOf } from "./answers.ts";
import { calibrate, topKAccuracy } from "./calibration.ts";
import { evaluate } from "./evaluation.ts";
import type { EvaluateAssignment, EvaluationEnding, FromThread } from "./protocol.ts";
import { readInto } from "./samples.ts";

type Say = (message: FromThread, transfer?: ArrayBuffer[]) => void;

/** Samples that run through the network at once; fewer where the memory of so many would be large. */
const batches = [64, 8] as const;
const largeBytes = 512 * 1024 * 1024;
const reportEveryMs = 200;

class Refused extends Error {
  readonly code: FailureCode;
  constructor(code: FailureCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

export function evaluateModel(assignment: EvaluateAssignment, say: Say): void {
  try {
    const ending = evaluated(assignment, say);
    say({ kind: "evaluated", ending }, [ending.predictions.buffer as ArrayBuffer]);
  } catch (error) {
    if (!(error instanceof EngineError || error instanceof Refused)) throw error;
    say({ kind: "evaluated", ending: { kind: "refused", code: error.code, detail: error.message } });
  }
}

function makePredictor({ spec, kernels, weights }: EvaluateAssignment) {
  let plan = planPrediction({ ...spec, batch: batches[0] });
  if (plan.bytes > largeBytes) plan = planPrediction({ ...spec, batch: batches[1] });
  const memory = createMemory(plan);
  const predictor = createPredictor({ plan, memory, kernels: loadKernels(kernels, memory), weights });
  return { predictor, batch: plan.spec.batch };
}

/** Fills `target` from `offset` of the file. */
function readAt(file: number, target: Uint8Array, offset: number): void {
  for (let filled = 0; filled < target.byteLength;) {
    const read = readSync(file, target, filled, target.byteLength - filled, offset + filled);
    if (read === 0) throw new Error(`a file of samples ended after ${offset + filled} bytes`);
    filled += read;
  }
}

/** The network's own outputs, [count][classes]. */
function outputsOf(assignment: EvaluateAssignment, say: Say): Float32Array {
  const { spec, files, count, dtype } = assignment;
  const { predictor, batch } = makePredictor(assignment);
  const size = sizeOf(spec.input);
  const samples = dtype === "uint8" ? new Uint8Array(batch * size) : new Float32Array(batch * size);
  const outputs = new Float32Array(count * spec.classes);
  let toldAt = performance.now();
  const file = openSync(files.samples, "r");
  try {
    for (let from = 0; from < count; from += batch) {
      const some = Math.min(batch, count - from);
      const piece = samples.subarray(0, some * size);
      readAt(file, new Uint8Array(piece.buffer, 0, piece.byteLength), from * size * piece.BYTES_PER_ELEMENT);
      outputs.set(predictor.predict(piece, some), from * spec.classes);
      if (performance.now() - toldAt < reportEveryMs) continue;
      toldAt = performance.now();
      say({ kind: "evaluating", samples: from + some });
    }
  } finally {
    closeSync(file);
  }
  const wrong = outputs.findIndex((output) => !Number.isFinite(output));
  if (wrong >= 0)
    throw new Refused(
      "not-finite",
      `the network's answer to sample ${Math.floor(wrong / spec.classes)} is not finite: its weights, or the numbers of the sample, are too large`,
    );
  return outputs;
}

/** True classes in the model's numbering. */
function labelsOf({ files, count, labels }: EvaluateAssignment): Int32Array {
  const own = new Int32Array(count);
  readInto(files.labels, new Uint8Array(own.buffer));
  return own.map((label) => labels[label]);
}

/** What a share of zero in float32 stands for at least: the loss stays a number. */
const leastShare = 2 ** -149;

/** As in training: cross-entropy −ln y_t, squared error ½ Σ (t − y)²; the mean over the samples. */
function lossOf(assignment: EvaluateAssignment, outputs: Float32Array, labels: Int32Array): number {
  const { loss, spec } = assignment;
  const activation = outputActivation(spec.network.layers);
  const low = activation === "tanh" || activation === "scaled-tanh" ? -1 : 0;
  let sum = 0;
  for (const [row, label] of labels.entries()) {
    const own = outputs.subarray(row * spec.classes, (row + 1) * spec.classes);
    if (loss === "cross-entropy") sum -= Math.log(Math.max(own[label], leastShare));
    else own.forEach((output, unit) => (sum += ((unit === label ? 1 : low) - output) ** 2 / 2));
  }
  return sum / labels.length;
}

function evaluated(assignment: EvaluateAssignment, say: Say): Extract<EvaluationEnding, { kind: "finished" }> {
  const { spec, classes, split } = assignment;
  const outputs = outputsOf(assignment, say);
  const labels = labelsOf(assignment);
  const loss = lossOf(assignment, outputs, labels);
  const probabilities = probabilitiesOf(outputs, { network: spec.network, classes: spec.classes });
  const answered = { probabilities, labels, classes };
  const report = evaluate({ ...answered, split, evaluated: { loss } });
  const topK = topKAccuracy(answered);
  return {
    kind: "finished",
    predictions: predictionsOf(answered),
    accuracy: topK[0].accuracy,
    loss,
    details: {
      classes: report?.classes ?? null,
      confusion: report?.confusion ?? null,
      topK,
      calibration: calibrate(answered),
    },
  };
}
