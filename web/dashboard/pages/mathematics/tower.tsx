/** The network from input to output, as a list of layers to go through: those of a block before the sum that ends it. */
import type { JSX } from "preact";
import type { Layer } from "../../../../schemas/layer.ts";
import { figure, shapeOf } from "../../format.ts";
import { numberOf, type Inside, type Node } from "../../mathematics/inside.ts";
import { isCombination } from "./equations.ts";

/** What a layer is called in the notes. */
export function layerName(layer: Layer | undefined): string {
  if (layer === undefined) return "input";
  if (isCombination(layer)) return "learned combination";
  if (layer.kind === "convolution") return `convolution ${layer.size}×${layer.size}`;
  if (layer.kind === "subsampling") return `subsampling, ${layer.reduce}`;
  if (layer.kind === "dense") return "fully connected";
  if (layer.kind === "residual") return "residual block";
  return layer.kind === "dropout" ? "dropout" : "batch normalisation";
}

/** The same of a place in the network, with its number: "2.1 convolution 3×3". */
export const nodeName = (node: Node | undefined): string =>
  node === undefined ? "x⁰ input" : `${numberOf(node)} ${layerName(node.spec)}`;

export interface TowerProps {
  inside: Inside;
  /** Place of the node that is looked at; −1: the input. */
  chosen: number;
  hrefOf: (node: number) => string;
}

export const Tower = ({ inside: { nodes, rows }, chosen, hrefOf }: TowerProps): JSX.Element => (
  <nav class="tower" aria-label="Layers">
    <ol class="plain-list">
      {rows.map(({ shape, gradientNorm }, at) => {
        const node = nodes[at - 1];
        return (
          <li key={at} class={node === undefined || node.inner === null ? undefined : "tower-inner"}>
            <a href={hrefOf(at - 1)} aria-current={at - 1 === chosen ? "step" : undefined}>
              <span class="tower-name">
                <span class="tower-number">{node === undefined ? "x⁰" : numberOf(node)}</span> {layerName(node?.spec)}
              </span>
              <span class="tower-facts">
                {shapeOf(shape)}
                {gradientNorm === null ? "" : ` · ‖∂E‖ ${figure(gradientNorm, 2)}`}
              </span>
            </a>
          </li>
        );
      })}
    </ol>
  </nav>
);
