/**
 * Inverted dropout (Hinton et al. 2012): a unit is kept where a hash of its place reaches the threshold (see the
 * contract's draw and mix). Forward and backward draw the same numbers; there is no state. Vectors [unit][lanes]; a
 * single sample hashes four units at a time.
 */
import { DropoutBackwardCall, DropoutForwardCall, headerSamples } from "./contract";
import { gateFour, isSquared } from "./activations";
import { realBytes, vectorBytes } from "./address";
import { broadcast, multiply, read, writeFirst } from "./lanes";

function mix(value: v128): v128 {
  let h = v128.xor(value, i32x4.shr_u(value, 16));
  h = i32x4.mul(h, i32x4.splat(0x85ebca6b));
  h = v128.xor(h, i32x4.shr_u(h, 13));
  h = i32x4.mul(h, i32x4.splat(0xc2b2ae35));
  return v128.xor(h, i32x4.shr_u(h, 16));
}

/** The half of draw that depends on the samples. */
// @ts-ignore: decorator
@inline
function sampleHash(key: usize, samples: v128): v128 {
  return mix(i32x4.add(i32x4.splat(load<u32>(key)), i32x4.mul(samples, i32x4.splat(0x9e3779b1))));
}

/** All bits where draw(key, sample, unit) ≥ threshold. */
// @ts-ignore: decorator
@inline
function keptOf(hash: v128, units: v128, threshold: v128): v128 {
  return i32x4.ge_u(mix(i32x4.add(hash, i32x4.mul(units, i32x4.splat(0x85ebca77)))), threshold);
}

/** Forward where delta is absent: output = kept ? x·factor : 0; else output = gate ∘ (kept ? δ·factor : 0). */
// @ts-ignore: decorator
@inline
function run(
  isBackward: bool,
  delta: usize,
  input: usize,
  output: usize,
  header: usize,
  key: usize,
  factor: v128,
  threshold: u32,
  units: u32,
  gate: u32,
  lanes: u32,
): void {
  const total = units * lanes;
  const limit = i32x4.splat(threshold);
  const samples = header + realBytes(headerSamples);
  const first = sampleHash(key, lanes == 1 ? broadcast(samples) : read(samples));
  const second = lanes == 1 ? first : sampleHash(key, read(samples + vectorBytes));
  for (let n: u32 = 0; n < total; n += 4) {
    const unit = lanes == 1 ? i32x4.add(i32x4.splat(n), i32x4(0, 1, 2, 3)) : i32x4.splat(n / 8);
    const kept = keptOf((n & 4) != 0 ? second : first, unit, limit);
    const place = realBytes(n);
    const x = read(input + place);
    const value = v128.and(kept, multiply(isBackward ? read(delta + place) : x, factor));
    writeFirst(output + place, isBackward ? gateFour(gate, value, x) : value, total - n);
  }
}

export function dropoutForward(call: DropoutForwardCall): void {
  const { input, output, header, key, factor, threshold, units, lanes } = call;
  run(false, 0, input, output, header, key, broadcast(factor), threshold, units, 0, lanes);
}

export function dropoutBackward(call: DropoutBackwardCall): void {
  const { delta, input, output, header, key, factor, threshold, units, gate, lanes } = call;
  const f = broadcast(factor);
  run(true, delta, input, output, header, key, isSquared(gate) ? multiply(f, f) : f, threshold, units, gate, lanes);
}
