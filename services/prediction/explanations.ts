/** Why a model answered what it did: one sample back to its input, in a memory that is given back at once. */
import { createExplainer, planSensitivities } from "../../engine/index.ts";
import type { Explainer } from "../../engine/index.ts";
import { loadKernels } from "../shared/kernels.ts";
import type { LoadedModels } from "./loaded-models.ts";
import type { Calls, Explained, LayerSensitivities, ThreadData } from "./protocol.ts";

interface Tools {
  models: LoadedModels;
  kernels: ThreadData["kernels"];
}

function explained<Found>(
  { models, kernels }: Tools,
  { model, loss }: Explained,
  work: (explainer: Explainer) => Found,
): Found {
  const plan = planSensitivities({ ...model.runnable, loss });
  return models.lend(plan.bytes, (memory) =>
    work(
      createExplainer({ plan, memory, kernels: loadKernels(kernels[model.numerics], memory), weights: model.weights }),
    ),
  );
}

const floats = (values: ArrayLike<number>): Float32Array => Float32Array.from(values);

type Seen = ReturnType<Explainer["sensitivities"]>["layers"][number];

const ofLayer = ({ layers, ...layer }: Seen): LayerSensitivities => ({
  ...layer,
  values: floats(layer.values),
  sensitivities: floats(layer.sensitivities),
  ...(layers && { layers: layers.map(ofLayer) }),
});

export const sensitivities = (
  tools: Tools,
  asked: Calls["sensitivities"]["input"],
): Calls["sensitivities"]["output"] => {
  const found = explained(tools, asked, (explainer) => explainer.sensitivities(asked.sample, asked.class));
  return { ...found, layers: found.layers.map(ofLayer) };
};

export const saliency = (tools: Tools, asked: Calls["saliency"]["input"]): Calls["saliency"]["output"] => {
  const found = explained(tools, asked, (explainer) => explainer.saliency(asked.sample, asked.class));
  return { ...found, values: floats(found.values) };
};
