/**
 * Convolution, forward and backward (Bouvrie §3.1, §3.2), in cross-correlation orientation: a stored filter is rot180
 * of the notes' k, so the true convolution of the notes is a sum of products in reading order.
 *
 * Maps [map][row][column][lane], filters [input][ky][kx][map]. Weights that are zero are multiplied like
 * all others, so that a NaN passes.
 */
import { activate, gateFactor } from "./activations.ts";
import type { ReferenceKernel } from "./memory.ts";

/** Sides of the output of a 'valid' convolution over the padded input. */
function outputSides({
  rows,
  columns,
  size,
  stride,
  padding,
}: Record<"rows" | "columns" | "size" | "stride" | "padding", number>): {
  outRows: number;
  outColumns: number;
} {
  const outputSide = (side: number): number => Math.floor((side + 2 * padding - size) / stride) + 1;
  return { outRows: outputSide(rows), outColumns: outputSide(columns) };
}

/** Where a pixel of [map][row][column][lanes] stands; -1 beyond the edges, where zeros are. */
const placeOf =
  ({ rows, columns, lanes }: { rows: number; columns: number; lanes: number }) =>
  (map: number, row: number, column: number): number =>
    row >= 0 && row < rows && column >= 0 && column < columns ? ((map * rows + row) * columns + column) * lanes : -1;

/** y_j = f( Σ_{i∈M_j} x_i ∗ k_ij + b_j + shortcut_j ). */
export const convolutionForward: ReferenceKernel<"convolutionForward"> = (memory, call) => {
  const { inputs, maps, size, stride, padding, activation, lanes } = call;
  const input = memory.reals(call.input);
  const weights = memory.reals(call.weights);
  const bias = memory.reals(call.bias);
  const output = memory.reals(call.output);
  const shortcut = call.shortcut === 0 ? null : memory.reals(call.shortcut);
  const { outRows, outColumns } = outputSides(call);
  const place = placeOf(call);

  for (let j = 0; j < maps; j++)
    for (let r = 0; r < outRows; r++)
      for (let c = 0; c < outColumns; c++)
        for (let lane = 0; lane < lanes; lane++) {
          let u = bias[j];
          for (let i = 0; i < inputs; i++)
            for (let ky = 0; ky < size; ky++)
              for (let kx = 0; kx < size; kx++) {
                const from = place(i, r * stride + ky - padding, c * stride + kx - padding);
                u += (from < 0 ? 0 : input[from + lane]) * weights[((i * size + ky) * size + kx) * maps + j];
              }
          const to = ((j * outRows + r) * outColumns + c) * lanes + lane;
          output[to] = activate(activation, shortcut ? u + shortcut[to] : u);
        }
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
  const { inputs, maps, size, stride, padding, lanes } = call;
  const input = memory.reals(call.input);
  const delta = memory.reals(call.delta);
  const gradient = memory.reals(call.gradient);
  const { outRows, outColumns } = outputSides(call);
  const place = placeOf(call);

  for (let i = 0; i < inputs; i++)
    for (let ky = 0; ky < size; ky++)
      for (let kx = 0; kx < size; kx++)
        for (let j = 0; j < maps; j++) {
          let sum = 0;
          for (let r = 0; r < outRows; r++)
            for (let c = 0; c < outColumns; c++) {
              const from = place(i, r * stride + ky - padding, c * stride + kx - padding);
              for (let lane = 0; lane < lanes; lane++)
                sum += (from < 0 ? 0 : input[from + lane]) * delta[((j * outRows + r) * outColumns + c) * lanes + lane];
            }
          const to = ((i * size + ky) * size + kx) * maps + j;
          gradient[to] = gradient[to] + sum;
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
