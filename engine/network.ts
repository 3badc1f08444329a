/**
 * A network as the engine runs it: its layers planned one after the other, its tensors, and the passes that record
 * their kernels for one place in memory (a *unit*). The network alone knows what follows what; a layer is told what it
 * needs as values.
 *
 * A softmax output is the network's own: the last layer leaves u, and softmax and loss follow here.
 */
import { networkShape, outputActivation } from "../schemas/shape.ts";
import type { ActivationKind } from "../schemas/layer.ts";
import type { Loss, Network } from "../schemas/network.ts";
import type { Shape } from "../schemas/shape.ts";
import { EngineError } from "./errors.ts";
import { activationCodes, lossCodes } from "./kernels/kernels.ts";
import type { Meeting, PlannedLayer, Tensor, Wires } from "./layer.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import { Program } from "./program.ts";
import { planLayer } from "./registry.ts";

export interface NetworkPlan {
  layers: readonly PlannedLayer[];
  tensors: readonly Tensor[];
  input: Shape;
  classes: number;
  softmax: boolean;
  outputActivation: ActivationKind;
  /** The lowest layer with something to train: no sensitivity goes below it. */
  lowestTrained: number;
  /** Needs the whole batch at once somewhere. */
  meets: boolean;
  mean: number;
  factor: number;
  targets: number;
}

export interface NetworkOptions {
  network: Network;
  input: Shape;
  classes: number;
  memory: MemoryPlan;
  /** Most shards of a batch, its samples, and the address of 1 / samples; shards 0 for prediction only. */
  shards: number;
  batchSize: number;
  averageScale: number;
}

/** Says at which layer a plan failed. */
function at<Planned>(index: number, plan: () => Planned): Planned {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof EngineError) || error.pointer !== undefined) throw error;
    throw new EngineError({ code: error.code, detail: error.detail, pointer: `/layers/${index}` });
  }
}

/**
 * Biases that, after this layer, only add a constant to whole maps of x. `before`: those that did so below it; a linear
 * subsampling passes them on.
 */
function shiftsAfter({ kind, activation, tensors }: PlannedLayer, before: readonly Tensor[]): readonly Tensor[] {
  if (activation !== "linear" || kind === "dropout") return [];
  const own = tensors.filter((tensor) => tensor.name.endsWith(".bias"));
  return kind === "subsampling" ? [...before, ...own] : own;
}

/**
 * Plans the layers. Throws EngineError `network-does-not-fit` (with a pointer) or `too-large` (with the bytes) before
 * any memory exists.
 */
export function planNetwork(options: NetworkOptions): NetworkPlan {
  const { network, input, classes, memory, ...training } = options;
  const found = networkShape(network.layers, input, classes);
  const problem = found.problems[0];
  if (problem)
    throw new EngineError({ code: "network-does-not-fit", detail: problem.detail, pointer: problem.pointer });
  const output = outputActivation(network.layers);
  const softmax = output === "softmax";
  const layers: PlannedLayer[] = [];
  let shifts: readonly Tensor[] = [];
  for (const [index, spec] of network.layers.entries()) {
    const { input: arriving, output: leaving } = found.layers[index];
    const declared = "activation" in spec ? spec.activation : "linear";
    const activation = declared === "softmax" ? "linear" : declared;
    const inputActivation = layers.at(-1)?.activation ?? "linear";
    layers.push(
      at(index, () =>
        planLayer({
          spec,
          index,
          input: arriving,
          output: leaving,
          activation,
          declaredActivation: declared,
          inputActivation,
          shifts,
          memory,
          ...training,
        }),
      ),
    );
    shifts = shiftsAfter(layers.at(-1)!, shifts);
  }
  const tensors = layers.flatMap((layer) => layer.tensors);
  const real = (what: string, count: number) => memory.reserve({ what, element: "real", count });
  const lowest = layers.findIndex((layer) => layer.tensors.length > 0);
  return {
    layers,
    tensors,
    input,
    classes,
    softmax,
    outputActivation: output,
    lowestTrained: lowest < 0 ? layers.length : lowest,
    meets: layers.some((layer) => layer.meetings),
    mean: real("the channels' means", input.channels),
    factor: real("the channels' factors", input.channels),
    targets: real("the targets", 2),
  };
}

/**
 * Writes what never changes: the layers' constants, normalisation, and the targets of squared error (0 and 1, or ±1 for
 * tanh outputs; Bouvrie §2).
 */
export function writeConstants(
  plan: NetworkPlan,
  views: Views,
  normalisation: { mean: readonly number[]; std: readonly number[] },
): void {
  for (const layer of plan.layers) layer.constants?.(views);
  const { channels } = plan.input;
  const mean = views.reals(plan.mean, channels);
  const factor = views.reals(plan.factor, channels);
  for (let channel = 0; channel < channels; channel++) {
    mean[channel] = normalisation.mean[channel] ?? 0;
    factor[channel] = 1 / (normalisation.std[channel] ?? 1);
  }
  views
    .reals(plan.targets, 2)
    .set([plan.outputActivation === "tanh" || plan.outputActivation === "scaled-tanh" ? -1 : 0, 1]);
}

/** One place in memory where a block passes through the network: the addresses of everything on its way. */
export interface Unit {
  lanes: 1 | 8;
  header: number;
  shard: number;
  /** Doubles [loss, correct] that this unit adds to. */
  totals: number;
  x0: number;
  /** By layer. In evaluation δ is 0 everywhere. */
  outputs: readonly number[];
  deltas: readonly number[];
  own: readonly (readonly number[])[];
  /** y where the output is softmax; otherwise the last output. */
  y: number;
}

export interface Source {
  samples: number;
  dtype: number;
  labels: number;
}

export const wiresOf = (plan: NetworkPlan, unit: Unit, layer: number): Wires => ({
  lanes: unit.lanes,
  header: unit.header,
  shard: unit.shard,
  input: layer === 0 ? unit.x0 : unit.outputs[layer - 1],
  output: unit.outputs[layer],
  delta: unit.deltas[layer],
  inputDelta: layer > plan.lowestTrained ? unit.deltas[layer - 1] : 0,
  own: unit.own[layer],
});

/** What runs between two barriers: a program for each unit, or one that a single thread runs for all. */
export type Phase = { kind: "units"; programs: Program[] } | { kind: "join"; program: Program };

export interface PassOptions {
  plan: NetworkPlan;
  units: readonly Unit[];
  shards: number;
  source: Source;
  loss: Loss;
  /** forward: up to the loss; gradient: and back to the weights; curvature: second derivatives instead (LeCun 1998). */
  pass: "forward" | "gradient" | "curvature";
  /** Where the outputs go, reals [row][classes]; 0 where nobody wants them. */
  results?: number;
}

const recordGather = (plan: NetworkPlan, program: Program, unit: Unit, source: Source): void => {
  const { input, mean, factor } = plan;
  program.call("gather", {
    samples: source.samples,
    header: unit.header,
    mean,
    factor,
    output: unit.x0,
    dtype: source.dtype,
    channels: input.channels,
    pixels: input.height * input.width,
    lanes: unit.lanes,
  });
};

function recordLoss(
  { plan, source, loss, pass }: Pick<PassOptions, "plan" | "source" | "loss" | "pass">,
  program: Program,
  unit: Unit,
): void {
  const logits = unit.outputs.at(-1)!;
  const shared = {
    header: unit.header,
    kind: lossCodes[loss],
    softmax: plan.softmax ? 1 : 0,
    activation: plan.softmax ? 0 : activationCodes[plan.outputActivation as keyof typeof activationCodes],
    units: plan.classes,
    lanes: unit.lanes,
  };
  if (plan.softmax) program.call("softmax", { input: logits, output: unit.y, units: plan.classes, lanes: unit.lanes });
  program.call("loss", {
    output: unit.y,
    logits: plan.softmax ? logits : 0,
    delta: pass === "gradient" ? unit.deltas.at(-1)! : 0,
    labels: source.labels,
    targets: plan.targets,
    totals: unit.totals,
    ...shared,
  });
  if (pass === "curvature") program.call("lossCurvature", { output: unit.y, delta: unit.deltas.at(-1)!, ...shared });
}

/** Records a training pass for all units. Phases end where a layer needs the whole batch. */
export function recordTrainingPass(options: PassOptions): Phase[] {
  const { plan, units, shards, source, pass } = options;
  const phases: Phase[] = [];
  let programs: Program[] = [];
  const open = (): void => {
    programs = units.map(() => new Program());
    phases.push({ kind: "units", programs });
  };
  const each = (layer: number, record: (program: Program, wires: Wires) => void): void => {
    for (const [index, unit] of units.entries()) record(programs[index], wiresOf(plan, unit, layer));
  };
  const meet = (layer: number, meeting: Meeting): void => {
    each(layer, (program, wires) => meeting.each(program, wires));
    const program = new Program();
    meeting.join(program, { shards });
    phases.push({ kind: "join", program });
    open();
  };
  open();
  for (const [index, unit] of units.entries()) recordGather(plan, programs[index], unit, source);
  for (const [index, layer] of plan.layers.entries()) {
    const runs = pass === "curvature" ? (layer.evaluate ?? layer.forward) : layer.forward;
    if (layer.meetings && pass !== "curvature") meet(index, layer.meetings.forward);
    each(index, runs);
  }
  for (const [index, unit] of units.entries()) {
    recordLoss(options, programs[index], unit);
    if (options.results)
      programs[index].call("scatter", {
        output: unit.y,
        header: unit.header,
        results: options.results,
        units: plan.classes,
        lanes: unit.lanes,
      });
  }
  if (pass === "forward") return phases;
  for (let index = plan.layers.length - 1; index >= plan.lowestTrained; index--) {
    const layer = plan.layers[index];
    if (layer.meetings && pass === "gradient") meet(index, layer.meetings.backward);
    each(index, pass === "gradient" ? layer.backward : layer.curvature);
  }
  return phases;
}

/**
 * Records an evaluation of one unit: running statistics, no dropout, outputs to `results` (reals [row][classes]) where
 * not 0, loss where there are labels.
 */
export function recordEvaluation(options: {
  plan: NetworkPlan;
  unit: Unit;
  source: Source;
  loss: Loss | null;
  results: number;
}): Program {
  const { plan, unit, source, loss, results } = options;
  const program = new Program();
  recordGather(plan, program, unit, source);
  for (const [index, layer] of plan.layers.entries()) {
    if (!layer.transparent) (layer.evaluate ?? layer.forward)(program, wiresOf(plan, unit, index));
  }
  if (loss) recordLoss({ plan, source, loss, pass: "forward" }, program, unit);
  else if (plan.softmax)
    program.call("softmax", { input: unit.outputs.at(-1)!, output: unit.y, units: plan.classes, lanes: unit.lanes });
  if (results)
    program.call("scatter", { output: unit.y, header: unit.header, results, units: plan.classes, lanes: unit.lanes });
  return program;
}
