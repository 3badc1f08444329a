/**
 * The verbs of four lanes of float32, and what the contract says about adding lanes. A *narrow* access touches lane 0
 * alone (a single sample, a tail); its other lanes are zero and are never stored.
 *
 * `multiplyAdd` is the one place where the strict and the relaxed build differ.
 */

/**
 * `size` vectors, `rows` × `columns` of them, `size` addresses, as variables of the function that asks: the build names
 * them one by one (scripts/kernels/expand.mjs), so an index must be a number once loops are unrolled. They
 * begin as zero.
 */
export declare function registers(size: u32): v128[];
export declare function registerGrid(rows: u32, columns: u32): v128[][];
export declare function addresses(size: u32): usize[];

// @ts-ignore: decorator
@inline
export function realAt(address: usize): f32 {
  return load<f32>(address);
}

// @ts-ignore: decorator
@inline
export function setReal(address: usize, value: f32): void {
  store<f32>(address, value);
}

// @ts-ignore: decorator
@inline
export function zero(): v128 {
  return f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
export function splat(value: f32): v128 {
  return f32x4.splat(value);
}

/** One real of memory in all lanes. */
// @ts-ignore: decorator
@inline
export function broadcast(address: usize): v128 {
  return v128.load32_splat(address);
}

// @ts-ignore: decorator
@inline
export function read(address: usize): v128 {
  return v128.load(address);
}

// @ts-ignore: decorator
@inline
export function write(address: usize, value: v128): void {
  v128.store(address, value);
}

// @ts-ignore: decorator
@inline
export function readNarrow(address: usize): v128 {
  return v128.load32_zero(address);
}

// @ts-ignore: decorator
@inline
export function writeNarrow(address: usize, value: v128): void {
  v128.store32_lane(address, value, 0);
}

/** Four lanes, or lane 0 alone where `narrow`. */
// @ts-ignore: decorator
@inline
export function readSome(address: usize, narrow: bool): v128 {
  return narrow ? readNarrow(address) : read(address);
}

// @ts-ignore: decorator
@inline
export function writeSome(address: usize, value: v128, narrow: bool): void {
  if (narrow) writeNarrow(address, value);
  else write(address, value);
}

/** Stores the first `count` of four lanes. */
export function writeFirst(address: usize, value: v128, count: u32): void {
  if (count > 3) write(address, value);
  else {
    if (count > 0) v128.store32_lane(address, value, 0);
    if (count > 1) v128.store32_lane(address, value, 1, 4);
    if (count > 2) v128.store32_lane(address, value, 2, 8);
  }
}

// @ts-ignore: decorator
@inline
export function add(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

// @ts-ignore: decorator
@inline
export function subtract(a: v128, b: v128): v128 {
  return f32x4.sub(a, b);
}

// @ts-ignore: decorator
@inline
export function multiply(a: v128, b: v128): v128 {
  return f32x4.mul(a, b);
}

/** sum + a·b: two roundings in the strict build, one where the processor has it in the relaxed build. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** condition ? a : b, lane by lane. */
// @ts-ignore: decorator
@inline
export function select(condition: v128, a: v128, b: v128): v128 {
  return v128.bitselect(a, b, condition);
}

/** The larger; `old` where equal, and a NaN once met stays. */
// @ts-ignore: decorator
@inline
export function maximum(old: v128, candidate: v128): v128 {
  return select(v128.or(f32x4.gt(candidate, old), f32x4.ne(candidate, candidate)), candidate, old);
}

/** All bits set in the lanes n (counted from `first`) with n < count. */
// @ts-ignore: decorator
@inline
export function lanesBelow(first: u32, count: u32): v128 {
  return i32x4.lt_u(i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3)), i32x4.splat(count));
}

/** a₀ b₀ a₁ b₁, and a₂ b₂ a₃ b₃. */
// @ts-ignore: decorator
@inline
export function interleaveLow(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 4, 1, 5);
}

// @ts-ignore: decorator
@inline
export function interleaveHigh(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 2, 6, 3, 7);
}

/** a₀ a₁ b₀ b₁, and a₂ a₃ b₂ b₃. Behind an interleaving: the columns of four rows. */
// @ts-ignore: decorator
@inline
export function joinLow(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 1, 4, 5);
}

// @ts-ignore: decorator
@inline
export function joinHigh(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 2, 3, 6, 7);
}

/** a₀ a₂ b₀ b₂, and a₁ a₃ b₁ b₃. */
// @ts-ignore: decorator
@inline
export function evens(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
export function odds(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 1, 3, 5, 7);
}

/** Lanes 2 and 3, twice. */
// @ts-ignore: decorator
@inline
export function upperHalf(a: v128): v128 {
  return v128.shuffle<f32>(a, a, 2, 3, 2, 3);
}

/** Reals as doubles: lanes 0 and 1, lanes 2 and 3. */
// @ts-ignore: decorator
@inline
export function lowDoubles(a: v128): v128 {
  return f64x2.promote_low_f32x4(a);
}

// @ts-ignore: decorator
@inline
export function highDoubles(a: v128): v128 {
  return f64x2.promote_low_f32x4(upperHalf(a));
}

/** tree of eight partial sums in double: 0 and 1 in `a`, 2 and 3 in `b`, 4 and 5 in `c`, 6 and 7 in `d`. */
// @ts-ignore: decorator
@inline
export function doubleTree(a: v128, b: v128, c: v128, d: v128): f64 {
  const evenOdd = f64x2.add(f64x2.add(a, c), f64x2.add(b, d));
  return f64x2.extract_lane(evenOdd, 0) + f64x2.extract_lane(evenOdd, 1);
}

/** The lane's real as a scalar. */
export function laneOf(value: v128, lane: u32): f32 {
  if (lane == 0) return f32x4.extract_lane(value, 0);
  if (lane == 1) return f32x4.extract_lane(value, 1);
  if (lane == 2) return f32x4.extract_lane(value, 2);
  return f32x4.extract_lane(value, 3);
}

/** The lane's bits as a scalar. */
export function intOf(value: v128, lane: u32): i32 {
  if (lane == 0) return i32x4.extract_lane(value, 0);
  if (lane == 1) return i32x4.extract_lane(value, 1);
  if (lane == 2) return i32x4.extract_lane(value, 2);
  return i32x4.extract_lane(value, 3);
}

/** tree(s) of eight partial sums, 0–3 in `low` and 4–7 in `high`: i + (i+4), then +2, then +1. */
// @ts-ignore: decorator
@inline
export function tree(low: v128, high: v128): f32 {
  const fours = f32x4.add(low, high);
  const pairs = f32x4.add(fours, upperHalf(fours));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** memory[address] += tree(low, high). */
// @ts-ignore: decorator
@inline
export function addTree(address: usize, low: v128, high: v128): void {
  setReal(address, realAt(address) + tree(low, high));
}
