/**
 * Subsampling (Bouvrie §3.2): x_j = f( β_j down(x_j) + b_j ), where down sums, averages or takes the maximum of every
 * block, and its way back (§3.1), where up spreads a sensitivity over the block it came from.
 * Maps [map][row][column][lane]. Rows and columns that do not fill a block are dropped.
 */
import { reduceCodes } from "../kernels.ts";
import { activate, gateFactor, isSquared } from "./activations.ts";
import type { ReferenceKernel, Reals } from "./memory.ts";

interface Block {
  blockRows: number;
  blockColumns: number;
  columns: number;
  lanes: number;
  /** Index of the block's first pixel. */
  first: number;
}

/** The block's pixels in reading order. */
function pixelsOf(input: Reals, { blockRows, blockColumns, columns, lanes, first }: Block): number[] {
  const pixels: number[] = [];
  for (let r = 0; r < blockRows; r++)
    for (let c = 0; c < blockColumns; c++) pixels.push(input[first + (r * columns + c) * lanes]);
  return pixels;
}

/** down(x) of one block. The first maximum wins and a NaN is larger than everything. */
function down(reduce: number, pixels: number[]): number {
  if (reduce === reduceCodes.max)
    return pixels.reduce((old, pixel) => (pixel > old || Number.isNaN(pixel) ? pixel : old));
  const sum = pixels.reduce((total, pixel) => total + pixel, 0);
  return reduce === reduceCodes.mean ? sum / pixels.length : sum;
}

export const subsamplingForward: ReferenceKernel<"subsamplingForward"> = (memory, call) => {
  const { maps, rows, columns, blockRows, blockColumns, reduce, activation, lanes } = call;
  const input = memory.reals(call.input);
  const beta = memory.reals(call.beta);
  const bias = memory.reals(call.bias);
  const output = memory.reals(call.output);
  const kept = call.down === 0 ? undefined : memory.reals(call.down);
  const winners = call.winners === 0 ? undefined : memory.ints(call.winners);
  const outRows = Math.floor(rows / blockRows);
  const outColumns = Math.floor(columns / blockColumns);
  for (let j = 0; j < maps; j++)
    for (let r = 0; r < outRows; r++)
      for (let c = 0; c < outColumns; c++)
        for (let lane = 0; lane < lanes; lane++) {
          const first = ((j * rows + r * blockRows) * columns + c * blockColumns) * lanes + lane;
          const pixels = pixelsOf(input, { blockRows, blockColumns, columns, lanes, first });
          const d = down(reduce, pixels);
          const place = ((j * outRows + r) * outColumns + c) * lanes + lane;
          if (kept) kept[place] = d;
          if (winners && reduce === reduceCodes.max) winners[place] = pixels.indexOf(d);
          output[place] = activate(activation, beta[j] * d + bias[j]);
        }
};

/** δ_j = β_j ( f′(u_j) ∘ up(δ_j) ). */
export const subsamplingBackward: ReferenceKernel<"subsamplingBackward"> = (memory, call) => {
  const { maps, rows, columns, blockRows, blockColumns, reduce, gate, lanes } = call;
  const delta = memory.reals(call.delta);
  const beta = memory.reals(call.beta);
  const input = memory.reals(call.input);
  const kept = memory.reals(call.down);
  const winners = memory.ints(call.winners);
  const output = memory.reals(call.output);
  const outRows = Math.floor(rows / blockRows);
  const outColumns = Math.floor(columns / blockColumns);
  output.fill(0, 0, maps * rows * columns * lanes);
  for (let j = 0; j < maps; j++)
    for (let r = 0; r < outRows; r++)
      for (let c = 0; c < outColumns; c++)
        for (let lane = 0; lane < lanes; lane++) {
          const first = ((j * rows + r * blockRows) * columns + c * blockColumns) * lanes + lane;
          const place = ((j * outRows + r) * outColumns + c) * lanes + lane;
          const slope = reduce === reduceCodes.mean ? beta[j] / (blockRows * blockColumns) : beta[j];
          const spread = delta[place] * (isSquared(gate) ? slope * slope : slope);
          for (let n = 0; n < blockRows * blockColumns; n++) {
            if (reduce === reduceCodes.max && n !== winners[place]) continue;
            const target = first + (Math.floor(n / blockColumns) * columns + (n % blockColumns)) * lanes;
            output[target] = spread * gateFactor(gate, reduce === reduceCodes.max ? kept[place] : input[target]);
          }
        }
};

/** ∂E/∂β_j = Σ δ_j ∘ d_j and ∂E/∂b_j = Σ δ_j. */
export const subsamplingGradient: ReferenceKernel<"subsamplingGradient"> = (memory, call) => {
  const { maps, positions, lanes } = call;
  const delta = memory.reals(call.delta);
  const kept = memory.reals(call.down);
  const betaGradient = memory.reals(call.betaGradient);
  const biasGradient = memory.reals(call.biasGradient);
  for (let j = 0; j < maps; j++) {
    let betaSum = betaGradient[j];
    let biasSum = biasGradient[j];
    for (let n = j * positions * lanes; n < (j + 1) * positions * lanes; n++) {
      betaSum += delta[n] * kept[n];
      biasSum += delta[n];
    }
    betaGradient[j] = betaSum;
    biasGradient[j] = biasSum;
  }
};
