/** Worker processes, each with its places for trainings and what stands in them. */
import type { JSX } from "preact";
import type { System } from "../../../../schemas/system.ts";
import { Ago, Empty, Facts, Section } from "../../elements/basics.tsx";
import { JobBar } from "../../elements/job-bar.tsx";
import { count, shortId } from "../../format.ts";
import { useJobsOf } from "../../store/lists.ts";

type Worker = System["workers"][number];

/** A square for each place, full where somebody trains; many are a number. */
const mostSquares = 32;

function Slots({ slots, busy }: { slots: number; busy: number }): JSX.Element {
  return (
    <span class="slots">
      {slots <= mostSquares
        ? Array.from({ length: slots }, (_, at) => (
            <span key={at} class={at < busy ? "slot busy" : "slot"} aria-hidden="true" />
          ))
        : null}
      <span>
        {count(busy)} of {count(slots)} slots busy
      </span>
    </span>
  );
}

function WorkerCard({ worker }: { worker: Worker }): JSX.Element {
  const running = useJobsOf("running", { limit: 200, every: 2000 });
  const jobs = new Map(running.value.value?.data.map((job) => [job.id, job]));
  return (
    <li class="worker">
      <div class="worker-head">
        <h3 class="name">{worker.name}</h3>
        {worker.draining ? <span class="status quiet">ends, and takes no more</span> : null}
        <Slots slots={worker.slots} busy={worker.jobs.length} />
      </div>
      {worker.jobs.length > 0 ? (
        <ul class="plain-list job-bars">
          {worker.jobs.map((id) => {
            const job = jobs.get(id);
            return job ? (
              <JobBar key={id} job={job} />
            ) : (
              <li key={id}>
                <a href={`/jobs/${id}`}>{shortId(id)}</a>
              </li>
            );
          })}
        </ul>
      ) : null}
      <Facts
        of={[
          ["Machine", `${worker.host}, process ${worker.pid}`],
          ["Threads for a job", count(worker.threads)],
          ["Kernels", worker.kernels],
          ["Started", <Ago at={worker.startedAt} />],
          ["Last seen", <Ago at={worker.seenAt} />],
        ]}
      />
    </li>
  );
}

export const Workers = ({ of }: { of: readonly Worker[] }): JSX.Element => (
  <Section title="Workers">
    {of.length === 0 ? (
      <Empty title="No worker runs.">
        <p>
          What is asked for waits until one does. <code>npm run worker</code> starts one.
        </p>
      </Empty>
    ) : null}
    <ul class="plain-list workers">
      {of.map((worker) => (
        <WorkerCard key={worker.name} worker={worker} />
      ))}
    </ul>
  </Section>
);
