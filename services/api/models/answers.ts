/** From probabilities to the text of an answer: the class, its name, the k best. */
import { Readable } from "node:stream";
import { setImmediate as others } from "node:timers/promises";
import type { FastifyReply } from "fastify";
import type { Numerics } from "../../../schemas/job.ts";
import { Problem } from "../http/problem.ts";

/** Named classes of one answer, over all its rows. */
const mostRanked = 262_144;
/** So many of the best are found by going through a row for each; more by sorting it. */
const fewBest = 16;
const sliceCharacters = 64 * 1024;
/** So many numbers are written in about a millisecond. */
const fewNumbers = 8192;

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

/** Of all rows and their classes. */
interface Row {
  all: Float32Array;
  from: number;
  classes: number;
}

/** Places of the k largest of a row, the largest first, the first of equals first. */
function best({ all, from, classes }: Row, k: number): number[] {
  if (k > fewBest)
    return Array.from({ length: classes }, (_, at) => at)
      .sort((left, right) => all[from + right] - all[from + left] || left - right)
      .slice(0, k);
  const places: number[] = [];
  for (let at = 0; at < classes; at++) {
    const share = all[from + at];
    if (places.length === k && !(share > all[from + places[k - 1]])) continue;
    let place = Math.min(places.length, k - 1);
    for (; place > 0 && share > all[from + places[place - 1]]; place--) places[place] = places[place - 1];
    places[place] = at;
  }
  return places;
}

/** JSON cannot say it, and no class follows from it. `values`: [count][classes]. */
export function refuseNotFinite(values: Float32Array, classes: number): void {
  for (let at = 0; at < values.length; at++)
    if (!Number.isFinite(values[at]))
      throw new Problem({
        code: "invalid-data",
        detail: `the network's answer to input ${Math.floor(at / classes)} is not finite: its weights, or the numbers of the input, are too large`,
      });
}

export interface Answer {
  /** [count][classes]. */
  probabilities: Float32Array;
  topK: number;
  model: string;
  /** In what it was computed, and by which kernels. */
  numerics: Numerics;
  kernels: string;
  conversion: readonly string[];
  /** When the question came, as performance.now() said. */
  began: number;
}

type Closing = Pick<Answer, "model" | "numerics" | "kernels" | "conversion">;

const isSameClosing = (left: Closing, right: Closing): boolean =>
  left.model === right.model &&
  left.numerics === right.numerics &&
  left.kernels === right.kernels &&
  left.conversion.length === right.conversion.length &&
  left.conversion.every((words, at) => words === right.conversion[at]);

/** schemas/prediction.ts: predictionAnswer, written without making the objects first. The classes' parts stand ready. */
export class AnswerText {
  readonly #classes: readonly string[];
  /** What stood behind the rows of the last answer: mostly it stands behind those of the next one too. */
  #closing: { of: Closing; text: string } | null = null;

  constructor(names: readonly string[]) {
    this.#classes = names.map((name, place) => `{"class":${place},"name":${JSON.stringify(name)},`);
  }

  #row(row: Row, topK: number): string {
    const { all, from, classes } = row;
    // Each number is written out once: that costs more than the rest.
    const numbers = new Array<string>(classes);
    for (let at = 0; at < classes; at++) numbers[at] = String(all[from + at]);
    const places = best(row, Math.min(topK, classes));
    let ranked = "";
    for (const place of places)
      ranked += `${ranked === "" ? "" : ","}${this.#classes[place]}"probability":${numbers[place]}}`;
    const [first] = places;
    return `${this.#classes[first]}"confidence":${numbers[first]},"probabilities":[${numbers.join()}],"topK":[${ranked}]}`;
  }

  #end({ model, numerics, kernels, conversion, began }: Answer): string {
    if (!this.#closing || !isSameClosing(this.#closing.of, { model, numerics, kernels, conversion })) {
      const of = { model, numerics, kernels, conversion };
      this.#closing = { of, text: `],${JSON.stringify(of).slice(1, -1)},"milliseconds":` };
    }
    return `${this.#closing.text}${performance.now() - began}}`;
  }

  *#parts(answer: Answer): Generator<string> {
    const { probabilities: all, topK } = answer;
    const classes = this.#classes.length;
    for (let from = 0; from < all.length; from += classes)
      yield (from === 0 ? '{"predictions":[' : ",") + this.#row({ all, from, classes }, topK);
    yield this.#end(answer);
  }

  /** Sends an answer; a long one a slice at a time: between two slices others have their turn. */
  send(reply: FastifyReply, answer: Answer): FastifyReply {
    const { probabilities, topK } = answer;
    const classes = this.#classes.length;
    refuseNotFinite(probabilities, classes);
    reply.type("application/json; charset=utf-8");
    const numbers = (probabilities.length / classes) * (classes + 2 * Math.min(topK, classes));
    if (numbers > fewNumbers) return reply.send(Readable.from(inSlices(this.#parts(answer)), { objectMode: false }));
    let text = "";
    for (const part of this.#parts(answer)) text += part;
    return reply.send(text);
  }
}

async function* inSlices(parts: Iterable<string>): AsyncGenerator<string> {
  let text = "";
  for (const part of parts) {
    text += part;
    if (text.length < sliceCharacters) continue;
    yield text;
    text = "";
    await others();
  }
  yield text;
}
