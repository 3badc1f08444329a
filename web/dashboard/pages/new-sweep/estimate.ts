/** What the service says of the sweep a moment after it was last changed: a dry run. */
import { useEffect, useState } from "preact/hooks";
import type { SweepEstimate } from "../../../../client/index.ts";
import { asError, service } from "../../service.ts";
import { requestOf, type Draft } from "./draft.ts";

const settleMs = 300;

export interface Estimated {
  /** Of the sweep as it is now; null while it is asked for or refused. */
  estimate: SweepEstimate | null;
  problem: Error | null;
}

export function useEstimate(draft: Draft): Estimated {
  const [state, setState] = useState<Estimated>({ estimate: null, problem: null });
  const text = JSON.stringify(draft);
  useEffect(() => {
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const estimate = await service.sweeps.estimate(requestOf(draft), { signal: abort.signal });
        setState({ estimate, problem: null });
      } catch (error) {
        if (!abort.signal.aborted) setState({ estimate: null, problem: asError(error) });
      }
    };
    const timer = setTimeout(() => void ask(), settleMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  return state;
}
