/**
 * Makes a request complete: the preset's settings where the request has none, and the defaults that depend on other
 * fields. Pure.
 */
import type { CompleteJobRequest, jobRequest } from "./job.ts";
import type { Layer } from "./layer.ts";
import { presetName, type Loss, type Network } from "./network.ts";
import type { Schedule } from "./optimiser.ts";
import { presetNetwork, presets } from "./presets.ts";
import { initialiserOf } from "./shape.ts";
import { outputActivation } from "./network-shape.ts";
import type { z } from "zod";

/**
 * A body as it came, before it is checked: a preset's settings come in below the fields that are given; its network
 * stays a name until the dataset is known. A field that is given wins as a whole (an `optimiser` of one's own takes
 * nothing from the preset's). Anything that is not a request is returned as it is.
 */
export function withPreset(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const named = presetName.safeParse((body as { network?: unknown }).network);
  if (!named.success) return body;
  const { network: _network, ...settings } = presets[named.data];
  return { ...settings, ...body };
}

const hasWeights: readonly Layer["kind"][] = ["convolution", "dense", "residual"];

/** A layer whose weights start by what its activation needs says so; a residual block's are those of its projection. */
const completed = <Spec extends Layer>(layer: Spec): Spec =>
  "activation" in layer && hasWeights.includes(layer.kind) && layer.initialiser === undefined
    ? { ...layer, initialiser: initialiserOf[layer.activation] }
    : layer;

const completeLayer = (layer: Layer): Layer =>
  layer.kind === "residual" ? completed({ ...layer, layers: layer.layers.map(completed) }) : completed(layer);

/** Every layer with weights names its initialiser. */
export const completeNetwork = (network: Network): Network => ({ layers: network.layers.map(completeLayer) });

export const lossOf = (network: Network): Loss =>
  outputActivation(network.layers) === "softmax" ? "cross-entropy" : "squared-error";

const completeSchedule = (schedule: Schedule, learningRate: number): Schedule =>
  schedule.kind === "one-cycle" ? { ...schedule, peak: schedule.peak ?? learningRate } : schedule;

/** The layers of what stands under `network`; what is left to the rule has been chosen before (automatic/). */
export function layersOf(named: z.output<typeof jobRequest>["network"], classes: number): Network {
  if (named === "auto") throw new Error("a network that is left to the rule is chosen before it is looked at");
  return typeof named === "string" ? presetNetwork(named, classes) : named;
}

/**
 * A checked request (a preset's settings already put in by `withPreset`, what is chosen by `withAutomatic`) with
 * everything in place. `classes` are those of its dataset, for which a preset's network is made.
 */
export function completeRequest(request: z.output<typeof jobRequest>, classes: number): CompleteJobRequest {
  const network = completeNetwork(layersOf(request.network, classes));
  return {
    ...request,
    network,
    loss: request.loss ?? lossOf(network),
    schedule: completeSchedule(request.schedule, request.optimiser.learningRate),
  };
}

/** What the schemas and shapes cannot see: settings that contradict each other. Pointers from the request's root. */
export function contradictions(request: CompleteJobRequest): { pointer: string; detail: string }[] {
  const found: { pointer: string; detail: string }[] = [];
  const output = outputActivation(request.network.layers);
  if (request.loss === "cross-entropy" && output !== "softmax") {
    found.push({
      pointer: "/loss",
      detail: `cross-entropy needs a last layer with activation 'softmax'; this network ends in '${output}'`,
    });
  }
  const { schedule, optimiser } = request;
  if (schedule.kind === "cosine" && schedule.minimum > optimiser.learningRate) {
    found.push({
      pointer: "/schedule/minimum",
      detail: `the rate at the last step (${schedule.minimum}) is above the learning rate (${optimiser.learningRate})`,
    });
  }
  return found;
}
