/**
 * What a model's weights say about themselves: layers, shapes, parameters; β and b of every subsampling map; and for
 * learned combinations (Bouvrie §3.3) the shares α of every output map and its effective number of inputs, exp(−Σ α ln
 * α).
 */
import type { Network } from "../schemas/network.ts";
import type { Layer, ShortcutKind } from "../schemas/layer.ts";
import { networkShape } from "../schemas/network-shape.ts";
import type { LayerShape } from "../schemas/network-shape.ts";
import { isLearned } from "../schemas/connections.ts";
import type { Shape } from "../schemas/shape.ts";
import { exp, log } from "./elementary.ts";
import { readSafetensors } from "./formats/safetensors.ts";
import type { TensorFile } from "./formats/safetensors.ts";

export interface DescribedLayer {
  index: number;
  kind: string;
  input: Shape;
  output: Shape;
  parameters: number;
  beta: number[] | null;
  bias: number[] | null;
  /** [maps][inputs] */
  alpha: number[][] | null;
  effectiveInputs: number[] | null;
  /** Residual blocks: what carries x past the block's layers, and these. */
  shortcut?: ShortcutKind;
  layers?: DescribedLayer[];
}

const numbersOf = (file: TensorFile, name: string): number[] | null => {
  const tensor = file.tensors.get(name);
  return tensor ? Array.from(tensor.data as ArrayLike<number | bigint>, Number) : null;
};

/** α = softmax(c), one row an output map. */
export function sharesOf(mix: readonly number[], inputs: number): number[][] {
  const rows: number[][] = [];
  for (let first = 0; first < mix.length; first += inputs) {
    const row = mix.slice(first, first + inputs);
    const most = Math.max(...row);
    const powers = row.map((value) => exp(value - most));
    const sum = powers.reduce((total, value) => total + value, 0);
    rows.push(powers.map((value) => value / sum));
  }
  return rows;
}

/** exp of the entropy: n where all n inputs share alike, 1 where one has everything. */
export const effectiveInputsOf = (shares: readonly number[]): number =>
  exp(shares.reduce((sum, share) => (share > 0 ? sum - share * log(share) : sum), 0));

interface Described {
  spec: Layer;
  shape: LayerShape;
  index: number;
  /** What its tensors' names begin with. */
  path: string;
}

function describeLayer(file: TensorFile, { spec, shape, index, path }: Described): DescribedLayer {
  const { kind, input, output, parameters, shortcut, layers } = shape;
  const mix = spec.kind === "convolution" && isLearned(spec.inputs) ? numbersOf(file, `${path}.mix`) : null;
  const alpha = mix && sharesOf(mix, input.channels);
  const ofSubsampling = (name: string): number[] | null =>
    spec.kind === "subsampling" ? numbersOf(file, `${path}.${name}`) : null;
  return {
    ...{ index, kind, input, output, parameters },
    beta: ofSubsampling("beta"),
    bias: ofSubsampling("bias"),
    alpha,
    effectiveInputs: alpha && alpha.map(effectiveInputsOf),
    ...(spec.kind === "residual" &&
      layers &&
      shortcut && { shortcut, layers: describeLayers(file, { specs: spec.layers, shapes: layers, path: `${path}.` }) }),
  };
}

const describeLayers = (
  file: TensorFile,
  { specs, shapes, path }: { specs: readonly Layer[]; shapes: readonly LayerShape[]; path: string },
): DescribedLayer[] =>
  specs.map((spec, index) =>
    describeLayer(file, { spec, shape: shapes[index], index, path: `${path}layers.${index}` }),
  );

/** What a layer that weighs its inputs has learned so far. */
export type Inside = Pick<DescribedLayer, "beta" | "bias" | "alpha" | "effectiveInputs"> & {
  /** Index in the request's layers; `inner`: of a block's own layers, else null. */
  layer: number;
  inner: number | null;
};

/** Parameters that `insideOf` reads. */
export const isInside = (name: string): boolean => /\.(beta|bias|mix)$/.test(name);

/** Of subsampling layers with β and b, and of learned combinations. */
export function insideOf(options: { network: Network; input: Shape; tensors: TensorFile["tensors"] }): Inside[] {
  const { network, input, tensors } = options;
  const described = describeLayers(
    { tensors, metadata: {} },
    { specs: network.layers, shapes: networkShape(network.layers, input, null).layers, path: "" },
  );
  const seen = ({ beta, bias, alpha, effectiveInputs }: DescribedLayer) => ({ beta, bias, alpha, effectiveInputs });
  return described
    .flatMap((each) => [
      { layer: each.index, inner: null, ...seen(each) },
      ...(each.layers ?? []).map((own) => ({ layer: each.index, inner: own.index, ...seen(own) })),
    ])
    .filter(({ beta, alpha }) => beta !== null || alpha !== null);
}

export const describeNetwork = ({
  network,
  input,
  weights,
}: {
  network: Network;
  input: Shape;
  weights: Uint8Array;
}): DescribedLayer[] =>
  describeLayers(readSafetensors(weights), {
    specs: network.layers,
    shapes: networkShape(network.layers, input, null).layers,
    path: "",
  });
