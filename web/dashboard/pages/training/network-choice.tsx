/** Which network: chosen for the data, one that has a name, or layers of one's own. */
import type { JSX } from "preact";
import type { FormContext } from "../../form/schema-field.tsx";
import type { RequestSchema } from "../../form/request-schema.ts";
import { variantsOf } from "../../form/schema.ts";
import { Section, Waiting } from "../../elements/basics.tsx";
import { useChosenDataset } from "./dataset-choice.tsx";
import { changeDraft, plainLayers, type Draft } from "./draft.ts";
import type { Estimated } from "./estimate.ts";
import { LayerEditor } from "./layer-editor.tsx";

const says: Readonly<Record<string, string>> = {
  auto: "Chosen for these samples, with its reasons. The best place to begin.",
  "lenet-5": "LeCun's network of 1998: small, thorough, made for digits.",
  toolbox: "The example of the notes: sigmoids and means, one epoch.",
  "fast-mnist": "The quickest way we know to 99 % on MNIST.",
};
const titles: Readonly<Record<string, string>> = { auto: "Automatic", "lenet-5": "LeNet-5", toolbox: "Toolbox" };

/** The least that answers: a unit for each class. */
const least = (classes: number): object => ({ layers: [{ kind: "dense", units: classes, activation: "softmax" }] });

interface NetworkChoiceProps {
  form: FormContext;
  schema: RequestSchema;
  draft: Draft;
  estimated: Estimated;
}

export function NetworkChoice({ form, schema, draft, estimated }: NetworkChoiceProps): JSX.Element {
  const field = schema.root.properties?.["network"] ?? {};
  const names = variantsOf(field, schema.all).flatMap(({ initial }) => (typeof initial === "string" ? [initial] : []));
  const isRequired = schema.root.required?.includes("network") ?? false;
  const network = draft["network"] ?? (isRequired ? undefined : "auto");
  const classes = useChosenDataset(draft)?.classes.length ?? 10;
  const isOwn = typeof network === "object" && network !== null;
  const own = (): void => {
    const layers = (estimated.estimate ?? estimated.last)?.request.network.layers;
    changeDraft(["network"], layers ? { layers: plainLayers(layers) } : least(classes));
  };
  const card = (name: string, title: string, text: string, isChosen: boolean, choose: () => void): JSX.Element => (
    <label key={name} class="card choice-card">
      <input type="radio" name="network" checked={isChosen} onChange={choose} />
      <span class="choice-text">
        <strong>{title}</strong>
        <span class="soft small-text">{text}</span>
      </span>
    </label>
  );
  const ordered = [...names].sort((left, right) => Number(right === "auto") - Number(left === "auto"));
  const problem = form.problems.find(({ pointer }) => pointer === "/network");
  return (
    <Section title="Network">
      <fieldset class="choice-cards">
        <legend class="unseen">Network</legend>
        {ordered.map((name) =>
          card(name, titles[name] ?? name, says[name] ?? "", network === name, () => changeDraft(["network"], name)),
        )}
        {card("own", "Your own layers", "Start from what is chosen now, and change it.", isOwn, own)}
      </fieldset>
      {problem ? <p class="bad-text under-bar">{problem.detail}</p> : null}
      {isOwn || estimated.estimate ? (
        <LayerEditor form={{ ...form, isTerse: true }} isOwn={isOwn} estimate={estimated.estimate} takeOver={own} />
      ) : null}
      {isOwn || estimated.estimate || estimated.problem || draft["dataset"] === undefined ? null : (
        <Waiting what="Asking what it would be" />
      )}
    </Section>
  );
}
