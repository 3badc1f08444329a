/** Where a training went wrong: the first number that is not finite, in the weights, in a gradient, or in the loss. */
import type { ExecutionPlan } from "./execution-plan.ts";
import type { Views } from "./memory.ts";
import { shardGradientsOf } from "./update.ts";

export interface Culprit {
  /** The tensor's name, or `loss`. */
  tensor: string;
  detail: string;
}

export function findCulprit({ network }: ExecutionPlan, views: Views): Culprit {
  const { nodes } = network;
  const broken = (address: number, size: number): boolean =>
    views.reals(address, size).some((value) => !Number.isFinite(value));
  for (const tensor of network.tensors)
    if (broken(tensor.address, tensor.size))
      return { tensor: tensor.name, detail: `${tensor.name} holds numbers that are not finite` };
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
