/** A gradient thread for tests, or with thread −1 the augmentation thread, run from dist/. */
import { parentPort, workerData } from "node:worker_threads";
import { runAugmentationThread, runGradientThread } from "../../engine/index.ts";
import type { TrainingPlan } from "../../engine/index.ts";
import { loadKernels } from "../../services/shared/kernels.ts";
import type { KernelsDescription } from "../../services/shared/kernels.ts";

const { plan, memory, thread, description } = workerData as {
  plan: TrainingPlan;
  memory: WebAssembly.Memory;
  thread: number;
  description: KernelsDescription;
};
if (thread < 0) {
  parentPort!.postMessage("ready");
  parentPort!.postMessage(runAugmentationThread({ plan, memory }));
} else {
  const kernels = loadKernels(description, memory);
  parentPort!.postMessage("ready");
  runGradientThread({ plan, memory, thread, kernels });
}
