/**
 * A model's predictions over a split, as the worker stored them: float32 [count][classes] probabilities, then int32
 * [count] true classes. What is needed to filter and sort (the class, the prediction, its confidence) is read once and
 * kept; rows are read from storage by their place.
 */
import type { SplitPrediction } from "../../../schemas/prediction.ts";
import type { ModelRecord } from "../../shared/records/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { rank } from "./ranking.ts";

interface Summary {
  truth: Int32Array;
  predicted: Int32Array;
  confidence: Float32Array;
  /** Indices by confidence, the highest first; made when first asked for. */
  byConfidence: Promise<Uint32Array> | null;
}

export interface Selection {
  only: "all" | "errors";
  /** Of this true class; of this answer; null for all. */
  class: number | null;
  predicted: number | null;
  sort: "index" | "confidence";
  order: "asc" | "desc";
  limit: number;
  /** Index of the last row of the page before. */
  after: number | null;
}

export interface PredictionPage {
  data: SplitPrediction[];
  hasMore: boolean;
  nextAfter: string | null;
}

type File = NonNullable<ModelRecord["files"]["predictions"]["test"]>;

/** Read and looked at in one go: a few milliseconds' work, whatever the number of classes. */
const numbersAtOnce = 1_000_000;
const rowsAtOnce = (classes: number): number => Math.max(1, Math.min(8192, Math.floor(numbersAtOnce / classes)));
/** Rows that are rather read for nothing than left out by another reading. */
const mostGap = 64;
const mostCachedBytes = 64 * 1024 * 1024;
/** Of a summary, with its order, which whoever sorts asks for later. */
const bytesOf = ({ count }: File): number => 16 * count;

interface Kept {
  summary: Promise<Summary>;
  bytes: number;
}

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
const integers = (bytes: Uint8Array): Int32Array => new Int32Array(bytes.slice().buffer);

export class StoredPredictions {
  readonly #storage: Storage;
  readonly #cache = new Map<string, Kept>();
  #bytes = 0;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  async page(file: File, selection: Selection): Promise<PredictionPage> {
    const { only, sort, order, limit, after } = selection;
    const { count } = file;
    if (after !== null && after >= count) return { data: [], hasMore: false, nextAfter: null };
    const summary = await this.#summary(file);
    const places = sort === "confidence" ? await (summary.byConfidence ??= rank(summary.confidence)) : null;
    const step = order === (places ? "desc" : "asc") ? 1 : -1;
    const start = after === null ? (step === 1 ? -1 : count) : places ? places.indexOf(after) : after;
    const chosen: number[] = [];
    for (let position = start + step; position >= 0 && position < count && chosen.length <= limit; position += step) {
      const index = places ? places[position] : position;
      const [truth, predicted] = [summary.truth[index], summary.predicted[index]];
      if (only === "errors" && predicted === truth) continue;
      if (selection.class !== null && truth !== selection.class) continue;
      if (selection.predicted !== null && predicted !== selection.predicted) continue;
      chosen.push(index);
    }
    const hasMore = chosen.length > limit;
    const rows = chosen.slice(0, limit);
    return { data: await this.#rows(file, summary, rows), hasMore, nextAfter: hasMore ? String(rows.at(-1)) : null };
  }

  /** Rows that stand near each other are read together. */
  async #rows({ file, classes }: File, summary: Summary, indices: readonly number[]): Promise<SplitPrediction[]> {
    const sorted = [...indices].sort((left, right) => left - right);
    const found = new Map<number, number[]>();
    for (let from = 0; from < sorted.length;) {
      let to = from + 1;
      while (
        to < sorted.length &&
        sorted[to] - sorted[to - 1] <= mostGap &&
        sorted[to] - sorted[from] < rowsAtOnce(classes)
      )
        to += 1;
      const start = sorted[from];
      const span = sorted[to - 1] - start + 1;
      const values = floats(await this.#storage.range(file, start * classes * 4, span * classes * 4));
      for (const index of sorted.slice(from, to))
        found.set(index, [...values.subarray((index - start) * classes, (index - start + 1) * classes)]);
      from = to;
    }
    return indices.map((index) => ({
      index,
      class: summary.truth[index],
      predicted: summary.predicted[index],
      correct: summary.truth[index] === summary.predicted[index],
      confidence: summary.confidence[index],
      probabilities: found.get(index) ?? [],
    }));
  }

  #summary(file: File): Promise<Summary> {
    const kept = this.#cache.get(file.file);
    if (kept) {
      // The one that was asked for last goes last.
      this.#cache.delete(file.file);
      this.#cache.set(file.file, kept);
      return kept.summary;
    }
    const made: Kept = { summary: this.#read(file), bytes: bytesOf(file) };
    this.#cache.set(file.file, made);
    this.#bytes += made.bytes;
    made.summary.catch(() => this.#drop(file.file, made));
    for (const [name, each] of this.#cache) {
      if (this.#bytes <= mostCachedBytes || each === made) break;
      this.#drop(name, each);
    }
    return made.summary;
  }

  #drop(name: string, kept: Kept): void {
    if (this.#cache.get(name) !== kept) return;
    this.#cache.delete(name);
    this.#bytes -= kept.bytes;
  }

  async #read({ file, count, classes }: File): Promise<Summary> {
    const summary: Summary = {
      truth: new Int32Array(count),
      predicted: new Int32Array(count),
      confidence: new Float32Array(count),
      byConfidence: null,
    };
    const rows = rowsAtOnce(classes);
    for (let from = 0; from < count; from += rows) {
      const some = Math.min(rows, count - from);
      const [values, truth] = await Promise.all([
        this.#storage.range(file, from * classes * 4, some * classes * 4).then(floats),
        this.#storage.range(file, (count * classes + from) * 4, some * 4).then(integers),
      ]);
      summary.truth.set(truth, from);
      for (let row = 0; row < some; row++) {
        let best = row * classes;
        for (let place = best + 1; place < (row + 1) * classes; place++) if (values[place] > values[best]) best = place;
        summary.predicted[from + row] = best - row * classes;
        summary.confidence[from + row] = values[best];
      }
    }
    return summary;
  }
}
