/**
 * The gradient check as a feature: central differences in float64 for every parameter of a network (or a seeded sample
 * of them),
 *
 *     ∂E/∂w ≈ ( E(w + h) − E(w − h) ) / 2h
 *
 * against back-propagation through the very programs that training runs. Errors are per tensor, ‖a−b‖₂ / max(‖b‖₂, 1e-3
 * × the largest norm among the tensors), b the difference quotients. Where the two one-sided quotients disagree by far
 * more than smooth curvature explains, the difference crosses a kink of relu or max: such elements are skipped and
 * counted. Penalties (§3.3.1) are included. Never does I/O; time is the caller's to bound (`deadline`).
 */
import type { Loss, Network } from "../schemas/network.ts";
import { sizeOf } from "../schemas/shape.ts";
import type { Shape } from "../schemas/shape.ts";
import { endOf } from "./network.ts";
import { Inspection } from "./inspection.ts";
import type { Kernels } from "./kernels/kernels.ts";
import type { Tensor } from "./layer.ts";
import { hash, normal, permutation, purposes } from "./random.ts";

export interface GradientCheckOptions {
  network: Network;
  loss: Loss;
  input: Shape;
  classes: number;
  seed: number;
  /** Elements of each tensor to check, chosen from the seed; null: all. */
  sample: number | null;
  /** The reference in float64. */
  kernels: (memory: WebAssembly.Memory) => Kernels;
  /** Samples [count][C][H][W], normalised, and labels; by default five random ones. */
  data?: { samples: ArrayLike<number>; labels: ArrayLike<number> };
  /** Asked now and then; true ends the check early, and the answer says what was checked. */
  expired?: () => boolean;
}

export interface CheckedTensor {
  /** `weight`, `bias`, `beta`, `mix` …; in a residual block `layers.0.weight`, `shortcut.weight` … */
  name: string;
  elements: number;
  checked: number;
  skipped: number;
  worstRelativeError: number;
}

export interface GradientCheck {
  worst: number;
  complete: boolean;
  layers: { index: number; kind: string; parameters: CheckedTensor[] }[];
}

const samplesDrawn = 5;
const difference = 1e-5;
/** One-sided quotients of a smooth function differ by about h·E″; a kink makes a jump that does not shrink with h. */
const kinkRatio = 1e-3;

function drawSamples({ input, classes, seed }: GradientCheckOptions): { samples: Float64Array; labels: Int32Array } {
  const size = sizeOf(input);
  return {
    samples: Float64Array.from({ length: samplesDrawn * size }, (_, index) =>
      normal(hash(seed, purposes.gradientCheck, 0, index)),
    ),
    labels: Int32Array.from(
      { length: samplesDrawn },
      (_, index) => hash(seed, purposes.gradientCheck, 1, index) % classes,
    ),
  };
}

/** Places of the parameters to check: all, or as many as wanted, from the seed. */
function chosen(
  { size, isParameter }: Tensor,
  { sample, seed }: GradientCheckOptions,
  number: number,
): { elements: number; places: number[] } {
  const order = permutation({ seed: hash(seed, number), epoch: 0, count: size, purpose: "gradientCheck" });
  const parameters = Array.from(order).filter((place) => isParameter?.(place) ?? true);
  return { elements: parameters.length, places: parameters.slice(0, sample ?? size) };
}

const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Checks every tensor that descent moves. Throws EngineError where the network does not fit its input. */
export function checkGradients(options: GradientCheckOptions): GradientCheck {
  const { network, loss, input, classes, seed, kernels, expired } = options;
  const inspection = new Inspection({
    network,
    loss,
    input,
    classes,
    seed,
    realBytes: 8,
    kernels,
    ...(options.data ?? drawSamples(options)),
  });
  perturbStart(inspection, seed);
  const centre = inspection.gradient().penalisedLoss;
  const { layers: planned, nodes } = inspection.plan.network;
  const trained = planned.flatMap((layer, node) =>
    layer.tensors.filter((tensor) => tensor.gradient).map((tensor) => ({ tensor, index: nodes[node].layer })),
  );
  const analytic = new Map(trained.map(({ tensor }) => [tensor.name, inspection.gradientOf(tensor.name).slice()]));
  let complete = true;

  const compared = trained.map(({ tensor, index }, number) => {
    const values = inspection.values(tensor.name);
    const gradient = analytic.get(tensor.name)!;
    const [numeric, own]: [number[], number[]] = [[], []];
    let skipped = 0;
    const { elements, places } = chosen(tensor, options, number);
    for (const element of places) {
      if (complete && expired?.()) complete = false;
      if (!complete) break;
      const before = values[element];
      const h = difference * Math.max(1, Math.abs(before));
      values[element] = before + h;
      const above = inspection.forward().penalisedLoss;
      values[element] = before - h;
      const below = inspection.forward().penalisedLoss;
      values[element] = before;
      const [right, left] = [(above - centre) / h, (centre - below) / h];
      if (Math.abs(right - left) > kinkRatio * Math.max(Math.abs(right), Math.abs(left)) + 1e-4) {
        skipped++;
        continue;
      }
      numeric.push((above - below) / (2 * h));
      own.push(gradient[element]);
    }
    return { tensor, index, elements, numeric, own, skipped };
  });
  const largest = Math.max(...compared.map(({ numeric }) => norm(numeric)), 0);
  const result = network.layers.map((_, index) => ({
    index,
    kind: planned[endOf(inspection.plan.network, index)].kind,
    parameters: compared
      .filter((each) => each.index === index)
      .map(({ tensor, elements, numeric, own, skipped }) => ({
        name: tensor.name.slice(`layers.${index}.`.length),
        elements,
        checked: numeric.length,
        skipped,
        worstRelativeError:
          norm(own.map((value, at) => value - numeric[at])) / Math.max(norm(numeric), 1e-3 * largest, Number.MIN_VALUE),
      })),
  }));
  return {
    worst: Math.max(0, ...result.flatMap(({ parameters }) => parameters.map((each) => each.worstRelativeError))),
    complete,
    layers: result,
  };
}

/** Moves biases, β and the like off their even start, where some errors would hide. */
function perturbStart(inspection: Inspection, seed: number): void {
  for (const [number, tensor] of inspection.plan.network.tensors.entries()) {
    if (!tensor.gradient || tensor.decays) continue;
    const values = inspection.values(tensor.name);
    for (let index = 0; index < values.length; index++)
      values[index] = values[index] + 0.1 * normal(hash(seed, purposes.gradientCheck, 2, number, index));
  }
}
