/**
 * Learned combinations of feature maps (Bouvrie §3.3) and their penalties (§3.3.1). mix, alpha and logAlpha
 * [map][input], filters and weights [input][tap][map] (shared filters [input][tap]). These run once a batch over a few
 * numbers, one number at a time, through the same verbs as everything else.
 */
import {
  CombinationAlphaCall,
  CombinationWeightsCall,
  CombinationGradientCall,
  CombinationPenaltyCall,
  MaskCall,
  Penalty,
} from "./contract";
import { realBytes } from "./address";
import { exp, log } from "./elementary";
import {
  add,
  laneOf,
  maximum,
  multiply,
  multiplyAdd,
  readNarrow,
  realAt,
  setReal,
  splat,
  subtract,
  writeNarrow,
  zero,
} from "./lanes";

export function combinationAlpha(call: CombinationAlphaCall): void {
  const { mix, alpha, logAlpha, maps, inputs } = call;
  if (inputs == 0) return;
  for (let map: u32 = 0; map < maps; map++) {
    const row = realBytes(map * inputs);
    let m = readNarrow(mix + row);
    for (let i: u32 = 1; i < inputs; i++) m = maximum(m, readNarrow(mix + row + realBytes(i)));
    let sum = zero();
    for (let i: u32 = 0; i < inputs; i++) {
      const place = row + realBytes(i);
      const c = subtract(readNarrow(mix + place), m);
      const e = exp(c);
      sum = add(sum, e);
      writeNarrow(alpha + place, e);
      writeNarrow(logAlpha + place, c);
    }
    const logSum = log(sum);
    for (let i: u32 = 0; i < inputs; i++) {
      const place = row + realBytes(i);
      writeNarrow(alpha + place, f32x4.div(readNarrow(alpha + place), sum));
      writeNarrow(logAlpha + place, subtract(readNarrow(logAlpha + place), logSum));
    }
  }
}

/** Place of tap k of the filter from input i to map j. */
// @ts-ignore: decorator
@inline
function filterOffset(i: u32, k: u32, j: u32, area: u32, maps: u32, shared: u32): usize {
  return shared == 1 ? realBytes(i * area + k) : realBytes((i * area + k) * maps + j);
}

export function combinationWeights(call: CombinationWeightsCall): void {
  const { filters, alpha, weights, inputs, area, maps, shared } = call;
  for (let i: u32 = 0; i < inputs; i++)
    for (let k: u32 = 0; k < area; k++)
      for (let j: u32 = 0; j < maps; j++)
        setReal(
          weights + realBytes((i * area + k) * maps + j),
          realAt(alpha + realBytes(j * inputs + i)) * realAt(filters + filterOffset(i, k, j, area, maps, shared)),
        );
}

/** filterGradient = α·g, summed over the maps where the filter is shared. */
function filterGradients(
  gradient: usize,
  alpha: usize,
  filterGradient: usize,
  inputs: u32,
  area: u32,
  maps: u32,
  shared: u32,
): void {
  for (let i: u32 = 0; i < inputs; i++)
    for (let k: u32 = 0; k < area; k++) {
      let sum = zero();
      for (let j: u32 = 0; j < maps; j++) {
        const a = readNarrow(alpha + realBytes(j * inputs + i));
        const g = readNarrow(gradient + realBytes((i * area + k) * maps + j));
        if (shared == 1) sum = multiplyAdd(sum, a, g);
        else writeNarrow(filterGradient + filterOffset(i, k, j, area, maps, 0), multiply(a, g));
      }
      if (shared == 1) writeNarrow(filterGradient + filterOffset(i, k, 0, area, maps, 1), sum);
    }
}

export function combinationGradient(call: CombinationGradientCall): void {
  const { gradient, filters, alpha, filterGradient, mixGradient, work, inputs, area, maps, shared } = call;
  filterGradients(gradient, alpha, filterGradient, inputs, area, maps, shared);
  for (let j: u32 = 0; j < maps; j++) {
    const row = realBytes(j * inputs);
    let mean = zero();
    for (let i: u32 = 0; i < inputs; i++) {
      let sum = zero();
      for (let k: u32 = 0; k < area; k++)
        sum = multiplyAdd(
          sum,
          readNarrow(filters + filterOffset(i, k, j, area, maps, shared)),
          readNarrow(gradient + realBytes((i * area + k) * maps + j)),
        );
      writeNarrow(work + row + realBytes(i), sum);
      mean = multiplyAdd(mean, sum, readNarrow(alpha + row + realBytes(i)));
    }
    for (let i: u32 = 0; i < inputs; i++) {
      const place = row + realBytes(i);
      writeNarrow(mixGradient + place, multiply(readNarrow(alpha + place), subtract(readNarrow(work + place), mean)));
    }
  }
}

/** τ = α·∂Ω/∂α for strength 1. */
function slopeOf(penalty: u32, alpha: v128, logAlpha: v128): v128 {
  if (penalty == Penalty.l1) return alpha;
  if (penalty == Penalty.entropy) return f32x4.neg(multiply(alpha, add(logAlpha, splat(1))));
  if (penalty == Penalty.half) return multiply(f32x4.sqrt(alpha), splat(0.5));
  return multiply(splat(-2), multiply(alpha, alpha));
}

/** Ω of one coefficient for strength 1. */
function penaltyOf(penalty: u32, alpha: v128, logAlpha: v128): v128 {
  if (penalty == Penalty.l1) return alpha;
  if (penalty == Penalty.entropy) return f32x4.neg(multiply(alpha, logAlpha));
  if (penalty == Penalty.half) return f32x4.sqrt(alpha);
  return f32x4.neg(multiply(alpha, alpha));
}

export function combinationPenalty(call: CombinationPenaltyCall): void {
  const { alpha, logAlpha, mixGradient, strength, omega, penalty, maps, inputs } = call;
  let total: f64 = 0;
  if (penalty != Penalty.none) {
    const lambda = readNarrow(strength);
    for (let j: u32 = 0; j < maps; j++) {
      const row = realBytes(j * inputs);
      let sum = zero();
      for (let i: u32 = 0; i < inputs; i++) {
        const place = row + realBytes(i);
        const a = readNarrow(alpha + place);
        const l = readNarrow(logAlpha + place);
        sum = add(sum, multiply(lambda, slopeOf(penalty, a, l)));
        total += <f64>laneOf(penaltyOf(penalty, a, l), 0);
      }
      if (penalty == Penalty.l1) sum = lambda;
      for (let i: u32 = 0; i < inputs; i++) {
        const place = row + realBytes(i);
        const a = readNarrow(alpha + place);
        const s = multiply(lambda, slopeOf(penalty, a, readNarrow(logAlpha + place)));
        writeNarrow(mixGradient + place, add(readNarrow(mixGradient + place), subtract(s, multiply(a, sum))));
      }
    }
    total *= <f64>realAt(strength);
  }
  store<f64>(omega, total);
}

export function mask(call: MaskCall): void {
  const { gradient, mask, inputs, area, maps } = call;
  for (let i: u32 = 0; i < inputs; i++)
    for (let k: u32 = 0; k < area; k++)
      for (let j: u32 = 0; j < maps; j++)
        if (load<u8>(mask + i * maps + j) == 0) setReal(gradient + realBytes((i * area + k) * maps + j), 0);
}
