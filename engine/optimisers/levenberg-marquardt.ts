/**
 * Stochastic diagonal Levenberg–Marquardt (LeCun et al. 1998, §C): each parameter has its own rate η / (μ + h), h the
 * second derivative of the loss by that parameter, estimated before each epoch.
 */
import type { OptimiserOf } from "../../schemas/optimiser.ts";
import type { PlannedOptimiser } from "../optimiser.ts";

export function planLevenbergMarquardt({ mu, samples }: OptimiserOf<"diagonal-levenberg-marquardt">): PlannedOptimiser {
  return {
    state: ["curvature"],
    record(program, { state: [curvature], ...stretch }) {
      program.call("levenbergMarquardt", { ...stretch, curvature });
    },
    settings: () => (learningRate, weightDecay) => [learningRate, mu, weightDecay],
    curvature: { samples, state: "curvature" },
  };
}
