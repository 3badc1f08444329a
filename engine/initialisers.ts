/**
 * How weights start: zero mean, and a spread σ that keeps the signal's variance from layer to layer.
 *
 *   lecun     uniform, σ² = 1/fanIn                    (LeCun, Bottou, Orr & Müller 1998, §4.6; for scaled tanh)
 *   glorot    uniform, σ² = 2/(fanIn + fanOut), that is ±√(6/(fanIn + fanOut))      (Glorot & Bengio 2010)
 *   he        normal,  σ² = 2/fanIn                    (He et al. 2015, for relu)
 *   toolbox   as glorot, but fans count every input map, connected or not           (DeepLearnToolbox, cnnsetup)
 *
 * Biases start at 0 and β at 1; their owners set them. A value depends on (seed, layer, tensor, its place in the
 * tensor) and is computed in float64, so float32 and float64 networks start from the same numbers but for one rounding.
 * Never reads its neighbours, never allocates.
 */
import type { ActivationKind, InitialiserKind } from "../schemas/layer.ts";
import { initialiserOf } from "../schemas/shape.ts";
import { extend, hash, normal, purposes, uniform } from "./random.ts";

/** Which tensor of a layer is filled: part of the place of every draw. */
const tensorCodes = { weight: 0, mix: 1 } as const;

/** What a layer uses when its request names nothing. */
export { initialiserOf as defaultInitialiser };

/**
 * Inputs that one output sums over, and outputs that one input reaches. `area` is the filter's size² (1 for a dense
 * layer), `pairs` the number of connected (input, output) pairs: with a sparse table the mean over maps is taken.
 * DeepLearnToolbox counts all inputs · outputs.
 */
export function fansOf(options: {
  kind: InitialiserKind;
  inputs: number;
  outputs: number;
  area: number;
  pairs: number;
}): { fanIn: number; fanOut: number } {
  const { kind, inputs, outputs, area, pairs } = options;
  if (kind === "toolbox") return { fanIn: inputs * area, fanOut: outputs * area };
  return { fanIn: (pairs / outputs) * area, fanOut: (pairs / inputs) * area };
}

/** Half the width of a uniform distribution of this spread. */
const reachOf = (variance: number): number => Math.sqrt(3 * variance);

function valueOf(kind: InitialiserKind, fanIn: number, fanOut: number): (hashed: number) => number {
  switch (kind) {
    case "lecun": {
      const reach = reachOf(1 / fanIn);
      return (hashed) => (2 * uniform(hashed) - 1) * reach;
    }
    case "glorot":
    case "toolbox": {
      const reach = reachOf(2 / (fanIn + fanOut));
      return (hashed) => (2 * uniform(hashed) - 1) * reach;
    }
    case "he": {
      const deviation = Math.sqrt(2 / fanIn);
      return (hashed) => normal(hashed) * deviation;
    }
  }
}

/**
 * Fills `into` (filters or dense weights, in the order of the checkpoint's tensor) with starting values. `kind`
 * undefined takes the default of the activation. `layer` is the index in the request. Connections that a sparse table
 * lacks are to be zeroed by the caller afterwards.
 */
export function fillWeights(options: {
  into: number[] | Float32Array | Float64Array;
  kind: InitialiserKind | undefined;
  activation: ActivationKind;
  fanIn: number;
  fanOut: number;
  seed: number;
  layer: number;
}): void {
  const { into, activation, fanIn, fanOut, seed, layer } = options;
  const value = valueOf(options.kind ?? initialiserOf[activation], fanIn, fanOut);
  const beginning = hash(seed, purposes.initialise, layer, tensorCodes.weight);
  for (let place = 0; place < into.length; place++) into[place] = value(extend(beginning, place));
}

/**
 * Fills c_ij, the free parameters of learned combinations (§3.3), uniformly within ±½: α near 1/n, but no two output
 * maps alike. From equal c and a filter for each *input* every output map would be the same map, and stay so for ever.
 */
export function fillMix(options: { into: number[] | Float32Array | Float64Array; seed: number; layer: number }): void {
  const { into, seed, layer } = options;
  const beginning = hash(seed, purposes.initialise, layer, tensorCodes.mix);
  for (let place = 0; place < into.length; place++) into[place] = uniform(extend(beginning, place)) - 0.5;
}
