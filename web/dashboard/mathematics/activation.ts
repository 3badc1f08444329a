/** Activations f and their slopes f′, written with x = f(u), as docs/MATHEMATICS.md §2 has them. */
import type { ActivationKind } from "../../../schemas/layer.ts";

/** LeCun's scaled hyperbolic tangent: A·tanh(S·u). */
const [amplitude, steepness] = [1.7159, 2 / 3];

interface Activation {
  f: (u: number) => number;
  /** In terms of x. */
  slope: (x: number) => number;
}

/** Softmax is not here: it reads all units of its layer at once. */
const activations: Record<Exclude<ActivationKind, "softmax">, Activation> = {
  sigmoid: { f: (u) => 1 / (1 + Math.exp(-u)), slope: (x) => x * (1 - x) },
  tanh: { f: Math.tanh, slope: (x) => 1 - x * x },
  "scaled-tanh": {
    f: (u) => amplitude * Math.tanh(steepness * u),
    slope: (x) => (steepness / amplitude) * (amplitude - x) * (amplitude + x),
  },
  relu: { f: (u) => Math.max(0, u), slope: (x) => (x > 0 ? 1 : 0) },
  "leaky-relu": { f: (u) => (u > 0 ? u : u / 100), slope: (x) => (x > 0 ? 1 : 0.01) },
  linear: { f: (u) => u, slope: () => 1 },
};

/** f(u); null for softmax, which one unit alone does not tell. */
export const activate = (kind: ActivationKind, u: number): number | null =>
  kind === "softmax" ? null : activations[kind].f(u);

/** f′(u) from x = f(u); null for softmax. */
export const slope = (kind: ActivationKind, x: number): number | null =>
  kind === "softmax" ? null : activations[kind].slope(x);
