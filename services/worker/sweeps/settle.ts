/** A sweep that was accepted while its dataset was still being made: looked at whole when that is ready. */
import type { Coordination, SweepRecord } from "../../shared/records/index.ts";
import { Refusal } from "../../shared/refusal.ts";
import { checkSweep, type CheckedSweep } from "../../shared/sweeps/check.ts";
import { askedOf } from "../../shared/sweeps/left.ts";
import { awaitedDataset } from "../datasets/awaited.ts";
import { CannotGoOn, Fenced, type SweepDependencies } from "./trials.ts";

/** As the api looks at one on a dataset that is ready; what does not fit fails the sweep. */
async function check(
  sweep: SweepRecord,
  { recordsOf, storage, planBytes, records }: SweepDependencies,
): Promise<Pick<CheckedSweep, "plan" | "reasons" | "warnings" | "models"> & { dataset: SweepRecord["dataset"] }> {
  const awaited = await awaitedDataset(records, sweep.dataset.id);
  if (awaited.kind === "waits") throw new Error(`the dataset ${sweep.dataset.id} was ready before and is not now`);
  if (awaited.kind === "failed") throw new CannotGoOn(awaited.code, awaited.detail);
  const { dataset } = awaited;
  try {
    // The webhook was looked at when the sweep was accepted.
    const means = { records: recordsOf(sweep.project), storage, planBytes, allowPrivateWebhooks: true };
    const checked = await checkSweep(means, askedOf(sweep), dataset);
    return { ...checked, dataset: { id: dataset.id, revision: dataset.revision } };
  } catch (error) {
    if (error instanceof Refusal) throw new CannotGoOn(error.code, error.message, {}, error.errors);
    throw error;
  }
}

/** Answers the sweep with what could not be told before. Throws CannotGoOn, or Fenced. */
export async function settle(
  sweep: SweepRecord,
  { coordination, dependencies }: { coordination: Coordination; dependencies: SweepDependencies },
): Promise<SweepRecord> {
  const { plan, reasons, warnings, models, dataset } = await check(sweep, dependencies);
  const known = {
    dataset,
    request: plan.request,
    rungs: [...plan.rungs],
    trials: { ...sweep.trials, total: plan.trials, queued: plan.trials },
    reasons,
    warnings,
  };
  const answer = await dependencies.records.sweeps.settle(coordination, { ...known, models });
  if (answer === "fenced") throw new Fenced();
  if (answer === "no-model") throw new CannotGoOn("model-missing", "the model to start from is not there any more");
  return { ...sweep, ...known, left: null };
}
