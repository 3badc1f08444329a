/** What a model's outputs over a split say: confusion, precision, recall, how sure it may be. */
import type { Evaluated } from "../../../engine/index.ts";
import type { Split } from "../../../schemas/dataset.ts";
import type { Evaluation } from "../../../schemas/prediction.ts";
import { calibrate, topKAccuracy } from "./calibration.ts";
import { finite } from "../../shared/finite.ts";

/** Beyond this many classes a table of classes × classes is no longer worth its bytes. */
const mostClasses = 2000;

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** The first largest of a row. */
export function predictedClass(probabilities: Float32Array, row: number, classes: number): number {
  let best = 0;
  for (let each = 1; each < classes; each++)
    if (probabilities[row * classes + each] > probabilities[row * classes + best]) best = each;
  return best;
}

/** probabilities [count][classes], labels [count]. null for more classes than a table can show. */
export function evaluate(options: {
  split: Split;
  probabilities: Float32Array;
  labels: Int32Array;
  classes: readonly string[];
  evaluated: Pick<Evaluated, "loss">;
}): Evaluation | null {
  const { split, probabilities, labels, evaluated } = options;
  const names = options.classes;
  const count = names.length;
  if (count > mostClasses) return null;
  const confusion = names.map(() => new Array<number>(count).fill(0));
  for (const [row, label] of labels.entries()) {
    confusion[label][predictedClass(probabilities, row, count)] += 1;
  }
  const total = (row: readonly number[]): number => row.reduce((sum, each) => sum + each, 0);
  const correct = confusion.reduce((sum, row, index) => sum + row[index], 0);
  const accuracy = labels.length === 0 ? 0 : correct / labels.length;
  const classes = names.map((name, index) => {
    const hits = confusion[index][index];
    const samples = total(confusion[index]);
    const precision = share(
      hits,
      confusion.reduce((sum, row) => sum + row[index], 0),
    );
    const recall = share(hits, samples);
    const f1 =
      precision === null || recall === null || precision + recall === 0
        ? null
        : (2 * precision * recall) / (precision + recall);
    return { class: index, name, samples, precision, recall, f1 };
  });
  return {
    split,
    samples: labels.length,
    accuracy,
    errorRate: 1 - accuracy,
    loss: finite(evaluated.loss),
    classes,
    confusion,
    topK: topKAccuracy(options),
    calibration: calibrate(options),
  };
}
