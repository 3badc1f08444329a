/** From probabilities to the rows of an answer: the class, its name, the k best. */
import type { z } from "zod";
import type { Prediction as Row, rankedClass } from "../../../schemas/prediction.ts";
import { Problem } from "../http/problem.ts";

/** Places of the k largest, the largest first, the first of equals first. */
function best(probabilities: Float32Array, k: number): number[] {
  if (k === 1) {
    let most = 0;
    for (let at = 1; at < probabilities.length; at++) if (probabilities[at] > probabilities[most]) most = at;
    return [most];
  }
  return [...probabilities.keys()]
    .sort((left, right) => probabilities[right] - probabilities[left] || left - right)
    .slice(0, k);
}

/** Named classes of one answer, over all its rows. */
const mostRanked = 262_144;

/** `probabilities` is [count][classes]. */
export function predictionRows(probabilities: Float32Array, names: readonly string[], topK: number): Row[] {
  const classes = names.length;
  const [count, each] = [probabilities.length / classes, Math.min(topK, classes)];
  if (count * each > mostRanked)
    throw new Problem({
      code: "payload-too-large",
      detail: `the ${each} best classes of ${count} inputs are more than the ${mostRanked} that one answer names; send fewer inputs, or a smaller topK`,
    });
  const rows: Row[] = [];
  for (let from = 0; from < probabilities.length; from += classes) {
    const row = probabilities.subarray(from, from + classes);
    if (row.some((share) => !Number.isFinite(share))) {
      throw new Problem({
        code: "invalid-data",
        detail: `the network's answer to input ${from / classes} is not finite: its weights, or the numbers of the input, are too large`,
      });
    }
    const ranked: z.output<typeof rankedClass>[] = best(row, each).map((place) => ({
      class: place,
      name: names[place],
      probability: row[place],
    }));
    const [first] = ranked;
    rows.push({
      class: first.class,
      name: first.name,
      confidence: first.probability,
      probabilities: [...row],
      topK: ranked,
    });
  }
  return rows;
}
