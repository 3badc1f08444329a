/**
 * The activations f over runs of memory, and gates: multiplication by f′(u) written as a function of x = f(u) (Bouvrie
 * §2). A layer writes its u (or its sensitivity) first and sends the run, still in the cache, through here: four lanes
 * an iteration that do not wait for each other.
 */
import { realBytes, vectorBytes } from "./address";
import { sigmoid, tanh } from "./elementary";
import { multiply, read, select, splat, subtract, write, writeFirst, zero } from "./lanes";

const linear: u32 = 0;
const sigmoidCode: u32 = 1;
const tanhCode: u32 = 2;
const scaledTanhCode: u32 = 3;
const reluCode: u32 = 4;
const leakyCode: u32 = 5;
const squared: u32 = 8;

const leakySlope: f32 = 0.01;
const A: f32 = 1.7159;
const S: f32 = <f32>(<f64>2.0 / <f64>3.0);
const B: f32 = <f32>(<f64>1.0 / <f64>1.7159);

/** f(u) of four lanes; code is known where this is inlined, so that one f remains. */
// @ts-ignore: decorator
@inline
function f(code: u32, u: v128): v128 {
  if (code == sigmoidCode) return sigmoid(u);
  if (code == tanhCode) return tanh(u);
  if (code == scaledTanhCode) return multiply(splat(A), tanh(multiply(splat(S), u)));
  if (code == reluCode) return v128.andnot(u, f32x4.lt(u, zero()));
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
  if (code == sigmoidCode) runOf(sigmoidCode, address, count);
  else if (code == tanhCode) runOf(tanhCode, address, count);
  else if (code == scaledTanhCode) runOf(scaledTanhCode, address, count);
  else if (code == reluCode) runOf(reluCode, address, count);
  else if (code != linear) runOf(leakyCode, address, count);
}

/** f′(u) of four lanes from x = f(u). */
// @ts-ignore: decorator
@inline
function slope(code: u32, x: v128): v128 {
  if (code == linear) return splat(1);
  if (code == sigmoidCode) return multiply(x, subtract(splat(1), x));
  if (code == tanhCode) return subtract(splat(1), multiply(x, x));
  if (code == scaledTanhCode) return multiply(splat(S), subtract(splat(A), multiply(multiply(x, x), splat(B))));
  if (code == reluCode) return v128.andnot(splat(1), f32x4.le(x, zero()));
  return select(f32x4.le(x, zero()), splat(leakySlope), splat(1));
}

/** The same, where code becomes known only here. */
export function slopeOf(code: u32, x: v128): v128 {
  return slope(code, x);
}

/** value · f′(u), or · f′(u)² for a squared gate; linear multiplies by nothing. */
export function gateFour(gate: u32, value: v128, x: v128): v128 {
  const code = gate & ~squared;
  if (code == linear) return value;
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

/** run[0 … count) = run · gate, the gate read from x. Squared gates are rare and settle f vector by vector. */
export function gateRun(gate: u32, address: usize, x: usize, count: u32): void {
  if (gate == sigmoidCode) gateRunOf(sigmoidCode, false, address, x, count);
  else if (gate == tanhCode) gateRunOf(tanhCode, false, address, x, count);
  else if (gate == scaledTanhCode) gateRunOf(scaledTanhCode, false, address, x, count);
  else if (gate == reluCode) gateRunOf(reluCode, false, address, x, count);
  else if (gate == leakyCode) gateRunOf(leakyCode, false, address, x, count);
  else if (gate > squared) gateRunOf(gate - squared, true, address, x, count);
}

// @ts-ignore: decorator
@inline
export function isSquared(gate: u32): bool {
  return gate >= squared;
}
