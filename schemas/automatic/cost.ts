/**
 * What a training costs, in units of work: floating-point operations, and as much for each value that a layer writes as
 * moving it takes. Workers report how much of it they do in a second. The shares were fitted to what the networks of
 * layers.ts took on samples from 8×8 to 28×28, so that a rate seen with one of them holds for the others: of pictures
 * from 25×25 on within a sixth, where operations alone are three times as fast in the widest as in the thinnest.
 */
import type { Layer } from "../layer.ts";
import { flatShapes, networkShape, trainingFlops } from "../network-shape.ts";
import { sizeOf, type Shape } from "../shape.ts";

/** Operations that could be done while one value is written, read and sent back. */
const perValue = 175;
/** What a sample costs whatever the network, and each of its values: they are fetched, distorted and normalised. */
const perSample = 100_000;
const perInput = 1000;
/** A pass forward alone is about a third of a step. */
const forwardShare = 1 / 3;

/** Of one training sample of this shape, forward and backward. */
export function workOf(layers: readonly Layer[], input: Shape): number {
  const shapes = networkShape(layers, input, null).layers;
  const values = flatShapes(shapes).reduce((sum, { output }) => sum + sizeOf(output), 0);
  return perSample + perInput * sizeOf(input) + trainingFlops(layers, shapes) + perValue * values;
}

export interface Passes {
  /** Samples trained on in an epoch, and measured after it. */
  trained: number;
  measured: number;
  /** Samples measured once, when the training has ended. */
  atTheEnd: number;
}

/** How many epochs fit into so much work, the last measurements included. May be 0. */
export function epochsWithin(work: number, sample: number, { trained, measured, atTheEnd }: Passes): number {
  const epoch = sample * (trained + forwardShare * measured);
  return Math.max(0, (work - sample * forwardShare * atTheEnd) / epoch);
}

/**
 * Work a second and thread that is safe to expect of kernels by their name, before a worker has reported any: a little
 * less than was measured.
 */
const expected: readonly (readonly [RegExp, number])[] = [
  [/^native-x86-64-v4/, 70e9],
  [/^native-x86-64-v3/, 40e9],
  [/^native-/, 16e9],
  [/^assembly/, 9e9],
];
const leastExpected = 8e9;

export const expectedSpeed = (kernels: string, threads: number): number =>
  threads * (expected.find(([name]) => name.test(kernels))?.[1] ?? leastExpected);
