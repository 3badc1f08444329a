/**
 * What a thread does for each call of the protocol, but for the models it holds. Throws EngineError for what cannot be.
 */
import {
  EngineError,
  checkGradients,
  createAugmenter,
  createReference,
  deriveTraining,
  describeNetwork,
  exportOnnx,
  planTraining,
  readSafetensors,
  writeSafetensors,
} from "../../engine/index.ts";
import { sizeOf } from "../../schemas/shape.ts";
import { networkShape } from "../../schemas/network-shape.ts";
import type { LoadedModels } from "./loaded-models.ts";
import type { AugmentationPreview, Calls, Filters, GradientCheck, GradientCheckSettings } from "./protocol.ts";

/** Tensors of a network itself, as api.md names them; a checkpoint holds more. */
const networkTensor = /^layers\.\d+\.(layers\.\d+\.|shortcut\.)?(weight|bias|beta|mix|mean|variance)$/;

export function filters({ weights, layer }: Calls["filters"]["input"]): Filters | null {
  const tensor = readSafetensors(weights).tensors.get(`layers.${layer}.weight`);
  if (!tensor || tensor.shape.length !== 4) return null;
  const [maps, inputs, size] = tensor.shape;
  return { maps, inputs, size, values: Float32Array.from(tensor.data as ArrayLike<number>) };
}

export function exportWeights({ runnable, weights, metadata }: Calls["exportWeights"]["input"]): Uint8Array {
  const { tensors } = readSafetensors(weights);
  const own = new Map([...tensors].filter(([name]) => networkTensor.test(name)));
  const about = {
    network: JSON.stringify(runnable.network),
    input: JSON.stringify(runnable.input),
    normalisation: JSON.stringify(runnable.normalisation),
    ...metadata,
  };
  return writeSafetensors({ tensors: own, metadata: about });
}

/** Loads the weights as a prediction would: whatever is missing, misshapen or too large is named. */
export function inspectWeights(
  models: LoadedModels,
  given: Calls["inspectWeights"]["input"],
): Calls["inspectWeights"]["output"] {
  const { runnable } = given;
  models.load("inspected", given);
  models.forget("inspected");
  const { layers } = networkShape(runnable.network.layers, runnable.input, runnable.classes);
  return { parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0) };
}

export function planBytes({ request, ...dataset }: Calls["planBytes"]["input"]): { bytes: number } {
  // Which worker will train is not known yet: none gives more threads than were asked for.
  const spec = deriveTraining({
    request,
    dataset,
    mostThreads: request.threads,
    stopAtStep: null,
    rescheduled: [],
    pauseAfterEpoch: null,
  });
  return { bytes: planTraining(spec).bytes };
}

export function checkGradientsOf({
  network,
  loss,
  input,
  classes,
  seed,
  sample,
  data,
  seconds,
}: GradientCheckSettings): GradientCheck {
  const until = performance.now() + seconds * 1000;
  return checkGradients({
    network,
    loss,
    input,
    classes,
    seed,
    sample,
    kernels: (memory) => createReference({ buffer: memory.buffer, realBytes: 8 }),
    expired: () => performance.now() > until,
    ...(data === null ? {} : { data }),
  });
}

export function augment({
  augmentation,
  seed,
  input,
  samples,
  count,
  copies,
  background,
}: AugmentationPreview): Float32Array {
  const size = sizeOf(input);
  const augmenter = createAugmenter({
    augmentation,
    shape: input,
    seed,
    fill: new Array<number>(input.channels).fill(background),
  });
  const output = new Float32Array(count * copies * size);
  for (let sample = 0; sample < count; sample++) {
    for (let copy = 0; copy < copies; copy++)
      augmenter.apply({
        input: samples,
        inputOffset: sample * size,
        output,
        outputOffset: (sample * copies + copy) * size,
        epoch: copy + 1,
        sample,
      });
  }
  return output;
}

export const describe = ({
  runnable: { network, input },
  weights,
}: Calls["describe"]["input"]): Calls["describe"]["output"] => describeNetwork({ network, input, weights });

export const onnx = ({
  runnable: { network, input, normalisation },
  classNames,
  about,
  weights,
}: Calls["exportOnnx"]["input"]): Uint8Array =>
  exportOnnx({ network, input, classes: classNames, normalisation, weights, about });

/** Refusals are for whoever asked; anything else is a fault of ours. */
export const isRefusal = (error: unknown): error is EngineError => error instanceof EngineError;
