/**
 * The activations f over runs of memory, and gates: multiplication by f′(u) written as a function of x = f(u) (Bouvrie §2).
 * A layer writes its u (or its sensitivity) first and sends the run, still in the cache, through here: four lanes an iteration
 * that do not wait for each other.
 */
import { realBytes, vectorBytes } from "./address";
import { sigmoid, tanh } from "./elementary";
import { multiply, read, readNarrow, select, splat, subtract, write, writeNarrow, zero } from "./lanes";

const linear: u32 = 0;
const sigmoidCode: u32 = 1;
const tanhCode: u32 = 2;
const scaledTanhCode: u32 = 3;
const reluCode: u32 = 4;
const squared: u32 = 8;

const leakySlope: f32 = 0.01;
const A: f32 = 1.7159;
const S: f32 = <f32>(<f64>2.0 / <f64>3.0);
const B: f32 = <f32>(<f64>1.0 / <f64>1.7159);

/** f(u) of four lanes. */
export function activateFour(code: u32, u: v128): v128 {
  if (code == linear) return u;
  if (code == sigmoidCode) return sigmoid(u);
  if (code == tanhCode) return tanh(u);
  if (code == scaledTanhCode) return multiply(splat(A), tanh(multiply(splat(S), u)));
  return relu(u, code);
}

// @ts-ignore: decorator
@inline
function relu(u: v128, code: u32): v128 {
  return select(f32x4.lt(u, zero()), code == reluCode ? zero() : multiply(splat(leakySlope), u), u);
}

/** run[0 … count) = f(run). */
export function activateRun(code: u32, address: usize, count: u32): void {
  if (code == linear) return;
  const end = address + realBytes(count & ~3);
  if (code == sigmoidCode) for (; address < end; address += vectorBytes) write(address, sigmoid(read(address)));
  else if (code == tanhCode) for (; address < end; address += vectorBytes) write(address, tanh(read(address)));
  else for (; address < end; address += vectorBytes) write(address, activateFour(code, read(address)));
  for (let rest = count & 3; rest > 0; rest--, address += realBytes(1)) writeNarrow(address, activateFour(code, readNarrow(address)));
}

/** f′(u) of four lanes; never called for linear. */
export function slopeOf(code: u32, x: v128): v128 {
  if (code == sigmoidCode) return multiply(x, subtract(splat(1), x));
  if (code == tanhCode) return subtract(splat(1), multiply(x, x));
  if (code == scaledTanhCode) return multiply(splat(S), subtract(splat(A), multiply(multiply(x, x), splat(B))));
  if (code == linear) return splat(1);
  return select(f32x4.le(x, zero()), code == reluCode ? zero() : splat(leakySlope), splat(1));
}

/** value · f′(u), or · f′(u)² for a squared gate. */
export function gateFour(gate: u32, value: v128, x: v128): v128 {
  const code = gate & ~squared;
  if (code == linear) return value;
  const slope = slopeOf(code, x);
  return multiply(value, gate == code ? slope : multiply(slope, slope));
}

// @ts-ignore: decorator
@inline
export function isSquared(gate: u32): bool {
  return gate >= squared;
}

/** run[0 … count) = run · gate, the gate read from x. */
export function gateRun(gate: u32, address: usize, x: usize, count: u32): void {
  if ((gate & ~squared) == linear) return;
  const end = address + realBytes(count & ~3);
  if (gate == sigmoidCode) {
    for (; address < end; address += vectorBytes, x += vectorBytes) {
      const value = read(x);
      write(address, multiply(read(address), multiply(value, subtract(splat(1), value))));
    }
  } else if (gate == reluCode) {
    for (; address < end; address += vectorBytes, x += vectorBytes)
      write(address, multiply(read(address), select(f32x4.le(read(x), zero()), zero(), splat(1))));
  } else for (; address < end; address += vectorBytes, x += vectorBytes) write(address, gateFour(gate, read(address), read(x)));
  for (let rest = count & 3; rest > 0; rest--, address += realBytes(1), x += realBytes(1))
    writeNarrow(address, gateFour(gate, readNarrow(address), readNarrow(x)));
}
