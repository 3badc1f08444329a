/**
 * Gradient descent with momentum μ, plain and in Nesterov's form: v = μv + g, w −= ηv or w −= η(g + μv). Without
 * momentum there is no velocity, and w −= ηg.
 */
import type { PlannedOptimiser } from "../optimiser.ts";

export function planDescent({ momentum, nesterov }: { momentum: number; nesterov: boolean }): PlannedOptimiser {
  return {
    state: momentum > 0 ? ["velocity"] : [],
    record(program, { state: [velocity = 0], ...stretch }) {
      program.call("sgd", { ...stretch, velocity, nesterov: nesterov ? 1 : 0 });
    },
    settings: () => (learningRate, weightDecay) => [learningRate, momentum, weightDecay],
  };
}
