/** Every dataset, and the place where new ones are dropped. */
import type { JSX } from "preact";
import type { Dataset } from "../../../../schemas/dataset.ts";
import { Ago, Empty, PageHead, ProblemNote, Progress, Section, Waiting } from "../../elements/basics.tsx";
import { DropPlace } from "../../elements/drop-place.tsx";
import { Status } from "../../elements/status.tsx";
import { count, counted, shapeOf } from "../../format.ts";
import { service } from "../../service.ts";
import { useDatasets } from "../../store/lists.ts";
import { UploadSettings } from "../../uploads/settings.tsx";

/** A few samples, or nothing while there are none. */
function Thumbnails({ dataset }: { dataset: Dataset }): JSX.Element | null {
  if (dataset.status !== "ready" || !dataset.shape) return null;
  const zoom = Math.max(1, Math.min(4, Math.floor(36 / dataset.shape.width)));
  const src = service.urls.sampleSheet(dataset.id, { limit: 8, columns: 8, scale: zoom });
  return <img class="pixels thumbnails" src={src} alt="" loading="lazy" />;
}

function Facts({ dataset }: { dataset: Dataset }): JSX.Element {
  const { status, splits, shape, classes, fraction, problems } = dataset;
  if (status === "receiving" || status === "checking")
    return <Progress share={fraction} label={`${status} ${dataset.name}`} />;
  if (status === "rejected") return <p class="bad-text">{problems[0]?.detail ?? "It could not be read."}</p>;
  return (
    <p class="soft">
      {count(splits.train)} to learn from
      {splits.validation > 0 ? ` · ${count(splits.validation)} to validate` : ""}
      {splits.test > 0 ? ` · ${count(splits.test)} to test` : ""} · {counted(classes.length, "class", "classes")}
      {shape ? ` · ${shapeOf(shape)}` : ""}
    </p>
  );
}

const Row = ({ dataset }: { dataset: Dataset }): JSX.Element => (
  <li class="dataset-row">
    <div class="dataset-main">
      <p class="dataset-title">
        <a class="name" href={`/datasets/${dataset.id}`}>
          {dataset.name}
        </a>
        <Status of={dataset.status} />
        <span class="soft small-text">
          <Ago at={dataset.createdAt} />
        </span>
      </p>
      <Facts dataset={dataset} />
    </div>
    <Thumbnails dataset={dataset} />
  </li>
);

export default function Datasets(): JSX.Element {
  const datasets = useDatasets({ every: 1500 });
  const page = datasets.value.value;
  return (
    <>
      <PageHead title="Datasets" />
      <DropPlace />
      <UploadSettings />
      <Section title={page ? counted(page.data.length, "dataset") : "Datasets"} class="dataset-list">
        <ProblemNote problem={datasets.problem.value} />
        {page === undefined ? <Waiting what="Asking for the datasets" /> : null}
        {page?.data.length === 0 ? <Empty title="There are none yet." /> : null}
        <ul class="plain-list">
          {page?.data.map((dataset) => (
            <Row key={dataset.id} dataset={dataset} />
          ))}
        </ul>
      </Section>
    </>
  );
}
