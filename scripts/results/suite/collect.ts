/** Samples one by one into the form in which a training takes them. */
import { createHash } from "node:crypto";
import { sizeOf, type Shape } from "../../../schemas/shape.ts";
import type { LabelledSamples } from "../collections.ts";

export interface Labelled {
  label: number;
  /** uint8 [channels][height][width]. */
  sample: Uint8Array;
}

export function collect(shape: Shape, all: readonly Labelled[]): LabelledSamples {
  const samples = new Uint8Array(all.length * sizeOf(shape));
  for (const [at, { sample }] of all.entries()) samples.set(sample, at * sizeOf(shape));
  return { shape, samples, labels: Int32Array.from(all, ({ label }) => label) };
}

/** Whether what has this name belongs to the test: a quarter does, the same on every machine. */
export const isTested = (name: string): boolean => createHash("sha256").update(name).digest().readUInt8(0) < 64;

/** The samples of a set at these places, with other labels if wanted. */
export function pick(
  { shape, samples, labels }: LabelledSamples,
  places: readonly number[],
  relabel = (label: number): number => label,
): LabelledSamples {
  const size = sizeOf(shape);
  return collect(
    shape,
    places.map((at) => ({ label: relabel(labels[at]), sample: samples.subarray(at * size, (at + 1) * size) })),
  );
}
