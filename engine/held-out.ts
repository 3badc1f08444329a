/**
 * Which training samples a job holds out for validation: within every class, samples stand in the order of
 * hash(seed, purpose, class, index), and the first of them are held out. A function of the labels alone: the same
 * samples on every machine, and again after a crash.
 */
import { heldOutOf } from "../schemas/validation.ts";
import { extend, hash, purposes } from "./random.ts";

/** For every sample 1 where it is held out, else 0. */
export function holdOut({
  labels,
  classes,
  fraction,
  seed,
}: {
  labels: Int32Array;
  classes: number;
  fraction: number;
  seed: number;
}): Uint8Array {
  const members = membersOf(labels, classes);
  const keys = new Uint32Array(labels.length);
  const held = new Uint8Array(labels.length);
  for (const [label, indices] of members.entries()) {
    const beginning = hash(seed, purposes.holdOut, label);
    for (const index of indices) keys[index] = extend(beginning, index);
    indices.sort((left, right) => keys[left] - keys[right] || left - right);
    for (const index of indices.subarray(0, heldOutOf(indices.length, fraction))) held[index] = 1;
  }
  return held;
}

/** The samples of each class: a counting sort, outside the JavaScript heap. */
export function membersOf(labels: Int32Array, classes: number): Uint32Array[] {
  const ends = new Uint32Array(classes + 1);
  for (const label of labels) ends[label + 1]++;
  for (let label = 0; label < classes; label++) ends[label + 1] += ends[label];
  const order = new Uint32Array(labels.length);
  const next = ends.slice();
  for (const [index, label] of labels.entries()) order[next[label]++] = index;
  return Array.from({ length: classes }, (_, label) => order.subarray(ends[label], ends[label + 1]));
}
