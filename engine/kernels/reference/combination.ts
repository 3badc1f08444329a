/**
 * Learned combinations of feature maps (Bouvrie §3.3) and their penalties (§3.3.1): the convolution's weights are
 * α_ij · k_ij with α_·j a softmax of free parameters c_·j. mix (c), alpha and logAlpha lie as [map][input], filters and
 * weights as [input][tap][map], filters shared by all maps as [input][tap].
 */
import { penaltyCodes } from "../kernels.ts";
import type { ReferenceKernel } from "./memory.ts";

/** α_ij = exp(c_ij) / Σ_m exp(c_mj). */
export const combinationAlpha: ReferenceKernel<"combinationAlpha"> = (memory, call) => {
  const { maps, inputs } = call;
  const mix = memory.reals(call.mix);
  const alpha = memory.reals(call.alpha);
  const logAlpha = memory.reals(call.logAlpha);
  for (let j = 0; j < maps; j++) {
    const row = Array.from(mix.subarray(j * inputs, (j + 1) * inputs));
    const largest = Math.max(...row);
    const logSum = largest + Math.log(row.reduce((sum, c) => sum + Math.exp(c - largest), 0));
    row.forEach((c, i) => {
      logAlpha[j * inputs + i] = c - logSum;
      alpha[j * inputs + i] = Math.exp(c - logSum);
    });
  }
};

/** Place of tap k of the filter from input i to map j. */
function filterIndex(call: { area: number; maps: number; shared: number }, i: number, k: number, j: number): number {
  return call.shared ? i * call.area + k : (i * call.area + k) * call.maps + j;
}

/** The weights that the convolution reads: α_ij k_ij. */
export const combinationWeights: ReferenceKernel<"combinationWeights"> = (memory, call) => {
  const { inputs, area, maps } = call;
  const filters = memory.reals(call.filters);
  const alpha = memory.reals(call.alpha);
  const weights = memory.reals(call.weights);
  for (let i = 0; i < inputs; i++)
    for (let k = 0; k < area; k++)
      for (let j = 0; j < maps; j++)
        weights[(i * area + k) * maps + j] = alpha[j * inputs + i] * filters[filterIndex(call, i, k, j)];
};

/** ∂E/∂k gains α; ∂E/∂α_i = Σ δ ∘ (x_i ∗ k_i); ∂E/∂c_i = α_i ( ∂E/∂α_i − Σ_m (∂E/∂α_m) α_m ). */
export const combinationGradient: ReferenceKernel<"combinationGradient"> = (memory, call) => {
  const { inputs, area, maps } = call;
  const gradient = memory.reals(call.gradient);
  const filters = memory.reals(call.filters);
  const alpha = memory.reals(call.alpha);
  const filterGradient = memory.reals(call.filterGradient);
  const mixGradient = memory.reals(call.mixGradient);
  const alphaGradient = memory.reals(call.work);

  for (let i = 0; i < inputs; i++)
    for (let k = 0; k < area; k++) {
      let overMaps = 0;
      for (let j = 0; j < maps; j++) {
        const product = alpha[j * inputs + i] * gradient[(i * area + k) * maps + j];
        overMaps += product;
        if (!call.shared) filterGradient[filterIndex(call, i, k, j)] = product;
      }
      if (call.shared) filterGradient[filterIndex(call, i, k, 0)] = overMaps;
    }

  for (let j = 0; j < maps; j++) {
    let mean = 0;
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      for (let k = 0; k < area; k++) sum += filters[filterIndex(call, i, k, j)] * gradient[(i * area + k) * maps + j];
      alphaGradient[j * inputs + i] = sum;
      mean += alphaGradient[j * inputs + i] * alpha[j * inputs + i];
    }
    for (let i = 0; i < inputs; i++)
      mixGradient[j * inputs + i] = alpha[j * inputs + i] * (alphaGradient[j * inputs + i] - mean);
  }
};

/** α·∂Ω/∂α of one coefficient for strength 1: finite where α → 0. */
function slopeOf(penalty: number, alpha: number, logAlpha: number): number {
  switch (penalty) {
    case penaltyCodes.none:
      return 0;
    case penaltyCodes.l1:
      return alpha;
    case penaltyCodes.entropy:
      return -alpha * (logAlpha + 1);
    case penaltyCodes.half:
      return Math.sqrt(alpha) / 2;
    case penaltyCodes.concentration:
      return -2 * alpha * alpha;
    default:
      throw new RangeError(`the contract has no penalty of code ${penalty}`);
  }
}

/** Ω of one coefficient for strength 1. */
function penaltyOf(penalty: number, alpha: number, logAlpha: number): number {
  switch (penalty) {
    case penaltyCodes.none:
      return 0;
    case penaltyCodes.l1:
      return Math.abs(alpha);
    case penaltyCodes.entropy:
      return -alpha * logAlpha;
    case penaltyCodes.half:
      return Math.sqrt(alpha);
    case penaltyCodes.concentration:
      return -alpha * alpha;
    default:
      throw new RangeError(`the contract has no penalty of code ${penalty}`);
  }
}

/** ∂Ω/∂c_ij = s_ij − α_ij Σ_m s_mj with s = α·∂Ω/∂α, added to mixGradient; omega = Ω. */
export const combinationPenalty: ReferenceKernel<"combinationPenalty"> = (memory, call) => {
  const { maps, inputs, penalty } = call;
  const alpha = memory.reals(call.alpha);
  const logAlpha = memory.reals(call.logAlpha);
  const mixGradient = memory.reals(call.mixGradient);
  const strength = memory.reals(call.strength)[0];
  let omega = 0;
  for (let j = 0; j < maps; j++) {
    const places = Array.from({ length: inputs }, (_, i) => j * inputs + i);
    const slopes = places.map((place) => strength * slopeOf(penalty, alpha[place], logAlpha[place]));
    const total = slopes.reduce((sum, slope) => sum + slope, 0);
    places.forEach((place, i) => {
      mixGradient[place] = mixGradient[place] + (slopes[i] - alpha[place] * total);
      omega += strength * penaltyOf(penalty, alpha[place], logAlpha[place]);
    });
  }
  memory.doubles(call.omega)[0] = omega;
};

/** Filters that a connection table leaves out receive no gradient. */
export const mask: ReferenceKernel<"mask"> = (memory, call) => {
  const { inputs, area, maps } = call;
  const gradient = memory.reals(call.gradient);
  const connected = memory.bytes(call.mask);
  for (let i = 0; i < inputs; i++)
    for (let k = 0; k < area; k++)
      for (let j = 0; j < maps; j++) if (connected[i * maps + j] === 0) gradient[(i * area + k) * maps + j] = 0;
};
