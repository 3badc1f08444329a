/**
 * The convolution layer, Bouvrie §3.1.
 *
 *   forward     x_j = f( Σ_{i∈M_j} x_i^{ℓ−1} ∗ k_ij + b_j ), 'valid' after padding
 *   backward    δ_i^{ℓ−1} = f′(u_i) ∘ Σ_j conv2( δ_j, rot180(k_ij), 'full' )            (§3.2, what stands below)
 *   gradients   ∂E/∂b_j = Σ_{u,v} (δ_j)_{uv} (3),  ∂E/∂k_ij = Σ_{u,v} (δ_j)_{uv} (p_i)_{uv}
 *
 * A pair that M_j leaves out keeps a zero filter, and its gradient is masked. The kernels stand in
 * convolution-kernels.ts.
 */
import { connectionTable } from "../../schemas/connections.ts";
import type { ConvolutionLayer } from "../../schemas/layer.ts";
import { defaultInitialiser, fansOf, fillWeights } from "../initialisers.ts";
import { planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer, Tensor } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";
import { placeOfFilter, planFilters } from "./convolution-kernels.ts";

/** M_j for every output map; null where every map reads all inputs. */
type Table = ReturnType<typeof connectionTable>;

function planTensors(options: LayerOptions<ConvolutionLayer>, table: Table): [weight: Tensor, bias: Tensor] {
  const { spec, input } = options;
  const { maps, size } = spec;
  const inputs = input.channels;
  const area = size * size;
  const isParameter = table
    ? { isParameter: (place: number) => table[place % maps].includes(Math.floor(place / (maps * area))) }
    : {};
  return [
    planTensor(options, {
      name: "weight",
      shape: [maps, inputs, size, size],
      size: maps * inputs * area,
      trained: true,
      decays: true,
      place: placeOfFilter({ maps, inputs, area }),
      ...isParameter,
    }),
    planTensor(options, { name: "bias", shape: [maps], size: maps, trained: true, decays: false, place: (at) => at }),
  ];
}

/** The input maps of each output map. */
const readsOf = (table: Table, { maps, inputs }: { maps: number; inputs: number }): readonly (readonly number[])[] =>
  table ?? new Array<number[]>(maps).fill(Array.from({ length: inputs }, (_, input) => input));

/** Fills filters for a fresh start; pairs that the table leaves out stay 0. */
function initialiseFilters(
  { spec, draws, input, declaredActivation }: LayerOptions<ConvolutionLayer>,
  [weight, bias]: readonly [Tensor, Tensor],
  table: Table,
) {
  const inputs = input.channels;
  const { maps, size } = spec;
  const area = size * size;
  return (views: Views, seed: number): void => {
    const reads = readsOf(table, { maps, inputs });
    const drawn = new Float64Array(weight.size);
    const kind = spec.initialiser ?? defaultInitialiser[declaredActivation];
    const pairs = reads.reduce((sum, each) => sum + each.length, 0);
    const fans = fansOf({ kind, inputs, outputs: maps, area, pairs });
    fillWeights({ into: drawn, kind, activation: declaredActivation, ...fans, seed, layer: draws });
    const values = views.reals(weight.address, weight.size).fill(0);
    for (const [map, from] of reads.entries())
      for (const read of from)
        for (let tap = 0; tap < area; tap++)
          values[(read * area + tap) * maps + map] = drawn[(map * inputs + read) * area + tap];
    views.reals(bias.address, maps).fill(0);
  };
}

/** Zeroes the gradients of pairs that are not connected. */
function planMask(options: LayerOptions<ConvolutionLayer>, weight: Tensor, table: readonly (readonly number[])[]) {
  const { spec, path, input, memory } = options;
  const { maps, size } = spec;
  const inputs = input.channels;
  const mask = memory.reserve({ what: `the table of ${path}`, element: "byte", count: inputs * maps });
  return {
    constants(views: Views): void {
      for (const [map, reads] of table.entries()) for (const read of reads) views.bytes[mask + read * maps + map] = 1;
    },
    finish(program: Program): void {
      program.call("mask", { gradient: weight.gradient, mask, inputs, area: size * size, maps });
    },
  };
}

export function planConvolution(options: LayerOptions<ConvolutionLayer>): PlannedLayer {
  const { spec, input, output, shards, activation } = options;
  const table = connectionTable(spec, input.channels);
  const tensors = planTensors(options, table);
  const [weight, bias] = tensors;
  return {
    kind: "convolution",
    input,
    output,
    activation,
    tensors,
    shifts: activation === "linear" ? [bias] : [],
    ...planFilters({ options, weights: weight.address, gradient: weight.gradient, bias }),
    initialise: initialiseFilters(options, tensors, table),
    ...(table && shards > 0 ? planMask(options, weight, table) : {}),
  };
}
