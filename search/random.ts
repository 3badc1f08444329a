/**
 * Draws without a generator: a draw is a hash of (seed, pointer, trial). There is no state to keep or to lose; the same
 * place gives the same number on every machine, in any order, however often. Whole numbers of 32 bits alone, mixed by
 * the finaliser of murmur3. Not for secrets.
 */

/** Every bit of h reaches every bit of the result, and no two h share one. */
function mix(h: number): number {
  let mixed = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The hash of a place one word longer, unsigned 32 bits. */
export const extend = (hashed: number, word: number): number =>
  mix((hashed + Math.imul(word, 0x9e3779b1) + 0x6d2b79f5) | 0);

/** The hash of (seed, pointer): what the draws of a pointer have in common. Reads the text's UTF-16 units. */
export function placeOf(seed: number, pointer: string): number {
  let hashed = extend(0x73776570, seed);
  for (let at = 0; at < pointer.length; at++) hashed = extend(hashed, pointer.charCodeAt(at));
  return extend(hashed, pointer.length);
}

/** [0, 1): multiples of 2⁻³². */
export const share = (hashed: number): number => hashed / 4294967296;

/** 0 … count − 1, each equally likely, for a count up to 2³²: what lies beyond its largest multiple is drawn again. */
export function below(hashed: number, count: number): number {
  const limit = 4294967296 - (4294967296 % count);
  let h = hashed;
  while (h >= limit) h = extend(h, 1);
  return h % count;
}
