/**
 * Layers that a prediction in `fast` numerics computes as one. A batch normalisation (Ioffe & Szegedy 2015) on its
 * running statistics is y = f( scale·u + shift ), map by map, so the layer below can do it by itself where its own u is
 * linear in its weights and nobody else reads it:
 *
 *   w′ = scale·w,  b′ = scale·b + shift,  y = f( Σ w′x + b′ )
 *
 * The products are made in double and rounded once; the results are near those of the layers one by one, not their
 * bits. The network's own tensors stay as they are. Never in training, evaluation or `reproducible` numerics.
 */
import type { PlannedLayer, Weighted } from "./layer.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import type { NetworkPlan } from "./network.ts";
import { evaluationSteps, wiresOf } from "./passes.ts";
import type { EvaluationStep } from "./passes.ts";

export interface Fusion {
  steps: EvaluationStep[];
  /** Once the tensors and what follows from them stand: the weights that the steps use. */
  write(views: Views): void;
}

interface Folded {
  weighted: Weighted;
  scaling: NonNullable<PlannedLayer["scaling"]>;
  weights: number;
  bias: number;
}

/** The layer below a normalisation that can do it instead; undefined where there is none. */
function foldable({ nodes, layers }: NetworkPlan, normalisation: number): number | undefined {
  const { from } = nodes[normalisation];
  if (!layers[normalisation].scaling || from < 0) return undefined;
  const readers = nodes.filter((node) => node.from === from || node.shortcut === from);
  return layers[from].weighted && layers[from].activation === "linear" && readers.length === 1 ? from : undefined;
}

/** w′ and b′. */
function writeFolded({ weighted, scaling, weights, bias }: Folded, views: Views): void {
  const { maps, size } = weighted;
  const { scale, shift } = scaling(views);
  const own = views.reals(weighted.weights, size);
  const ownBias = views.reals(weighted.bias, maps);
  views.reals(weights, size).set(own.map((value, at) => value * scale[at % maps]));
  views.reals(bias, maps).set(ownBias.map((value, map) => value * scale[map] + shift[map]));
}

/** Plans what is computed as one, and the memory of its weights. */
export function planFusion(plan: NetworkPlan, memory: MemoryPlan): Fusion {
  const { layers, nodes } = plan;
  const folded: Folded[] = [];
  const steps = evaluationSteps(plan);
  for (const [index, layer] of layers.entries()) {
    const below = foldable(plan, index);
    if (below === undefined) continue;
    const weighted = layers[below].weighted!;
    const reserve = (what: string, count: number): number =>
      memory.reserve({ what: `the folded ${what} of ${nodes[below].path}`, element: "real", count });
    const one: Folded = {
      weighted,
      scaling: layer.scaling!,
      weights: reserve("weights", weighted.size),
      bias: reserve("biases", weighted.maps),
    };
    folded.push(one);
    steps[below] = () => undefined;
    steps[index] = (program, slot) => {
      const wires = { ...wiresOf(plan, slot, below), output: slot.outputs[index] };
      weighted.forward(program, wires, { weights: one.weights, bias: one.bias, activation: layer.activation });
    };
  }
  return {
    steps,
    write: (views) => folded.forEach((one) => writeFolded(one, views)),
  };
}
