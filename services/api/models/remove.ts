/** Deletes a model on request; one that others need is refused. */
import { deleteModel } from "../../shared/models/delete.ts";
import type { Within } from "../dependencies.ts";
import { inUse, notFound } from "../http/problem.ts";

export async function removeModel(
  dependencies: Pick<Within, "records" | "storage" | "log">,
  id: string,
): Promise<void> {
  const gone = await deleteModel(dependencies, id);
  if (gone.kind === "missing") throw notFound(`there is no model ${id}`);
  if (gone.kind === "in-use")
    throw inUse(`model ${id}`, gone.users, (user) =>
      user.startsWith("swp_") ? `/v1/sweeps/${user}` : `/v1/jobs/${user}`,
    );
}
