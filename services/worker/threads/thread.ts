/**
 * The entry of every compute thread: warm and generic, it becomes a training thread, a gradient thread or an
 * augmentation thread by what it is told.
 */
import { parentPort } from "node:worker_threads";
import { runAugmentationThread, runGradientThread } from "../../../engine/index.ts";
import { loadKernels } from "../../shared/kernels.ts";
import { collect } from "./collect.ts";
import { evaluateModel } from "./evaluation-thread.ts";
import type { FromThread, ToThread } from "./protocol.ts";
import { size } from "./sizing.ts";
import { train } from "./training-thread.ts";

if (!parentPort) throw new Error("this file is the entry of a worker thread");
const port = parentPort;
const say = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

function work(message: ToThread): void {
  switch (message.kind) {
    case "size":
      return size(message.of, say);
    case "train":
      return train(message.assignment, say);
    case "evaluate":
      return evaluateModel(message.assignment, say);
    case "gradients": {
      const { plan, memory, thread, kernels } = message;
      return runGradientThread({ plan, memory, kernels: loadKernels(kernels, memory), thread });
    }
    case "augmentation":
      runAugmentationThread(message);
  }
}

port.on("message", (message: ToThread) => {
  try {
    work(message);
    collect();
    say({ kind: "idle" });
  } catch (error) {
    say({
      kind: "broken",
      message: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }
});
say({ kind: "ready" });
