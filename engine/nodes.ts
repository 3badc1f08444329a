/**
 * A network's layers laid out flat, in the order in which they run forward: a residual block becomes its shortcut, its
 * own layers and the sum that ends it. Backward the same order runs from its end, so the shortcut comes after the
 * block's layers and adds to what they passed down.
 */
import type { ConvolutionLayer, Layer, ResidualLayer, ShortcutKind } from "../schemas/layer.ts";
import { projectionOf } from "../schemas/network-shape.ts";
import type { LayerShape } from "../schemas/network-shape.ts";
import type { Shape } from "../schemas/shape.ts";

export interface Node {
  /** Index in the request of the layer that this is, or is a part of. */
  layer: number;
  /** What tensors are called: `layers.{i}`, `layers.{i}.layers.{j}` or `layers.{i}.shortcut`. */
  path: string;
  /** See LayerOptions. */
  draws: number;
  /** A residual layer's own nodes are its sum and an identity shortcut. */
  spec: Layer;
  part: "layer" | ShortcutKind | "sum";
  input: Shape;
  output: Shape;
  /** The node that it reads; −1: the network's input. */
  from: number;
  /** The node of the shortcut that a sum adds. */
  shortcut: number | null;
}

/** Layers at the top draw at their index, which is below this; those inside a block at multiples of it. */
const drawsOfBlock = 256;

/** The JSON pointer of a node's layer in the request. */
export const pointerOf = ({ path }: Node): string => `/${path.replaceAll(".", "/")}`;

export function layOut(layers: readonly Layer[], shapes: readonly LayerShape[]): Node[] {
  const nodes: Node[] = [];
  const last = (): number => nodes.length - 1;
  for (const [layer, spec] of layers.entries()) {
    const shape = shapes[layer];
    const path = `layers.${layer}`;
    if (spec.kind === "residual") addBlock(nodes, { layer, path, spec, shape });
    else nodes.push({ layer, path, draws: layer, spec, part: "layer", ...extent(shape), from: last(), shortcut: null });
  }
  return nodes;
}

const extent = ({ input, output }: LayerShape): Pick<Node, "input" | "output"> => ({ input, output });

/** The block's multiplier acts on all its layers. */
const scaled = <Spec extends Layer>(spec: Spec, { learningRate }: ResidualLayer): Spec => ({
  ...spec,
  learningRate: spec.learningRate * learningRate,
});

function addBlock(
  nodes: Node[],
  { layer, path, spec, shape }: { layer: number; path: string; spec: ResidualLayer; shape: LayerShape },
): void {
  const { input, output } = shape;
  const before = nodes.length - 1;
  const draws = (at: number): number => (layer + 1) * drawsOfBlock + at;
  const shortcut = nodes.length;
  const projects = shape.shortcut === "projection";
  const projection: ConvolutionLayer = projectionOf(spec, output.channels);
  nodes.push({
    layer,
    path: `${path}.shortcut`,
    draws: draws(drawsOfBlock - 1),
    spec: projects ? projection : spec,
    part: projects ? "projection" : "identity",
    input,
    output,
    from: before,
    shortcut: null,
  });
  for (const [at, inner] of spec.layers.entries())
    nodes.push({
      layer,
      path: `${path}.layers.${at}`,
      draws: draws(at),
      spec: scaled(inner, spec),
      part: "layer",
      ...extent(shape.layers?.[at] ?? shape),
      from: at === 0 ? before : nodes.length - 1,
      shortcut: null,
    });
  nodes.push({ layer, path, draws: layer, spec, part: "sum", input: output, output, from: nodes.length - 1, shortcut });
}
