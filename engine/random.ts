/**
 * Randomness without a generator: a draw is a hash of its *place* — (seed, purpose, step or epoch, sample, unit). There
 * is no state to keep, to pass to threads or to lose in a crash; the same place gives the same number on every machine,
 * in any order, however often.
 *
 * The mixer is the finaliser of murmur3, the one that kernels.ts prescribes for dropout. 32 bits in, 32 bits out; not
 * for secrets. Never holds state, never reads a clock.
 */
import { cos, log } from "./elementary.ts";

/**
 * What a draw is for: the second word of every place, so that two uses never share a number. Values are part of the
 * promise of same bits.
 */
export const purposes = {
  shuffle: 1,
  dropout: 2,
  augment: 3,
  initialise: 4,
  curvature: 5,
  gradientCheck: 6,
  holdOut: 7,
  balance: 8,
} as const;
export type Purpose = keyof typeof purposes;

const step = 0x9e3779b1;
const start = 0x6d2b79f5;
const perUnit = 1 / 4294967296;

/** Murmur3's finaliser: every bit of h reaches every bit of the result, and no two h share one. Unsigned 32 bits. */
export function mix(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The hash of a place one word longer: hash(a, b, c) = extend(hash(a, b), c). Loops keep the common beginning and
 * extend it.
 */
export const extend = (hashed: number, word: number): number => mix((hashed + Math.imul(word, step) + start) | 0);

/** The hash of a place, unsigned 32 bits. Each word counts modulo 2³². */
export function hash(...place: readonly number[]): number {
  let h = start;
  for (const word of place) h = extend(h, word);
  return h >>> 0;
}

/** [0, 1) with all 32 bits of the hash: multiples of 2⁻³². */
export const uniform = (hashed: number): number => (hashed >>> 0) * perUnit;

/** Uniform in ±1. */
export const around = (hashed: number): number => 2 * uniform(hashed) - 1;

/**
 * Standard normal (Box and Muller 1958): the radius from the hash, the angle from the hash mixed once more. Within
 * ±6.8.
 */
export function normal(hashed: number): number {
  const radius = Math.sqrt(-2 * log(((hashed >>> 0) + 0.5) * perUnit));
  return radius * cos(2 * 3.141592653589793 * uniform(extend(hashed, 1)));
}

/** 0 … count − 1, each equally likely: draws beyond the largest multiple of `count` are drawn again. */
function below(hashed: number, count: number): number {
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % count);
  let h = hashed;
  while (h >= limit) h = extend(h, 1);
  return h % count;
}

/**
 * The order of an epoch: a permutation of 0 … count − 1 (Fisher and Yates, from the end), from (seed, epoch) alone.
 * Writes into `into` when given (length ≥ count) and then allocates nothing.
 */
export function permutation(options: {
  seed: number;
  epoch: number;
  count: number;
  purpose?: Purpose;
  into?: Uint32Array;
}): Uint32Array {
  const { seed, epoch, count, purpose = "shuffle", into = new Uint32Array(count) } = options;
  if (into.length < count) throw new Error(`a permutation of ${count} does not fit into ${into.length} places`);
  for (let place = 0; place < count; place++) into[place] = place;
  const beginning = hash(seed, purposes[purpose], epoch);
  for (let place = count - 1; place > 0; place--) {
    const other = below(extend(beginning, place), place + 1);
    const moved = into[place];
    into[place] = into[other];
    into[other] = moved;
  }
  return into;
}
