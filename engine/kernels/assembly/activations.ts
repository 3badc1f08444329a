/**
 * The activations f over runs of memory, and gates: multiplication by f′(u) written as a function of x = f(u) (Bouvrie
 * §2). A layer writes its u (or its sensitivity) first and sends the run, still in the cache, through here: four lanes
 * an iteration that do not wait for each other.
 */
import { realBytes, vectorBytes } from "./address";
import { Activation, gateSquared, leakySlope, scaledTanhA, scaledTanhB, scaledTanhS } from "./contract";
import { sigmoid, tanh } from "./elementary";
import { multiply, read, select, splat, subtract, write, writeFirst, zero } from "./lanes";

/** f(u) of four lanes; code is known where this is inlined, so that one f remains. */
// @ts-ignore: decorator
@inline
function f(code: u32, u: v128): v128 {
  if (code == Activation.sigmoid) return sigmoid(u);
  if (code == Activation.tanh) return tanh(u);
  if (code == Activation.scaledTanh) return multiply(splat(scaledTanhA), tanh(multiply(splat(scaledTanhS), u)));
  if (code == Activation.relu) return v128.andnot(u, f32x4.lt(u, zero()));
  return select(f32x4.lt(u, zero()), multiply(splat(leakySlope), u), u);
}

// @ts-ignore: decorator
@inline
function runOf(code: u32, address: usize, count: u32): void {
  const end = address + realBytes(count & ~3);
  for (; address < end; address += vectorBytes) write(address, f(code, read(address)));
  if ((count & 3) > 0) writeFirst(address, f(code, read(address)), count & 3);
}

/** run[0 … count) = f(run). */
export function activateRun(code: u32, address: usize, count: u32): void {
  if (code == Activation.sigmoid) runOf(Activation.sigmoid, address, count);
  else if (code == Activation.tanh) runOf(Activation.tanh, address, count);
  else if (code == Activation.scaledTanh) runOf(Activation.scaledTanh, address, count);
  else if (code == Activation.relu) runOf(Activation.relu, address, count);
  else if (code != Activation.linear) runOf(Activation.leakyRelu, address, count);
}

/** f′(u) of four lanes from x = f(u). */
// @ts-ignore: decorator
@inline
function slope(code: u32, x: v128): v128 {
  if (code == Activation.linear) return splat(1);
  if (code == Activation.sigmoid) return multiply(x, subtract(splat(1), x));
  if (code == Activation.tanh) return subtract(splat(1), multiply(x, x));
  if (code == Activation.scaledTanh)
    return multiply(splat(scaledTanhS), subtract(splat(scaledTanhA), multiply(multiply(x, x), splat(scaledTanhB))));
  if (code == Activation.relu) return v128.andnot(splat(1), f32x4.le(x, zero()));
  return select(f32x4.le(x, zero()), splat(leakySlope), splat(1));
}

/** The same for a code that is known only when it runs. */
export function slopeOf(code: u32, x: v128): v128 {
  return slope(code, x);
}

/** value · f′(u), or · f′(u)² for a squared gate; linear multiplies by nothing. */
export function gateFour(gate: u32, value: v128, x: v128): v128 {
  const code = gate & ~gateSquared;
  if (code == Activation.linear) return value;
  const g = slope(code, x);
  return multiply(value, gate == code ? g : multiply(g, g));
}

// @ts-ignore: decorator
@inline
function gateRunOf(code: u32, isSquare: bool, address: usize, x: usize, count: u32): void {
  const end = address + realBytes(count & ~3);
  for (; address < end; address += vectorBytes, x += vectorBytes) {
    const g = slope(code, read(x));
    write(address, multiply(read(address), isSquare ? multiply(g, g) : g));
  }
  if ((count & 3) > 0) {
    const g = slope(code, read(x));
    writeFirst(address, multiply(read(address), isSquare ? multiply(g, g) : g), count & 3);
  }
}

/** run[0 … count) = run · gate, the gate read from x. Squared gates are rare, so they choose f anew for each vector. */
export function gateRun(gate: u32, address: usize, x: usize, count: u32): void {
  if (gate == Activation.sigmoid) gateRunOf(Activation.sigmoid, false, address, x, count);
  else if (gate == Activation.tanh) gateRunOf(Activation.tanh, false, address, x, count);
  else if (gate == Activation.scaledTanh) gateRunOf(Activation.scaledTanh, false, address, x, count);
  else if (gate == Activation.relu) gateRunOf(Activation.relu, false, address, x, count);
  else if (gate == Activation.leakyRelu) gateRunOf(Activation.leakyRelu, false, address, x, count);
  else if (gate > gateSquared) gateRunOf(gate - gateSquared, true, address, x, count);
}

// @ts-ignore: decorator
@inline
export function isSquared(gate: u32): bool {
  return gate >= gateSquared;
}
