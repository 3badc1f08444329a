/**
 * From the shards' gradients to new parameters: the sum in shard order, its norm in double, and the update rules, of
 * which Bouvrie (2), ΔW = −η ∂E/∂W, is the first. Flat runs of reals, four at a time; what lies behind a run is read
 * but never written.
 */
import { realBytes, vectorBytes } from "./address";
import { add, broadcast, lanesBelow, multiply, multiplyAdd, read, subtract, writeFirst } from "./lanes";

export function reduce(gradients: usize, output: usize, scale: usize, shards: u32, stride: u32, count: u32): void {
  const factor = broadcast(scale);
  for (let n: u32 = 0; n < count; n += 4) {
    let address = gradients + realBytes(n);
    let sum = read(address);
    for (let shard: u32 = 1; shard < shards; shard++) {
      address += stride;
      sum = add(sum, read(address));
    }
    writeFirst(output + realBytes(n), multiply(sum, factor), count - n);
  }
}

/** Adds the squares of two lanes of g in double. */
// @ts-ignore: decorator
@inline
function addSquares(sum: v128, twoOfG: v128): v128 {
  const g = f64x2.promote_low_f32x4(twoOfG);
  return f64x2.add(sum, f64x2.mul(g, g));
}

export function squaredNorm(gradient: usize, partial: usize, count: u32): void {
  let a = f64x2.splat(0),
    b = a,
    c = a,
    d = a;
  for (let n: u32 = 0; n < count; n += 8) {
    const low = v128.and(read(gradient + realBytes(n)), lanesBelow(n, count));
    const high = v128.and(read(gradient + realBytes(n) + vectorBytes), lanesBelow(n + 4, count));
    a = addSquares(a, low);
    b = addSquares(b, v128.shuffle<f32>(low, low, 2, 3, 2, 3));
    c = addSquares(c, high);
    d = addSquares(d, v128.shuffle<f32>(high, high, 2, 3, 2, 3));
  }
  const evenOdd = f64x2.add(f64x2.add(a, c), f64x2.add(b, d));
  store<f64>(partial, f64x2.extract_lane(evenOdd, 0) + f64x2.extract_lane(evenOdd, 1));
}

export function scale(gradient: usize, scale: usize, count: u32): void {
  const factor = broadcast(scale);
  for (let n: u32 = 0; n < count; n += 4)
    writeFirst(gradient + realBytes(n), multiply(read(gradient + realBytes(n)), factor), count - n);
}

export function sgd(
  parameters: usize,
  gradient: usize,
  velocity: usize,
  settings: usize,
  nesterov: u32,
  count: u32,
): void {
  const rate = broadcast(settings);
  const momentum = broadcast(settings + realBytes(1));
  const decay = broadcast(settings + realBytes(2));
  for (let n: u32 = 0; n < count; n += 4) {
    const place = realBytes(n);
    const w = read(parameters + place);
    let step = multiplyAdd(read(gradient + place), decay, w);
    if (velocity != 0) {
      const v = multiplyAdd(step, momentum, read(velocity + place));
      writeFirst(velocity + place, v, count - n);
      step = nesterov == 1 ? multiplyAdd(step, momentum, v) : v;
    }
    writeFirst(parameters + place, subtract(w, multiply(rate, step)), count - n);
  }
}

export function adam(
  parameters: usize,
  gradient: usize,
  first: usize,
  second: usize,
  settings: usize,
  count: u32,
): void {
  const rate = broadcast(settings);
  const beta1 = broadcast(settings + realBytes(1));
  const rest1 = broadcast(settings + realBytes(2));
  const beta2 = broadcast(settings + realBytes(3));
  const rest2 = broadcast(settings + realBytes(4));
  const correction = broadcast(settings + realBytes(5));
  const epsilon = broadcast(settings + realBytes(6));
  const decay = broadcast(settings + realBytes(7));
  for (let n: u32 = 0; n < count; n += 4) {
    const place = realBytes(n);
    const w = read(parameters + place);
    const g = multiplyAdd(read(gradient + place), decay, w);
    const m = add(multiply(beta1, read(first + place)), multiply(rest1, g));
    const v = add(multiply(beta2, read(second + place)), multiply(rest2, multiply(g, g)));
    writeFirst(first + place, m, count - n);
    writeFirst(second + place, v, count - n);
    const step = f32x4.div(multiply(rate, m), multiplyAdd(epsilon, f32x4.sqrt(v), correction));
    writeFirst(parameters + place, subtract(w, step), count - n);
  }
}

export function levenbergMarquardt(
  parameters: usize,
  gradient: usize,
  curvature: usize,
  settings: usize,
  count: u32,
): void {
  const rate = broadcast(settings);
  const damping = broadcast(settings + realBytes(1));
  const decay = broadcast(settings + realBytes(2));
  for (let n: u32 = 0; n < count; n += 4) {
    const place = realBytes(n);
    const w = read(parameters + place);
    const g = multiplyAdd(read(gradient + place), decay, w);
    const own = f32x4.div(rate, add(damping, read(curvature + place)));
    writeFirst(parameters + place, subtract(w, multiply(own, g)), count - n);
  }
}
