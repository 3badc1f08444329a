/**
 * The plain movers: clear, square, the gathering of samples into a block (Bouvrie §2: inputs normalised), and padding.
 */
import { dtypeCodes, headerCount, headerRows } from "../kernels.ts";
import type { ReferenceKernel, ReferenceMemory } from "./memory.ts";

export const clear: ReferenceKernel<"clear"> = (memory, call) => {
  memory.reals(call.output).fill(0, 0, call.count);
};

export const square: ReferenceKernel<"square"> = (memory, call) => {
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);
  for (let n = 0; n < call.count; n++) output[n] = input[n] * input[n];
};

function samplesOf(memory: ReferenceMemory, dtype: number, address: number): Uint8Array | Float32Array | Float64Array {
  switch (dtype) {
    case dtypeCodes.uint8:
      return memory.bytes(address);
    case dtypeCodes.float32:
      return memory.float32s(address);
    case dtypeCodes.real:
      return memory.reals(address);
    default:
      throw new RangeError(`the contract has no dtype of code ${dtype}`);
  }
}

/** x⁰ = (sample − mean) · factor, per channel; a lane without a sample is 0. */
export const gather: ReferenceKernel<"gather"> = (memory, call) => {
  const { channels, pixels, lanes } = call;
  const samples = samplesOf(memory, call.dtype, call.samples);
  const header = memory.ints(call.header);
  const mean = memory.reals(call.mean);
  const factor = memory.reals(call.factor);
  const output = memory.reals(call.output);
  for (let channel = 0; channel < channels; channel++)
    for (let pixel = 0; pixel < pixels; pixel++)
      for (let lane = 0; lane < lanes; lane++) {
        const sample = samples[(header[headerRows + lane] * channels + channel) * pixels + pixel];
        const isPresent = lane < header[headerCount];
        output[(channel * pixels + pixel) * lanes + lane] = isPresent ? (sample - mean[channel]) * factor[channel] : 0;
      }
};

/** Maps in the middle of larger ones; the border is zero already. */
export const pad: ReferenceKernel<"pad"> = (memory, call) => {
  const { maps, rows, columns, padding, lanes } = call;
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);
  const outRows = rows + 2 * padding;
  const outColumns = columns + 2 * padding;
  for (let map = 0; map < maps; map++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++)
        for (let lane = 0; lane < lanes; lane++)
          output[((map * outRows + r + padding) * outColumns + c + padding) * lanes + lane] =
            input[((map * rows + r) * columns + c) * lanes + lane];
};
