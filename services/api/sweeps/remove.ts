/**
 * Deletes a sweep that ended, with the jobs of its trials. The sweep itself goes last, so that a deletion that broke
 * off is ended by repeating it.
 */
import { isTerminal } from "../../../schemas/job.ts";
import { findSweep } from "../../shared/find.ts";
import { layout } from "../../shared/storage/index.ts";
import type { Within } from "../dependencies.ts";
import { Refusal, conflict, notFound } from "../http/problem.ts";
import { removeJob } from "../jobs/remove.ts";

/** Jobs that are deleted at a time. */
const atOnce = 8;

async function removeTrialJob(dependencies: Within, id: string, models: boolean): Promise<void> {
  const record = await dependencies.records.jobs.read(id);
  if (record === null) return;
  try {
    await removeJob(dependencies, record, models);
  } catch (error) {
    // Somebody deleted it, or its model, in this moment.
    if (!(error instanceof Refusal) || error.code !== "not-found") throw error;
    await removeJob(dependencies, { ...record, model: null }, false).catch((again: unknown) => {
      if (!(again instanceof Refusal) || again.code !== "not-found") throw again;
    });
  }
}

export async function removeSweep(dependencies: Within, id: string, { models }: { models: boolean }): Promise<void> {
  const { records, storage, log } = dependencies;
  const { status } = await findSweep(records, id);
  if (!isTerminal(status))
    throw conflict(`sweep ${id} is ${status}; cancel it first: only sweeps that ended can be deleted`);
  const jobs = await records.jobs.idsOfSweep(id);
  for (let from = 0; from < jobs.length; from += atOnce)
    await Promise.all(jobs.slice(from, from + atOnce).map((job) => removeTrialJob(dependencies, job, models)));
  const gone = await records.sweeps.delete(id);
  if (gone === "missing") throw notFound(`there is no sweep ${id}`);
  await storage
    .deleteAll(layout.sweep(id))
    .catch((error: unknown) =>
      log.warn({ err: error, sweep: id }, "a deleted sweep's manifest is left to the collector"),
    );
}
