/** What a trained network says to the samples of a split, as a model keeps it. */
import type { Evaluated } from "../../../engine/index.ts";
import type { Split } from "../../../schemas/dataset.ts";
import { evaluate } from "./evaluation.ts";
import type { StoredSplit } from "./protocol.ts";

export interface Answers extends Evaluated {
  /** [samples][classes]. */
  probabilities: Float32Array;
  /** [samples]. */
  labels: Int32Array;
}

const shareOf = (figure: (part: Evaluated) => number, parts: readonly Evaluated[], samples: number): number =>
  parts.reduce((sum, part) => sum + figure(part) * part.samples, 0) / samples;

/**
 * The answers to a split of which a job held a part out, in the dataset's order: row i is the next one of
 * `parts[flags[i]]`.
 */
export function wholeOf(parts: readonly [Answers, Answers], flags: Uint8Array, classes: number): Answers {
  const samples = flags.length;
  const probabilities = new Float32Array(samples * classes);
  const labels = new Int32Array(samples);
  const taken = [0, 0];
  for (const [row, flag] of flags.entries()) {
    const from = taken[flag]++;
    probabilities.set(parts[flag].probabilities.subarray(from * classes, (from + 1) * classes), row * classes);
    labels[row] = parts[flag].labels[from];
  }
  return {
    probabilities,
    labels,
    samples,
    loss: shareOf(({ loss }) => loss, parts, samples),
    accuracy: shareOf(({ accuracy }) => accuracy, parts, samples),
  };
}

export const evaluationOf = (split: Split, answers: Answers, classes: readonly string[]): StoredSplit["evaluation"] =>
  evaluate({ split, probabilities: answers.probabilities, labels: answers.labels, classes, evaluated: answers });

/** Bytes: float32 [samples][classes], int32 [samples]. */
export function predictionsOf({
  probabilities,
  labels,
}: Pick<Answers, "probabilities" | "labels">): Uint8Array<ArrayBuffer> {
  const predictions = new Uint8Array(probabilities.byteLength + labels.byteLength);
  predictions.set(new Uint8Array(probabilities.buffer, probabilities.byteOffset, probabilities.byteLength));
  predictions.set(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength), probabilities.byteLength);
  return predictions;
}
