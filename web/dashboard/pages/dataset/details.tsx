/** Figures of a dataset, what was decided about the upload, and its names. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { Dataset } from "../../../../schemas/dataset.ts";
import { Facts, Section } from "../../elements/basics.tsx";
import { Field } from "../../elements/field.tsx";
import { bytes, count, figure, moment, shapeOf } from "../../format.ts";
import { asError, problemsOf, service } from "../../service.ts";
import { refreshAll } from "../../store/resource.ts";

type Row = readonly [string, ComponentChildren];

const list = (values: readonly number[]): string => values.map((each) => figure(each)).join(", ");

function figuresOf({ shape, dtype, statistics, splits, bytes: size, createdAt, id, revision }: Dataset): Row[] {
  return [
    ["Samples", count(splits.train + splits.validation + splits.test)],
    ...(shape ? ([["Shape", `${shapeOf(shape)} (channels, rows, columns)`]] as Row[]) : []),
    ...(dtype ? ([["Numbers", dtype]] as Row[]) : []),
    ...(statistics
      ? ([
          ["Range", `${figure(statistics.minimum)} to ${figure(statistics.maximum)}`],
          ["Mean", list(statistics.mean)],
          ["Standard deviation", list(statistics.std)],
        ] as Row[])
      : []),
    ...(size === null ? [] : ([["Size", bytes(size)]] as Row[])),
    ["Made", moment(createdAt)],
    ["Id", <code>{id}</code>],
    ...(revision === null ? [] : ([["Revision", <code title={revision}>{revision.slice(0, 12)}…</code>]] as Row[])),
  ];
}

const words: Record<string, string> = {
  format: "Read as",
  delimiter: "Columns are separated by",
  header: "First row names columns",
  labelColumn: "Column of labels",
  splitColumn: "Column of splits",
  skippedColumns: "Columns left out",
  order: "Order of colour values",
  labels: "Labels come from",
  range: "Range of values",
};

function spoken(name: string, decided: { value: unknown; name?: string | null }): string {
  const { value } = decided;
  if (name === "delimiter") return value === "\t" ? "tab" : `“${String(value)}”`;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  if (typeof value === "object" && value !== null) return Object.values(value).join(" to ");
  return decided.name ? `${String(value)} (${decided.name})` : String(value);
}

function Interpretation({ dataset }: { dataset: Dataset }): JSX.Element | null {
  const rows = Object.entries(dataset.interpretation ?? {}).flatMap(([name, decided]) =>
    decided === null ? [] : [{ name, decided }],
  );
  if (rows.length === 0) return null;
  return (
    <Section title="How the upload was understood">
      <Facts
        of={rows.map(({ name, decided }) => [
          words[name] ?? name,
          <>
            {spoken(name, decided)} {decided.guessed ? <span class="status quiet">guessed</span> : null}
          </>,
        ])}
      />
    </Section>
  );
}

function Names({ dataset }: { dataset: Dataset }): JSX.Element {
  const [name, setName] = useState(dataset.name);
  const [alias, setAlias] = useState(dataset.alias ?? "");
  const [problem, setProblem] = useState<Error | null>(null);
  const isChanged = name !== dataset.name || alias !== (dataset.alias ?? "");
  const problems = problemsOf(problem);
  const of = (pointer: string): string | undefined => problems.find((each) => each.pointer === pointer)?.detail;
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await service.datasets.update(dataset.id, { name, alias: alias === "" ? null : alias });
      setProblem(null);
      refreshAll("datasets");
    } catch (error) {
      setProblem(asError(error));
    }
  };
  return (
    <form class="names" onSubmit={(event) => void save(event)}>
      <Field label="Name" problem={of("/name")}>
        {(attributes) => (
          <input {...attributes} value={name} onInput={({ currentTarget }) => setName(currentTarget.value)} />
        )}
      </Field>
      <Field
        label="Alias, to write in requests"
        problem={of("/alias") ?? (problem && problems.length === 0 ? problem.message : undefined)}
      >
        {(attributes) => (
          <input {...attributes} value={alias} onInput={({ currentTarget }) => setAlias(currentTarget.value)} />
        )}
      </Field>
      <button type="submit" disabled={!isChanged}>
        Save
      </button>
    </form>
  );
}

export const Details = ({ dataset }: { dataset: Dataset }): JSX.Element => (
  <>
    <Section title="Figures">
      <Facts of={figuresOf(dataset)} />
      <Names dataset={dataset} />
    </Section>
    <Interpretation dataset={dataset} />
  </>
);
