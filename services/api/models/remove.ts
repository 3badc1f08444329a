/** Deletes a model, its evaluations, and the objects of both; a model that others need stays. */
import { layout } from "../../shared/storage/index.ts";
import type { Within } from "../dependencies.ts";
import { inUse, notFound } from "../http/problem.ts";

export async function removeModel(
  { records, storage, log }: Pick<Within, "records" | "storage" | "log">,
  id: string,
): Promise<void> {
  const gone = await records.models.delete(id);
  if (gone.kind === "missing") throw notFound(`there is no model ${id}`);
  if (gone.kind === "in-use") throw inUse(`model ${id}`, gone.users, (user) => `/v1/jobs/${user}`);
  for (const prefix of [layout.model(id), ...gone.evaluations.map(layout.evaluation)])
    await storage
      .deleteAll(prefix)
      .catch((error: unknown) =>
        log.warn({ err: error, model: id }, "a deleted model's objects are left to the collector"),
      );
}
