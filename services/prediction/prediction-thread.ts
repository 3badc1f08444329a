/** The entry of the prediction threads: takes a call, answers it, takes the next. */
import { parentPort, workerData } from "node:worker_threads";
import * as computations from "./computations.ts";
import * as explanations from "./explanations.ts";
import { LoadedModels } from "./loaded-models.ts";
import { Memories, MemoriesFull } from "./memories.ts";
import type { CallName, Calls, ThreadData } from "./protocol.ts";
import type { ThreadAnswer, ThreadCall } from "./resident.ts";
import { buffersOf } from "./transfer.ts";

if (!parentPort) throw new Error("this file is the entry of a worker thread");
const port = parentPort;
const { kernels, cacheBytes } = workerData as ThreadData;
const memories = new Memories(cacheBytes);
const models = new LoadedModels({ kernels, memories, mostBytes: cacheBytes });

const handlers: { [Name in CallName]: (input: Calls[Name]["input"]) => Calls[Name]["output"] } = {
  predict: ({ key, model, shape, exchange }) => models.predict(key, model, shape, exchange),
  featureMaps: ({ key, model, sample }) => models.featureMaps(key, model, sample),
  sensitivities: (input) => explanations.sensitivities({ models, kernels }, input),
  saliency: (input) => explanations.saliency({ models, kernels }, input),
  describe: computations.describe,
  filters: computations.filters,
  exportOnnx: computations.onnx,
  exportWeights: computations.exportWeights,
  inspectWeights: (input) => computations.inspectWeights(models, input),
  planBytes: computations.planBytes,
  checkGradients: computations.checkGradientsOf,
  augment: computations.augment,
};

function answer({ id, kind, input }: ThreadCall): ThreadAnswer {
  try {
    const handler = handlers[kind as CallName] as (input: unknown) => unknown;
    const output = handler(input);
    return { id, heldBytes: memories.bytes, outcome: "done", output };
  } catch (error) {
    const always = { id, heldBytes: memories.bytes };
    if (error instanceof MemoriesFull) return { ...always, outcome: "full" };
    if (computations.isRefusal(error))
      return { ...always, outcome: "refused", detail: error.detail, pointer: error.pointer };
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...always, outcome: "failed", detail };
  }
}

port.on("message", (call: ThreadCall) => {
  const given = answer(call);
  port.postMessage(given, given.outcome === "done" ? buffersOf(given.output) : []);
});
