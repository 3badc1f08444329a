/**
 * The passes of a network, recorded as programs: forward to the loss, back to the weights, second derivatives, and
 * evaluation. A *slot* is a place in memory that blocks of samples pass through one after the other; a *group* has a
 * slot for each of the blocks that pass side by side. One after the other they go as far as they can by themselves, and
 * wait where a layer takes them together.
 */
import type { Loss } from "../schemas/network.ts";
import { activationCodes, lossCodes } from "./kernels/kernels.ts";
import type { Meeting, PlannedLayer, Wires } from "./layer.ts";
import type { NetworkPlan } from "./network.ts";
import { Program } from "./program.ts";

/** A place in memory where a block passes through the network: the addresses of everything on its way. */
export interface Slot {
  lanes: 1 | 8;
  header: number;
  shard: number;
  /** Doubles [loss, correct] that this slot adds to. */
  totals: number;
  x0: number;
  /** By layer. In evaluation δ is 0 everywhere. */
  outputs: readonly number[];
  deltas: readonly number[];
  /** δ of the network's input; 0 where nobody asks for it. */
  inputDelta: number;
  own: readonly (readonly number[])[];
  /** y where the output is softmax; otherwise the last output. */
  y: number;
}

export interface Source {
  samples: number;
  dtype: number;
  labels: number;
}

export function wiresOf(plan: NetworkPlan, slot: Slot, layer: number): Wires {
  const { layers, nodes, trains, deltaOf, cancelled } = plan;
  const { from, shortcut } = nodes[layer];
  const passesDown = trains[from] && (layers[layer].overwrites || deltaOf[from] !== deltaOf[layer]);
  return {
    lanes: slot.lanes,
    header: slot.header,
    shard: slot.shard,
    cancelsBias: layers[layer].tensors.some((tensor) => cancelled.has(tensor)),
    input: from < 0 ? slot.x0 : slot.outputs[from],
    shortcut: shortcut === null ? 0 : slot.outputs[shortcut],
    output: slot.outputs[layer],
    delta: slot.deltas[layer],
    inputDelta: from < 0 ? slot.inputDelta : passesDown ? slot.deltas[from] : 0,
    own: slot.own[layer],
  };
}

/** The sum that a layer makes as well: it ends the block, is linear by itself, and can. */
export function sumOf({ layers, nodes }: NetworkPlan, layer: number): number | null {
  const sum = nodes.findIndex(({ from, shortcut }) => from === layer && shortcut !== null);
  return sum >= 0 && layers[layer].sums && layers[layer].activation === "linear" ? sum : null;
}

/** The addresses of a layer on its way forward: with the sum that it makes as well. */
function forwardWires(plan: NetworkPlan, slot: Slot, layer: number): Wires {
  const wires = wiresOf(plan, slot, layer);
  const sum = sumOf(plan, layer);
  if (sum === null) return wires;
  const { shortcut, output } = wiresOf(plan, slot, sum);
  return { ...wires, shortcut, output, sum: plan.layers[sum].activation };
}

/** A part of a pass: what a slot does by itself, or, where `together` is given, a group of several slots at once. */
export interface PassStep {
  each(program: Program, slot: Slot): void;
  together?(program: Program, slots: readonly Slot[]): void;
}

/** Records steps for a group. */
function recordSteps(steps: readonly PassStep[], slots: readonly Slot[]): Program {
  const program = new Program();
  let ways = slots.map(() => new Program());
  for (const { each, together } of steps) {
    if (together && slots.length > 1) {
      for (const way of ways) program.append(way);
      ways = slots.map(() => new Program());
      together(program, slots);
    } else for (const [place, slot] of slots.entries()) each(ways[place], slot);
  }
  for (const way of ways) program.append(way);
  return program;
}

/** What all groups run before the whole batch is joined. */
export interface PassPhase {
  /** By group. */
  programs: Program[];
  /** By group: what only has to be done before the update, and after the group's program. Empty in the last phase. */
  spare: Program[];
  /** Once, when all groups are done; null in the last phase. */
  join: Program | null;
}

export interface PassOptions {
  plan: NetworkPlan;
  /** By group. */
  groups: readonly (readonly Slot[])[];
  shards: number;
  source: Source;
  loss: Loss;
  /** forward: up to the loss; gradient: and back to the weights; curvature: second derivatives instead (LeCun 1998). */
  pass: "forward" | "gradient" | "curvature";
  /** Where the outputs go, reals [row][classes]; 0 where nobody wants them. */
  results?: number;
}

const recordGather = (plan: NetworkPlan, program: Program, slot: Slot, source: Source): void => {
  const { input, mean, factor } = plan;
  program.call("gather", {
    samples: source.samples,
    header: slot.header,
    mean,
    factor,
    output: slot.x0,
    dtype: source.dtype,
    channels: input.channels,
    pixels: input.height * input.width,
    lanes: slot.lanes,
  });
};

const recordSoftmax = (plan: NetworkPlan, program: Program, slot: Slot): void => {
  const { outputs, y, lanes } = slot;
  program.call("softmax", { input: outputs.at(-1)!, output: y, units: plan.classes, lanes });
};

const recordScatter = (plan: NetworkPlan, program: Program, slot: Slot, results: number): void => {
  const { y, header, lanes } = slot;
  program.call("scatter", { output: y, header, results, units: plan.classes, lanes });
};

function recordLoss(
  { plan, source, loss, pass }: Pick<PassOptions, "plan" | "source" | "loss" | "pass">,
  program: Program,
  slot: Slot,
): void {
  const logits = slot.outputs.at(-1)!;
  const shared = {
    header: slot.header,
    kind: lossCodes[loss],
    softmax: plan.softmax ? 1 : 0,
    activation: plan.outputActivation === "softmax" ? 0 : activationCodes[plan.outputActivation],
    units: plan.classes,
    lanes: slot.lanes,
  };
  if (plan.softmax) recordSoftmax(plan, program, slot);
  program.call("loss", {
    output: slot.y,
    logits: plan.softmax ? logits : 0,
    delta: pass === "gradient" ? slot.deltas.at(-1)! : 0,
    labels: source.labels,
    targets: plan.targets,
    totals: slot.totals,
    ...shared,
  });
  if (pass === "curvature") program.call("lossCurvature", { output: slot.y, delta: slot.deltas.at(-1)!, ...shared });
}

/** What a layer records, as a step. */
const layerStep = (
  plan: NetworkPlan,
  layer: number,
  record: (program: Program, wires: Wires) => void,
  together?: (program: Program, wires: readonly Wires[]) => void,
): PassStep => ({
  each: (program, slot) => record(program, wiresOf(plan, slot, layer)),
  ...(together && {
    together: (program, slots) => {
      together(
        program,
        slots.map((slot) => wiresOf(plan, slot, layer)),
      );
    },
  }),
});

const idle: PassStep = { each: () => undefined };

/** A layer forward as a step, with the sum that it makes as well; such a sum does nothing by itself. */
function forwardStep(plan: NetworkPlan, layer: number, record: PlannedLayer["forward"]): PassStep {
  const { layers, nodes } = plan;
  if (nodes[layer].shortcut !== null && sumOf(plan, nodes[layer].from) !== null) return idle;
  if (sumOf(plan, layer) === null) return layerStep(plan, layer, record, layers[layer].together?.forward);
  return { each: (program, slot) => record(program, forwardWires(plan, slot, layer)) };
}

/** Steps up to where the whole batch is joined. */
interface Stretch {
  steps: PassStep[];
  spare: PassStep[];
  join: Program | null;
}

/** Records a training pass for all groups. Phases end where a layer needs the whole batch. */
export function recordTrainingPass(options: PassOptions): PassPhase[] {
  const { plan, groups, shards, source, pass, results } = options;
  const stretches: Stretch[] = [];
  const open = (): Stretch => {
    const stretch: Stretch = { steps: [], spare: [], join: null };
    stretches.push(stretch);
    return stretch;
  };
  let stretch = open();
  const meet = (layer: number, meeting: Meeting): void => {
    stretch.steps.push(layerStep(plan, layer, meeting.each));
    stretch.join = new Program();
    meeting.join(stretch.join, { shards });
    stretch = open();
  };
  /** Whether a backward pass meets again below a layer. */
  const meetsBelow = (layer: number): boolean =>
    plan.layers.some((below, index) => index < layer && plan.trains[index] && below.meetings);

  stretch.steps.push({ each: (program, slot) => recordGather(plan, program, slot, source) });
  for (const [index, layer] of plan.layers.entries()) {
    const isConstant = pass === "curvature";
    if (layer.meetings && !isConstant) meet(index, layer.meetings.forward);
    stretch.steps.push(forwardStep(plan, index, isConstant ? (layer.evaluate ?? layer.forward) : layer.forward));
  }
  stretch.steps.push({ each: (program, slot) => recordLoss(options, program, slot) });
  if (results) stretch.steps.push({ each: (program, slot) => recordScatter(plan, program, slot, results) });
  for (let index = plan.layers.length - 1; index >= 0 && pass !== "forward"; index--) {
    if (!plan.trains[index]) continue;
    const layer = plan.layers[index];
    if (pass === "curvature") {
      stretch.steps.push(layerStep(plan, index, layer.curvature));
      continue;
    }
    if (layer.meetings) meet(index, layer.meetings.backward);
    if (layer.gradient)
      (meetsBelow(index) ? stretch.spare : stretch.steps).push(layerStep(plan, index, layer.gradient));
    stretch.steps.push(layerStep(plan, index, layer.backward, layer.together?.backward));
  }
  return stretches.map(({ steps, spare, join }) => ({
    programs: groups.map((slots) => recordSteps(steps, slots)),
    spare: groups.map((slots) => recordSteps(spare, slots)),
    join,
  }));
}

/** From a δ that stands at the last layer back to the input, with no loss: in a network that never meets. */
export function recordBackward(plan: NetworkPlan, slot: Slot): Program {
  const program = new Program();
  for (let index = plan.layers.length - 1; index >= 0; index--) {
    const wires = wiresOf(plan, slot, index);
    plan.layers[index].gradient?.(program, wires);
    plan.layers[index].backward(program, wires);
  }
  return program;
}

/** Each layer by itself, but for a sum that another makes as well. */
export const evaluationSteps = (plan: NetworkPlan): PassStep[] =>
  plan.layers.map(({ passes, forward, evaluate = forward }, index) =>
    passes ? idle : forwardStep(plan, index, evaluate),
  );

/**
 * Records an evaluation of one group: running statistics, no dropout, outputs to `results` (reals [row][classes]) where
 * not 0, loss where there are labels.
 */
export function recordEvaluation(options: {
  plan: NetworkPlan;
  slots: readonly Slot[];
  source: Source;
  loss: Loss | null;
  results: number;
  /** Those of evaluationSteps where nothing is said. */
  steps?: readonly PassStep[];
}): Program {
  const { plan, slots, source, loss, results, steps = evaluationSteps(plan) } = options;
  const gather: PassStep = { each: (program, slot) => recordGather(plan, program, slot, source) };
  const end: PassStep = {
    each(program, slot) {
      if (loss) recordLoss({ plan, source, loss, pass: "forward" }, program, slot);
      else if (plan.softmax) recordSoftmax(plan, program, slot);
      if (results) recordScatter(plan, program, slot, results);
    },
  };
  return recordSteps([gather, ...steps, end], slots);
}
