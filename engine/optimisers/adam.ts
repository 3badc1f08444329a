/** Adam (Kingma & Ba 2015, algorithm 1): first and second moments of the gradient, corrected for their start at zero. */
import type { OptimiserOf } from "../../schemas/optimiser.ts";
import { pow } from "../elementary.ts";
import type { PlannedOptimiser } from "../optimiser.ts";

export function planAdam({ beta1, beta2, epsilon }: OptimiserOf<"adam">): PlannedOptimiser {
  return {
    state: ["first", "second"],
    record(program, { state: [first, second], ...stretch }) {
      program.call("adam", { ...stretch, first, second });
    },
    settings(step) {
      const first = 1 / (1 - pow(beta1, step));
      const second = 1 / Math.sqrt(1 - pow(beta2, step));
      return (learningRate, weightDecay) => [
        learningRate * first,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        second,
        epsilon,
        weightDecay,
      ];
    },
  };
}
