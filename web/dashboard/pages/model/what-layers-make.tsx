/** What every layer makes of the input, and where the model looks. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Model } from "../../../../schemas/model.ts";
import { ProblemNote } from "../../elements/basics.tsx";
import { Choice } from "../../elements/choice.tsx";
import { service } from "../../service.ts";
import { layerName } from "../mathematics/tower.tsx";
import { useDrawn } from "./answering.ts";

interface Props {
  model: Model;
  picture: Blob;
}

function LayerSheet({ model, picture, layer }: Props & { layer: number }): JSX.Element {
  const { url, problem } = useDrawn(
    picture,
    (asked, signal) => service.models.featureMapSheet(model.id, asked, { layer }, { signal }),
    `${model.id} ${layer}`,
  );
  const name = `${layer} ${layerName(model.network.layers[layer])}`;
  return (
    <figure class="layer-sheet">
      <figcaption class="small-text soft">{name}</figcaption>
      <ProblemNote problem={problem} />
      {url ? <img class="pixels" src={url} alt={`Maps of layer ${name}`} /> : null}
    </figure>
  );
}

type Method = "gradient" | "occlusion";
const methods: readonly { value: Method; label: string }[] = [
  { value: "gradient", label: "Gradient" },
  { value: "occlusion", label: "Occlusion" },
];

function Saliency({ model, picture }: Props): JSX.Element {
  const [method, setMethod] = useState<Method>("gradient");
  const { url, problem } = useDrawn(
    picture,
    (asked, signal) => service.models.saliencyPicture(model.id, asked, { method }, { signal }),
    `${model.id} ${method}`,
  );
  return (
    <figure class="layer-sheet">
      <figcaption class="small-text soft">where it looks</figcaption>
      <ProblemNote problem={problem} />
      {url ? <img class="pixels" src={url} alt="The input, red where it made the answer what it is" /> : null}
      <Choice label="How that is found" of={methods} value={method} choose={setMethod} />
    </figure>
  );
}

/** Layers whose maps are worth a look: what drops nothing out when it answers is left out. */
export const WhatLayersMake = ({ model, picture }: Props): JSX.Element => (
  <div class="layer-sheets">
    <Saliency model={model} picture={picture} />
    {model.network.layers.map((layer, at) =>
      layer.kind === "dropout" ? null : <LayerSheet key={at} model={model} picture={picture} layer={at} />,
    )}
  </div>
);
