/** Deletes a job that ended, with its objects; its model on request. */
import { isTerminal } from "../../../schemas/job.ts";
import type { JobRecord } from "../../shared/records/index.ts";
import { layout } from "../../shared/storage/index.ts";
import type { Within } from "../dependencies.ts";
import { conflict, notFound } from "../http/problem.ts";
import { removeModel } from "../models/remove.ts";

export async function removeJob({ records, storage, log }: Within, record: JobRecord, models: boolean): Promise<void> {
  if (!isTerminal(record.status))
    throw conflict(`job ${record.id} is ${record.status}; cancel it first: only jobs that ended can be deleted`);
  if (models && record.model !== null) await removeModel({ records, storage, log }, record.model);
  const gone = await records.jobs.delete(record.id);
  if (gone === "missing") throw notFound(`there is no job ${record.id}`);
  if (gone !== "deleted") throw conflict(`job ${record.id} is ${gone}; only jobs that ended can be deleted`);
  await storage
    .deleteAll(layout.job(record.id))
    .catch((error: unknown) =>
      log.warn({ err: error, job: record.id }, "a deleted job's objects are left to the collector"),
    );
}
