/**
 * Inference with the kernels of training: a network, its weights, and room for one batch. A single sample takes the
 * path that wastes no lanes. Outputs are the network's own; `probabilitiesOf` maps them to shares of one. Never does
 * I/O, never allocates after `createPredictor` but for its answers.
 */
import type { Numerics } from "../schemas/job.ts";
import type { Normalisation } from "../schemas/model.ts";
import type { Network } from "../schemas/network.ts";
import { sizeOf } from "../schemas/shape.ts";
import { outputActivation } from "../schemas/network-shape.ts";
import type { Shape } from "../schemas/shape.ts";
import { blockSamples, cutBatch, cutForward, share } from "./batches.ts";
import type { Cut } from "./batches.ts";
import { loadWeights } from "./checkpoint.ts";
import { planFusion } from "./fusion.ts";
import type { Fusion } from "./fusion.ts";
import { dtypeCodes, headerCount, headerResults, headerRows, headerSamples } from "./kernels/kernels.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { MemoryPlan, Views } from "./memory.ts";
import { endOf, planNetwork, writeConstants } from "./network.ts";
import type { NetworkPlan } from "./network.ts";
import { recordEvaluation } from "./passes.ts";
import type { PassStep, Slot } from "./passes.ts";
import { Program } from "./program.ts";
import { SlotPlanner } from "./slots.ts";

export interface PredictionSpec {
  network: Network;
  input: Shape;
  classes: number;
  normalisation: Normalisation;
  /** Most samples at once. */
  batch: number;
  /** In `fast`, layers are computed as one where that can be (fusion.ts); reproducible where nothing is said. */
  numerics?: Numerics;
}

export interface PredictionPlan {
  spec: PredictionSpec;
  bytes: number;
}

export interface FeatureMaps {
  /** Index in the request's layers. */
  layer: number;
  kind: string;
  shape: Shape;
  /** [channels][height][width] */
  values: Float32Array;
}

export interface Predictor {
  /**
   * samples [n][C][H][W] in the dataset's own range, n ≤ batch; → outputs [n][classes], softmax applied where the
   * network ends in one.
   */
  predict(samples: Float32Array | Uint8Array, n: number): Float32Array;
  /** What each layer makes of one sample. */
  featureMaps(sample: Float32Array | Uint8Array): FeatureMaps[];
}

/** Slots side by side, and what runs through them. */
interface Path {
  slots: readonly Slot[];
  program: Program;
}

interface Parts {
  memory: MemoryPlan;
  network: NetworkPlan;
  samples: number;
  results: number;
  prepare: Program;
  fusion: Fusion | null;
  /** Groups of one block of eight, of two, and so on; the single sample, and the same with every layer's own maps. */
  groups: readonly Path[];
  single: Path;
  inspected: Path;
}

function planParts({ network, input, classes, batch, numerics }: PredictionSpec): Parts {
  const memory = new MemoryPlan(4);
  const planned = planNetwork({ network, input, classes, memory, shards: 0, batchSize: batch, averageScale: 0 });
  const samples = memory.reserve({ what: "the samples", element: "real", count: batch * sizeOf(input) });
  const results = memory.reserve({ what: "the outputs", element: "real", count: batch * classes });
  const source = { samples, dtype: dtypeCodes.float32, labels: 0 };
  const fusion = numerics === "fast" ? planFusion(planned, memory) : null;
  const planner = new SlotPlanner({ memory, plan: planned, threads: 1, purpose: "evaluation", curvature: false });
  const slotsOf = (cut: Cut): readonly Slot[] => planner.plan(cut).groups[0].slots;
  const path = (slots: readonly Slot[], steps?: readonly PassStep[]): Path => ({
    slots,
    program: recordEvaluation({ plan: planned, slots, source, loss: null, results, ...(steps && { steps }) }),
  });
  const alone = slotsOf(cutBatch(1));
  const together = Math.min(planner.together, Math.ceil(batch / blockSamples));
  const single = path(alone, fusion?.steps);
  const prepare = new Program();
  for (const layer of planned.layers) layer.prepare?.(prepare);
  const parts = {
    memory,
    network: planned,
    samples,
    results,
    prepare,
    fusion,
    groups: Array.from({ length: together }, (_, more) =>
      path(slotsOf(cutForward((more + 1) * blockSamples)), fusion?.steps),
    ),
    single,
    inspected: fusion ? path(alone) : single,
  };
  for (const program of programsOf(parts)) program.reserve(memory);
  return parts;
}

const programsOf = ({ prepare, fusion, groups, single, inspected }: Parts): Set<Program> =>
  new Set([
    prepare,
    ...(fusion ? [fusion.prepare] : []),
    ...[...groups, single, inspected].map(({ program }) => program),
  ]);

/** Plans a predictor without making its memory. Throws EngineError for a network that does not fit. */
export const planPrediction = (spec: PredictionSpec): PredictionPlan => ({ spec, bytes: planParts(spec).memory.bytes });

export interface PredictorOptions {
  plan: PredictionPlan;
  memory: WebAssembly.Memory;
  kernels: Kernels;
  /** A safetensors file with the network's tensors. */
  weights: Uint8Array;
}

/** Throws EngineError where the weights are not this network's. */
export function createPredictor({ plan, memory, kernels, weights }: PredictorOptions): Predictor {
  const { spec } = plan;
  const parts = planParts(spec);
  const { network, groups, single, inspected } = parts;
  const views = new Views(memory.buffer, 4);
  parts.memory.install(views);
  writeConstants(network, views, spec.normalisation);
  for (const program of programsOf(parts)) program.install(views);
  loadWeights({ views, tensors: network.tensors, bytes: weights });
  parts.prepare.run(kernels);
  for (const layer of network.layers) layer.beforeEvaluation?.(views);
  parts.fusion?.write(views);
  parts.fusion?.prepare.run(kernels);
  const size = sizeOf(spec.input);

  /** Samples from `from` on, before `to`. */
  const run = ({ slots, program }: Path, from: number, to: number): void => {
    for (const [place, slot] of slots.entries()) {
      const header = slot.header / 4;
      const first = from + place * blockSamples;
      const count = Math.min(slot.lanes, to - first);
      views.ints[header + headerCount] = count;
      for (let lane = 0; lane < count; lane++)
        for (const field of [headerRows, headerSamples, headerResults])
          views.ints[header + field + lane] = first + lane;
    }
    program.run(kernels);
  };
  const runAll = (n: number): void => {
    const blocks = Math.ceil(n / blockSamples);
    const runs = Math.ceil(blocks / groups.length);
    for (let at = 0; at < runs; at++) {
      const { from, to } = share(blocks, runs, at);
      run(groups[to - from - 1], from * blockSamples, Math.min(n, to * blockSamples));
    }
  };
  const put = (samples: Float32Array | Uint8Array, n: number): void => {
    if (n < 1 || n > spec.batch || samples.length !== n * size)
      throw new Error(`${samples.length} numbers are not ${n} samples of ${size}, at most ${spec.batch} at once`);
    views.reals(parts.samples, n * size).set(samples);
  };

  return {
    predict(samples, n) {
      put(samples, n);
      if (n === 1) run(single, 0, 1);
      else runAll(n);
      return Float32Array.from(views.reals(parts.results, n * spec.classes));
    },
    featureMaps(sample) {
      put(sample, 1);
      run(inspected, 0, 1);
      return spec.network.layers.map((_, layer) => {
        const node = endOf(network, layer);
        const isLast = node === network.nodes.length - 1;
        const { kind, output: shape } = network.layers[node];
        const { y, outputs } = inspected.slots[0];
        const values = views.reals(isLast ? y : outputs[node], sizeOf(shape));
        return { layer, kind, shape, values: Float32Array.from(values) };
      });
    },
  };
}

/**
 * Outputs [n][classes] as shares of one: a softmax's as they are; others mapped to [0, 1] from their target range (0 …
 * 1, or −1 … 1 for tanh outputs), clipped and divided by their sum. Where all are clipped to zero every class has an
 * equal share; where an output is no number no share is.
 */
export function probabilitiesOf(
  outputs: Float32Array,
  { network, classes }: { network: Network; classes: number },
): Float32Array {
  const activation = outputActivation(network.layers);
  if (activation === "softmax") return outputs;
  const low = activation === "tanh" || activation === "scaled-tanh" ? -1 : 0;
  const shares = outputs.map((output) => Math.min(1, Math.max(0, (output - low) / (1 - low))));
  for (let first = 0; first < shares.length; first += classes) {
    let sum = 0;
    for (let unit = 0; unit < classes; unit++) sum += shares[first + unit];
    for (let unit = 0; unit < classes; unit++)
      shares[first + unit] = sum > 0 || Number.isNaN(sum) ? shares[first + unit] / sum : 1 / classes;
  }
  return shares;
}
