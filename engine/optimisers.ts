/**
 * Optimisers: which state a tensor carries, which kernel moves it, and the numbers that kernel needs at a step. (2) of
 * Bouvrie §2, ΔW = −η ∂E/∂W, with momentum, Nesterov's form, Adam (Kingma & Ba 2015) and the stochastic diagonal
 * Levenberg–Marquardt of LeCun 1998 §C: η_ij = η / (μ + h_ij). A layer's multiplier acts on η. Weight decay adds λw to
 * the gradient of filters and dense weights, with every optimiser.
 */
import type { Optimiser } from "../schemas/optimiser.ts";
import { pow } from "./elementary.ts";
import type { Tensor } from "./layer.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import type { Program } from "./program.ts";

/** A trained tensor with its optimiser's state. */
export interface Moved {
  tensor: Tensor;
  /** Arrays as long as the tensor: velocity; first and second; or curvature. */
  state: readonly { name: string; address: number }[];
  /** Address of the kernel's settings, at most 8 reals. */
  settings: number;
}

const settingsReals = 8;

export const stateNames = (optimiser: Optimiser): readonly string[] => {
  switch (optimiser.kind) {
    case "sgd":
    case "nesterov":
      return optimiser.momentum > 0 ? ["velocity"] : [];
    case "adam":
      return ["first", "second"];
    case "diagonal-levenberg-marquardt":
      return ["curvature"];
  }
};

export function planMoved({
  memory,
  tensors,
  optimiser,
}: {
  memory: MemoryPlan;
  tensors: readonly Tensor[];
  optimiser: Optimiser;
}): Moved[] {
  return tensors
    .filter((tensor) => tensor.gradient !== 0)
    .map((tensor) => ({
      tensor,
      state: stateNames(optimiser).map((name) => ({
        name,
        address: memory.reserve({ what: `${name} of ${tensor.name}`, element: "real", count: tensor.size }),
      })),
      settings: memory.reserve({ what: `settings of ${tensor.name}`, element: "real", count: settingsReals }),
    }));
}

/** Records the update of elements from … from + count of a tensor. */
export function recordUpdate({
  program,
  optimiser,
  moved,
  from,
  count,
  realBytes,
}: {
  program: Program;
  optimiser: Optimiser;
  moved: Moved;
  from: number;
  count: number;
  realBytes: number;
}): void {
  const at = (address: number): number => address + from * realBytes;
  const { tensor, state, settings } = moved;
  const common = { parameters: at(tensor.address), gradient: at(tensor.gradient), settings, count };
  switch (optimiser.kind) {
    case "sgd":
    case "nesterov":
      program.call("sgd", {
        ...common,
        velocity: state[0] ? at(state[0].address) : 0,
        nesterov: optimiser.kind === "nesterov" ? 1 : 0,
      });
      return;
    case "adam":
      program.call("adam", { ...common, first: at(state[0].address), second: at(state[1].address) });
      return;
    case "diagonal-levenberg-marquardt":
      program.call("levenbergMarquardt", { ...common, curvature: at(state[0].address) });
  }
}

/**
 * Writes the settings of all tensors for a step (from 1); `learningRate` is the schedule's. Allocates once, writes only
 * what changed.
 */
export function settingsWriter({
  views,
  optimiser,
  moved,
}: {
  views: Views;
  optimiser: Optimiser;
  moved: readonly Moved[];
}): (learningRate: number, step: number) => void {
  const places = moved.map(({ tensor, settings }) => ({
    into: views.reals(settings, settingsReals),
    multiplier: tensor.learningRate,
    decay: tensor.decays ? optimiser.weightDecay : 0,
  }));
  let written = Number.NaN;
  return (learningRate, step) => {
    if (optimiser.kind === "adam") {
      const { beta1, beta2, epsilon } = optimiser;
      const [first, second] = [1 / (1 - pow(beta1, step)), 1 / Math.sqrt(1 - pow(beta2, step))];
      for (const { into, multiplier, decay } of places)
        into.set([learningRate * multiplier * first, beta1, 1 - beta1, beta2, 1 - beta2, second, epsilon, decay]);
      return;
    }
    if (learningRate === written) return;
    written = learningRate;
    const damping = optimiser.kind === "diagonal-levenberg-marquardt" ? optimiser.mu : optimiser.momentum;
    for (const { into, multiplier, decay } of places) into.set([learningRate * multiplier, damping, decay]);
  };
}
