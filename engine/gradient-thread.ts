/** A gradient thread: follows the trainer's commands (trainer.ts) until it closes. */
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
  for (;;) {
    const command = execution.team.next();
    switch (command.kind) {
      case "end":
        return;
      case "rest":
        // Says that the word was read: thread 0 may write the next one at once.
        execution.team.barrier();
        break;
      case "step":
        execution.runStep(command.step);
        break;
      case "evaluate":
        execution.runEvaluation(command.part);
        break;
    }
  }
}
