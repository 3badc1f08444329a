/** A sweep and its trials as they go: asked for again whenever its stream of events tells of something. */
import { useEffect } from "preact/hooks";
import type { Sweep, TrialPage } from "../../../client/index.ts";
import { service } from "../service.ts";
import { gather } from "./gathered.ts";
import { useResource, type Resource } from "./resource.ts";

const mostTrials = 500;
/** What no event tells: seconds of training that add up. */
const slowMs = 5000;

export type TrialSort = "value" | "trial";

export interface LiveSweep {
  sweep: Resource<Sweep>;
  trials: Resource<TrialPage>;
}

/** What happens from now on: the newest event is known by what was asked for. */
async function listen(id: string, { sweep, trials }: LiveSweep, abort: AbortSignal): Promise<void> {
  const newest = await service.sweeps.eventPage(id, { limit: 1, order: "desc" }, { signal: abort });
  const after = newest.data[0]?.id;
  const options = { signal: abort, patienceSeconds: Number.POSITIVE_INFINITY };
  const renew = (): void => {
    sweep.renew();
    trials.renew();
  };
  // Something may have happened between the two questions.
  renew();
  await gather(service.sweeps.events(id, after === undefined ? options : { ...options, after }), renew, abort);
}

export function useLiveSweep(id: string, sort: TrialSort): LiveSweep {
  const sweep: Resource<Sweep> = useResource(`sweeps/${id}`, {
    ask: (signal) => service.sweeps.get(id, { signal }),
    every: ({ terminal }) => (terminal ? null : slowMs),
  });
  const trials: Resource<TrialPage> = useResource(`sweeps/${id}/trials?${sort}`, {
    ask: (signal) => service.sweeps.trials(id, { limit: mostTrials, sort }, { signal }),
    every: () => (sweep.value.peek()?.terminal ? null : slowMs),
  });
  useEffect(() => {
    const abort = new AbortController();
    // What could not be heard is told by the sweep's own problem.
    listen(id, { sweep, trials }, abort.signal).catch(() => undefined);
    return () => abort.abort();
  }, [id, trials]);
  return { sweep, trials };
}
