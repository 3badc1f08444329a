/**
 * `space: "auto"`: what is worth searching for the network at hand, from the base and the dataset's facts alone. The
 * learning rate decides most, so it always comes first; the others only where they can matter. Every choice with its
 * reason. It reads a base in which network and settings stand already, so it need not know who chose them.
 */
import type { jobRequest } from "../schemas/job.ts";
import type { Network } from "../schemas/network.ts";
import { layersOf } from "../schemas/complete.ts";
import { type Shape } from "../schemas/shape.ts";
import { networkShape } from "../schemas/network-shape.ts";
import type { Space } from "../schemas/sweep.ts";

export interface DatasetFacts {
  shape: Shape;
  classes: number;
  /** Of the training split, less what a job holds out of it. */
  samples: number;
  /** Samples that a job of the base would measure itself on, what it holds out included; null: nobody knows yet. */
  measured: { validation: number; test: number } | null;
}

type JobBase = ReturnType<typeof jobRequest.parse>;
interface Choice {
  space: Space;
  reasons: string[];
}

/** Three digits: a bound is a round number, not a result. */
const round = (value: number): number => Number(value.toPrecision(3));

function learningRate({ optimiser, schedule }: JobBase): Choice {
  const peak = schedule.kind === "one-cycle" ? schedule.peak : undefined;
  const rate = peak ?? optimiser.learningRate;
  const floor = schedule.kind === "cosine" ? schedule.minimum : 0;
  const least = Math.max(rate / 10, floor, 1e-30);
  const most = Math.min(rate * 5, 1000);
  const pointer = peak !== undefined ? "/schedule/peak" : "/optimiser/learningRate";
  return {
    space: { [pointer]: { log: [Math.max(round(least), floor), round(most)] } },
    reasons: [
      `${pointer}: from a tenth to five times the base's ${rate}, by factors: no other number decides as much, and too high a rate fails sooner than too low a one.`,
    ],
  };
}

function batchSize({ batchSize: batch }: JobBase, { samples }: DatasetFacts): Choice {
  // Eight samples fill a block; sixteen steps an epoch leave the rate something to do.
  const choices = [Math.round(batch / 2), batch, batch * 2].filter(
    (size) => size === batch || (size >= 8 && size * 16 <= samples),
  );
  if (choices.length < 2) return { space: {}, reasons: [] };
  return {
    space: { "/batchSize": { choices } },
    reasons: [
      `/batchSize: ${choices.join(" or ")}: small batches take more and noisier steps in an epoch, large ones fewer.`,
    ],
  };
}

function momentum({ optimiser }: JobBase): Choice {
  if (optimiser.kind !== "sgd" || optimiser.momentum > 0) return { space: {}, reasons: [] };
  return {
    space: { "/optimiser/momentum": { choices: [0, 0.9] } },
    reasons: [
      "/optimiser/momentum: none, as in the base, or 0.9. Where there is momentum already it stays: changing it acts like another learning rate.",
    ],
  };
}

function weightDecay(network: Network, dataset: DatasetFacts): Choice {
  const parameters = networkShape(network.layers, dataset.shape, dataset.classes).layers.reduce(
    (sum, layer) => sum + layer.parameters,
    0,
  );
  if (parameters < dataset.samples) return { space: {}, reasons: [] };
  return {
    space: { "/optimiser/weightDecay": { log: [1e-5, 1e-2] } },
    reasons: [
      `/optimiser/weightDecay: ${parameters} parameters against ${dataset.samples} training samples can learn them by heart.`,
    ],
  };
}

function dropout({ layers }: Network): Choice {
  const at = layers.flatMap((layer, index) => (layer.kind === "dropout" ? [`/network/layers/${index}/rate`] : []));
  if (at.length === 0 || at.length > 2) return { space: {}, reasons: [] };
  return {
    space: Object.fromEntries(at.map((pointer) => [pointer, { uniform: [0, 0.6] as [number, number] }])),
    reasons: [`${at.join(", ")}: the network has dropout, and its rate is a matter of the data.`],
  };
}

/** Shifts are safe for any picture; turning, mirroring and stretching may change what a picture shows. */
function shift({ shape, classes, samples }: DatasetFacts): Choice {
  const most = Math.floor(Math.min(shape.height, shape.width) / 12);
  if (most < 1 || samples >= 2000 * classes) return { space: {}, reasons: [] };
  return {
    space: { "/augmentation/shift": { integers: [0, most] } },
    reasons: [
      `/augmentation/shift: up to ${most} pixels: about ${Math.round(samples / classes)} training samples a class leave room for more. Flips and turns are left as the base has them, since they may change what a picture shows.`,
    ],
  };
}

export function chooseSpace({ base, dataset }: { base: JobBase; dataset: DatasetFacts }): Choice {
  const network = layersOf(base.network, dataset.classes);
  const parts = [
    learningRate(base),
    batchSize(base, dataset),
    momentum(base),
    weightDecay(network, dataset),
    dropout(network),
    shift(dataset),
  ];
  return {
    space: Object.assign({}, ...parts.map((part) => part.space)) as Space,
    reasons: parts.flatMap((part) => part.reasons),
  };
}
