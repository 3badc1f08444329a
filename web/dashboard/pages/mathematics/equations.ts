/** The equations of the notes that hold for a layer where it stands: forward, backward, and the gradients of its parameters. */
import { isLearned } from "../../../../schemas/connections.ts";
import type { Layer } from "../../../../schemas/layer.ts";
import type { Inside, Node } from "../../mathematics/inside.ts";
import { fromAbove, fromLoss, fromProjected, fromSum } from "./backward.ts";
import { forward } from "./forward.ts";
import { gradients } from "./gradients.ts";
import type { Equation } from "./letters.ts";

export const isCombination = (layer: Layer): boolean => layer.kind === "convolution" && isLearned(layer.inputs);

export function forwardOf(node: Node | undefined): Equation {
  if (node === undefined) return forward.input;
  if (node.shortcut?.projection) return forward.projected;
  return isCombination(node.spec) ? forward.learned : forward[node.spec.kind];
}

/** How the node at a place gets its δ: from what reads it, or from the loss where nothing does. */
export function backwardOf(
  { nodes }: Pick<Inside, "nodes">,
  at: number,
  options: { isCrossEntropy: boolean },
): Equation {
  const next = nodes[at + 1];
  if (next === undefined) return fromLoss(options.isCrossEntropy);
  const block = nodes.find(({ shortcut }) => shortcut?.from === at);
  if (block) return block.shortcut?.projection ? fromProjected : fromAbove.residual;
  return next.spec.kind === "residual" ? fromSum : fromAbove[next.spec.kind];
}

/** Of a block: of the 1×1 convolution past its layers, where there is one. */
export const gradientOf = (node: Node | undefined): Equation | undefined =>
  node === undefined ? undefined : gradients[(node.shortcut?.projection ?? node).spec.kind];
