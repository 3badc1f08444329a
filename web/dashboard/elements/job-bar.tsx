/** A job that runs, as one line: its name, how far, how good, how long still. */
import type { JSX } from "preact";
import type { JobSummary } from "../../../schemas/job.ts";
import { duration, nameOf, percent } from "../format.ts";
import { Progress } from "./basics.tsx";
import { Status } from "./status.tsx";

export function JobBar({ job }: { job: JobSummary }): JSX.Element {
  const { progress } = job;
  const name = nameOf(job);
  return (
    <li class="job-bar">
      <div class="job-bar-top">
        <a class="name" href={`/jobs/${job.id}`}>
          {name}
        </a>
        <span class="job-bar-figures">
          {progress ? (
            <>
              epoch {Math.max(1, progress.epoch)} of {progress.epochs} · {percent(progress.accuracy)} ·{" "}
              <strong>
                {progress.remainingSeconds === null ? "…" : `${duration(progress.remainingSeconds)} left`}
              </strong>
            </>
          ) : (
            <Status of={job.status} />
          )}
        </span>
      </div>
      <Progress share={progress?.fraction ?? 0} label={`Progress of ${name}`} />
    </li>
  );
}
