/** A dataset: what came of the upload, what is in it, and what training would see. */
import type { JSX } from "preact";
import type { Dataset } from "../../../../schemas/dataset.ts";
import { PageHead, ProblemNote, Progress, Section, Waiting, Warnings } from "../../elements/basics.tsx";
import { Confirm } from "../../elements/confirm.tsx";
import { Status } from "../../elements/status.tsx";
import { percent } from "../../format.ts";
import { go, withQuery, type PageProps } from "../../router.ts";
import { service } from "../../service.ts";
import { refreshAll, useResource, type Resource } from "../../store/resource.ts";
import { Augmentations } from "./augmentations.tsx";
import { Details } from "./details.tsx";
import { Problems } from "./problems.tsx";
import { Samples } from "./samples.tsx";

const lookMs = 500;

async function remove(dataset: Dataset): Promise<void> {
  await service.datasets.delete(dataset.id);
  refreshAll("datasets");
  go("/datasets");
}

function Head({ dataset }: { dataset: Dataset }): JSX.Element {
  const { status, name, terminal } = dataset;
  return (
    <PageHead title={name} kind="Dataset">
      <Status of={status} />
      {status === "ready" ? (
        <a class="button strong" href={withQuery("/jobs/new", { dataset: dataset.alias ?? dataset.id })}>
          Train on it
        </a>
      ) : null}
      <Confirm
        label={terminal ? "Delete" : "Cancel"}
        question={terminal ? `Delete the dataset “${name}” and its samples?` : `Stop checking “${name}” and forget it?`}
        act={() => remove(dataset)}
      />
    </PageHead>
  );
}

/** While it comes or is being looked at. */
const UnderWay = ({ dataset }: { dataset: Dataset }): JSX.Element => (
  <Section title={dataset.status === "receiving" ? "It arrives" : "It is being checked"}>
    <Progress share={dataset.fraction} label="Progress" />
    <p class="soft under-bar">
      {percent(dataset.fraction)}. Every file is read once; you need not wait here, and a training may be asked for
      already.
    </p>
    <p class="under-bar">
      <a href={withQuery("/jobs/new", { dataset: dataset.id })}>Prepare a training</a>
    </p>
  </Section>
);

function Body({ dataset }: { dataset: Dataset }): JSX.Element {
  if (!dataset.terminal) return <UnderWay dataset={dataset} />;
  return (
    <>
      <Warnings of={dataset.warnings} />
      <Problems dataset={dataset} />
      {dataset.status === "ready" ? (
        <>
          <Samples dataset={dataset} />
          <Augmentations dataset={dataset} />
        </>
      ) : null}
      <Details dataset={dataset} />
    </>
  );
}

export default function DatasetPage({ params }: PageProps): JSX.Element {
  const { id } = params;
  const dataset: Resource<Dataset> = useResource(`datasets/${id}`, {
    ask: (signal) => service.datasets.get(id, { signal }),
    every: ({ terminal }) => (terminal ? null : lookMs),
  });
  const value = dataset.value.value;
  return (
    <>
      {value ? <Head dataset={value} /> : <PageHead title="Dataset" />}
      <ProblemNote problem={dataset.problem.value} />
      {value ? <Body dataset={value} /> : null}
      {value || dataset.problem.value ? null : <Waiting what="Asking for the dataset" />}
    </>
  );
}
