/** Everything else that may be set, folded away: each with what it would be. */
import type { JSX } from "preact";
import { Section } from "../../elements/basics.tsx";
import { SchemaField, type FormContext } from "../../form/schema-field.tsx";
import type { RequestSchema } from "../../form/request-schema.ts";
import { valueAt } from "../../form/draft.ts";

const groups: readonly { title: string; fields: readonly string[] }[] = [
  { title: "How long", fields: ["epochs", "batchSize", "stopWhen"] },
  { title: "How it learns", fields: ["optimiser", "schedule", "loss", "sampling", "shuffle"] },
  { title: "What it sees", fields: ["normalisation", "augmentation", "validation"] },
  { title: "Where it begins, what it keeps", fields: ["initialModel", "checkpoints"] },
  { title: "How it is computed", fields: ["seed", "threads", "numerics"] },
];
const elsewhere = ["dataset", "network", "name"];

/** What stands in no group has one of its own. */
function grouped(schema: RequestSchema): { title: string; fields: readonly string[] }[] {
  const all = Object.keys(schema.root.properties ?? {}).filter((name) => !elsewhere.includes(name));
  const placed = groups.map(({ title, fields }) => ({ title, fields: fields.filter((name) => all.includes(name)) }));
  const rest = all.filter((name) => !groups.some(({ fields }) => fields.includes(name)));
  return [...placed, { title: "Name, notes, notice", fields: ["name", ...rest] }];
}

export function Settings({ form, schema }: { form: FormContext; schema: RequestSchema }): JSX.Element {
  const hasProblem = (fields: readonly string[]): boolean =>
    form.problems.some(({ pointer }) => fields.includes(pointer.split("/")[1] ?? ""));
  const changes = (fields: readonly string[]): number =>
    fields.filter((name) => valueAt(form.draft, [name]) !== undefined).length;
  return (
    <Section title="Settings">
      {grouped(schema).map(({ title, fields }) => (
        <details key={title} class="settings-group" {...(hasProblem(fields) ? { open: true } : {})}>
          <summary>
            {title}
            {changes(fields) > 0 ? <span class="status active">{changes(fields)} set</span> : null}
          </summary>
          <div class="settings-fields">
            {fields.map((name) => (
              <SchemaField key={name} form={form} path={[name]} schema={schema.root.properties?.[name] ?? {}} />
            ))}
          </div>
        </details>
      ))}
    </Section>
  );
}
