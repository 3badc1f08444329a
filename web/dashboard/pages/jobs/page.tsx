/** Every job: filtered by status, dataset, sweep and text, live, and as long as it likes. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { JobStatus, JobSummary } from "../../../../schemas/job.ts";
import { Empty, PageHead, ProblemNote, Waiting } from "../../elements/basics.tsx";
import { VirtualList } from "../../elements/virtual-list.tsx";
import { counted, nameOf } from "../../format.ts";
import { place, withQuery } from "../../router.ts";
import { useJobList } from "../../store/job-list.ts";
import { useDatasets } from "../../store/lists.ts";
import { Filters } from "./filters.tsx";
import { JobRow } from "./job-row.tsx";

const rowHeight = 68;
const mostCompared = 8;

/** Shorter words stand in many ids by chance. */
const leastOfId = 6;

const says = (job: JobSummary, words: readonly string[]): boolean => {
  const text = `${nameOf(job)} ${Object.entries(job.metadata).flat().join(" ")}`.toLowerCase();
  const id = job.id.toLowerCase();
  return words.every((word) => text.includes(word) || (word.length >= leastOfId && id.includes(word)));
};

function Comparison({ chosen, clear }: { chosen: ReadonlySet<string>; clear: () => void }): JSX.Element | null {
  if (chosen.size === 0) return null;
  return (
    <div class="chosen-bar" role="status">
      <span>{counted(chosen.size, "job")} chosen</span>
      <a class="button strong" href={withQuery("/jobs/compare", { jobs: [...chosen].join(",") })}>
        Lay their curves over each other
      </a>
      <button type="button" onClick={clear}>
        Clear
      </button>
    </div>
  );
}

export default function Jobs(): JSX.Element {
  const { query } = place.value;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const filter = {
    status: query.get("status") as JobStatus | null,
    dataset: query.get("dataset"),
    sweep: query.get("sweep"),
  };
  const list = useJobList(filter);
  const datasets = useDatasets({ every: 10_000 });
  const names = new Map(datasets.value.value?.data.map(({ id, name }) => [id, name]));
  const words = (query.get("text") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const { value } = list.value;
  const jobs = words.length === 0 ? value?.jobs : value?.jobs.filter((job) => says(job, words));
  const isFiltered = words.length > 0 || Object.values(filter).some((each) => each !== null);
  const choose = (id: string, isChosen: boolean): void => {
    const next = new Set(chosen);
    if (isChosen) next.add(id);
    else next.delete(id);
    setChosen(next.size > mostCompared ? chosen : next);
  };
  return (
    <>
      <PageHead title="Jobs" />
      <Filters filter={filter} datasets={datasets.value.value?.data ?? []} />
      <Comparison chosen={chosen} clear={() => setChosen(new Set())} />
      <ProblemNote problem={list.problem.value} />
      {jobs === undefined && list.problem.value === null ? <Waiting what="Asking for the jobs" /> : null}
      {jobs?.length === 0 ? (
        <Empty title={isFiltered ? "No job is like that." : "There are no jobs yet."}>
          <p>{isFiltered ? <a href="/jobs">Show all</a> : <a href="/jobs/new">Start the first training</a>}</p>
        </Empty>
      ) : null}
      {jobs && jobs.length > 0 ? (
        <>
          <p class="soft small-text job-count" role="status">
            {counted(jobs.length, "job")}
            {value?.isWhole === false ? ", the newest; older ones are found by a filter" : ""}
          </p>
          <VirtualList items={jobs} height={rowHeight} label="Jobs" keyOf={({ id }) => id}>
            {(job) => (
              <JobRow
                job={job}
                dataset={names.get(job.dataset.id) ?? job.request.dataset}
                isChosen={chosen.has(job.id)}
                choose={choose}
              />
            )}
          </VirtualList>
        </>
      ) : null}
    </>
  );
}
