/** What was taken for what: every number opens its samples. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Split } from "../../../../schemas/dataset.ts";
import type { Model } from "../../../../schemas/model.ts";
import type { Evaluation } from "../../../../schemas/prediction.ts";
import { ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { count, counted } from "../../format.ts";
import { place, setQuery } from "../../router.ts";
import { service } from "../../service.ts";
import { useResource } from "../../store/resource.ts";
import { Pictures } from "./pictures.tsx";

/** More classes are told as a list of the commonest confusions: a table of them fits no page. */
const mostInTable = 30;
const mostListed = 30;
const shown = 48;

interface Cell {
  truth: number;
  predicted: number;
  samples: number;
}

/** The cell that the address names. */
function chosenCell(confusion: Evaluation["confusion"]): Cell | null {
  const [truth, predicted] = ["true", "predicted"].map((name) => Number(place.value.query.get(name) ?? "-1"));
  const samples = confusion[truth ?? -1]?.[predicted ?? -1];
  return truth === undefined || predicted === undefined || samples === undefined ? null : { truth, predicted, samples };
}

const choose = ({ truth, predicted }: Cell): void => setQuery({ true: String(truth), predicted: String(predicted) });

const sentence = (model: Model, { truth, predicted, samples }: Cell): string =>
  truth === predicted
    ? `${counted(samples, "sample")} of ${model.classes[truth]}, answered right`
    : `${counted(samples, "sample")} of ${model.classes[truth]}, taken for ${model.classes[predicted]}`;

function CellButton({ model, cell, share, isChosen }: { model: Model; cell: Cell; share: number; isChosen: boolean }) {
  const { truth, predicted, samples } = cell;
  if (samples === 0) return <span class="cell empty-cell">·</span>;
  return (
    <button
      type="button"
      class={`cell ${truth === predicted ? "right-cell" : "wrong-cell"}`}
      style={{ "--share": String(share) }}
      aria-label={sentence(model, cell)}
      aria-pressed={isChosen}
      title={sentence(model, cell)}
      onClick={() => choose(cell)}
    >
      {count(samples)}
    </button>
  );
}

function Table({
  model,
  confusion,
  chosen,
}: {
  model: Model;
  confusion: Evaluation["confusion"];
  chosen: Cell | null;
}) {
  const worst = Math.max(1, ...confusion.flatMap((row, truth) => row.filter((_, predicted) => predicted !== truth)));
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label="Confusion matrix">
      <table class="confusion">
        <thead>
          <tr>
            <th class="corner">is ↓ taken for →</th>
            {model.classes.map((name) => (
              <th key={name} class="confusion-top">
                <span title={name}>{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {confusion.map((row, truth) => {
            const total = row.reduce((sum, each) => sum + each, 0) || 1;
            return (
              <tr key={truth}>
                <th scope="row" class="confusion-side" title={model.classes[truth]}>
                  {model.classes[truth]}
                </th>
                {row.map((samples, predicted) => (
                  <td key={predicted}>
                    <CellButton
                      model={model}
                      cell={{ truth, predicted, samples }}
                      share={truth === predicted ? samples / total : Math.sqrt(samples / worst)}
                      isChosen={chosen?.truth === truth && chosen.predicted === predicted}
                    />
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** The commonest confusions, most first. */
function confusions(confusion: Evaluation["confusion"]): Cell[] {
  const cells = confusion.flatMap((row, truth) => row.map((samples, predicted) => ({ truth, predicted, samples })));
  return cells
    .filter(({ truth, predicted, samples }) => truth !== predicted && samples > 0)
    .sort((one, other) => other.samples - one.samples)
    .slice(0, mostListed);
}

const List = ({ model, cells, chosen }: { model: Model; cells: readonly Cell[]; chosen: Cell | null }): JSX.Element => (
  <ol class="plain-list confusions">
    {cells.map((cell) => (
      <li key={`${cell.truth} ${cell.predicted}`}>
        <button
          type="button"
          class="confusion-line"
          aria-pressed={chosen?.truth === cell.truth && chosen.predicted === cell.predicted}
          onClick={() => choose(cell)}
        >
          <strong>{count(cell.samples)}</strong> {model.classes[cell.truth]} <span aria-hidden="true">→</span>
          <span class="unseen">taken for</span> {model.classes[cell.predicted]}
        </button>
      </li>
    ))}
  </ol>
);

function CellSamples({ model, split, cell }: { model: Model; split: Split; cell: Cell }): JSX.Element {
  const { truth, predicted } = cell;
  const samples = useResource(`cell ${model.id} ${split} ${truth} ${predicted}`, {
    ask: (signal) =>
      service.models.predictions(
        model.id,
        { split, class: truth, predicted, sort: "confidence", order: "desc", limit: shown },
        { signal },
      ),
  });
  const { value } = samples.value;
  return (
    <section class="cell-samples" aria-live="polite">
      <h3>{sentence(model, cell)}</h3>
      <p class="soft small-text">
        The surest first{value?.hasMore ? `; the first ${shown}` : ""}.{" "}
        <button type="button" class="small" onClick={() => setQuery({ true: null, predicted: null })}>
          Close
        </button>
      </p>
      <ProblemNote problem={samples.problem.value} />
      {value ? (
        <Pictures model={model} split={split} rows={value.data} />
      ) : samples.problem.value ? null : (
        <Waiting what="Asking for the samples" isAsked />
      )}
    </section>
  );
}

export function Confusion({ model, evaluation }: { model: Model; evaluation: Evaluation }): JSX.Element {
  const { confusion, split } = evaluation;
  const chosen = chosenCell(confusion);
  const common = useMemo(() => confusions(confusion), [confusion]);
  return (
    <Section title="What it takes for what" aside={<span class="soft">a number shows its samples</span>}>
      {model.classes.length <= mostInTable ? (
        <Table model={model} confusion={confusion} chosen={chosen} />
      ) : common.length === 0 ? (
        <p class="soft">Nothing was taken for anything else.</p>
      ) : (
        <List model={model} cells={common} chosen={chosen} />
      )}
      {chosen ? <CellSamples model={model} split={split} cell={chosen} /> : null}
    </Section>
  );
}
