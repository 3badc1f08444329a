/** A gradient thread: takes part in the trainer's commands (trainer.ts) until it closes. */
import { planExecution } from "./execution-plan.ts";
import { Execution } from "./execution.ts";
import type { GradientThreadOptions } from "./training.ts";

export function runGradientThread({ plan, memory, kernels, thread, realBytes = 4 }: GradientThreadOptions): void {
  const execution = new Execution({
    plan: planExecution(plan.spec, realBytes),
    buffer: memory.buffer,
    kernels,
    thread,
  });
  execution.team.follow();
}
