/**
 * How sure a model may be. Calibration: samples in ten bins by their confidence (the probability of the answer), each
 * with the share that is right beside the mean confidence; the expected error is the mean of the differences, weighted
 * by samples (Guo et al. 2017, §2). And the share of samples whose class is among the k most probable.
 */
import type { Calibration } from "../../../schemas/prediction.ts";

/** Probabilities [count][classes] of samples, and the true class of each. */
export interface Answered {
  probabilities: Float32Array;
  labels: Int32Array;
  classes: readonly string[];
}

const binCount = 10;

/** null where there is no sample, or an answer is no number. */
export function calibrate({ probabilities, labels, classes: { length: classes } }: Answered): Calibration | null {
  const bins = Array.from({ length: binCount }, () => ({ samples: 0, right: 0, confidence: 0 }));
  for (const [row, label] of labels.entries()) {
    const own = probabilities.subarray(row * classes, (row + 1) * classes);
    let best = 0;
    for (let each = 1; each < classes; each++) if (own[each] > own[best]) best = each;
    const confidence = own[best];
    if (!Number.isFinite(confidence)) return null;
    const bin = bins[Math.min(binCount - 1, Math.max(0, Math.ceil(confidence * binCount) - 1))];
    bin.samples += 1;
    bin.right += best === label ? 1 : 0;
    bin.confidence += confidence;
  }
  if (labels.length === 0) return null;
  return {
    bins: bins.map(({ samples, right, confidence }, at) => ({
      from: at / binCount,
      to: (at + 1) / binCount,
      samples,
      accuracy: samples === 0 ? null : right / samples,
      confidence: samples === 0 ? null : confidence / samples,
    })),
    expectedError: bins.reduce((sum, { right, confidence }) => sum + Math.abs(right - confidence), 0) / labels.length,
  };
}

const places = [1, 2, 3, 5, 10];

/** For every k below the number of classes. A class counts where fewer than k others are more probable. */
export function topKAccuracy({ probabilities, labels, classes: { length: classes } }: Answered): {
  k: number;
  accuracy: number;
}[] {
  if (labels.length === 0) return [];
  const ks = places.filter((k) => k === 1 || k < classes);
  const hits = ks.map(() => 0);
  for (const [row, label] of labels.entries()) {
    const own = probabilities.subarray(row * classes, (row + 1) * classes);
    // The first of equals is the answer, as everywhere.
    let before = 0;
    for (let each = 0; each < classes; each++)
      if (own[each] > own[label] || (own[each] === own[label] && each < label)) before += 1;
    for (const [at, k] of ks.entries()) if (before < k) hits[at] += 1;
  }
  return ks.map((k, at) => ({ k, accuracy: hits[at] / labels.length }));
}
