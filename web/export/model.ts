/**
 * The model inside the page: its description, its weights, and the engine's own WebAssembly kernels, run by one thread
 * over a memory that is not shared. The very programs of the service in `reproducible` numerics, so the same bits.
 */
import { createPredictor, instantiateKernels, planPrediction, probabilitiesOf } from "../../engine/index.ts";
import type { ExportedModel } from "../../schemas/exported-model.ts";

export interface LoadedModel {
  /** Probabilities [classes] of one sample [channels][height][width] in the dataset's own range. */
  ask(sample: Float32Array): Float32Array;
}

const pageBytes = 65_536;

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  return Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
}

/** Throws where this browser cannot run the kernels. */
export async function loadModel(exported: ExportedModel, kernels: string): Promise<LoadedModel> {
  const code = bytesOf(kernels);
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(code))
    throw new Error(
      "This browser's WebAssembly has no SIMD, which the kernels in this page need. Any Chrome, Edge or Firefox since 2021, or Safari since 16.4, has it.",
    );
  const classes = exported.classes.length;
  const runnable = { network: exported.network, input: exported.input, classes, normalisation: exported.normalisation };
  const plan = planPrediction({ ...runnable, batch: 1 });
  const pages = Math.ceil(plan.bytes / pageBytes);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = await WebAssembly.compile(code);
  const predictor = createPredictor({
    plan,
    memory,
    kernels: instantiateKernels({ kind: "assembly", module, relaxed: false }, memory),
    weights: bytesOf(exported.weights),
  });
  return { ask: (sample) => probabilitiesOf(predictor.predict(sample, 1), runnable) };
}
