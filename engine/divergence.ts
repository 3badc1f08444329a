/** Where a training went wrong: the first number that is not finite, in the weights, in a gradient, or in the loss. */
import type { ExecutionPlan } from "./execution-plan.ts";
import type { Views } from "./memory.ts";
import { shardGradientsOf } from "./update.ts";

export interface Culprit {
  /** The tensor's name, or `loss`. */
  tensor: string;
  detail: string;
}

const isBroken = (views: Views, address: number, size: number): boolean =>
  views.reals(address, size).some((value) => !Number.isFinite(value));

/** A tensor of weights that are not all finite: the last step of an epoch may leave one behind a finite loss. */
export function findBrokenWeights({ network }: ExecutionPlan, views: Views): Culprit | null {
  const tensor = network.tensors.find(({ address, size }) => isBroken(views, address, size));
  return tensor ? { tensor: tensor.name, detail: `${tensor.name} holds numbers that are not finite` } : null;
}

export function findCulprit(plan: ExecutionPlan, views: Views): Culprit {
  const { network } = plan;
  const { nodes } = network;
  const broken = (address: number, size: number): boolean => isBroken(views, address, size);
  const weights = findBrokenWeights(plan, views);
  if (weights) return weights;
  for (const [index, layer] of network.layers.entries()) {
    for (const gradient of shardGradientsOf(layer, "gradient")) {
      if (!broken(gradient.address, gradient.size)) continue;
      const tensor = network.tensors.find((each) => each.gradient === gradient.target);
      return {
        tensor: tensor?.name ?? `${nodes[index].path}.weight`,
        detail: `the gradient of ${tensor?.name ?? `the effective filters of ${nodes[index].path}`} is not finite`,
      };
    }
  }
  return { tensor: "loss", detail: "the loss is not finite" };
}
