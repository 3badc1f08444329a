/**
 * Where samples are distorted, a batch ahead of the training: a ring of two batches, float32 [2][batch][C][H][W] in the
 * shared memory. While batch k is trained from one half, the augmentation thread, where there is one, fills the other
 * with batch k + 1. A sample is distorted by whoever takes it first (claims.ts): the augmentation thread
 * ahead of time, or the gradient thread that opens its block and finds it missing. What a sample becomes depends on
 * (seed, epoch, sample) alone, or where classes are balanced on (seed, epoch, place), so the bits do not depend on who
 * was first.
 *
 * - Batch k lies in half k mod 2. Thread 0 announces it at rest, before the step of batch k − 1: then nobody needs
 *   batch k − 2 any more. It announces the first batch of an epoch after it has written the order. Nothing is announced
 *   beyond the epoch's end.
 * - The augmentation thread takes samples of announced batches only, and of these none that was consumed. So the order
 *   and the half of the ring stay as they are while it works. `close` ends it, whatever it is doing.
 * - Second derivatives want undistorted samples: their steps run before the epoch is announced and do not touch the
 *   ring. Nor do evaluations, inspections and previews.
 * - A thread that dies with a sample in its hands leaves the others waiting: whoever started the threads ends them all.
 */
import { sizeOf } from "../schemas/shape.ts";
import { createAugmenter } from "./augmentation.ts";
import type { Augmenter } from "./augmentation.ts";
import { Claims, claimInts } from "./claims.ts";
import { planExecution } from "./execution-plan.ts";
import { Views } from "./memory.ts";
import type { Regions } from "./regions.ts";
import type { GradientThreadOptions, TrainingSpec } from "./training.ts";

/** One thread's hold on the ring. */
export class Staging {
  readonly #spec: TrainingSpec;
  readonly #claims: Claims;
  readonly #order: Uint32Array;
  readonly #batches: number;
  readonly #size: number;
  readonly #augmenter: Augmenter;
  /** What the augmenter is told, written anew for each sample. */
  readonly #task: Parameters<Augmenter["apply"]>[0];

  constructor({ spec, regions, views }: { spec: TrainingSpec; regions: Regions; views: Views }) {
    const { splits, staging, order } = regions;
    const { samplesAddress, samplesBytes, count } = splits.train;
    const { batchSize, input: shape, dtype, augmentation, seed, background } = spec;
    if (!staging) throw new Error("a training that distorts nothing has no staging");
    this.#spec = spec;
    this.#batches = Math.ceil(count / batchSize);
    this.#size = sizeOf(shape);
    this.#claims = new Claims({
      words: views.ints.subarray(staging.claims / 4, staging.claims / 4 + claimInts(batchSize)),
      batchSize,
    });
    this.#order = views.words.subarray(order / 4, order / 4 + count);
    this.#augmenter = createAugmenter({
      augmentation,
      shape,
      seed,
      fill: new Array<number>(shape.channels).fill(background),
    });
    const input =
      dtype === "uint8"
        ? views.bytes.subarray(samplesAddress, samplesAddress + samplesBytes)
        : views.reals(samplesAddress, count * this.#size);
    const output = views.floats.subarray(staging.samples / 4, staging.samples / 4 + 2 * batchSize * this.#size);
    this.#task = { input, inputOffset: 0, output, outputOffset: 0, epoch: 0, sample: 0 };
  }

  /**
   * Thread 0, at rest before the step of batch `inEpoch` − 1 of the epoch, or before the epoch: the batch may be
   * distorted, if there is one.
   */
  announce(epoch: number, inEpoch: number): void {
    if (inEpoch < this.#batches) this.#claims.announce(epoch, (epoch - 1) * this.#batches + inEpoch);
  }

  /** Thread 0: lets the augmentation thread end. */
  end(): void {
    this.#claims.end();
  }

  /**
   * A gradient thread: sees to it that the samples of a block are distorted. Returns the row of the ring where the
   * first of them lies.
   */
  open({ epoch, start }: { epoch: number; start: number }, { first, count }: { first: number; count: number }): number {
    const batch = (epoch - 1) * this.#batches + start / this.#spec.batchSize;
    for (let place = first; place < first + count; place++) this.#distort(batch, place);
    for (let place = first; place < first + count; place++) this.#claims.await(batch, place);
    return this.#rowOf(batch, first);
  }

  /** The augmentation thread: works ahead until the training ends. Returns how many samples it distorted. */
  runAhead(): number {
    const claims = this.#claims;
    const batches = this.#batches;
    let next = -1;
    let distorted = 0;
    for (let heard = claims.next(0); !claims.ended; heard = claims.next(heard)) {
      const first = (claims.epoch - 1) * batches;
      const last = first + ((heard - first) | 0) - 1;
      // Earlier batches than the first it heard of may have been trained before a stop.
      next = next < 0 ? last : Math.max(next, first);
      while (next <= last && !claims.ended) distorted += this.#distortBatch(next++);
    }
    return distorted;
  }

  /** From the end: gradient threads begin at the beginning of their runs of blocks, each is met on its way. */
  #distortBatch(batch: number): number {
    const { batchSize, counts, threads } = this.#spec;
    const samples = Math.min(batchSize, counts.train - (batch % this.#batches) * batchSize);
    const run = Math.ceil(samples / threads);
    let distorted = 0;
    for (let at = run - 1; at >= 0; at--) {
      for (let place = at; place < samples; place += run) {
        if (this.#claims.ended) return distorted;
        if (this.#distort(batch, place)) distorted++;
      }
    }
    return distorted;
  }

  /** False where somebody was faster. */
  #distort(batch: number, place: number): boolean {
    const claims = this.#claims;
    const task = this.#task;
    const batches = this.#batches;
    const size = this.#size;
    if (!claims.take(batch, place)) return false;
    const inEpoch = (batch % batches) * this.#spec.batchSize + place;
    const sample = this.#order[inEpoch];
    // A sample that is drawn again in the same epoch is distorted otherwise: its draws go by its place.
    task.sample = this.#spec.sampling === "balanced" ? inEpoch : sample;
    task.epoch = Math.floor(batch / batches) + 1;
    task.inputOffset = sample * size;
    task.outputOffset = this.#rowOf(batch, place) * size;
    this.#augmenter.apply(task);
    claims.finish(batch, place);
    return true;
  }

  #rowOf(batch: number, place: number): number {
    return (batch % 2) * this.#spec.batchSize + place;
  }
}

/**
 * A thread that distorts the samples of a training a batch ahead, until the trainer closes. Only for trainings that
 * distort (isIdentity). Returns how many it distorted.
 */
export function runAugmentationThread({
  plan,
  memory,
  realBytes = 4,
}: Pick<GradientThreadOptions, "plan" | "memory" | "realBytes">): number {
  const { spec, regions } = planExecution(plan.spec, realBytes);
  return new Staging({ spec, regions, views: new Views(memory.buffer, realBytes) }).runAhead();
}
