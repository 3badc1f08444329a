/**
 * What a model's weights say about themselves: layers, shapes, parameters; β and b of every subsampling map; and for
 * learned combinations (Bouvrie §3.3) the shares α of every output map and its effective number of inputs, exp(−Σ α ln
 * α).
 */
import type { Network } from "../schemas/network.ts";
import { isLearned, networkShape } from "../schemas/shape.ts";
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

export function describeNetwork({
  network,
  input,
  weights,
}: {
  network: Network;
  input: Shape;
  weights: Uint8Array;
}): DescribedLayer[] {
  const file = readSafetensors(weights);
  return networkShape(network.layers, input, null).layers.map((shape, index) => {
    const spec = network.layers[index];
    const mix = spec.kind === "convolution" && isLearned(spec.inputs) ? numbersOf(file, `layers.${index}.mix`) : null;
    const alpha = mix && sharesOf(mix, shape.input.channels);
    const subsampling = spec.kind === "subsampling";
    return {
      index,
      ...{ kind: shape.kind, input: shape.input, output: shape.output, parameters: shape.parameters },
      beta: subsampling ? numbersOf(file, `layers.${index}.beta`) : null,
      bias: subsampling ? numbersOf(file, `layers.${index}.bias`) : null,
      alpha,
      effectiveInputs: alpha && alpha.map(effectiveInputsOf),
    };
  });
}
