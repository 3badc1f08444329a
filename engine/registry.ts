/**
 * Planned kinds of layers and optimisers, and who plans them: one builder a kind. A convolution with learned inputs
 * plans as `combination`.
 */
import { isLearned } from "../schemas/connections.ts";
import type { ConvolutionLayer } from "../schemas/layer.ts";
import type { Optimiser, OptimiserOf } from "../schemas/optimiser.ts";
import type { LayerOptions, PlannedLayer } from "./layer.ts";
import { planBatchNormalisation } from "./layers/batch-normalisation.ts";
import { planCombination } from "./layers/combination.ts";
import { planConvolution } from "./layers/convolution.ts";
import { planDense } from "./layers/dense.ts";
import { planDropout } from "./layers/dropout.ts";
import { asShortcut, planIdentity, planSum } from "./layers/residual.ts";
import { planSubsampling } from "./layers/subsampling.ts";
import type { Node } from "./nodes.ts";
import type { PlannedOptimiser } from "./optimiser.ts";
import { planAdam } from "./optimisers/adam.ts";
import { planDescent } from "./optimisers/descent.ts";
import { planLevenbergMarquardt } from "./optimisers/levenberg-marquardt.ts";

export const layerPlanners = {
  convolution: planConvolution,
  combination: planCombination,
  subsampling: planSubsampling,
  dense: planDense,
  dropout: planDropout,
  "batch-normalisation": planBatchNormalisation,
  sum: planSum,
  identity: planIdentity,
  projection: (options: LayerOptions<ConvolutionLayer>) =>
    asShortcut(planConvolution({ ...options, inputActivation: "linear" }), options),
} as const;

export type PlannedKind = keyof typeof layerPlanners;

/** The kind of a node (nodes.ts). */
export const plannedKind = ({ spec, part }: Pick<Node, "spec" | "part">): PlannedKind => {
  if (part !== "layer") return part;
  if (spec.kind === "residual") return "sum";
  return spec.kind === "convolution" && isLearned(spec.inputs) ? "combination" : spec.kind;
};

export function planLayer(part: Node["part"], options: LayerOptions): PlannedLayer {
  const plan = layerPlanners[plannedKind({ spec: options.spec, part })] as (options: LayerOptions) => PlannedLayer;
  return plan(options);
}

export const optimiserPlanners: { [Kind in Optimiser["kind"]]: (spec: OptimiserOf<Kind>) => PlannedOptimiser } = {
  sgd: ({ momentum }) => planDescent({ momentum, nesterov: false }),
  nesterov: ({ momentum }) => planDescent({ momentum, nesterov: true }),
  adam: planAdam,
  "diagonal-levenberg-marquardt": planLevenbergMarquardt,
};

export function planOptimiser(spec: Optimiser): PlannedOptimiser {
  const plan = optimiserPlanners[spec.kind] as (spec: Optimiser) => PlannedOptimiser;
  return plan(spec);
}
