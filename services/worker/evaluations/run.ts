/** One evaluation on a compute thread: told as it goes on, and ended at once where it is no longer wanted. */
import type { Logger } from "../../shared/log.ts";
import type { ThreadPool } from "../threads/pool.ts";
import type { EvaluateAssignment, EvaluationEnding, FromThread } from "../threads/protocol.ts";

const reportEveryMs = 500;

/** Nobody wants the result any more; the reason says why. */
export type Unwanted = "cancelled" | "fenced" | "drain";

export interface RunOptions {
  pool: ThreadPool;
  assignment: EvaluateAssignment;
  /** Told how many samples are answered; answers whether the evaluation is still wanted. */
  report: (samples: number) => Promise<Unwanted | null>;
  /** The worker ends. */
  signal: AbortSignal;
  log: Logger;
}

/** Settles with the end, or with why it was given up. Rejects where the thread broke. */
export async function runEvaluation(
  options: RunOptions,
): Promise<EvaluationEnding | { kind: "unwanted"; why: Unwanted }> {
  const { pool, assignment, report, signal, log } = options;
  let samples = 0;
  let timer: NodeJS.Timeout | undefined;
  let drain = (): void => undefined;
  const lease = { ended: (): void => undefined };
  try {
    return await new Promise((resolve, reject) => {
      const hear = (message: FromThread): void => {
        if (message.kind === "evaluating") samples = message.samples;
        else if (message.kind === "evaluated") resolve(message.ending);
        else if (message.kind === "broken") reject(new Error(message.message));
      };
      const thread = pool.lease({ message: hear, gone: reject });
      const giveUp = (why: Unwanted): void => {
        resolve({ kind: "unwanted", why });
        void thread.kill();
      };
      lease.ended = () => thread.release();
      let busy = false;
      timer = setInterval(() => {
        if (busy) return;
        busy = true;
        report(samples)
          .then((why) => (why === null ? undefined : giveUp(why)))
          .catch((error: unknown) => log.debug({ err: error }, "the progress of an evaluation could not be written"))
          .finally(() => (busy = false));
      }, reportEveryMs);
      drain = () => giveUp("drain");
      signal.addEventListener("abort", drain);
      if (signal.aborted) return drain();
      thread.tell({ kind: "evaluate", assignment });
    });
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", drain);
    lease.ended();
  }
}
