/**
 * Threads over one shared memory: a barrier that spins briefly and then sleeps, a word that says what to do next, and
 * claims on the samples that are distorted. The only user of Atomics.
 *
 *   control words (int32)      0 request · 1 arrived · 2 generation · 3 sleepers · 4 … command (commands.ts)
 *
 * Thread 0 writes a command, then all meet at the barrier and work; they meet again wherever a phase ends, at least
 * once a command: that is why no thread still reads a command when the next is written. A gradient thread waits for
 * nothing else, except for a sample that another is just distorting.
 */
import { decode, encode } from "./commands.ts";
import type { Command } from "./commands.ts";

export const controlInts = 32;
const requestWord = 0;
const arrived = 1;
const generation = 2;
const sleepers = 3;
const firstCommandWord = 4;
const commandWords = 8;
/**
 * Looks before sleeping, some 0.15 ms: being woken takes time too, and a step of a small network is over in half a
 * millisecond.
 */
const spins = 20_000;

/**
 * Returns when the word at `at` no longer is `seen`: looks for a while, then sleeps, counted in the word at `asleep`.
 */
function awaitChange(words: Int32Array, at: number, seen: number, asleep: number): void {
  for (let spin = 0; spin < spins; spin++) if (Atomics.load(words, at) !== seen) return;
  Atomics.add(words, asleep, 1);
  while (Atomics.load(words, at) === seen) Atomics.wait(words, at, seen);
  Atomics.sub(words, asleep, 1);
}

/** Writes a word that others may be waiting for. */
function tell(words: Int32Array, at: number, value: number, asleep: number): void {
  Atomics.store(words, at, value);
  if (Atomics.load(words, asleep) > 0) Atomics.notify(words, at);
}

export class Team {
  readonly thread: number;
  readonly threads: number;
  readonly #words: Int32Array;

  constructor({ words, thread, threads }: { words: Int32Array; thread: number; threads: number }) {
    this.#words = words;
    this.thread = thread;
    this.threads = threads;
  }

  /** Returns when all threads have come. What a thread wrote before is seen by all after. */
  barrier(): void {
    const words = this.#words;
    const { threads } = this;
    if (threads === 1) return;
    const now = Atomics.load(words, generation);
    if (Atomics.add(words, arrived, 1) === threads - 1) {
      Atomics.store(words, arrived, 0);
      tell(words, generation, (now + 1) | 0, sleepers);
    } else awaitChange(words, generation, now, sleepers);
  }

  /** Thread 0: says what is next and lets the others begin. */
  command(command: Command): void {
    for (const [index, word] of encode(command).entries()) Atomics.store(this.#words, firstCommandWord + index, word);
    this.barrier();
  }

  /** The other threads: wait for what is next. */
  next(): Command {
    this.barrier();
    return decode(
      Array.from({ length: commandWords }, (_, index) => Atomics.load(this.#words, firstCommandWord + index)),
    );
  }

  /** The bits somebody outside has set since the last look; they are cleared. */
  takeRequests(): number {
    return Atomics.load(this.#words, requestWord) === 0 ? 0 : Atomics.exchange(this.#words, requestWord, 0);
  }
}

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
