/**
 * The passes of a network through one slot, recorded as programs: forward to the loss, back to the weights, second
 * derivatives, and evaluation. A *slot* is a place in memory that blocks of samples pass through one after the other.
 */
import type { Loss } from "../schemas/network.ts";
import { activationCodes, lossCodes } from "./kernels/kernels.ts";
import type { Meeting, Wires } from "./layer.ts";
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

/** The sum that a layer of a training pass makes as well: it ends the block, is linear by itself, and can. */
function sumOf({ layers, nodes }: NetworkPlan, layer: number): number | null {
  const sum = nodes.findIndex(({ from, shortcut }) => from === layer && shortcut !== null);
  return sum >= 0 && layers[layer].sums && layers[layer].activation === "linear" ? sum : null;
}

/** Records a layer forward, with the sum that it makes as well; such a sum records nothing. */
function recordForward(plan: NetworkPlan, program: Program, slot: Slot, layer: number): void {
  const { layers, nodes } = plan;
  if (nodes[layer].shortcut !== null && sumOf(plan, nodes[layer].from) === layer) return;
  const wires = wiresOf(plan, slot, layer);
  const sum = sumOf(plan, layer);
  if (sum === null) return layers[layer].forward(program, wires);
  const { shortcut, output } = wiresOf(plan, slot, sum);
  layers[layer].forward(program, { ...wires, shortcut, output, sum: layers[sum].activation });
}

/** What all slots run before the whole batch is joined. */
export interface PassPhase {
  /** By slot. */
  programs: Program[];
  /** By slot: what only has to be done before the update, and after the slot's program. Empty in the last phase. */
  spare: Program[];
  /** Once, when all slots are done; null in the last phase. */
  join: Program | null;
}

export interface PassOptions {
  plan: NetworkPlan;
  slots: readonly Slot[];
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
  if (plan.softmax) program.call("softmax", { input: logits, output: slot.y, units: plan.classes, lanes: slot.lanes });
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

/** Records a training pass for all slots. Phases end where a layer needs the whole batch. */
export function recordTrainingPass(options: PassOptions): PassPhase[] {
  const { plan, slots, shards, source, pass } = options;
  const open = (): PassPhase => ({
    programs: slots.map(() => new Program()),
    spare: slots.map(() => new Program()),
    join: null,
  });
  const phases = [open()];
  let phase = phases[0];
  const each = (
    layer: number,
    record: (program: Program, wires: Wires) => void,
    into: readonly Program[] = phase.programs,
  ): void => {
    for (const [index, slot] of slots.entries()) record(into[index], wiresOf(plan, slot, layer));
  };
  const meet = (layer: number, meeting: Meeting): void => {
    each(layer, (program, wires) => meeting.each(program, wires));
    phase.join = new Program();
    meeting.join(phase.join, { shards });
    phase = open();
    phases.push(phase);
  };
  /** Whether a backward pass meets again below a layer. */
  const meetsBelow = (layer: number): boolean =>
    plan.layers.some((below, index) => index < layer && plan.trains[index] && below.meetings);
  for (const [index, slot] of slots.entries()) recordGather(plan, phase.programs[index], slot, source);
  for (const [index, layer] of plan.layers.entries()) {
    if (pass === "curvature") {
      each(index, layer.evaluate ?? layer.forward);
      continue;
    }
    if (layer.meetings) meet(index, layer.meetings.forward);
    for (const [at, slot] of slots.entries()) recordForward(plan, phase.programs[at], slot, index);
  }
  for (const [index, slot] of slots.entries()) {
    recordLoss(options, phase.programs[index], slot);
    if (options.results)
      phase.programs[index].call("scatter", {
        output: slot.y,
        header: slot.header,
        results: options.results,
        units: plan.classes,
        lanes: slot.lanes,
      });
  }
  if (pass === "forward") return phases;
  for (let index = plan.layers.length - 1; index >= 0; index--) {
    if (!plan.trains[index]) continue;
    const layer = plan.layers[index];
    if (pass === "curvature") {
      each(index, layer.curvature);
      continue;
    }
    if (layer.meetings) meet(index, layer.meetings.backward);
    if (layer.gradient) each(index, layer.gradient, meetsBelow(index) ? phase.spare : phase.programs);
    each(index, layer.backward);
  }
  return phases;
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

/** Records a part of an evaluation: a layer, or several as one (fusion.ts). */
export type EvaluationStep = (program: Program, slot: Slot) => void;

/** Each layer by itself. */
export const evaluationSteps = (plan: NetworkPlan): EvaluationStep[] =>
  plan.layers.map((layer, index) => (program, slot) => {
    if (!layer.passes) (layer.evaluate ?? layer.forward)(program, wiresOf(plan, slot, index));
  });

/**
 * Records an evaluation of one slot: running statistics, no dropout, outputs to `results` (reals [row][classes]) where
 * not 0, loss where there are labels.
 */
export function recordEvaluation(options: {
  plan: NetworkPlan;
  slot: Slot;
  source: Source;
  loss: Loss | null;
  results: number;
  /** Each layer by itself where nothing is said. */
  steps?: readonly EvaluationStep[];
}): Program {
  const { plan, slot, source, loss, results, steps = evaluationSteps(plan) } = options;
  const program = new Program();
  recordGather(plan, program, slot, source);
  for (const step of steps) step(program, slot);
  if (loss) recordLoss({ plan, source, loss, pass: "forward" }, program, slot);
  else if (plan.softmax)
    program.call("softmax", { input: slot.outputs.at(-1)!, output: slot.y, units: plan.classes, lanes: slot.lanes });
  if (results)
    program.call("scatter", { output: slot.y, header: slot.header, results, units: plan.classes, lanes: slot.lanes });
  return program;
}
