/** What may be asked of a job at this moment. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Job } from "../../../../schemas/job.ts";
import { Confirm } from "../../elements/confirm.tsx";
import { go, withQuery } from "../../router.ts";
import { asError, service } from "../../service.ts";
import { refreshAll } from "../../store/resource.ts";

const mayPause = ({ status }: Job): boolean => status === "queued" || status === "running";
const mayResume = ({ status }: Job): boolean => status === "paused";
const mayCancel = ({ terminal, status }: Job): boolean => !terminal && status !== "cancelling";
const mayReproduce = ({ receipt }: Job): boolean => receipt !== null;

export function Actions({ job }: { job: Job }): JSX.Element {
  const [refusal, setRefusal] = useState<string | null>(null);
  const ask = async (what: () => Promise<unknown>): Promise<void> => {
    setRefusal(null);
    try {
      await what();
    } catch (error) {
      setRefusal(asError(error).message);
    }
    refreshAll("jobs");
  };
  const reproduce = async (): Promise<void> => {
    const again = await service.jobs.reproduce(job.id);
    go(`/jobs/${again.id}`);
  };
  const remove = async (): Promise<void> => {
    await service.jobs.delete(job.id);
    go("/jobs");
  };
  return (
    <>
      {mayPause(job) ? (
        <button type="button" onClick={() => void ask(() => service.jobs.pause(job.id))}>
          Pause
        </button>
      ) : null}
      {mayResume(job) ? (
        <button type="button" class="strong" onClick={() => void ask(() => service.jobs.resume(job.id))}>
          Resume
        </button>
      ) : null}
      <a class="button" href={withQuery("/jobs/new", { from: job.id })}>
        Again, changed
      </a>
      <a class="button" href={withQuery("/sweeps/new", { from: job.id })}>
        Search its settings
      </a>
      {mayReproduce(job) ? (
        <button type="button" onClick={() => void ask(reproduce)}>
          Reproduce
        </button>
      ) : null}
      {mayCancel(job) ? (
        <Confirm
          label="Cancel"
          question="End this training now? Its last checkpoint stays."
          act={() => service.jobs.cancel(job.id).then(() => refreshAll("jobs"))}
        />
      ) : null}
      {job.terminal ? (
        <Confirm label="Delete" question="Delete this job and its curves? A model that it made stays." act={remove} />
      ) : null}
      <p class="bad-text refusal" role="alert">
        {refusal}
      </p>
    </>
  );
}
