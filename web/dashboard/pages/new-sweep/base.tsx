/** The request that every trial begins from. */
import type { JSX } from "preact";
import { Section } from "../../elements/basics.tsx";
import { Field } from "../../elements/field.tsx";
import { valueAt } from "../../form/draft.ts";
import { SchemaField, type FormContext } from "../../form/schema-field.tsx";
import { resolved, type Schema } from "../../form/schema.ts";
import { useDatasets } from "../../store/lists.ts";
import { LayerList, layerKinds } from "../training/layer-editor.tsx";
import { changeDraft } from "./draft.ts";

function DatasetField({ form }: { form: FormContext }): JSX.Element {
  const datasets = useDatasets().value.value?.data.filter(({ status }) => status !== "rejected") ?? [];
  const named = valueAt(form.draft, ["base", "dataset"]);
  const chosen = typeof named === "string" ? named : "";
  const isKnown = datasets.some(({ id, alias }) => chosen === (alias ?? id));
  return (
    <Field label="Dataset" problem={form.problems.find(({ pointer }) => pointer === "/base/dataset")?.detail}>
      {(attributes) => (
        <select
          {...attributes}
          value={chosen}
          onChange={({ currentTarget }) => changeDraft(["base", "dataset"], currentTarget.value)}
        >
          {isKnown ? null : <option value={chosen}>{chosen}</option>}
          {datasets.map(({ id, alias, name }) => (
            <option key={id} value={alias ?? id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A name, or layers of one's own: what is wrong with a layer stands at that layer. */
function NetworkField({ form, schema }: { form: FormContext; schema: Schema }): JSX.Element {
  const path = ["base", "network"];
  const layers = valueAt(form.draft, [...path, "layers"]);
  return (
    <>
      <SchemaField form={form} path={path} schema={schema} isShallow />
      {Array.isArray(layers) ? (
        <div class="sweep-layers">
          <LayerList
            form={{ ...form, isTerse: true }}
            path={[...path, "layers"]}
            layers={layers}
            kinds={layerKinds(form.all)}
          />
        </div>
      ) : null}
    </>
  );
}

/** What decides most stands open; everything else is folded away. */
const first = ["epochs", "validation"];
const elsewhere = [...first, "dataset", "network", "name"];

export function Base({ form, schema }: { form: FormContext; schema: Schema }): JSX.Element {
  const fields = resolved(schema.properties?.["base"] ?? {}, form.all).properties ?? {};
  const others = Object.keys(fields).filter((name) => !elsewhere.includes(name));
  const isTold = (name: string): boolean =>
    form.problems.some(({ pointer }) => pointer === `/base/${name}` || pointer.startsWith(`/base/${name}/`));
  const isWrong = others.some((name) => isTold(name));
  const field = (name: string): JSX.Element => (
    <SchemaField key={name} form={form} path={["base", name]} schema={fields[name] ?? {}} />
  );
  return (
    <Section title="What is trained">
      <div class="settings-fields">
        <DatasetField form={form} />
        <NetworkField form={form} schema={fields["network"] ?? {}} />
        {first.filter((name) => name in fields).map((name) => field(name))}
      </div>
      <details class="settings-group" {...(isWrong ? { open: true } : {})}>
        <summary>All other settings</summary>
        <div class="settings-fields">{others.map((name) => field(name))}</div>
      </details>
    </Section>
  );
}
