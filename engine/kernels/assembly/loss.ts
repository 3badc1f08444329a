/**
 * The output's softmax, the losses of Bouvrie §2 with δ^L = ∂E/∂u^L, the Gauss–Newton curvature (LeCun 1998) and the
 * way of the outputs to their rows. Vectors [unit][lanes]: four lanes at a time, or lane 0 alone for a single sample.
 */
import {
  headerCount,
  headerResults,
  headerSamples,
  Loss,
  LossCall,
  LossCurvatureCall,
  ScatterCall,
  SoftmaxCall,
} from "./contract";
import { gateFour, slopeOf } from "./activations";
import { doubleBytes, realBytes, vectorBytes } from "./address";
import { exp, log } from "./elementary";
import {
  add,
  broadcast,
  intOf,
  laneOf,
  lanesBelow,
  maximum,
  multiply,
  multiplyAdd,
  readSome,
  realAt,
  select,
  setReal,
  splat,
  subtract,
  writeSome,
  zero,
} from "./lanes";

// @ts-ignore: decorator
@inline
function largest(values: usize, units: u32, stepBytes: usize, narrow: bool): v128 {
  let m = readSome(values, narrow);
  for (let unit: u32 = 1; unit < units; unit++) m = maximum(m, readSome(values + unit * stepBytes, narrow));
  return m;
}

export function softmax(call: SoftmaxCall): void {
  const { units, lanes } = call;
  let { input, output } = call;
  if (units == 0) return;
  const narrow = lanes == 1;
  const step = realBytes(lanes);
  for (let group: u32 = 0; group < lanes; group += 4, input += vectorBytes, output += vectorBytes) {
    const m = largest(input, units, step, narrow);
    let sum = zero();
    for (let unit: u32 = 0; unit < units; unit++) {
      const e = exp(subtract(readSome(input + unit * step, narrow), m));
      sum = add(sum, e);
      writeSome(output + unit * step, e, narrow);
    }
    for (let unit: u32 = 0; unit < units; unit++) {
      const place = output + unit * step;
      writeSome(place, f32x4.div(readSome(place, narrow), sum), narrow);
    }
  }
}

/** ln Σ exp(u − m) − (u_t − m) of four lanes. */
function crossEntropy(logits: usize, label: v128, units: u32, step: usize, narrow: bool): v128 {
  const m = largest(logits, units, step, narrow);
  let sum = zero();
  let own = zero();
  for (let unit: u32 = 0; unit < units; unit++) {
    const u = subtract(readSome(logits + unit * step, narrow), m);
    sum = add(sum, exp(u));
    own = select(i32x4.eq(label, i32x4.splat(unit)), u, own);
  }
  return subtract(log(sum), own);
}

// @ts-ignore: decorator
@inline
function errorOf(y: v128, label: v128, unit: u32, low: v128, high: v128): v128 {
  return subtract(y, select(i32x4.eq(label, i32x4.splat(unit)), high, low));
}

/** Label of a lane's sample; -1, which is no unit, where the lane holds none. */
// @ts-ignore: decorator
@inline
function labelOf(labels: usize, header: usize, lane: u32, count: u32): i32 {
  return lane < count ? load<i32>(labels + realBytes(load<u32>(header + realBytes(headerSamples + lane)))) : -1;
}

/** Writes δ of four lanes, for whichever loss. */
function writeDelta(
  output: usize,
  delta: usize,
  label: v128,
  present: v128,
  low: v128,
  high: v128,
  isCrossEntropy: bool,
  isSoftmax: bool,
  activation: u32,
  units: u32,
  step: usize,
  narrow: bool,
): void {
  let mean = zero();
  if (!isCrossEntropy && isSoftmax)
    for (let unit: u32 = 0; unit < units; unit++) {
      const y = readSome(output + unit * step, narrow);
      mean = multiplyAdd(mean, y, errorOf(y, label, unit, low, high));
    }
  for (let unit: u32 = 0; unit < units; unit++) {
    const y = readSome(output + unit * step, narrow);
    let value = errorOf(y, label, unit, low, high);
    if (!isCrossEntropy) value = isSoftmax ? multiply(y, subtract(value, mean)) : gateFour(activation, value, y);
    writeSome(delta + unit * step, v128.and(present, value), narrow);
  }
}

/** ½ Σ (t − y)² of four lanes. */
function squaredError(output: usize, label: v128, low: v128, high: v128, units: u32, step: usize, narrow: bool): v128 {
  let sum = zero();
  for (let unit: u32 = 0; unit < units; unit++) {
    const error = errorOf(readSome(output + unit * step, narrow), label, unit, low, high);
    sum = multiplyAdd(sum, error, error);
  }
  return multiply(splat(0.5), sum);
}

/** The first largest output of four lanes, as integers. */
function predictionOf(output: usize, units: u32, step: usize, narrow: bool): v128 {
  let best = readSome(output, narrow);
  let place = i32x4.splat(0);
  for (let unit: u32 = 1; unit < units; unit++) {
    const y = readSome(output + unit * step, narrow);
    const larger = f32x4.gt(y, best);
    best = select(larger, y, best);
    place = select(larger, i32x4.splat(unit), place);
  }
  return place;
}

export function loss(call: LossCall): void {
  const { output, logits, delta, labels, header, targets, totals, kind, softmax, activation, units, lanes } = call;
  const narrow = lanes == 1;
  const step = realBytes(lanes);
  const count = min(load<u32>(header + realBytes(headerCount)), lanes);
  const low = broadcast(targets);
  const high = broadcast(targets + realBytes(1));
  for (let group: u32 = 0; group < lanes; group += 4) {
    const shift = realBytes(group);
    const label = i32x4(
      labelOf(labels, header, group, count),
      labelOf(labels, header, group + 1, count),
      labelOf(labels, header, group + 2, count),
      labelOf(labels, header, group + 3, count),
    );
    const present = lanesBelow(group, count);
    const losses =
      kind == Loss.crossEntropy
        ? crossEntropy(logits + shift, label, units, step, narrow)
        : squaredError(output + shift, label, low, high, units, step, narrow);
    const hits = i32x4.eq(predictionOf(output + shift, units, step, narrow), label);
    for (let lane: u32 = 0; lane < 4 && group + lane < count; lane++) {
      store<f64>(totals, load<f64>(totals) + <f64>laneOf(losses, lane));
      if (intOf(hits, lane) != 0) store<f64>(totals + doubleBytes(1), load<f64>(totals + doubleBytes(1)) + 1);
    }
    if (delta != 0)
      writeDelta(
        output + shift,
        delta + shift,
        label,
        present,
        low,
        high,
        kind == Loss.crossEntropy,
        softmax == 1,
        activation,
        units,
        step,
        narrow,
      );
  }
}

/** Σ y² over the units of four lanes. */
function sumOfSquares(output: usize, units: u32, step: usize, narrow: bool): v128 {
  let sum = zero();
  for (let unit: u32 = 0; unit < units; unit++) {
    const y = readSome(output + unit * step, narrow);
    sum = multiplyAdd(sum, y, y);
  }
  return sum;
}

/**
 * h of the squared error through a softmax, every square of its Jacobian: y²((1 − y)² + Σ of the other units' y²).
 * `sum` is Σ y² over all of them.
 */
// @ts-ignore: decorator
@inline
function softmaxCurvature(y: v128, sum: v128): v128 {
  const square = multiply(y, y);
  const rest = subtract(sum, square);
  const others = v128.andnot(rest, f32x4.lt(rest, zero()));
  const complement = subtract(splat(1), y);
  return multiply(square, multiplyAdd(others, complement, complement));
}

/** h of four lanes of one unit, for whichever loss. */
// @ts-ignore: decorator
@inline
function curvatureOf(y: v128, sum: v128, isCrossEntropy: bool, isSoftmax: bool, activation: u32): v128 {
  if (isCrossEntropy) return multiply(y, subtract(splat(1), y));
  if (isSoftmax) return softmaxCurvature(y, sum);
  const slope = slopeOf(activation, y);
  return multiply(slope, slope);
}

export function lossCurvature(call: LossCurvatureCall): void {
  const { output, delta, header, kind, softmax, activation, units, lanes } = call;
  const narrow = lanes == 1;
  const step = realBytes(lanes);
  for (let group: u32 = 0; group < lanes; group += 4) {
    const present = lanesBelow(group, load<u32>(header + realBytes(headerCount)));
    const sum = softmax == 1 ? sumOfSquares(output + realBytes(group), units, step, narrow) : zero();
    for (let unit: u32 = 0; unit < units; unit++) {
      const place = unit * step + realBytes(group);
      const h = curvatureOf(readSome(output + place, narrow), sum, kind == Loss.crossEntropy, softmax == 1, activation);
      writeSome(delta + place, v128.and(present, h), narrow);
    }
  }
}

export function scatter(call: ScatterCall): void {
  const { output, header, results, units, lanes } = call;
  const count = min(load<u32>(header + realBytes(headerCount)), lanes);
  for (let lane: u32 = 0; lane < count; lane++) {
    const row = results + realBytes(load<u32>(header + realBytes(headerResults + lane)) * units);
    for (let unit: u32 = 0; unit < units; unit++)
      setReal(row + realBytes(unit), realAt(output + realBytes(unit * lanes + lane)));
  }
}
