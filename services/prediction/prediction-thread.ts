/** The entry of the prediction threads: takes a call, answers it, takes the next. */
import { parentPort, workerData } from "node:worker_threads";
import * as computations from "./computations.ts";
import { LoadedModels } from "./loaded-models.ts";
import type { CallName, Calls, ThreadData } from "./protocol.ts";
import type { ThreadAnswer, ThreadCall } from "./resident.ts";

if (!parentPort) throw new Error("this file is the entry of a worker thread");
const port = parentPort;
const { kernels, cacheBytes } = workerData as ThreadData;
const models = new LoadedModels({ kernels, mostBytes: cacheBytes });

const handlers: { [Name in CallName]: (input: Calls[Name]["input"]) => Calls[Name]["output"] } = {
  predict: ({ key, samples, count }) => models.predict(key, samples, count),
  featureMaps: ({ key, sample }) => models.featureMaps(key, sample),
  load: ({ key, runnable, weights }) => models.load(key, runnable, weights),
  describe: computations.describe,
  filters: computations.filters,
  exportOnnx: computations.onnx,
  exportWeights: computations.exportWeights,
  inspectWeights: (input) => computations.inspectWeights(kernels, input),
  planBytes: computations.planBytes,
  checkGradients: computations.checkGradientsOf,
  augment: computations.augment,
};

function answer({ id, kind, input }: ThreadCall): ThreadAnswer {
  try {
    const handler = handlers[kind as CallName] as (input: unknown) => unknown;
    return { id, ok: true, output: handler(input) };
  } catch (error) {
    if (computations.isRefusal(error))
      return { id, ok: false, refused: true, detail: error.detail, pointer: error.pointer };
    return {
      id,
      ok: false,
      refused: false,
      detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
      pointer: undefined,
    };
  }
}

port.on("message", (call: ThreadCall) => port.postMessage(answer(call)));
