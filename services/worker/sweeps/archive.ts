/** Ended sweeps go to storage, whole: from there their records can be rebuilt. */
import { isTerminal } from "../../../schemas/job.ts";
import { allEvents, sweepSequence } from "../../shared/progress/index.ts";
import { presentSweep, type Records } from "../../shared/records/index.ts";
import type { SweepManifest } from "../../shared/records/sweep-manifest.ts";
import type { Redis } from "../../shared/redis.ts";
import { layout, putJson, type Storage } from "../../shared/storage/index.ts";

/** Writes the manifest of a sweep that ended and takes it off the list. Can be done twice. */
export async function archiveSweep(
  id: string,
  { redis, records, storage }: { redis: Redis; records: Records; storage: Storage },
): Promise<void> {
  const record = await records.sweeps.read(id);
  if (record && isTerminal(record.status)) {
    const manifest: SweepManifest = {
      version: 1,
      project: record.project,
      sweep: presentSweep(record),
      trials: Object.fromEntries(await records.sweeps.trialFields(id)),
      events: await allEvents(redis, sweepSequence, id),
    };
    await putJson(storage, layout.sweepManifest(id), manifest);
    // Deleted while we wrote: nobody else will clear it.
    if ((await records.sweeps.runOf(id)) === null) await storage.deleteAll(layout.sweep(id));
  }
  await records.sweeps.archived(id);
}
