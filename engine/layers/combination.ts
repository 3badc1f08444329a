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
import { isLearned } from "../../schemas/connections.ts";
import type { ConvolutionLayer } from "../../schemas/layer.ts";
import { fillMix, fillWeights } from "../initialisers.ts";
import { penaltyCodes } from "../kernels/kernels.ts";
import { planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer, Tensor } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";
import { placeOfFilter, planFilters } from "./convolution-kernels.ts";

interface Geometry {
  maps: number;
  inputs: number;
  area: number;
  /** One filter an input map, for all output maps: k_i instead of k_ij. */
  shared: boolean;
}

interface Tensors {
  weight: Tensor;
  bias: Tensor;
  mix: Tensor;
}

/** Addresses of what follows from the mix. */
interface Effective {
  alpha: number;
  logAlpha: number;
  filters: number;
  gradient: number;
}

function planTensors(options: LayerOptions<ConvolutionLayer>, { maps, inputs, area, shared }: Geometry): Tensors {
  const { size } = options.spec;
  const same = (position: number): number => position;
  const filters = shared ? 1 : maps;
  return {
    weight: planTensor(options, {
      name: "weight",
      shape: [filters, inputs, size, size],
      size: filters * inputs * area,
      trained: true,
      decays: true,
      place: shared ? same : placeOfFilter({ maps, inputs, area }),
    }),
    bias: planTensor(options, { name: "bias", shape: [maps], size: maps, trained: true, decays: false, place: same }),
    mix: planTensor(options, {
      name: "mix",
      shape: [maps, inputs],
      size: maps * inputs,
      trained: true,
      decays: false,
      place: same,
    }),
  };
}

function planEffective({ path, memory }: LayerOptions, { maps, inputs, area }: Geometry): Effective {
  const pairs = maps * inputs;
  const reals = (what: string, count: number) => memory.reserve({ what: `${what} of ${path}`, element: "real", count });
  return {
    alpha: reals("the shares α", pairs),
    logAlpha: reals("ln α", pairs),
    filters: reals("the effective filters", pairs * area),
    gradient: reals("the gradient of the effective filters", pairs * area),
  };
}

function initialiseAll(
  { spec, draws, declaredActivation: activation }: LayerOptions<ConvolutionLayer>,
  { weight, bias, mix }: Tensors,
  { maps, inputs, area }: Geometry,
) {
  return (views: Views, seed: number): void => {
    const drawn = new Float64Array(weight.size);
    const fans = { fanIn: inputs * area, fanOut: maps * area };
    fillWeights({ into: drawn, kind: spec.initialiser, activation, ...fans, seed, layer: draws });
    const values = views.reals(weight.address, weight.size);
    for (let position = 0; position < weight.size; position++)
      values[weight.place(position)] = drawn[position] * inputs;
    views.reals(bias.address, maps).fill(0);
    fillMix({ into: views.reals(mix.address, mix.size), seed, layer: draws });
  };
}

/** §3.3.1: Ω and its part of ∂E/∂c; nothing without a penalty. */
function planPenalty(
  options: LayerOptions<ConvolutionLayer>,
  { mix }: Tensors,
  { alpha, logAlpha }: Effective,
  { maps, inputs }: Geometry,
) {
  const { spec, path, memory } = options;
  if (!isLearned(spec.inputs) || spec.inputs.learned.penalty === "none") return null;
  const { penalty, strength } = spec.inputs.learned;
  const lambda = memory.reserve({ what: `λ of ${path}`, element: "real", count: 1 });
  const omega = memory.reserve({ what: `Ω of ${path}`, element: "double", count: 1 });
  return {
    constants(views: Views): void {
      views.reals(lambda, 1)[0] = strength;
    },
    finish(program: Program): void {
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
    omega: (views: Views): number => views.doubles[omega / 8],
  };
}

/**
 * Second derivatives: h_k = Σ_j α_ij² h_w (over j where the filter is shared), h_α_ij = Σ_k k² h_w, and through the
 * square of softmax's Jacobian h_c_ij = Σ_m (α_mj ([m = i] − α_ij))² h_α_mj.
 */
function finishCurvature({ weight, mix }: Tensors, { alpha, gradient }: Effective, geometry: Geometry) {
  const { maps, inputs, area, shared } = geometry;
  return (views: Views): void => {
    const h = views.reals(gradient, maps * inputs * area);
    const shares = views.reals(alpha, maps * inputs);
    const kernel = views.reals(weight.address, weight.size);
    const ofFilters = views.reals(weight.gradient, weight.size).fill(0);
    const ofMix = views.reals(mix.gradient, mix.size).fill(0);
    for (let j = 0; j < maps; j++) {
      for (let m = 0; m < inputs; m++) {
        const share = shares[j * inputs + m];
        let ofShare = 0;
        for (let tap = 0; tap < area; tap++) {
          const place = (m * area + tap) * maps + j;
          const own = shared ? m * area + tap : place;
          ofFilters[own] += share * share * h[place];
          ofShare += kernel[own] * kernel[own] * h[place];
        }
        for (let i = 0; i < inputs; i++) {
          const slope = share * ((m === i ? 1 : 0) - shares[j * inputs + i]);
          ofMix[j * inputs + i] += slope * slope * ofShare;
        }
      }
    }
  };
}

export function planCombination(options: LayerOptions<ConvolutionLayer>): PlannedLayer {
  const { spec, path, input, output, memory, activation } = options;
  if (!isLearned(spec.inputs)) throw new TypeError("planCombination needs learned inputs");
  const shared = spec.inputs.learned.filters === "per-input";
  const geometry: Geometry = { maps: spec.maps, inputs: input.channels, area: spec.size * spec.size, shared };
  const { maps, inputs, area } = geometry;
  const tensors = planTensors(options, geometry);
  const { weight, bias, mix } = tensors;
  const effective = planEffective(options, geometry);
  const { alpha, logAlpha, filters, gradient } = effective;
  const work = memory.reserve({ what: `∂E/∂α of ${path}`, element: "real", count: maps * inputs });
  const penalty = planPenalty(options, tensors, effective, geometry);
  const call = { inputs, area, maps, shared: shared ? 1 : 0 };
  return {
    kind: "combination",
    input,
    output,
    activation,
    tensors: [weight, bias, mix],
    shifts: activation === "linear" ? [bias] : [],
    ...planFilters({ options, weights: filters, gradient, bias }),
    initialise: initialiseAll(options, tensors, geometry),
    ...(penalty && { constants: penalty.constants, omega: penalty.omega }),
    prepare(program: Program): void {
      program.call("combinationAlpha", { mix: mix.address, alpha, logAlpha, maps, inputs });
      program.call("combinationWeights", { filters: weight.address, alpha, weights: filters, ...call });
    },
    finish(program: Program): void {
      program.call("combinationGradient", {
        gradient,
        filters: weight.address,
        alpha,
        filterGradient: weight.gradient,
        mixGradient: mix.gradient,
        work,
        ...call,
      });
      penalty?.finish(program);
    },
    finishCurvature: finishCurvature(tensors, effective, geometry),
  };
}
