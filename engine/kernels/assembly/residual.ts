/**
 * The sum that ends a residual block (He et al. 2016), y = f( F(x) + x ), and its way back, on which the shortcut's
 * sensitivity is added to what came through F.
 */
import { Activation, ResidualForwardCall, ResidualBackwardCall } from "./contract";
import { activateRun, gateFour } from "./activations";
import { realBytes, vectorBytes } from "./address";
import { add, read, write, writeFirst } from "./lanes";

export function residualForward(call: ResidualForwardCall): void {
  const { input, shortcut, output, activation, count } = call;
  addShortcut(input, shortcut, output, activation, count);
}

/** output = f( input + shortcut ), of `count` numbers; output may be input. */
export function addShortcut(input: usize, shortcut: usize, output: usize, activation: u32, count: u32): void {
  const whole = realBytes(count & ~3);
  for (let at: usize = 0; at < whole; at += vectorBytes) write(output + at, add(read(input + at), read(shortcut + at)));
  if ((count & 3) > 0) writeFirst(output + whole, add(read(input + whole), read(shortcut + whole)), count & 3);
  activateRun(activation, output, count);
}

// @ts-ignore: decorator
@inline
function addGated(gate: u32, delta: usize, input: usize, output: usize, count: u32): void {
  const whole = realBytes(count & ~3);
  for (let at: usize = 0; at < whole; at += vectorBytes)
    write(output + at, add(read(output + at), gateFour(gate, read(delta + at), read(input + at))));
  if ((count & 3) > 0) {
    const value = gateFour(gate, read(delta + whole), read(input + whole));
    writeFirst(output + whole, add(read(output + whole), value), count & 3);
  }
}

export function residualBackward(call: ResidualBackwardCall): void {
  const { delta, input, output, gate, count } = call;
  if (gate == Activation.linear) addGated(Activation.linear, delta, input, output, count);
  else if (gate == Activation.relu) addGated(Activation.relu, delta, input, output, count);
  else addGated(gate, delta, input, output, count);
}
