/**
 * A convolution that learns which feature maps to combine, Bouvrie §3.3: x_j = f( Σ_i α_ij (x_i^{ℓ−1} ∗ k) + b_j ),
 * α_ij = exp(c_ij) / Σ_m exp(c_mj).
 *
 *   ∂E/∂α_ij = Σ_{u,v} ( δ_j ∘ (x_i ∗ k) )_{uv}              ∂E/∂c_ij = α_ij ( ∂E/∂α_ij − Σ_m ∂E/∂α_mj α_mj )
 *   ∂E/∂k gains the factor α_ij, summed over j where one filter serves an input map (the notes' k_i); so does the
 *   sensitivity passed down. §3.3.1: a penalty Ω on α, once a batch, through the same softmax Jacobian.
 *
 * Since Σ_i α_ij (x_i ∗ k) = Σ_i x_i ∗ (α_ij k), the layer is an ordinary convolution with effective filters w_ij =
 * α_ij k, made after every update; and because ∂E/∂w_ij = Σ δ_j p_i, the notes' Σ ( δ_j ∘ (x_i ∗ k) ) equals ⟨k,
 * ∂E/∂w_ij⟩. So nothing is convolved twice. The mix starts nearly even, and the filters start `inputs` times larger
 * than a plain convolution's, so that the effective filters start alike.
 */
import { isLearned, sizeOf } from "../../schemas/shape.ts";
import type { ConvolutionLayer } from "../../schemas/layer.ts";
import { fillMix, fillWeights } from "../initialisers.ts";
import { penaltyCodes } from "../kernels/kernels.ts";
import { planShardGradient, planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";
import { placeOfFilter, recordConvolution } from "./convolution-kernels.ts";
import { isDeferred, recordDense } from "./dense-kernels.ts";

export function planCombination(options: LayerOptions<ConvolutionLayer>): PlannedLayer {
  const { spec, index, input, output, memory, activation } = options;
  if (!isLearned(spec.inputs)) throw new TypeError("planCombination needs learned inputs");
  const { filters, penalty, strength } = spec.inputs.learned;
  const shared = filters === "per-input";
  const { maps, size } = spec;
  const inputs = input.channels;
  const area = size * size;
  const pairs = maps * inputs;
  const filterCount = (shared ? 1 : maps) * inputs * area;
  const same = (position: number): number => position;
  const weight = planTensor(options, {
    name: "weight",
    shape: [shared ? 1 : maps, inputs, size, size],
    size: filterCount,
    trained: true,
    decays: true,
    place: shared ? same : placeOfFilter({ maps, inputs, area }),
  });
  const bias = planTensor(options, {
    name: "bias",
    shape: [maps],
    size: maps,
    trained: true,
    decays: false,
    place: same,
  });
  const mix = planTensor(options, {
    name: "mix",
    shape: [maps, inputs],
    size: pairs,
    trained: true,
    decays: false,
    place: same,
  });
  const reals = (what: string, count: number) =>
    memory.reserve({ what: `${what} of layer ${index}`, element: "real", count });
  const alpha = reals("the shares α", pairs);
  const logAlpha = reals("ln α", pairs);
  const effective = reals("the effective filters", pairs * area);
  const effectiveGradient = reals("the gradient of the effective filters", pairs * area);
  const work = reals("∂E/∂α", pairs);
  const lambda = reals("λ", 1);
  const omega = memory.reserve({ what: `Ω of layer ${index}`, element: "double", count: 1 });
  const isDense =
    output.height === 1 && output.width === 1 && spec.padding === 0 && size === input.height && size === input.width;
  const weightGradient =
    isDense && isDeferred(options, pairs * area)
      ? null
      : planShardGradient(options, { size: pairs * area, target: effectiveGradient });
  const biasGradient = planShardGradient(options, { size: maps, target: bias.gradient });
  let squared = 0;
  const squaredWeights = (): number => (squared ||= reals("the squared effective filters", pairs * area));
  const kernels = {
    options,
    weights: effective,
    gradient: effectiveGradient,
    bias,
    weightGradient,
    biasGradient,
    squaredWeights,
  };

  return {
    kind: "combination",
    input,
    output,
    activation,
    tensors: [weight, bias, mix],
    shifts: activation === "linear" ? [bias] : [],
    ...(isDense ? recordDense({ ...kernels, inputs: sizeOf(input), units: maps }) : recordConvolution(kernels)),
    shardGradients: weightGradient ? [weightGradient, biasGradient] : [biasGradient],
    initialise(views: Views, seed: number): void {
      const drawn = new Float64Array(filterCount);
      fillWeights({
        into: drawn,
        kind: spec.initialiser,
        activation: options.declaredActivation,
        fanIn: inputs * area,
        fanOut: maps * area,
        seed,
        layer: index,
      });
      const values = views.reals(weight.address, filterCount);
      for (let position = 0; position < filterCount; position++)
        values[weight.place(position)] = drawn[position] * inputs;
      views.reals(bias.address, maps).fill(0);
      fillMix({ into: views.reals(mix.address, pairs), seed, layer: index });
    },
    constants(views: Views): void {
      views.reals(lambda, 1)[0] = strength;
    },
    prepare(program: Program): void {
      program.call("combinationAlpha", { mix: mix.address, alpha, logAlpha, maps, inputs });
      program.call("combinationWeights", {
        filters: weight.address,
        alpha,
        weights: effective,
        inputs,
        area,
        maps,
        shared: shared ? 1 : 0,
      });
    },
    finish(program: Program): void {
      program.call("combinationGradient", {
        gradient: effectiveGradient,
        filters: weight.address,
        alpha,
        filterGradient: weight.gradient,
        mixGradient: mix.gradient,
        work,
        inputs,
        area,
        maps,
        shared: shared ? 1 : 0,
      });
      if (penalty !== "none")
        program.call("combinationPenalty", {
          alpha,
          logAlpha,
          mixGradient: mix.gradient,
          strength: lambda,
          omega,
          penalty: penaltyCodes[penalty],
          maps,
          inputs,
        });
    },
    omega: (views: Views): number => (penalty === "none" ? 0 : views.doubles[omega / 8]),
    prepareCurvature(program: Program): void {
      program.call("square", { input: effective, output: squaredWeights(), count: pairs * area });
    },
    // h_k = Σ_j α_ij² h_w (over j where the filter is shared), h_α_ij = Σ_k k² h_w, and through the square of softmax's
    // Jacobian h_c_ij = Σ_m (α_mj ([m = i] − α_ij))² h_α_mj.
    finishCurvature(views: Views): void {
      const [h, shares, kernel] = [
        views.reals(effectiveGradient, pairs * area),
        views.reals(alpha, pairs),
        views.reals(weight.address, filterCount),
      ];
      const [ofFilters, ofMix] = [
        views.reals(weight.gradient, filterCount).fill(0),
        views.reals(mix.gradient, pairs).fill(0),
      ];
      for (let j = 0; j < maps; j++) {
        for (let m = 0; m < inputs; m++) {
          const share = shares[j * inputs + m];
          let ofShare = 0;
          for (let tap = 0; tap < area; tap++) {
            const place = (m * area + tap) * maps + j;
            const own = shared ? m * area + tap : place;
            ofFilters[own] = ofFilters[own] + share * share * h[place];
            ofShare += kernel[own] * kernel[own] * h[place];
          }
          for (let i = 0; i < inputs; i++) {
            const slope = share * ((m === i ? 1 : 0) - shares[j * inputs + i]);
            ofMix[j * inputs + i] = ofMix[j * inputs + i] + slope * slope * ofShare;
          }
        }
      }
    },
  };
}
