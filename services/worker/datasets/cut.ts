/** A stratified cut by fractions: within every class, samples are put in an order that a seed decides, and the first go to test, the next to validation. */
import type { Split, UploadSettings } from "../../../schemas/dataset.ts";
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

/** For every sample the split it goes to. Throws DatasetRefused where a class has too few samples for all the splits asked for. */
export function cut({ labels, classes, fractions, seed }: CutOptions): Split[] {
  const members: number[][] = classes.map(() => []);
  for (const [index, label] of labels.entries()) members[label]?.push(index);
  const assigned = new Array<Split>(labels.length).fill("train");
  const wanted = (["test", "validation"] as const).filter((split) => fractions[split] > 0);
  for (const [label, indices] of members.entries()) {
    if (indices.length === 0) continue;
    if (indices.length < wanted.length + 1) {
      refuse(null, `class ${label} ('${printable(classes[label] ?? "", 40)}') has ${indices.length} sample${indices.length === 1 ? "" : "s"}; cutting train, ${wanted.join(" and ")} needs at least ${wanted.length + 1} of every class`);
    }
    const keys = new Map(indices.map((index) => [index, hash(seed, index)]));
    indices.sort((left, right) => (keys.get(left) ?? 0) - (keys.get(right) ?? 0) || left - right);
    let from = 0;
    for (const [at, split] of wanted.entries()) {
      const most = indices.length - from - (wanted.length - at);
      const count = Math.max(1, Math.min(most, Math.round(indices.length * fractions[split])));
      for (const index of indices.slice(from, from + count)) assigned[index] = split;
      from += count;
    }
  }
  return assigned;
}
