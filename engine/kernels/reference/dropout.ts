/**
 * Inverted dropout (Hinton et al. 2012): a unit is kept where a hash of its place, (key, sample, unit), reaches the
 * threshold, and kept units grow by 1/(1−rate). There is no generator state: forward and backward draw the same number
 * again.
 */
import { headerSamples } from "../kernels.ts";
import { gateFactor, isSquared } from "./activations.ts";
import type { ReferenceKernel } from "./memory.ts";

/** The contract's mixing function, modulo 2³². */
function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A uniform 32-bit number that depends on nothing but its place. */
function draw(key: number, sample: number, unit: number): number {
  return mix(mix(key + Math.imul(sample, 0x9e3779b1)) + Math.imul(unit, 0x85ebca77));
}

export const dropoutForward: ReferenceKernel<"dropoutForward"> = (memory, call) => {
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);
  const samples = memory.ints(call.header).subarray(headerSamples);
  const key = memory.words(call.key)[0];
  const factor = memory.reals(call.factor)[0];
  for (let unit = 0; unit < call.units; unit++)
    for (let lane = 0; lane < call.lanes; lane++) {
      const place = unit * call.lanes + lane;
      const kept = draw(key, samples[lane], unit) >= call.threshold;
      output[place] = kept ? input[place] * factor : 0;
    }
};

export const dropoutBackward: ReferenceKernel<"dropoutBackward"> = (memory, call) => {
  const delta = memory.reals(call.delta);
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);
  const samples = memory.ints(call.header).subarray(headerSamples);
  const key = memory.words(call.key)[0];
  const factor = memory.reals(call.factor)[0];
  const slope = isSquared(call.gate) ? factor * factor : factor;
  for (let unit = 0; unit < call.units; unit++)
    for (let lane = 0; lane < call.lanes; lane++) {
      const place = unit * call.lanes + lane;
      const kept = draw(key, samples[lane], unit) >= call.threshold;
      output[place] = kept ? delta[place] * slope * gateFactor(call.gate, input[place]) : 0;
    }
};
