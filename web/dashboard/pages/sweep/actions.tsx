/** What may be asked of a sweep at this moment. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Sweep } from "../../../../client/index.ts";
import { Confirm } from "../../elements/confirm.tsx";
import { go, withQuery } from "../../router.ts";
import { asError, service } from "../../service.ts";
import { refreshAll } from "../../store/resource.ts";

export function Actions({ sweep }: { sweep: Sweep }): JSX.Element {
  const [refusal, setRefusal] = useState<string | null>(null);
  const { id, status, terminal } = sweep;
  const ask = async (what: () => Promise<unknown>): Promise<void> => {
    setRefusal(null);
    await what().catch((error: unknown) => setRefusal(asError(error).message));
    refreshAll("sweeps");
  };
  const remove = async (): Promise<void> => {
    await service.sweeps.delete(id);
    go("/sweeps");
  };
  return (
    <>
      {status === "queued" || status === "running" ? (
        <button type="button" onClick={() => void ask(() => service.sweeps.pause(id))}>
          Pause
        </button>
      ) : null}
      {status === "paused" ? (
        <button type="button" class="strong" onClick={() => void ask(() => service.sweeps.resume(id))}>
          Resume
        </button>
      ) : null}
      <a class="button" href={withQuery("/sweeps/new", { from: id })}>
        Again, changed
      </a>
      {terminal || status === "cancelling" ? null : (
        <Confirm
          label="Cancel"
          question="End this sweep and its trials now? The best so far stays as a job."
          act={() => service.sweeps.cancel(id).then(() => refreshAll("sweeps"))}
        />
      )}
      {terminal ? (
        <Confirm
          label="Delete"
          question="Delete this sweep with its trials' jobs? The model of its best trial stays."
          act={remove}
        />
      ) : null}
      <p class="bad-text refusal" role="alert">
        {refusal}
      </p>
    </>
  );
}
