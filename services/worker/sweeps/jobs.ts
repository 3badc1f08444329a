/** The jobs of trials, as their coordinator sees them: what became of one is the outcome of its trial in a rung. */
import type { Outcome, Place } from "../../../search/index.ts";
import type { Objective } from "../../../schemas/sweep.ts";
import type { TrialJob } from "../../shared/records/index.ts";

/** Null while it goes on, or waits within a rung. */
export function outcomeOf(job: TrialJob | null, place: Place, { metric, split }: Objective): Outcome | null {
  const ended = { ...place, value: null, accuracy: null, epochs: job?.epochs ?? 0, complete: true };
  if (job === null) return { ...ended, status: "stopped" };
  const { status, result, interruption } = job;
  if (status === "failed") return { ...ended, status: "failed" };
  if (status === "cancelled") return { ...ended, status: "stopped" };
  if (status === "succeeded" && result !== null) {
    const figures = result[split];
    const concluded = result.stopReason === "sweep";
    return {
      ...place,
      status: concluded ? "stopped" : "succeeded",
      value: figures?.[metric] ?? null,
      accuracy: figures?.accuracy ?? null,
      epochs: result.epochs,
      complete: !concluded,
    };
  }
  if (status === "paused" && interruption !== null)
    return {
      ...place,
      status: "succeeded",
      value: interruption[metric],
      accuracy: interruption.accuracy,
      epochs: interruption.epoch,
      complete: false,
    };
  return null;
}
