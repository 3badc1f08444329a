/**
 * The activations f and what back-propagation needs of them: f′(u) written as a function of the *output* x = f(u)
 * (Bouvrie §2), which is all that a layer keeps. Exact Math functions, float64.
 */
import { activationCodes, gateSquared, leakySlope, scaledTanh } from "../kernels.ts";

/** x = f(u). */
export function activate(code: number, u: number): number {
  switch (code) {
    case activationCodes.linear:
      return u;
    case activationCodes.sigmoid:
      return 1 / (1 + Math.exp(-u));
    case activationCodes.tanh:
      return Math.tanh(u);
    case activationCodes["scaled-tanh"]:
      return scaledTanh.A * Math.tanh(scaledTanh.S * u);
    case activationCodes.relu:
      return u < 0 ? 0 : u;
    case activationCodes["leaky-relu"]:
      return u < 0 ? leakySlope * u : u;
    default:
      throw new RangeError(`the contract has no activation of code ${code}`);
  }
}

/** f′(u) from x = f(u); at a kink the derivative of the left side. */
export function derivative(code: number, x: number): number {
  switch (code) {
    case activationCodes.linear:
      return 1;
    case activationCodes.sigmoid:
      return x * (1 - x);
    case activationCodes.tanh:
      return 1 - x * x;
    case activationCodes["scaled-tanh"]:
      return scaledTanh.S * (scaledTanh.A - (x * x) / scaledTanh.A);
    case activationCodes.relu:
      return x <= 0 ? 0 : 1;
    case activationCodes["leaky-relu"]:
      return x <= 0 ? leakySlope : 1;
    default:
      throw new RangeError(`the contract has no activation of code ${code}`);
  }
}

/** Whether a gate multiplies by f′(u)² (second derivatives, LeCun 1998). */
export function isSquared(gate: number): boolean {
  return gate >= gateSquared;
}

/** The factor of a gate: f′(u), or f′(u)² where `gateSquared` was added to the activation's code. */
export function gateFactor(gate: number, x: number): number {
  const slope = derivative(isSquared(gate) ? gate - gateSquared : gate, x);
  return isSquared(gate) ? slope * slope : slope;
}
