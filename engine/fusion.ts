/**
 * Layers that a prediction in `fast` numerics computes as one. A batch normalisation (Ioffe & Szegedy 2015) on its
 * running statistics is y = f( scale·u + shift ), map by map, so the layer below can do it by itself where its own u is
 * linear in its weights and nobody else reads it:
 *
 *   w′ = scale·w,  b′ = scale·b + shift,  y = f( Σ w′x + b′ )
 *
 * The products are made in double and rounded once. A convolution also takes over the sum that ends a residual block,
 * y = f( Σ w′x + b′ + shortcut ), pads by itself, and what its kernel makes of the filters is made once. The results
 * are near those of the layers one by one, not their bits. The network's own tensors stay as they are. Never in
 * training, evaluation or `reproducible` numerics.
 */
import type { PlannedLayer, Replacement, Weighted, Wires } from "./layer.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import type { NetworkPlan } from "./network.ts";
import { evaluationSteps, sumOf, wiresOf } from "./passes.ts";
import type { PassStep, Slot } from "./passes.ts";
import { Program } from "./program.ts";

export interface Fusion {
  steps: PassStep[];
  /** Once the tensors and what follows from them stand: the weights that the steps use. */
  write(views: Views): void;
  /** After that, once. */
  prepare: Program;
}

/** What a weighted layer computes by itself: a normalisation, a sum after it, or either; as places in the network. */
interface Group {
  normalisation: number | null;
  sum: number | null;
  /** The last of them, or the layer itself. */
  end: number;
}

/** The one node that reads a layer, and reads it as its input; null where others do too. */
function onlyReader({ nodes }: NetworkPlan, layer: number): number | null {
  const readers = [...nodes.keys()].filter((at) => nodes[at].from === layer || nodes[at].shortcut === layer);
  return readers.length === 1 && nodes[readers[0]].from === layer ? readers[0] : null;
}

function groupOf(plan: NetworkPlan, layer: number): Group {
  const { layers, nodes } = plan;
  const group: Group = { normalisation: null, sum: null, end: layer };
  const next = (): number | null => (layers[group.end].activation === "linear" ? onlyReader(plan, group.end) : null);
  const normalisation = next();
  if (normalisation !== null && layers[normalisation].scaling) group.end = group.normalisation = normalisation;
  const sum = next();
  if (sum !== null && nodes[sum].shortcut !== null && layers[layer].weighted!.sums) group.end = group.sum = sum;
  return group;
}

interface Folded {
  weighted: Weighted;
  scaling: NonNullable<PlannedLayer["scaling"]>;
  replacement: Pick<Replacement, "weights" | "bias">;
}

/** w′ and b′. */
function writeFolded({ weighted, scaling, replacement }: Folded, views: Views): void {
  const { maps, size } = weighted;
  const { scale, shift } = scaling(views);
  const own = views.reals(weighted.weights, size);
  const ownBias = views.reals(weighted.bias, maps);
  views.reals(replacement.weights, size).set(own.map((value, at) => value * scale[at % maps]));
  views.reals(replacement.bias, maps).set(ownBias.map((value, map) => value * scale[map] + shift[map]));
}

/** Plans what is computed as one, and the memory of its weights. */
export function planFusion(plan: NetworkPlan, memory: MemoryPlan): Fusion {
  const { layers, nodes } = plan;
  const steps = evaluationSteps(plan);
  const folded: Folded[] = [];
  const prepare = new Program();
  const reserve = (what: string, layer: number, count: number): number =>
    memory.reserve({ what: `the ${what} of ${nodes[layer].path}`, element: "real", count });

  for (const [layer, { weighted, together }] of layers.entries()) {
    if (!weighted) continue;
    const { normalisation, sum, end } = groupOf(plan, layer);
    let { weights, bias } = weighted;
    if (normalisation !== null) {
      weights = reserve("folded weights", layer, weighted.size);
      bias = reserve("folded biases", layer, weighted.maps);
      folded.push({ weighted, scaling: layers[normalisation].scaling!, replacement: { weights, bias } });
    }
    const prepared = weighted.preparedFloats ? reserve("prepared filters", layer, weighted.preparedFloats) : 0;
    weighted.prepare?.(prepare, { weights, prepared });
    for (let inside = layer; inside < end; inside++) steps[inside] = { each: () => undefined };
    const wires = (slot: Slot): Wires => {
      const shortcut = sum === null ? 0 : wiresOf(plan, slot, sum).shortcut;
      return { ...wiresOf(plan, slot, layer), shortcut, output: slot.outputs[end] };
    };
    const given = { weights, bias, activation: layers[end].activation };
    steps[end] = {
      each: (program, slot) => weighted.forward(program, wires(slot), { ...given, prepared }),
      ...(together && { together: (program, slots) => together.forward(program, slots.map(wires), given) }),
    };
    // The sum that a normalisation would have made as well, where the layer that does its part does not.
    const left = sumOf(plan, end);
    if (left !== null)
      steps[left] = { each: (program, slot) => layers[left].forward(program, wiresOf(plan, slot, left)) };
  }
  return { steps, prepare, write: (views) => folded.forEach((one) => writeFolded(one, views)) };
}
