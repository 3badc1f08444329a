/** A model leaves: its record, its evaluations, and the objects of both. One that others need stays. */
import type { Log } from "../log.ts";
import type { Deleted, Records } from "../records/index.ts";
import { layout, type Storage } from "../storage/index.ts";

export async function deleteModel(
  { records, storage, log }: { records: Records; storage: Storage; log: Log },
  id: string,
): Promise<Deleted> {
  const gone = await records.models.delete(id);
  if (gone.kind !== "deleted") return gone;
  for (const prefix of [layout.model(id), ...gone.evaluations.map(layout.evaluation)])
    await storage
      .deleteAll(prefix)
      .catch((error: unknown) =>
        log.warn({ err: error, model: id }, "a deleted model's objects are left to the collector"),
      );
  return gone;
}
