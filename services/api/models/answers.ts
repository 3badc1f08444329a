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

/** Refuses an answer that would be too long, before anything is computed. Answers how many numbers it will have. */
export function checkAnswer({ count, classes, topK }: { count: number; classes: number; topK: number }): number {
  const each = Math.min(topK, classes);
  if (count * each > mostRanked)
    throw new Problem({
      code: "payload-too-large",
      detail: `the ${each} best classes of ${count} inputs are more than the ${mostRanked} that one answer names; send fewer inputs, or a smaller topK`,
    });
  return count * (classes + 2 * each);
}

/** A row of an answer; probabilities stay as they are computed, for sendJson. */
type AnsweredRow = Omit<Row, "probabilities"> & { probabilities: Float32Array };

function* rowsOf(probabilities: Float32Array, names: readonly string[], topK: number): Generator<AnsweredRow> {
  for (let from = 0; from < probabilities.length; from += names.length) {
    const row = probabilities.subarray(from, from + names.length);
    const ranked: z.output<typeof rankedClass>[] = best(row, Math.min(topK, names.length)).map((place) => ({
      class: place,
      name: names[place],
      probability: row[place],
    }));
    const [first] = ranked;
    yield {
      class: first.class,
      name: first.name,
      confidence: first.probability,
      probabilities: row,
      topK: ranked,
    };
  }
}

/** `probabilities` is [count][classes]. All are looked at before the first row is given. */
export function predictionRows(
  probabilities: Float32Array,
  names: readonly string[],
  topK: number,
): Iterable<AnsweredRow> {
  const wrong = probabilities.findIndex((share) => !Number.isFinite(share));
  if (wrong >= 0)
    throw new Problem({
      code: "invalid-data",
      detail: `the network's answer to input ${Math.floor(wrong / names.length)} is not finite: its weights, or the numbers of the input, are too large`,
    });
  return rowsOf(probabilities, names, topK);
}
