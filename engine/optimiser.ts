/**
 * What an optimiser is to the rest of the engine: a value that answers everything about itself. (2) of Bouvrie §2, ΔW =
 * −η ∂E/∂W; a layer's multiplier acts on η. Weight decay adds λw to the gradient of filters and dense weights, with
 * every optimiser.
 */
import type { Tensor } from "./layer.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import type { Program } from "./program.ts";

/** A stretch of a tensor as an update kernel takes it. */
export interface Stretch {
  parameters: number;
  gradient: number;
  settings: number;
  count: number;
  /** Addresses of the optimiser's state at the same elements, in the order in which it names them. */
  state: readonly number[];
}

/** The numbers that the kernel reads at a step, at most 8, from η with the layer's multiplier, and λ. */
export type Settings = (learningRate: number, weightDecay: number) => readonly number[];

export interface PlannedOptimiser {
  /** Arrays as long as each tensor, as a checkpoint names them. */
  state: readonly string[];
  /** Records the kernel that moves a stretch of parameters. */
  record(program: Program, stretch: Stretch): void;
  /** Steps count from 1. */
  settings(step: number): Settings;
  /**
   * Second derivatives wanted before each epoch: their mean over that many training samples goes into this state
   * (LeCun 1998, §C).
   */
  curvature?: { samples: number; state: string };
}

/** A trained tensor with its optimiser's state. */
export interface Moved {
  tensor: Tensor;
  /** Arrays as long as the tensor. */
  state: readonly { name: string; address: number }[];
  /** Address of the kernel's settings. */
  settings: number;
}

const settingsReals = 8;

/** Places the state and the settings of every tensor that descent moves. */
export function planMoved({
  memory,
  tensors,
  optimiser,
}: {
  memory: MemoryPlan;
  tensors: readonly Tensor[];
  optimiser: PlannedOptimiser;
}): Moved[] {
  return tensors
    .filter((tensor) => tensor.gradient !== 0)
    .map((tensor) => ({
      tensor,
      state: optimiser.state.map((name) => ({
        name,
        address: memory.reserve({ what: `${name} of ${tensor.name}`, element: "real", count: tensor.size }),
      })),
      settings: memory.reserve({ what: `settings of ${tensor.name}`, element: "real", count: settingsReals }),
    }));
}

/** The elements from … from + count of a tensor. */
export function stretchOf(
  { tensor, state, settings }: Moved,
  { from, count, realBytes }: { from: number; count: number; realBytes: number },
): Stretch {
  const at = (address: number): number => address + from * realBytes;
  return {
    parameters: at(tensor.address),
    gradient: at(tensor.gradient),
    settings,
    count,
    state: state.map(({ address }) => at(address)),
  };
}

/** Writes the settings of all tensors for a step (from 1); `learningRate` is the schedule's. */
export function settingsWriter({
  views,
  optimiser,
  weightDecay,
  moved,
}: {
  views: Views;
  optimiser: PlannedOptimiser;
  weightDecay: number;
  moved: readonly Moved[];
}): (learningRate: number, step: number) => void {
  const tensors = moved.map(({ tensor, settings }) => ({
    into: views.reals(settings, settingsReals),
    multiplier: tensor.learningRate,
    decay: tensor.decays ? weightDecay : 0,
  }));
  return (learningRate, step) => {
    const settings = optimiser.settings(step);
    for (const { into, multiplier, decay } of tensors) into.set(settings(learningRate * multiplier, decay));
  };
}
