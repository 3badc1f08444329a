/**
 * exp, log and tanh of four lanes, operation by operation as ../elementary.md writes them: the C implementation
 * computes the same, so that both give the same bits. Never branches; NaN passes (pmin and pmax keep their first
 * argument where the second does not compare).
 */
import { realBytes } from "./address";
import { add, broadcast, multiply, multiplyAdd, select, splat, subtract } from "./lanes";

/**
 * tanh's constants stand in the module's static memory: a broadcast from there is one instruction, a constant that the
 * engine of JavaScript rebuilds in every iteration is three (docs/PERFORMANCE.md). Every thread's instance writes the
 * same bytes to the same place.
 */
const tanhHighest: usize = memory.data<f32>([7.90531110763549805]);
const tanhLowest: usize = memory.data<f32>([-7.90531110763549805]);
const tanhOdd: usize = memory.data<f32>([
  1.0113161579e-7, -6.25758658716e-5, 4.17408561784e-2, 12.5683164047, 545.478191187, 4200.95741709,
]);
const tanhEven: usize = memory.data<f32>([101.040555883, 1945.79670322, 4200.95748767]);

/** A step of Horner's scheme: p·x + coefficient. */
// @ts-ignore: decorator
@inline
function horner(p: v128, x: v128, coefficient: v128): v128 {
  return multiplyAdd(coefficient, p, x);
}

// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const t = multiplyAdd(splat(12582912), x, splat(1.44269504088896341));
  const n = subtract(t, splat(12582912));
  let r = subtract(x, multiply(n, splat(0.693359375)));
  r = subtract(r, multiply(n, splat(-2.1219444e-4)));
  let p = splat(1.98756915e-4);
  p = horner(p, r, splat(1.3981999507e-3));
  p = horner(p, r, splat(8.3334519073e-3));
  p = horner(p, r, splat(4.1665795894e-2));
  p = horner(p, r, splat(1.6666665459e-1));
  p = horner(p, r, splat(5.0000001201e-1));
  let y = add(multiplyAdd(r, p, multiply(r, r)), splat(1));
  y = multiply(y, i32x4.add(i32x4.shl(t, 23), i32x4.splat(0x3f800000)));
  y = select(f32x4.gt(x, splat(88.37626)), splat(f32.MAX_VALUE * 2), y);
  return v128.andnot(y, f32x4.lt(x, splat(-87.33654)));
}

export function log(x: v128): v128 {
  const exponent = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3f3504f3)), 23);
  const e = f32x4.convert_i32x4_s(exponent);
  const f = subtract(i32x4.sub(x, i32x4.shl(exponent, 23)), splat(1));
  const z = multiply(f, f);
  let p = horner(splat(7.0376836292e-2), f, splat(-1.151461031e-1));
  p = horner(p, f, splat(1.167699874e-1));
  p = horner(p, f, splat(-1.2420140846e-1));
  p = horner(p, f, splat(1.4249322787e-1));
  p = horner(p, f, splat(-1.6668057665e-1));
  p = horner(p, f, splat(2.0000714765e-1));
  p = horner(p, f, splat(-2.4999993993e-1));
  p = horner(p, f, splat(3.3333331174e-1));
  let y = multiply(multiply(p, f), z);
  y = multiplyAdd(y, e, splat(-2.1219444e-4));
  y = subtract(y, multiply(splat(0.5), z));
  y = multiplyAdd(add(f, y), e, splat(0.693359375));
  return select(f32x4.lt(x, splat(f32.MAX_VALUE * 2)), y, x);
}

// @ts-ignore: decorator
@inline
export function tanh(value: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(value, broadcast(tanhHighest)), broadcast(tanhLowest));
  const z = multiply(x, x);
  let p = broadcast(tanhOdd);
  p = horner(p, z, broadcast(tanhOdd + realBytes(1)));
  p = horner(p, z, broadcast(tanhOdd + realBytes(2)));
  p = horner(p, z, broadcast(tanhOdd + realBytes(3)));
  p = horner(p, z, broadcast(tanhOdd + realBytes(4)));
  p = horner(p, z, broadcast(tanhOdd + realBytes(5)));
  p = multiply(x, p);
  let q = add(z, broadcast(tanhEven));
  q = horner(q, z, broadcast(tanhEven + realBytes(1)));
  q = horner(q, z, broadcast(tanhEven + realBytes(2)));
  return f32x4.div(p, q);
}

/** 1 / (1 + exp(−x)). */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(splat(1), add(splat(1), exp(f32x4.neg(x))));
}
