/**
 * Batch normalisation (Ioffe & Szegedy 2015). Statistics are summed in double: eight partial sums (a lane; for a single
 * sample position mod 8), lanes without a sample left out, then the tree. Maps [map][position][lanes]; sums [map][2]
 * doubles, moments [map][2] reals.
 */
import {
  headerCount,
  NormalisationStatisticsCall,
  NormalisationMomentsCall,
  NormalisationForwardCall,
  NormalisationBackwardStatisticsCall,
  NormalisationBackwardMomentsCall,
  NormalisationBackwardCall,
} from "./contract";
import { activateRun, gateRun } from "./activations";
import { doubleBytes, realBytes, vectorBytes } from "./address";
import {
  broadcast,
  doubleTree,
  highDoubles,
  lanesBelow,
  lowDoubles,
  multiply,
  multiplyAdd,
  read,
  realAt,
  setReal,
  splat,
  subtract,
  write,
  writeFirst,
} from "./lanes";
import { addShortcut } from "./residual";

// @ts-ignore: decorator
@inline
function addDouble(address: usize, value: f64): void {
  store<f64>(address, load<f64>(address) + value);
}

/**
 * sums[0] += Σ first, sums[1] += Σ first·second over one map. Backward: first = δ, second = x̂ (x normalised in
 * float32); else both are x.
 */
// @ts-ignore: decorator
@inline
function sumMap(
  isBackward: bool,
  delta: usize,
  input: usize,
  sums: usize,
  total: u32,
  present: u32,
  mean: v128,
  inverse: v128,
): void {
  let a = f64x2.splat(0),
    b = a,
    c = a,
    d = a,
    e = a,
    f = a,
    g = a,
    h = a;
  let lowMask = lanesBelow(0, present),
    highMask = lanesBelow(4, present);
  for (let n: u32 = 0; n < total; n += 8) {
    if (total - n < 8) {
      lowMask = lanesBelow(0, total - n);
      highMask = lanesBelow(4, total - n);
    }
    const place = realBytes(n);
    let xLow = read(input + place),
      xHigh = read(input + place + vectorBytes);
    if (isBackward) {
      xLow = multiply(subtract(xLow, mean), inverse);
      xHigh = multiply(subtract(xHigh, mean), inverse);
    }
    xLow = v128.and(lowMask, xLow);
    xHigh = v128.and(highMask, xHigh);
    const yLow = isBackward ? v128.and(lowMask, read(delta + place)) : xLow;
    const yHigh = isBackward ? v128.and(highMask, read(delta + place + vectorBytes)) : xHigh;
    const y0 = lowDoubles(yLow),
      y1 = highDoubles(yLow),
      y2 = lowDoubles(yHigh),
      y3 = highDoubles(yHigh);
    a = f64x2.add(a, y0);
    b = f64x2.add(b, y1);
    c = f64x2.add(c, y2);
    d = f64x2.add(d, y3);
    e = f64x2.add(e, f64x2.mul(y0, lowDoubles(xLow)));
    f = f64x2.add(f, f64x2.mul(y1, highDoubles(xLow)));
    g = f64x2.add(g, f64x2.mul(y2, lowDoubles(xHigh)));
    h = f64x2.add(h, f64x2.mul(y3, highDoubles(xHigh)));
  }
  addDouble(sums, doubleTree(a, b, c, d));
  addDouble(sums + doubleBytes(1), doubleTree(e, f, g, h));
}

/** Lanes of a vector of eight that hold a sample: for a single sample all positions, or none. */
// @ts-ignore: decorator
@inline
function presentOf(header: usize, lanes: u32): u32 {
  const count = load<u32>(header + realBytes(headerCount));
  return lanes == 8 ? count : count > 0 ? 8 : 0;
}

export function normalisationStatistics(call: NormalisationStatisticsCall): void {
  const { input, header, sums, maps, positions, lanes } = call;
  const total = positions * lanes;
  const present = presentOf(header, lanes);
  if (present == 0) return;
  for (let map: u32 = 0; map < maps; map++)
    sumMap(false, 0, input + realBytes(map * total), sums + doubleBytes(2 * map), total, present, splat(0), splat(0));
}

export function normalisationBackwardStatistics(call: NormalisationBackwardStatisticsCall): void {
  const { delta, input, header, moments, sums, maps, positions, lanes } = call;
  const total = positions * lanes;
  const present = presentOf(header, lanes);
  if (present == 0) return;
  for (let map: u32 = 0; map < maps; map++) {
    const moment = moments + realBytes(2 * map);
    sumMap(
      true,
      delta + realBytes(map * total),
      input + realBytes(map * total),
      sums + doubleBytes(2 * map),
      total,
      present,
      broadcast(moment),
      broadcast(moment + realBytes(1)),
    );
  }
}

/** Sum `which` of a map over the shards, in their order. */
function totalOf(sums: usize, map: u32, which: u32, shards: u32, stride: u32): f64 {
  const address = sums + doubleBytes(2 * map + which);
  let total = load<f64>(address);
  for (let shard: u32 = 1; shard < shards; shard++) total += load<f64>(address + shard * <usize>stride);
  return total;
}

/** running += momentum·(value − running), in double, rounded once. */
// @ts-ignore: decorator
@inline
function follow(running: usize, value: f64, momentum: f64): void {
  const old = <f64>realAt(running);
  setReal(running, <f32>(old + momentum * (value - old)));
}

export function normalisationMoments(call: NormalisationMomentsCall): void {
  const { sums, moments, runningMean, runningVariance, settings, maps, shards, stride } = call;
  const n = load<f64>(settings);
  const momentum = load<f64>(settings + doubleBytes(1));
  const epsilon = load<f64>(settings + doubleBytes(2));
  for (let map: u32 = 0; map < maps; map++) {
    const mean = totalOf(sums, map, 0, shards, stride) / n;
    let variance = totalOf(sums, map, 1, shards, stride) / n - mean * mean;
    if (variance < 0) variance = 0;
    setReal(moments + realBytes(2 * map), <f32>mean);
    setReal(moments + realBytes(2 * map + 1), <f32>(1.0 / Math.sqrt(variance + epsilon)));
    if (runningMean == 0) continue;
    follow(runningMean + realBytes(map), mean, momentum);
    follow(runningVariance + realBytes(map), n > 1 ? variance * (n / (n - 1)) : variance, momentum);
  }
}

export function normalisationBackwardMoments(call: NormalisationBackwardMomentsCall): void {
  const { sums, means, weightGradient, biasGradient, settings, maps, shards, stride } = call;
  const n = load<f64>(settings);
  for (let map: u32 = 0; map < maps; map++) {
    const deltas = totalOf(sums, map, 0, shards, stride);
    const products = totalOf(sums, map, 1, shards, stride);
    setReal(means + realBytes(2 * map), <f32>(deltas / n));
    setReal(means + realBytes(2 * map + 1), <f32>(products / n));
    setReal(weightGradient + realBytes(map), <f32>products);
    setReal(biasGradient + realBytes(map), <f32>deltas);
  }
}

/** Lanes that hold no sample become 0. */
function clearLanes(output: usize, total: u32, present: u32): void {
  const lowMask = lanesBelow(0, present),
    highMask = lanesBelow(4, present);
  for (let n: u32 = 0; n < total; n += 4) {
    const place = output + realBytes(n);
    writeFirst(place, v128.and((n & 4) != 0 ? highMask : lowMask, read(place)), total - n);
  }
}

export function normalisationForward(call: NormalisationForwardCall): void {
  const { header, moments, weight, bias, shortcut, maps, positions, activation, lanes } = call;
  let { input, output } = call;
  const total = positions * lanes;
  const present = presentOf(header, lanes);
  const whole = realBytes(total & ~3);
  const rest = total & 3;
  for (let map: u32 = 0; map < maps; map++) {
    const mean = broadcast(moments + realBytes(2 * map));
    const inverse = broadcast(moments + realBytes(2 * map + 1));
    const w = broadcast(weight + realBytes(map));
    const b = broadcast(bias + realBytes(map));
    for (let n: usize = 0; n < whole; n += vectorBytes)
      write(output + n, multiplyAdd(b, multiply(subtract(read(input + n), mean), inverse), w));
    if (rest > 0) {
      const value = multiplyAdd(b, multiply(subtract(read(input + whole), mean), inverse), w);
      writeFirst(output + whole, value, rest);
    }
    if (shortcut == 0) activateRun(activation, output, total);
    else addShortcut(output, shortcut + map * realBytes(total), output, activation, total);
    if (present < 8) clearLanes(output, total, present);
    input += realBytes(total);
    output += realBytes(total);
  }
}

/** What a map's sensitivities have in common, each in all lanes. */
interface BackwardMoments {
  mean: v128;
  inverse: v128;
  meanDelta: v128;
  meanProduct: v128;
  slope: v128;
}

/** ((δ − means[0]) − x̂·means[1])·(inverse·weight) of four lanes. */
// @ts-ignore: decorator
@inline
function sensitivity(delta: usize, input: usize, of: BackwardMoments): v128 {
  const normalised = multiply(subtract(read(input), of.mean), of.inverse);
  return multiply(subtract(subtract(read(delta), of.meanDelta), multiply(normalised, of.meanProduct)), of.slope);
}

export function normalisationBackward(call: NormalisationBackwardCall): void {
  const { header, moments, means, weight, maps, positions, gate, lanes } = call;
  let { delta, input, output } = call;
  const total = positions * lanes;
  const present = presentOf(header, lanes);
  const whole = realBytes(total & ~3);
  const rest = total & 3;
  for (let map: u32 = 0; map < maps; map++) {
    const inverse = broadcast(moments + realBytes(2 * map + 1));
    const all: BackwardMoments = {
      mean: broadcast(moments + realBytes(2 * map)),
      inverse,
      meanDelta: broadcast(means + realBytes(2 * map)),
      meanProduct: broadcast(means + realBytes(2 * map + 1)),
      slope: multiply(inverse, broadcast(weight + realBytes(map))),
    };
    for (let n: usize = 0; n < whole; n += vectorBytes) write(output + n, sensitivity(delta + n, input + n, all));
    if (rest > 0) writeFirst(output + whole, sensitivity(delta + whole, input + whole, all), rest);
    gateRun(gate, output, input, total);
    if (present < 8) clearLanes(output, total, present);
    delta += realBytes(total);
    input += realBytes(total);
    output += realBytes(total);
  }
}
