/** What several routes do with models. */
import type { Subject } from "../prediction/index.ts";
import type { ModelRecord } from "../shared/records/index.ts";
import { layout, type Storage } from "../shared/storage/index.ts";
import type { Dependencies } from "./dependencies.ts";
import { Problem, notFound } from "./problem.ts";

export async function removeModel({ records, storage, log }: Pick<Dependencies, "records" | "storage" | "log">, id: string): Promise<void> {
  const gone = await records.models.delete(id);
  if (gone.kind === "missing") throw notFound(`there is no model ${id}`);
  if (gone.kind === "in-use") throw new Problem({ code: "in-use", detail: `model ${id} is still needed by ${gone.users.join(", ")}`, errors: gone.users.map((user) => ({ pointer: "", detail: `/v1/jobs/${user}` })) });
  await storage.deleteAll(layout.model(id)).catch((error: unknown) => log.warn({ err: error, model: id }, "a deleted model's objects are left to the collector"));
}

/** A model as services/prediction takes it. */
export const subjectOf = (storage: Storage, model: ModelRecord): Subject => ({
  network: model.network,
  input: model.input,
  classes: model.classes.length,
  normalisation: model.normalisation,
  sha256: model.sha256,
  read: () => storage.get(model.files.weights),
});
