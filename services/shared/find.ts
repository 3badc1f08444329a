/** Resources by what a path or a request calls them, or a refusal that says what was looked for. */
import type { DatasetRecord, JobRecord, ModelRecord, Records, SweepRecord } from "./records/index.ts";
import { conflict, notFound } from "./refusal.ts";

export async function findJob(records: Records, id: string): Promise<JobRecord> {
  const found = await records.jobs.read(id);
  if (!found) throw notFound(`there is no job ${id}`);
  return found;
}

export async function findSweep(records: Records, id: string): Promise<SweepRecord> {
  const found = await records.sweeps.read(id);
  if (!found) throw notFound(`there is no sweep ${id}`);
  return found;
}

export async function findModel(records: Records, reference: string): Promise<ModelRecord> {
  const found = await records.models.find(reference);
  if (!found) throw notFound(`there is no model ${reference}; GET /v1/models lists those there are`);
  return found;
}

export async function findDataset(records: Records, reference: string): Promise<DatasetRecord> {
  const found = await records.datasets.resolve(reference);
  if (found) return found;
  const [name = "", revision] = reference.split("@");
  const other = revision === undefined ? null : await records.datasets.find(name);
  throw notFound(
    other
      ? `dataset ${name} has revision ${other.revision ?? "(none yet)"}, not ${revision}`
      : `there is no dataset ${reference}; GET /v1/datasets lists those there are`,
  );
}

/** What the list of what was made with a dataset is asked for. */
export const idOfDataset = async (records: Records, reference: string | undefined): Promise<string | undefined> =>
  reference === undefined ? undefined : (await findDataset(records, reference)).id;

/** A dataset that can be trained on or predicted from: its shape and statistics are known. */
export type ReadyDataset = DatasetRecord & {
  [Field in "revision" | "shape" | "dtype" | "statistics"]: NonNullable<DatasetRecord[Field]>;
};

export function isReady(record: DatasetRecord): record is ReadyDataset {
  return (
    record.status === "ready" &&
    record.revision !== null &&
    record.shape !== null &&
    record.dtype !== null &&
    record.statistics !== null
  );
}

export async function findReadyDataset(records: Records, reference: string): Promise<ReadyDataset> {
  const found = await findDataset(records, reference);
  if (isReady(found)) return found;
  if (found.status === "rejected")
    throw conflict(`dataset ${reference} was rejected: ${found.problems[0]?.detail ?? "see its problems"}`);
  throw conflict(
    `dataset ${reference} is not ready yet: its status is ${found.status}; ask again when it is. A job or a sweep on it may be queued now: it waits`,
  );
}
