/**
 * The convolution layer, Bouvrie §3.1.
 *
 *   forward     x_j = f( Σ_{i∈M_j} x_i^{ℓ−1} ∗ k_ij + b_j ), 'valid' after padding
 *   backward    δ_i^{ℓ−1} = f′(u_i) ∘ Σ_j conv2( δ_j, rot180(k_ij), 'full' )            (§3.2, what stands below)
 *   gradients   ∂E/∂b_j = Σ_{u,v} (δ_j)_{uv} (3),  ∂E/∂k_ij = Σ_{u,v} (δ_j)_{uv} (p_i)_{uv}
 *
 * Filters lie as [input][ky][kx][map] in cross-correlation orientation (stored = rot180 of the notes' k); a pair that
 * M_j leaves out keeps a zero filter and its gradient is masked. Where the output is 1×1 the layer is a dense layer
 * over the flattened maps and uses those kernels.
 */
import { connectionTable, sizeOf } from "../../schemas/shape.ts";
import type { ConvolutionLayer } from "../../schemas/layer.ts";
import { defaultInitialiser, fansOf, fillWeights } from "../initialisers.ts";
import { planShardGradient, planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";
import { placeOfFilter, recordConvolution } from "./convolution-kernels.ts";
import { isDeferred, recordDense } from "./dense-kernels.ts";

export function planConvolution(options: LayerOptions<ConvolutionLayer>): PlannedLayer {
  const { spec, index, input, output, memory, shards, activation } = options;
  const area = spec.size * spec.size;
  const inputs = input.channels;
  const size = spec.maps * inputs * area;
  const table = connectionTable(spec, inputs);
  const isParameter = table
    ? (place: number): boolean => table[place % spec.maps].includes(Math.floor(place / (spec.maps * area)))
    : null;
  const weight = planTensor(options, {
    name: "weight",
    shape: [spec.maps, inputs, spec.size, spec.size],
    size,
    trained: true,
    decays: true,
    place: placeOfFilter({ maps: spec.maps, inputs, area }),
    ...(isParameter ? { isParameter } : {}),
  });
  const bias = planTensor(options, {
    name: "bias",
    shape: [spec.maps],
    size: spec.maps,
    trained: true,
    decays: false,
    place: (position) => position,
  });
  // A dense layer in all but name: the output is one pixel, so every tap meets every input once.
  const isDense =
    output.height === 1 &&
    output.width === 1 &&
    spec.padding === 0 &&
    spec.size === input.height &&
    spec.size === input.width;
  const defers = isDense && isDeferred(options, size);
  const weightGradient = defers ? null : planShardGradient(options, { size, target: weight.gradient });
  const biasGradient = planShardGradient(options, { size: spec.maps, target: bias.gradient });
  const mask =
    table && shards > 0
      ? memory.reserve({ what: `the table of layer ${index}`, element: "byte", count: inputs * spec.maps })
      : 0;
  let squared = 0;
  const squaredWeights = (): number =>
    (squared ||= memory.reserve({ what: `the squared filters of layer ${index}`, element: "real", count: size }));
  const kernels = {
    options,
    weights: weight.address,
    gradient: weight.gradient,
    bias,
    weightGradient,
    biasGradient,
    squaredWeights,
  };
  const recorded = isDense
    ? recordDense({ ...kernels, inputs: sizeOf(input), units: spec.maps })
    : recordConvolution(kernels);
  const connected = (map: number): readonly number[] =>
    table?.[map] ?? Array.from({ length: inputs }, (_, each) => each);

  return {
    kind: "convolution",
    input,
    output,
    activation,
    tensors: [weight, bias],
    shifts: activation === "linear" ? [bias] : [],
    ...recorded,
    shardGradients: weightGradient ? [weightGradient, biasGradient] : [biasGradient],
    initialise(views: Views, seed: number): void {
      const values = views.reals(weight.address, size).fill(0);
      const drawn = new Float64Array(size);
      const pairs = table ? table.reduce((sum, reads) => sum + reads.length, 0) : spec.maps * inputs;
      const kind = spec.initialiser ?? defaultInitialiser[options.declaredActivation];
      fillWeights({
        into: drawn,
        kind,
        activation: options.declaredActivation,
        ...fansOf({ kind, inputs, outputs: spec.maps, area, pairs }),
        seed,
        layer: index,
      });
      for (let map = 0; map < spec.maps; map++) {
        for (const read of connected(map))
          for (let tap = 0; tap < area; tap++)
            values[(read * area + tap) * spec.maps + map] = drawn[(map * inputs + read) * area + tap];
      }
      views.reals(bias.address, spec.maps).fill(0);
    },
    constants(views: Views): void {
      if (!mask) return;
      for (let map = 0; map < spec.maps; map++)
        for (const read of connected(map)) views.bytes[mask + read * spec.maps + map] = 1;
    },
    ...(mask
      ? {
          finish: (program: Program) =>
            void program.call("mask", { gradient: weight.gradient, mask, inputs, area, maps: spec.maps }),
        }
      : {}),
    prepareCurvature(program: Program): void {
      program.call("square", { input: weight.address, output: squaredWeights(), count: size });
    },
  };
}
