/** Every model: what it was made of, how good it is, how it is called. */
import type { JSX } from "preact";
import type { ModelSummary } from "../../../../schemas/model.ts";
import { Ago, Empty, PageHead, ProblemNote, Waiting } from "../../elements/basics.tsx";
import { Field } from "../../elements/field.tsx";
import { bytes, count, counted, percent, shapeOf, short } from "../../format.ts";
import { place, setQuery } from "../../router.ts";
import { useDatasets, useModels } from "../../store/lists.ts";

const mostShown = 200;

const says = (model: ModelSummary, words: readonly string[]): boolean => {
  const text = `${model.name} ${model.id} ${model.alias ?? ""} ${Object.entries(model.metadata).flat().join(" ")}`;
  return words.every((word) => text.toLowerCase().includes(word));
};

const ModelRow = ({ model, dataset }: { model: ModelSummary; dataset: string }): JSX.Element => (
  <tr>
    <td>
      <a class="name" href={`/models/${model.id}`}>
        {model.name}
      </a>
      {model.alias === null ? null : <span class="alias">{model.alias}</span>}
    </td>
    <td>{dataset}</td>
    <td class="number">
      {model.evaluation ? percent(model.evaluation.accuracy) : "–"}
      {model.evaluation ? <span class="soft small-text"> {model.evaluation.split}</span> : null}
    </td>
    <td class="number">{counted(model.classes.length, "class", "classes")}</td>
    <td class="number">{shapeOf(model.input)}</td>
    <td class="number">
      {short(model.parameters)} <span class="soft small-text">{bytes(model.bytes)}</span>
    </td>
    <td>
      <Ago at={model.createdAt} />
    </td>
  </tr>
);

function Table({ models }: { models: readonly ModelSummary[] }): JSX.Element {
  const datasets = useDatasets({ every: 10_000 });
  const names = new Map(datasets.value.value?.data.map(({ id, name }) => [id, name]));
  return (
    // A narrow page scrolls the table, by keyboard too.
    <div class="card scroll-x" tabIndex={0} role="group" aria-label="Models">
      <table class="models-table">
        <thead>
          <tr>
            <th>Model</th>
            <th>Dataset</th>
            <th class="number">Right</th>
            <th class="number">Classes</th>
            <th class="number">Input</th>
            <th class="number">Parameters</th>
            <th>Made</th>
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <ModelRow
              key={model.id}
              model={model}
              dataset={model.dataset === null ? "imported" : (names.get(model.dataset.id) ?? "deleted")}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

export default function Models(): JSX.Element {
  const list = useModels({ limit: mostShown });
  const all = list.value.value?.data;
  const text = place.value.query.get("text") ?? "";
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const models = all?.filter((model) => says(model, words));
  return (
    <>
      <PageHead title="Models" />
      <Field label="Find" class="find">
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            value={text}
            placeholder="name, alias, metadata"
            onInput={(event) => setQuery({ text: event.currentTarget.value })}
          />
        )}
      </Field>
      <ProblemNote problem={list.problem.value} />
      {models === undefined && list.problem.value === null ? <Waiting what="Asking for the models" /> : null}
      {models?.length === 0 ? (
        <Empty title={words.length > 0 ? "No model is called like that." : "There are no models yet."}>
          <p>{words.length > 0 ? <a href="/models">Show all</a> : <a href="/jobs/new">Train the first</a>}</p>
        </Empty>
      ) : null}
      {models && models.length > 0 ? <Table models={models} /> : null}
      {list.value.value?.hasMore ? <p class="soft">The newest {count(mostShown)} are shown.</p> : null}
    </>
  );
}
