/**
 * exp, log and tanh of four lanes, operation by operation as ../elementary.md writes them: the C implementation computes the
 * same, so that both give the same bits. Never branches; NaN passes.
 */
import { add, multiply, multiplyAdd, select, splat, subtract } from "./lanes";

/** sum = p·x + coefficient: a step of Horner's scheme. */
// @ts-ignore: decorator
@inline
function horner(p: v128, x: v128, coefficient: f32): v128 {
  return multiplyAdd(splat(coefficient), p, x);
}

export function exp(x: v128): v128 {
  const shifter = splat(12582912);
  const t = multiplyAdd(shifter, x, splat(1.44269504088896341));
  const n = subtract(t, shifter);
  let r = subtract(x, multiply(n, splat(0.693359375)));
  r = subtract(r, multiply(n, splat(-2.12194440e-4)));
  let p = horner(splat(1.9875691500e-4), r, 1.3981999507e-3);
  p = horner(p, r, 8.3334519073e-3);
  p = horner(p, r, 4.1665795894e-2);
  p = horner(p, r, 1.6666665459e-1);
  p = horner(p, r, 5.0000001201e-1);
  let y = add(multiplyAdd(r, p, multiply(r, r)), splat(1));
  y = multiply(y, i32x4.add(i32x4.shl(t, 23), i32x4.splat(0x3f800000)));
  y = select(f32x4.gt(x, splat(88.37626)), splat(f32.MAX_VALUE * 2), y);
  return select(f32x4.lt(x, splat(-87.33654)), splat(0), y);
}

export function log(x: v128): v128 {
  const exponent = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3f3504f3)), 23);
  const e = f32x4.convert_i32x4_s(exponent);
  const f = subtract(i32x4.sub(x, i32x4.shl(exponent, 23)), splat(1));
  const z = multiply(f, f);
  let p = horner(splat(7.0376836292e-2), f, -1.1514610310e-1);
  p = horner(p, f, 1.1676998740e-1);
  p = horner(p, f, -1.2420140846e-1);
  p = horner(p, f, 1.4249322787e-1);
  p = horner(p, f, -1.6668057665e-1);
  p = horner(p, f, 2.0000714765e-1);
  p = horner(p, f, -2.4999993993e-1);
  p = horner(p, f, 3.3333331174e-1);
  let y = multiply(multiply(p, f), z);
  y = multiplyAdd(y, e, splat(-2.12194440e-4));
  y = subtract(y, multiply(splat(0.5), z));
  y = multiplyAdd(add(f, y), e, splat(0.693359375));
  return select(f32x4.lt(x, splat(f32.MAX_VALUE * 2)), y, x);
}

export function tanh(value: v128): v128 {
  const limit = splat(7.90531110763549805);
  let x = select(f32x4.gt(value, limit), limit, value);
  x = select(f32x4.lt(x, f32x4.neg(limit)), f32x4.neg(limit), x);
  const z = multiply(x, x);
  let p = horner(splat(-2.76076847742355e-16), z, 2.00018790482477e-13);
  p = horner(p, z, -8.60467152213735e-11);
  p = horner(p, z, 5.12229709037114e-8);
  p = horner(p, z, 1.48572235717979e-5);
  p = horner(p, z, 6.37261928875436e-4);
  p = horner(p, z, 4.89352455891786e-3);
  p = multiply(x, p);
  let q = horner(splat(1.19825839466702e-6), z, 1.18534705686654e-4);
  q = horner(q, z, 2.26843463243900e-3);
  q = horner(q, z, 4.89352518554385e-3);
  return f32x4.div(p, q);
}

/** 1 / (1 + exp(−x)). */
export function sigmoid(x: v128): v128 {
  return f32x4.div(splat(1), add(splat(1), exp(f32x4.neg(x))));
}
