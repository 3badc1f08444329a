/** What the service says of the request a moment after it was last changed: a dry run. */
import { useEffect, useState } from "preact/hooks";
import type { Estimate } from "../../../../schemas/estimate.ts";
import { asError, service } from "../../service.ts";
import { requestOf, type Draft } from "./draft.ts";

const settleMs = 200;

export interface Estimated {
  /** Of the request as it is now; null while it is asked for or refused. */
  estimate: Estimate | null;
  /** The last that there was: its defaults still serve. */
  last: Estimate | null;
  problem: Error | null;
}

export function useEstimate(draft: Draft): Estimated {
  const [state, setState] = useState<Estimated>({ estimate: null, last: null, problem: null });
  const text = JSON.stringify(draft);
  useEffect(() => {
    if (typeof draft["dataset"] !== "string") return undefined;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const estimate = await service.jobs.estimate(requestOf(draft), { signal: abort.signal });
        setState({ estimate, last: estimate, problem: null });
      } catch (error) {
        if (!abort.signal.aborted) setState(({ last }) => ({ estimate: null, last, problem: asError(error) }));
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
