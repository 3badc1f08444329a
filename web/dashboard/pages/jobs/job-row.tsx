/** A job in the list. */
import type { JSX } from "preact";
import type { JobSummary } from "../../../../schemas/job.ts";
import { Ago, Progress, Sentence } from "../../elements/basics.tsx";
import { Status } from "../../elements/status.tsx";
import { counted, duration, nameOf, percent } from "../../format.ts";

/** How good it is: by the figures that count most of those there are. */
function goodness({ result, progress, status }: JobSummary): string {
  if (status === "failed") return "";
  const best = result?.test ?? result?.validation ?? progress?.validation ?? null;
  if (best) return percent(best.accuracy);
  return progress?.accuracy === null || progress === null ? "" : percent(progress.accuracy);
}

function Middle({ job }: { job: JobSummary }): JSX.Element {
  const { progress, status, result, error } = job;
  if (!job.terminal && progress)
    return (
      <span class="row-progress">
        <Progress share={progress.fraction} label={`Progress of ${nameOf(job)}`} />
        <span>
          {status === "running" && progress.remainingSeconds !== null
            ? `${duration(progress.remainingSeconds)} left`
            : `epoch ${progress.epoch} of ${progress.epochs}`}
        </span>
      </span>
    );
  if (error)
    return (
      <span class="bad-text one-line">
        <Sentence text={error.detail} />
      </span>
    );
  return <span class="soft">{result ? `${counted(result.epochs, "epoch")} in ${duration(result.seconds)}` : ""}</span>;
}

interface JobRowProps {
  job: JobSummary;
  dataset: string;
  isChosen: boolean;
  choose: (id: string, isChosen: boolean) => void;
}

export const JobRow = ({ job, dataset, isChosen, choose }: JobRowProps): JSX.Element => (
  <div class="job-row">
    <input
      type="checkbox"
      aria-label={`Choose ${nameOf(job)} to compare`}
      checked={isChosen}
      onChange={({ currentTarget }) => choose(job.id, currentTarget.checked)}
    />
    <span class="job-row-name">
      <a class="name one-line" href={`/jobs/${job.id}`}>
        {nameOf(job)}
      </a>
      <span class="soft small-text one-line">
        {dataset} · <Ago at={job.createdAt} />
      </span>
    </span>
    <span class="job-row-middle small-text">
      <Middle job={job} />
    </span>
    <span class="job-row-good">{goodness(job)}</span>
    <span class="job-row-status">
      <Status of={job.status} />
    </span>
  </div>
);
