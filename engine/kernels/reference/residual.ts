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
  const delta = memory.reals(call.delta);
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);
  for (let n = 0; n < call.count; n++) output[n] = output[n] + delta[n] * gateFactor(call.gate, input[n]);
};
