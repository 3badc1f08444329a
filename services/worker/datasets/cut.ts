/**
 * A stratified cut by fractions: within every class, samples are put in an order that a seed decides, and the first go
 * to test, the next to validation.
 */
import { splitNames, type UploadSettings } from "../../../schemas/dataset.ts";
import { printable, refuse } from "./refused.ts";

/** A 32-bit hash of two numbers (the finaliser of MurmurHash3, twice): equal on every machine. */
export function hash(seed: number, index: number): number {
  let value = (seed ^ Math.imul(index, 0x9e3779b1)) >>> 0;
  for (const factor of [0x85ebca6b, 0xc2b2ae35]) {
    value = Math.imul(value ^ (value >>> 16), factor);
    value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  }
  return (value ^ (value >>> 16)) >>> 0;
}

export interface CutOptions {
  labels: Int32Array;
  classes: readonly string[];
  fractions: NonNullable<UploadSettings["splits"]>;
  seed: number;
}

/**
 * Indices of the samples, class after class, and where each class begins: a counting sort, outside the JavaScript heap.
 */
function byClass(labels: Int32Array, classes: number): { order: Uint32Array; starts: Uint32Array } {
  const starts = new Uint32Array(classes + 1);
  for (const label of labels) starts[label + 1] += 1;
  for (let label = 0; label < classes; label++) starts[label + 1] += starts[label];
  const next = starts.slice();
  const order = new Uint32Array(labels.length);
  for (const [index, label] of labels.entries()) {
    order[next[label]++] = index;
  }
  return { order, starts };
}

/**
 * For every sample the place of its split in `splitNames`. Throws DatasetRefused where a class has too few samples for
 * all the splits asked for.
 */
export function cut({ labels, classes, fractions, seed }: CutOptions): Uint8Array {
  const { order, starts } = byClass(labels, classes.length);
  const keys = Uint32Array.from(labels, (_, index) => hash(seed, index));
  const assigned = new Uint8Array(labels.length);
  const wanted = (["test", "validation"] as const).filter((split) => fractions[split] > 0);
  for (const [label, name] of classes.entries()) {
    const members = order.subarray(starts[label], starts[label + 1]);
    if (members.length === 0) continue;
    if (members.length < wanted.length + 1) {
      refuse(
        null,
        `class ${label} ('${printable(name, 40)}') has ${members.length} sample${members.length === 1 ? "" : "s"}; cutting train, ${wanted.join(" and ")} needs at least ${wanted.length + 1} of every class`,
      );
    }
    members.sort((left, right) => keys[left] - keys[right] || left - right);
    let from = 0;
    for (const [at, split] of wanted.entries()) {
      const most = members.length - from - (wanted.length - at);
      const count = Math.max(1, Math.min(most, Math.round(members.length * fractions[split])));
      for (const index of members.subarray(from, from + count)) assigned[index] = splitNames.indexOf(split);
      from += count;
    }
  }
  return assigned;
}
