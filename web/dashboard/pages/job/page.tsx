/** A job: how it goes, how it went, and what it has learned by now. */
import type { JSX } from "preact";
import type { Job } from "../../../../schemas/job.ts";
import { PageHead, ProblemNote, Waiting, Warnings } from "../../elements/basics.tsx";
import { Status } from "../../elements/status.tsx";
import { nameOf } from "../../format.ts";
import { withQuery, type PageProps } from "../../router.ts";
import { useLiveJob, type LiveJob } from "../../store/live-job.ts";
import { Actions } from "./actions.tsx";
import { Checkpoints } from "./checkpoints.tsx";
import { Curves } from "./curves.tsx";
import { Filters } from "./filters.tsx";
import { History } from "./history.tsx";
import { Inside } from "./inside.tsx";
import { Outcome } from "./outcome.tsx";
import { RequestOf } from "./request.tsx";

function Head({ job }: { job: Job }): JSX.Element {
  return (
    <PageHead title={nameOf(job)} kind="Job">
      <Status of={job.status} />
      {job.model === null ? null : (
        <a class="button strong" href={`/models/${job.model}`}>
          Open the model
        </a>
      )}
      <Actions job={job} />
    </PageHead>
  );
}

function Body({ live, job }: { live: LiveJob; job: Job }): JSX.Element {
  return (
    <>
      <Warnings of={job.waitingFor === null ? job.warnings : [`it waits for ${job.waitingFor}`, ...job.warnings]} />
      <Outcome job={job} live={live} />
      {job.attempts.length > 0 ? (
        <>
          <Curves job={job} live={live} />
          <div class="two-columns">
            <Checkpoints job={job} live={live} />
            <Filters job={job} live={live} />
          </div>
          <Inside job={job} />
        </>
      ) : null}
      <History job={job} live={live} />
      <RequestOf job={job} />
      <p>
        <a href={withQuery("/jobs/compare", { jobs: job.id })}>Lay other jobs over this one</a>
      </p>
    </>
  );
}

export default function JobPage({ params }: PageProps): JSX.Element {
  const live = useLiveJob(params.id);
  const job = live.job.value.value;
  const problem = live.job.problem.value;
  return (
    <>
      {job ? <Head job={job} /> : <PageHead title="Job" />}
      <ProblemNote problem={problem} />
      {job ? <Body live={live} job={job} /> : null}
      {job || problem ? null : <Waiting what="Asking for the job" />}
    </>
  );
}
