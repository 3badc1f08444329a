/** The network from input to output, as a list of layers to go through. */
import type { JSX } from "preact";
import type { Layer } from "../../../../schemas/layer.ts";
import { figure, shapeOf } from "../../format.ts";
import type { Row } from "../../mathematics/inside.ts";
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

export interface TowerProps {
  layers: readonly Layer[];
  rows: readonly Row[];
  chosen: number;
  hrefOf: (layer: number) => string;
}

export const Tower = ({ layers, rows, chosen, hrefOf }: TowerProps): JSX.Element => (
  <nav class="tower" aria-label="Layers">
    <ol class="plain-list">
      {rows.map(({ layer, shape, gradientNorm }) => (
        <li key={layer}>
          <a href={hrefOf(layer)} aria-current={layer === chosen ? "step" : undefined}>
            <span class="tower-name">
              <span class="tower-number">{layer < 0 ? "x⁰" : layer}</span> {layerName(layers[layer])}
            </span>
            <span class="tower-facts">
              {shapeOf(shape)}
              {gradientNorm === null ? "" : ` · ‖∂E‖ ${figure(gradientNorm, 2)}`}
            </span>
          </a>
        </li>
      ))}
    </ol>
  </nav>
);
