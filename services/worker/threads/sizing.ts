/** How much memory a training would take, planned on a compute thread: nothing is allocated. */
import { EngineError, deriveTraining, planTraining } from "../../../engine/index.ts";
import type { TrainingToPlan } from "../../shared/jobs/order.ts";
import type { FromThread } from "./protocol.ts";

/** With as many threads as were asked for: a worker that gives fewer needs no more memory. */
export function size({ request, ...dataset }: TrainingToPlan, say: (message: FromThread) => void): void {
  try {
    const most = { mostThreads: request.threads, stopAtStep: null, rescheduled: [], pauseAfterEpoch: null };
    say({ kind: "sized", bytes: planTraining(deriveTraining({ request, dataset, ...most })).bytes });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    say({ kind: "unsized", pointer: error.pointer ?? "", detail: error.message });
  }
}
