/**
 * The entry of every compute thread: warm and generic, it becomes a training thread, a gradient thread or an
 * augmentation thread by what it is told.
 */
import { parentPort } from "node:worker_threads";
import { runAugmentationThread, runGradientThread } from "../../../engine/index.ts";
import { loadKernels } from "../../shared/kernels.ts";
import { Collection } from "./collect.ts";
import { evaluateModel } from "./evaluation-thread.ts";
import type { FromThread, ToThread } from "./protocol.ts";
import { size } from "./sizing.ts";
import { train } from "./training-thread.ts";

if (!parentPort) throw new Error("this file is the entry of a worker thread");
const port = parentPort;
const collection = new Collection({ afterMs: 0 });
const say = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

/** Returns the bytes of the memory that it saw. */
function work(message: ToThread): number {
  switch (message.kind) {
    case "size":
      size(message.of, say);
      return 0;
    case "train":
      return train(message.assignment, say);
    case "evaluate":
      evaluateModel(message.assignment, say);
      return Infinity;
    case "gradients": {
      const { plan, memory, thread, kernels } = message;
      runGradientThread({ plan, memory, kernels: loadKernels(kernels, memory), thread });
      return plan.bytes;
    }
    case "augmentation":
      runAugmentationThread(message);
      return message.plan.bytes;
  }
}

port.on("message", (message: ToThread) => {
  try {
    collection.over(work(message));
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
