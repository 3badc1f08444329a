/**
 * A thread of the engine under measurement: thread 0 trains, the others follow it, thread −1 distorts samples ahead of
 * them.
 */
import { parentPort, workerData } from "node:worker_threads";
import { createTrainer, runAugmentationThread, runGradientThread, type TrainingPlan } from "../engine/index.ts";
import type { Numerics } from "../schemas/job.ts";
import { findKernels } from "./engine-kernels.ts";

const {
  plan,
  memory,
  kernels: name,
  numerics,
  thread,
} = workerData as {
  plan: TrainingPlan;
  memory: WebAssembly.Memory;
  kernels: string;
  numerics: Numerics;
  thread: number;
};

if (thread < 0) runAugmentationThread({ plan, memory });
else if (thread > 0) runGradientThread({ plan, memory, kernels: findKernels(name, numerics)(memory), thread });
else {
  const kernels = findKernels(name, numerics)(memory);
  const run = createTrainer({ plan, memory, kernels }).run();
  let trained = 0;
  parentPort?.on("message", () => {
    const start = performance.now();
    for (;;) {
      const { value, done } = run.next();
      if (done || value.kind === "diverged") throw new Error(`the training ended: ${JSON.stringify(value)}`);
      // Epochs are told of too; what was asked for is a progress report.
      if (value.kind !== "progress") continue;
      parentPort?.postMessage({ samples: value.samples - trained, seconds: (performance.now() - start) / 1000 });
      trained = value.samples;
      return;
    }
  });
  parentPort?.postMessage("ready");
}
