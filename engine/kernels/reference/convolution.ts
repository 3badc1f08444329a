/**
 * Convolution, forward and backward (Bouvrie §3.1, §3.2), in cross-correlation orientation: a stored filter is rot180
 * of the notes' k, so the true convolution of the notes is a sum of products in reading order.
 *
 * Maps [map][row][column][lane], filters [input][ky][kx][map]. Weights that are zero are multiplied like
 * all others, so that a NaN passes.
 */
import { activationCodes } from "../kernels.ts";
import { activate, gateFactor } from "./activations.ts";
import { pad } from "./elementwise.ts";
import { residualForward } from "./residual.ts";
import type { ReferenceKernel } from "./memory.ts";

/** Sides of the output of a 'valid' convolution. */
function outputSides(
  rows: number,
  columns: number,
  size: number,
  stride: number,
): { outRows: number; outColumns: number } {
  return { outRows: Math.floor((rows - size) / stride) + 1, outColumns: Math.floor((columns - size) / stride) + 1 };
}

/** x_j = f( Σ_{i∈M_j} x_i ∗ k_ij + b_j ). */
export const convolutionForward: ReferenceKernel<"convolutionForward"> = (memory, call) => {
  const { inputs, rows, columns, maps, size, stride, activation, lanes } = call;
  const input = memory.reals(call.input);
  const weights = memory.reals(call.weights);
  const bias = memory.reals(call.bias);
  const output = memory.reals(call.output);
  const { outRows, outColumns } = outputSides(rows, columns, size, stride);

  for (let j = 0; j < maps; j++)
    for (let r = 0; r < outRows; r++)
      for (let c = 0; c < outColumns; c++)
        for (let lane = 0; lane < lanes; lane++) {
          let u = bias[j];
          for (let i = 0; i < inputs; i++)
            for (let ky = 0; ky < size; ky++)
              for (let kx = 0; kx < size; kx++) {
                const x = input[((i * rows + r * stride + ky) * columns + c * stride + kx) * lanes + lane];
                u += x * weights[((i * size + ky) * size + kx) * maps + j];
              }
          output[((j * outRows + r) * outColumns + c) * lanes + lane] = activate(activation, u);
        }
};

/** y = f( convolution + bias + shortcut ), step by step. */
export const convolutionFused: ReferenceKernel<"convolutionFused"> = (memory, call) => {
  const { inputs, rows, columns, maps, size, stride, padding, activation, lanes } = call;
  if (padding > 0) pad(memory, { ...call, output: call.padded, maps: inputs });
  const seen = { ...call, rows: rows + 2 * padding, columns: columns + 2 * padding };
  const { outRows, outColumns } = outputSides(seen.rows, seen.columns, size, stride);
  convolutionForward(memory, {
    ...seen,
    input: padding > 0 ? call.padded : call.input,
    activation: call.shortcut === 0 ? activation : activationCodes.linear,
  });
  if (call.shortcut !== 0)
    residualForward(memory, { ...call, input: call.output, count: maps * outRows * outColumns * lanes });
};

/** Nothing: the filters are used as they are. */
export const convolutionPrepare: ReferenceKernel<"convolutionPrepare"> = () => undefined;

/**
 * δ_i = f′(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full'): each input pixel gathers from every output pixel whose patch
 * held it.
 */
export const convolutionBackward: ReferenceKernel<"convolutionBackward"> = (memory, call) => {
  const { inputs, rows, columns, maps, outRows, outColumns, size, stride, padding, gate, lanes } = call;
  const delta = memory.reals(call.delta);
  const weights = memory.reals(call.weights);
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);

  /** Where the patch began whose tap `k` fell on `position`; -1 if there is no such output pixel. */
  const source = (position: number, k: number, count: number): number => {
    const start = position + padding - k;
    const place = start / stride;
    return start >= 0 && Number.isInteger(place) && place < count ? place : -1;
  };

  for (let i = 0; i < inputs; i++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++)
        for (let lane = 0; lane < lanes; lane++) {
          let sum = 0;
          for (let j = 0; j < maps; j++)
            for (let ky = 0; ky < size; ky++) {
              const p = source(r, ky, outRows);
              if (p < 0) continue;
              for (let kx = 0; kx < size; kx++) {
                const q = source(c, kx, outColumns);
                if (q < 0) continue;
                sum +=
                  delta[((j * outRows + p) * outColumns + q) * lanes + lane] *
                  weights[((i * size + ky) * size + kx) * maps + j];
              }
            }
          const place = ((i * rows + r) * columns + c) * lanes + lane;
          output[place] = sum * (gate === 0 ? 1 : gateFactor(gate, input[place]));
        }
};

/** ∂E/∂k_ij = Σ_{u,v} (δ_j)_{uv} (p_i)_{uv} and (3) ∂E/∂b_j = Σ_{u,v} (δ_j)_{uv}, summed over the block's samples. */
export const convolutionGradient: ReferenceKernel<"convolutionGradient"> = (memory, call) => {
  const { inputs, rows, columns, maps, size, stride, lanes } = call;
  const input = memory.reals(call.input);
  const delta = memory.reals(call.delta);
  const gradient = memory.reals(call.gradient);
  const { outRows, outColumns } = outputSides(rows, columns, size, stride);

  for (let i = 0; i < inputs; i++)
    for (let ky = 0; ky < size; ky++)
      for (let kx = 0; kx < size; kx++)
        for (let j = 0; j < maps; j++) {
          let sum = 0;
          for (let r = 0; r < outRows; r++)
            for (let c = 0; c < outColumns; c++)
              for (let lane = 0; lane < lanes; lane++) {
                const x = input[((i * rows + r * stride + ky) * columns + c * stride + kx) * lanes + lane];
                sum += x * delta[((j * outRows + r) * outColumns + c) * lanes + lane];
              }
          const place = ((i * size + ky) * size + kx) * maps + j;
          gradient[place] = gradient[place] + sum;
        }

  if (call.biasGradient === 0) return;
  const biasGradient = memory.reals(call.biasGradient);
  const perMap = outRows * outColumns * lanes;
  for (let j = 0; j < maps; j++) {
    let sum = 0;
    for (let n = 0; n < perMap; n++) sum += delta[j * perMap + n];
    biasGradient[j] = biasGradient[j] + sum;
  }
};
