/** A gradient thread for tests, run from dist/: the reference kernels over the memory it is given. */
import { parentPort, workerData } from "node:worker_threads";
import { createReference, runGradientThread } from "../../engine/index.ts";
import type { TrainingPlan } from "../../engine/index.ts";

const { plan, memory, thread } = workerData as { plan: TrainingPlan; memory: WebAssembly.Memory; thread: number };
parentPort!.postMessage("ready");
runGradientThread({ plan, memory, thread, kernels: createReference({ buffer: memory.buffer, realBytes: 4 }) });
