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

/** Every stride-th pixel both ways. */
// @ts-ignore: decorator
@inline
function addGatedPixels(gate: u32, call: ResidualBackwardCall): void {
  const { input, output, maps, rows, columns, stride, lanes } = call;
  if (stride == 1) return addGated(gate, call.delta, input, output, maps * rows * columns * lanes);
  let delta = call.delta;
  for (let map: u32 = 0; map < maps; map++)
    for (let row: u32 = 0; row < rows; row += stride)
      for (let column: u32 = 0; column < columns; column += stride) {
        const place = realBytes(((map * rows + row) * columns + column) * lanes);
        addGated(gate, delta, input + place, output + place, lanes);
        delta += realBytes(lanes);
      }
}

export function residualBackward(call: ResidualBackwardCall): void {
  const { gate } = call;
  if (gate == Activation.linear) addGatedPixels(Activation.linear, call);
  else if (gate == Activation.relu) addGatedPixels(Activation.relu, call);
  else addGatedPixels(gate, call);
}
