/**
 * Arithmetic of addresses: from counts of reals to bytes. The only file that knows how many bytes a real has. Never
 * reads memory.
 */

/** Bytes of one vector of four reals, of one block position (eight lanes), and of one half of it. */
export const vectorBytes: usize = 16;
export const blockBytes: usize = 32;
/** Reals in a vector. */
export const vectorSize: u32 = 4;

/** Bytes of `count` reals. */
// @ts-ignore: decorator
@inline
export function realBytes(count: u32): usize {
  return (<usize>count) << 2;
}

/** Bytes of `count` doubles. */
// @ts-ignore: decorator
@inline
export function doubleBytes(count: u32): usize {
  return (<usize>count) << 3;
}
