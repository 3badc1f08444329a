/** Which data. */
import type { JSX } from "preact";
import type { Dataset } from "../../../../schemas/dataset.ts";
import { ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { Field } from "../../elements/field.tsx";
import { Picture } from "../../elements/picture.tsx";
import { Status } from "../../elements/status.tsx";
import { count, counted, shapeOf } from "../../format.ts";
import { service } from "../../service.ts";
import { useDatasets } from "../../store/lists.ts";
import { changeDraft, type Draft } from "./draft.ts";

const referenceOf = ({ alias, id }: Dataset): string => alias ?? id;

function Chosen({ dataset }: { dataset: Dataset }): JSX.Element {
  const { status, splits, classes, shape } = dataset;
  const scale = Math.max(1, Math.min(4, Math.floor(36 / (shape?.width ?? 28))));
  return (
    <div class="chosen-dataset">
      <p class="soft">
        {status === "ready" ? (
          <>
            {count(splits.train)} samples to learn from, {counted(classes.length, "class", "classes")}
            {shape ? `, ${shapeOf(shape)}` : ""} · <a href={`/datasets/${dataset.id}`}>look at it</a>
          </>
        ) : (
          <>
            <Status of={status} /> A training may be asked for; it begins when the data is ready.
          </>
        )}
      </p>
      {status === "ready" ? (
        <Picture
          class="pixels thumbnails"
          src={service.urls.sampleSheet(dataset.id, { limit: 12, columns: 12, scale })}
          alt=""
        />
      ) : null}
    </div>
  );
}

/** What the draft names, by id or alias, whichever revision. */
export function useChosenDataset(draft: Draft): Dataset | undefined {
  const datasets = useDatasets().value.value?.data;
  const [name] = typeof draft["dataset"] === "string" ? draft["dataset"].split("@") : [];
  return datasets?.find(({ id, alias }) => id === name || (alias !== null && alias === name));
}

export function DatasetChoice({ draft }: { draft: Draft }): JSX.Element {
  const known = useDatasets();
  const page = known.value.value;
  const datasets = page?.data.filter(({ status }) => status !== "rejected") ?? [];
  const asked = typeof draft["dataset"] === "string" ? draft["dataset"] : "";
  const chosen = useChosenDataset(draft);
  return (
    <Section title="Data" aside="or drop a folder of pictures anywhere">
      <Field label="Dataset">
        {(attributes) => (
          <select
            {...attributes}
            value={chosen ? referenceOf(chosen) : asked}
            onChange={({ currentTarget }) => changeDraft(["dataset"], currentTarget.value)}
          >
            {chosen ? null : <option value={asked}>{asked === "" ? "choose one" : asked}</option>}
            {datasets.map((dataset) => (
              <option key={dataset.id} value={referenceOf(dataset)}>
                {dataset.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <ProblemNote problem={known.problem.value} />
      {page || known.problem.value ? null : <Waiting what="Asking for the datasets" />}
      {chosen ? <Chosen dataset={chosen} /> : null}
    </Section>
  );
}
