/**
 * From the shards' gradients to new parameters: the sum in shard order, its norm in double, and the update rules, of
 * which Bouvrie (2), ΔW = −η ∂E/∂W, is the first. Flat runs of reals, four at a time; what lies behind a run is read
 * but never written.
 */
import { ReduceCall, SquaredNormCall, ScaleCall, SgdCall, AdamCall, LevenbergMarquardtCall } from "./contract";
import { realBytes, vectorBytes } from "./address";
import {
  add,
  broadcast,
  doubleTree,
  highDoubles,
  lanesBelow,
  lowDoubles,
  multiply,
  multiplyAdd,
  read,
  subtract,
  writeFirst,
} from "./lanes";

export function reduce(call: ReduceCall): void {
  const { gradients, output, scale, shards, stride, count } = call;
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

/** Adds the squares of two doubles. */
// @ts-ignore: decorator
@inline
function addSquares(sum: v128, g: v128): v128 {
  return f64x2.add(sum, f64x2.mul(g, g));
}

export function squaredNorm(call: SquaredNormCall): void {
  const { gradient, partial, count } = call;
  let a = f64x2.splat(0),
    b = a,
    c = a,
    d = a;
  for (let n: u32 = 0; n < count; n += 8) {
    const low = v128.and(read(gradient + realBytes(n)), lanesBelow(n, count));
    const high = v128.and(read(gradient + realBytes(n) + vectorBytes), lanesBelow(n + 4, count));
    a = addSquares(a, lowDoubles(low));
    b = addSquares(b, highDoubles(low));
    c = addSquares(c, lowDoubles(high));
    d = addSquares(d, highDoubles(high));
  }
  store<f64>(partial, doubleTree(a, b, c, d));
}

export function scale(call: ScaleCall): void {
  const { gradient, scale, count } = call;
  const factor = broadcast(scale);
  for (let n: u32 = 0; n < count; n += 4)
    writeFirst(gradient + realBytes(n), multiply(read(gradient + realBytes(n)), factor), count - n);
}

export function sgd(call: SgdCall): void {
  const { parameters, gradient, velocity, settings, nesterov, count } = call;
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

export function adam(call: AdamCall): void {
  const { parameters, gradient, first, second, settings, count } = call;
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

export function levenbergMarquardt(call: LevenbergMarquardtCall): void {
  const { parameters, gradient, curvature, settings, count } = call;
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
