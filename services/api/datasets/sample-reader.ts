/** Samples of a dataset that is ready, a few at a time, straight from its split files. */
import { setImmediate as others } from "node:timers/promises";
import type { Split, ValueRange } from "../../../schemas/dataset.ts";
import { sizeOf } from "../../../schemas/shape.ts";
import type { Samples } from "../../prediction/index.ts";
import { stretchedShades } from "../../prediction/index.ts";
import { Sharing, type Storage } from "../../shared/storage/index.ts";
import type { ReadyDataset } from "../../shared/find.ts";
import { conflict, invalid, notFound } from "../http/problem.ts";

/** Labels of the splits last asked for; bounded by bytes. */
const cachedLabels = new Map<string, Int32Array>();
/** Of labels being read: who asks meanwhile waits for the same. */
const reading = new Sharing<Int32Array>();
const mostCachedBytes = 64 * 1024 * 1024;
/** Samples of one request that are read at once: thousands together would keep the event loop from everybody else. */
const readsAtOnce = 8;

function remember(key: string, labels: Int32Array): void {
  cachedLabels.set(key, labels);
  let bytes = [...cachedLabels.values()].reduce((sum, each) => sum + each.byteLength, 0);
  for (const [oldest, each] of cachedLabels) {
    if (bytes <= mostCachedBytes || oldest === key) break;
    cachedLabels.delete(oldest);
    bytes -= each.byteLength;
  }
}

export class SampleReader {
  readonly dataset: ReadyDataset;
  readonly split: Split;
  readonly count: number;
  readonly #storage: Storage;

  constructor({ dataset, split, storage }: { dataset: ReadyDataset; split: Split; storage: Storage }) {
    this.dataset = dataset;
    this.split = split;
    this.#storage = storage;
    this.count = dataset.manifest?.splits[split]?.count ?? 0;
  }

  get channels(): 1 | 3 {
    return this.dataset.shape.channels === 3 ? 3 : 1;
  }

  #files(): { samples: string; labels: string } {
    const { manifest } = this.dataset;
    if (!manifest) throw conflict(`dataset ${this.dataset.id} has no files on record`);
    const files = manifest.splits[this.split];
    if (!files) throw notFound(`dataset ${this.dataset.id} has no samples in its ${this.split} split`);
    return files;
  }

  async labels(): Promise<Int32Array> {
    if (this.count === 0) return new Int32Array();
    const { labels: key } = this.#files();
    const known = cachedLabels.get(key);
    if (known) return known;
    return reading.do(key, async () => {
      const bytes = await this.#storage.get(key);
      const labels = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      remember(key, labels);
      return labels;
    });
  }

  /** A class by its index or its name. */
  classOf(label: string): number {
    const { classes } = this.dataset;
    const named = classes.indexOf(label);
    if (named >= 0) return named;
    const index = /^\d{1,6}$/.test(label) ? Number(label) : -1;
    if (index < 0 || index >= classes.length)
      throw invalid(
        "/query/label",
        `there is no class '${label.slice(0, 60)}'; expected a name or an index from 0 to ${classes.length - 1}`,
      );
    return index;
  }

  /** Indices of the split's samples, all or of one class, from `from` on. */
  async indices({ label, from = 0, most }: { label: number | null; from?: number; most: number }): Promise<number[]> {
    const found: number[] = [];
    if (label === null) {
      for (let index = from; index < this.count && found.length < most; index++) found.push(index);
      return found;
    }
    const labels = await this.labels();
    for (
      let index = labels.indexOf(label, from);
      index >= 0 && found.length < most;
      index = labels.indexOf(label, index + 1)
    )
      found.push(index);
    return found;
  }

  /** `most` indices spread evenly over the split or the class: files in folder order would show one class alone. */
  async spread({ label, most }: { label: number | null; most: number }): Promise<number[]> {
    const all = label === null ? null : await this.indices({ label, most: this.count });
    const total = all?.length ?? this.count;
    const shown = Math.min(most, total);
    return Array.from({ length: shown }, (_, at) => {
      const place = Math.floor((at * total) / shown);
      return all?.[place] ?? place;
    });
  }

  /** One sample, as stored. */
  async sample(index: number): Promise<Samples> {
    const { shape, dtype } = this.dataset;
    const bytes = sizeOf(shape) * (dtype === "uint8" ? 1 : 4);
    const read = await this.#storage.range(this.#files().samples, index * bytes, bytes);
    if (read.length !== bytes) throw conflict(`the samples of dataset ${this.dataset.id} end before index ${index}`);
    return dtype === "uint8" ? read : new Float32Array(read.buffer.slice(read.byteOffset, read.byteOffset + bytes));
  }

  /** What `make` makes of each of several samples, in their order. */
  async samples<Made>(indices: readonly number[], make: (sample: Samples, index: number) => Made): Promise<Made[]> {
    const made: Made[] = [];
    for (let from = 0; from < indices.length; from += readsAtOnce) {
      const some = indices.slice(from, from + readsAtOnce);
      const read = await Promise.all(some.map((index) => this.sample(index)));
      for (const [at, sample] of read.entries()) made.push(make(sample, some[at]));
      await others();
    }
    return made;
  }

  /** Shades for somebody who looks: from black for the dataset's least value to white for its largest. */
  shades(sample: Samples): Uint8Array {
    const { dtype, statistics } = this.dataset;
    if (dtype === "float32") return shadesOf(sample, statistics);
    // Bytes that reach the upper half are shades already; 0 to 16 would be black.
    const maximum = statistics.maximum > brightest / 2 ? brightest : Math.max(1, statistics.maximum);
    return shadesOf(sample, { minimum: 0, maximum });
  }

  /** The picture that a model of this dataset reads as the sample. */
  picture(sample: Samples): Uint8Array {
    const { conversion, dtype, statistics } = this.dataset;
    return shadesOf(sample, conversion?.range ?? (dtype === "uint8" ? { minimum: 0, maximum: brightest } : statistics));
  }
}

const brightest = 255;

function shadesOf(sample: Samples, { minimum, maximum }: ValueRange): Uint8Array {
  if (sample instanceof Uint8Array && minimum === 0 && maximum === brightest) return sample;
  if (!(maximum > minimum)) return stretchedShades(Float32Array.from(sample));
  return Uint8Array.from(sample, (value) =>
    Math.max(0, Math.min(brightest, Math.round((brightest * (value - minimum)) / (maximum - minimum)))),
  );
}
