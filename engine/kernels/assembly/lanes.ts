/**
 * The verbs of four lanes of float32, and what the contract says about adding lanes. A *narrow* access touches lane 0
 * alone (a single sample, a tail); its other lanes are zero and are never stored.
 *
 * `multiplyAdd` is the one place where the strict and the relaxed build differ.
 */

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
  const pairs = f32x4.add(fours, v128.shuffle<f32>(fours, fours, 2, 3, 2, 3));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** memory[address] += tree(low, high). */
// @ts-ignore: decorator
@inline
export function addTree(address: usize, low: v128, high: v128): void {
  setReal(address, realAt(address) + tree(low, high));
}
