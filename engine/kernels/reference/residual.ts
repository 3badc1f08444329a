/**
 * The sum that ends a residual block (He et al. 2016), y = f( F(x) + x ), and its way back, on which the shortcut's
 * sensitivity is added to what came through F.
 */
import { activate, gateFactor } from "./activations.ts";
import type { ReferenceKernel } from "./memory.ts";

export const residualForward: ReferenceKernel<"residualForward"> = (memory, call) => {
  const input = memory.reals(call.input);
  const shortcut = memory.reals(call.shortcut);
  const output = memory.reals(call.output);
  for (let n = 0; n < call.count; n++) output[n] = activate(call.activation, input[n] + shortcut[n]);
};

export const residualBackward: ReferenceKernel<"residualBackward"> = (memory, call) => {
  const { gate, maps, rows, columns, stride, lanes } = call;
  const delta = memory.reals(call.delta);
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);
  let from = 0;
  for (let map = 0; map < maps; map++)
    for (let row = 0; row < rows; row += stride)
      for (let column = 0; column < columns; column += stride)
        for (let lane = 0; lane < lanes; lane++) {
          const place = ((map * rows + row) * columns + column) * lanes + lane;
          output[place] = output[place] + delta[from++] * gateFactor(gate, input[place]);
        }
};
