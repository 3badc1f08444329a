/** What every layer makes of the input, and where the model looks. */
import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
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

interface SheetProps extends Props {
  /** Takes what went wrong with the sheet of this name: it is said once for all of them. */
  tell: (sheet: string, problem: Error | null) => void;
}

function LayerSheet({ model, picture, layer, tell }: SheetProps & { layer: number }): JSX.Element {
  const { url, problem } = useDrawn(
    picture,
    (asked, signal) => service.models.featureMapSheet(model.id, asked, { layer }, { signal }),
    `${model.id} ${layer}`,
  );
  const name = `${layer} ${layerName(model.network.layers[layer])}`;
  useEffect(() => tell(name, problem), [name, problem]);
  return (
    <figure class="layer-sheet">
      <figcaption class="small-text soft">{name}</figcaption>
      {url ? <img class="pixels" src={url} alt={`Maps of layer ${name}`} /> : null}
    </figure>
  );
}

type Method = "gradient" | "occlusion";
const methods: readonly { value: Method; label: string }[] = [
  { value: "gradient", label: "Gradient" },
  { value: "occlusion", label: "Occlusion" },
];

function Saliency({ model, picture, tell }: SheetProps): JSX.Element {
  const [method, setMethod] = useState<Method>("gradient");
  const { url, problem } = useDrawn(
    picture,
    (asked, signal) => service.models.saliencyPicture(model.id, asked, { method }, { signal }),
    `${model.id} ${method}`,
  );
  useEffect(() => tell("saliency", problem), [problem]);
  return (
    <figure class="layer-sheet">
      <figcaption class="small-text soft">where it looks</figcaption>
      {url ? <img class="pixels" src={url} alt="The input, red where it made the answer what it is" /> : null}
      <Choice label="How that is found" of={methods} value={method} choose={setMethod} />
    </figure>
  );
}

function useProblems(): { each: readonly Error[]; tell: SheetProps["tell"] } {
  const [of, setOf] = useState<Readonly<Record<string, Error | null>>>({});
  const tell = useCallback(
    (sheet: string, problem: Error | null) => setOf((known) => ({ ...known, [sheet]: problem })),
    [],
  );
  const each = new Map(Object.values(of).flatMap((problem) => (problem ? [[problem.message, problem]] : [])));
  return { each: [...each.values()], tell };
}

/** Layers whose maps are worth a look: what drops nothing out when it answers is left out. */
export function WhatLayersMake({ model, picture }: Props): JSX.Element {
  const { each, tell } = useProblems();
  return (
    <>
      {each.map((problem) => (
        <ProblemNote key={problem.message} problem={problem} />
      ))}
      <div class="layer-sheets">
        <Saliency model={model} picture={picture} tell={tell} />
        {model.network.layers.map((layer, at) =>
          layer.kind === "dropout" ? null : (
            <LayerSheet key={at} model={model} picture={picture} layer={at} tell={tell} />
          ),
        )}
      </div>
    </>
  );
}
