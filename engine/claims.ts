/** Claims on the samples that are distorted (staging.ts says what they are for). */
import { awaitChange, tell } from "./parallel.ts";

const announced = 0;
const epochWord = 1;
const listeners = 2;
const waiting = 3;
const firstClaim = 16;
const taken = 1;
const done = 3;
const over = -1;

export const claimInts = (batchSize: number): number => firstClaim + 2 * batchSize;

/**
 * Who distorts which sample of a batch into which half of the ring: whoever comes first. Batches are numbered through
 * the whole training from 0; batch k lies in half k mod 2.
 *
 *   words (int32)      0 batches announced · 1 their epoch, −1 at the end · 2 listeners · 3 waiting · 16 … claims
 *                      [half][place in the batch]
 *
 * A claim holds 4k + 1 while a sample of batch k is distorted and 4k + 3 from then on, modulo 2³²; it only grows and is
 * never cleared; 0 was never taken. A place can be taken for batch k only while its claim is older than k, by one
 * thread: who takes it knows that batch k is not yet consumed, hence that the epoch's order stands. That holds however
 * long ago batch k was announced: who comes too late takes nothing.
 */
export class Claims {
  readonly #words: Int32Array;
  readonly #batchSize: number;

  constructor({ words, batchSize }: { words: Int32Array; batchSize: number }) {
    this.#words = words;
    this.#batchSize = batchSize;
  }

  #at(batch: number, place: number): number {
    return firstClaim + (batch % 2) * this.#batchSize + place;
  }

  /** True for exactly one caller, who then distorts the sample and says `finish`. */
  take(batch: number, place: number): boolean {
    const at = this.#at(batch, place);
    const mine = (4 * batch + taken) | 0;
    const seen = Atomics.load(this.#words, at);
    return (seen === 0 || ((seen - mine) | 0) < 0) && Atomics.compareExchange(this.#words, at, seen, mine) === seen;
  }

  finish(batch: number, place: number): void {
    tell(this.#words, this.#at(batch, place), (4 * batch + done) | 0, waiting);
  }

  /** Returns when a sample that somebody has taken is distorted. */
  await(batch: number, place: number): void {
    const at = this.#at(batch, place);
    const theirs = (4 * batch + taken) | 0;
    if (Atomics.load(this.#words, at) === theirs) awaitChange(this.#words, at, theirs, waiting);
  }

  /**
   * Thread 0: batches of this epoch up to `batch` may be distorted: its order is written, and all threads are done with
   * the batch before the last.
   */
  announce(epoch: number, batch: number): void {
    Atomics.store(this.#words, epochWord, epoch);
    tell(this.#words, announced, (batch + 1) | 0, listeners);
  }

  /** Thread 0: nothing more will come. */
  end(): void {
    this.announce(over, Atomics.load(this.#words, announced));
  }

  get ended(): boolean {
    return Atomics.load(this.#words, epochWord) === over;
  }

  /** Returns how many batches are announced, modulo 2³², once that is no longer what was `heard`. */
  next(heard: number): number {
    awaitChange(this.#words, announced, heard, listeners);
    return Atomics.load(this.#words, announced);
  }

  /** Read after `next`: that epoch, or one that began since. */
  get epoch(): number {
    return Atomics.load(this.#words, epochWord);
  }
}
