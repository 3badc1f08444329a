/**
 * Whose each buffer of a block's way through the network is, which says how long it stays as it is.
 *
 *   thread   until the thread's next block: activations and sensitivities, reused block after block, stay in its cache
 *   place    until a thread's next group: what stands while the blocks of a group wait for each other (layers that
 *            several go through together); every block of a group has a place
 *   block    to the end of the step: what meets the whole batch, and the inputs of a deferred gradient
 */
import { sizeOf } from "../schemas/shape.ts";
import { blockSamples } from "./batches.ts";
import type { NetworkPlan } from "./network.ts";

export type Owner = "thread" | "place" | "block";

export interface Owners {
  input: Owner;
  /** By layer. Layers whose sensitivity has one place in memory have one owner of it. */
  outputs: readonly Owner[];
  deltas: readonly Owner[];
  buffers: readonly Owner[];
  /** How many blocks go together at most. */
  together: number;
}

export type Purpose = "training" | "evaluation";

/** With more, weights are no longer what memory brings most of. */
const mostTogether = 8;
/** Of the weights that blocks read together: what a place may hold. With more, keeping it costs what is saved. */
const placeShare = 0.5;
/** What the places of a thread may hold. */
const mostPlaceBytes = 64 * 2 ** 20;

interface Options {
  plan: NetworkPlan;
  purpose: Purpose;
  realBytes: number;
}

/** Who reads a layer's output (−1: the network's input). */
const readersOf = ({ nodes }: NetworkPlan, layer: number): number[] =>
  [...nodes.keys()].filter((reader) => nodes[reader].from === layer || nodes[reader].shortcut === layer);

/** Where blocks go together at layer `first` and none below; Infinity: nowhere. */
function ownersFrom(first: number, { plan, purpose }: Options): Omit<Owners, "together"> {
  const { layers, nodes, deltaOf } = plan;
  const training = purpose === "training";
  const meets = training && plan.meets;
  const resident = layers.map(({ deferred }) => training && (plan.meets || deferred !== undefined));
  const readers = new Map([-1, ...layers.keys()].map((layer) => [layer, readersOf(plan, layer)]));

  /** Whether what a layer leaves is touched where blocks go together, or above. */
  const isHigh = (layer: number): boolean =>
    layer >= first || readers.get(layer)!.some((reader) => reader >= first || (passes(reader) && isHigh(reader)));
  const passes = (layer: number): boolean =>
    layers[layer].passes === "always" || (!training && layers[layer].passes === "in evaluation");
  // On the way back in training outputs are read again, so they outlast the way forward.
  const outlasts = (layer: number): boolean => first < Infinity && (training || isHigh(layer));
  const isForgotten = (layer: number): boolean =>
    !isHigh(layer) &&
    readers.get(layer)!.every((reader) => layers[reader].forgetsInput && nodes[reader].from === layer);

  const ofOutput = (layer: number): Owner => {
    if (meets || nodes.some(({ from }, reader) => from === layer && resident[reader])) return "block";
    return outlasts(layer) && !isForgotten(layer) ? "place" : "thread";
  };
  const ofDelta = (layer: number): Owner => {
    const sharing = [...layers.keys()].filter((other) => deltaOf[other] === deltaOf[layer]);
    if (sharing.some((other) => resident[other])) return "block";
    return sharing.some(isHigh) ? "place" : "thread";
  };
  return {
    input: ofOutput(-1),
    outputs: layers.map((_, layer) => ofOutput(layer)),
    deltas: layers.map((_, layer) => ofDelta(layer)),
    buffers: layers.map((_, layer) => (resident[layer] ? "block" : outlasts(layer) ? "place" : "thread")),
  };
}

/** Bytes of a place. */
function placeBytes({ outputs, deltas, buffers }: Omit<Owners, "together">, { plan, purpose, realBytes }: Options) {
  const sizes = plan.layers.flatMap((layer, at) => [
    outputs[at] === "place" ? sizeOf(layer.output) : 0,
    purpose === "training" && deltas[at] === "place" ? sizeOf(layer.output) : 0,
    ...(buffers[at] === "place" ? [...layer.buffers, ...(purpose === "training" ? (layer.keeps ?? []) : [])] : []),
  ]);
  return sizes.reduce((sum, size) => sum + size, 0) * blockSamples * realBytes;
}

export function ownersOf(options: Options): Owners {
  const { plan, realBytes } = options;
  const first = plan.layers.findIndex(({ together }) => together);
  if (first >= 0) {
    const owners = ownersFrom(first, options);
    const tensors = plan.layers.filter(({ together }) => together).flatMap((layer) => layer.tensors);
    const weights = tensors.reduce((sum, { size }) => sum + size, 0) * realBytes;
    const place = Math.max(1, placeBytes(owners, options));
    const together = Math.min(mostTogether, Math.floor(mostPlaceBytes / place));
    if (together > 1 && place <= placeShare * weights) return { ...owners, together };
  }
  return { ...ownersFrom(Infinity, options), together: 1 };
}
