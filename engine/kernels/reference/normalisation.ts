/**
 * Batch normalisation (Ioffe & Szegedy 2015): y = (x − mean)/√(variance + ε) · weight + bias, with the moments of the
 * whole batch. Statistics are summed shard by shard in float64 and finished once. Maps [map][position][lane]; only
 * lanes that hold a sample count.
 */
import { headerCount } from "../kernels.ts";
import { activate, gateFactor } from "./activations.ts";
import type { ReferenceKernel, ReferenceMemory } from "./memory.ts";

/** sums[map] += (Σ x, Σ x²). */
export const normalisationStatistics: ReferenceKernel<"normalisationStatistics"> = (memory, call) => {
  const { maps, positions, lanes } = call;
  const input = memory.reals(call.input);
  const sums = memory.doubles(call.sums);
  const count = memory.ints(call.header)[headerCount];
  for (let map = 0; map < maps; map++)
    for (let position = 0; position < positions; position++)
      for (let lane = 0; lane < count; lane++) {
        const x = input[(map * positions + position) * lanes + lane];
        sums[2 * map] = sums[2 * map] + x;
        sums[2 * map + 1] = sums[2 * map + 1] + x * x;
      }
};

/** The pair of sums of one map over all shards. */
function totalOf(
  memory: ReferenceMemory,
  call: { sums: number; shards: number; stride: number },
  map: number,
): [number, number] {
  let first = 0;
  let second = 0;
  for (let shard = 0; shard < call.shards; shard++) {
    const sums = memory.doubles(call.sums + shard * call.stride);
    first += sums[2 * map];
    second += sums[2 * map + 1];
  }
  return [first, second];
}

/** mean = Σx/n, variance = Σx²/n − mean², inverse = 1/√(variance + ε); running moments keep the unbiased variance. */
export const normalisationMoments: ReferenceKernel<"normalisationMoments"> = (memory, call) => {
  const [n, momentum, epsilon] = Array.from(memory.doubles(call.settings).subarray(0, 3)) as [number, number, number];
  const moments = memory.reals(call.moments);
  for (let map = 0; map < call.maps; map++) {
    const [sum, squares] = totalOf(memory, call, map);
    const mean = sum / n;
    const variance = Math.max(0, squares / n - mean * mean);
    moments[2 * map] = mean;
    moments[2 * map + 1] = 1 / Math.sqrt(variance + epsilon);
    if (call.runningMean === 0) continue;
    const runningMean = memory.reals(call.runningMean);
    const runningVariance = memory.reals(call.runningVariance);
    const unbiased = n > 1 ? (variance * n) / (n - 1) : variance;
    runningMean[map] = runningMean[map] + momentum * (mean - runningMean[map]);
    runningVariance[map] = runningVariance[map] + momentum * (unbiased - runningVariance[map]);
  }
};

/** y = f( x̂·weight + bias ). */
export const normalisationForward: ReferenceKernel<"normalisationForward"> = (memory, call) => {
  const { maps, positions, activation, lanes } = call;
  const input = memory.reals(call.input);
  const moments = memory.reals(call.moments);
  const weight = memory.reals(call.weight);
  const bias = memory.reals(call.bias);
  const shortcut = call.shortcut === 0 ? null : memory.reals(call.shortcut);
  const output = memory.reals(call.output);
  const count = memory.ints(call.header)[headerCount];
  for (let map = 0; map < maps; map++)
    for (let position = 0; position < positions; position++)
      for (let lane = 0; lane < lanes; lane++) {
        const place = (map * positions + position) * lanes + lane;
        const normalised = (input[place] - moments[2 * map]) * moments[2 * map + 1];
        const scaled = normalised * weight[map] + bias[map];
        output[place] = lane < count ? activate(activation, shortcut ? scaled + shortcut[place] : scaled) : 0;
      }
};

/** sums[map] += (Σ δ, Σ δ x̂). */
export const normalisationBackwardStatistics: ReferenceKernel<"normalisationBackwardStatistics"> = (memory, call) => {
  const { maps, positions, lanes } = call;
  const delta = memory.reals(call.delta);
  const input = memory.reals(call.input);
  const moments = memory.reals(call.moments);
  const sums = memory.doubles(call.sums);
  const count = memory.ints(call.header)[headerCount];
  for (let map = 0; map < maps; map++)
    for (let position = 0; position < positions; position++)
      for (let lane = 0; lane < count; lane++) {
        const place = (map * positions + position) * lanes + lane;
        const normalised = (input[place] - moments[2 * map]) * moments[2 * map + 1];
        sums[2 * map] = sums[2 * map] + delta[place];
        sums[2 * map + 1] = sums[2 * map + 1] + delta[place] * normalised;
      }
};

/** means = (Σδ, Σδx̂)/n; ∂E/∂weight = Σδx̂, ∂E/∂bias = Σδ. */
export const normalisationBackwardMoments: ReferenceKernel<"normalisationBackwardMoments"> = (memory, call) => {
  const n = memory.doubles(call.settings)[0];
  const means = memory.reals(call.means);
  const weightGradient = memory.reals(call.weightGradient);
  const biasGradient = memory.reals(call.biasGradient);
  for (let map = 0; map < call.maps; map++) {
    const [deltas, products] = totalOf(memory, call, map);
    means[2 * map] = deltas / n;
    means[2 * map + 1] = products / n;
    weightGradient[map] = products;
    biasGradient[map] = deltas;
  }
};

/** ∂E/∂x = (δ − mean δ − x̂·mean(δx̂))·inverse·weight, through the gate of the layer below. */
export const normalisationBackward: ReferenceKernel<"normalisationBackward"> = (memory, call) => {
  const { maps, positions, gate, lanes } = call;
  const delta = memory.reals(call.delta);
  const input = memory.reals(call.input);
  const moments = memory.reals(call.moments);
  const means = memory.reals(call.means);
  const weight = memory.reals(call.weight);
  const output = memory.reals(call.output);
  const count = memory.ints(call.header)[headerCount];
  for (let map = 0; map < maps; map++)
    for (let position = 0; position < positions; position++)
      for (let lane = 0; lane < lanes; lane++) {
        const place = (map * positions + position) * lanes + lane;
        const inverse = moments[2 * map + 1];
        const normalised = (input[place] - moments[2 * map]) * inverse;
        const centred = delta[place] - means[2 * map] - normalised * means[2 * map + 1];
        output[place] = lane < count ? centred * inverse * weight[map] * gateFactor(gate, input[place]) : 0;
      }
};
