/** Projects and keys from their manifests. What is there by now stays as it is. */
import { isDeepStrictEqual } from "node:util";
import { defaultProject, noLimits } from "../../schemas/access.ts";
import { keyManifest, projectManifest } from "../../services/shared/records/access-manifests.ts";
import type { Records } from "../../services/shared/records/index.ts";
import { getJson } from "../../services/shared/storage/index.ts";
import type { Storage } from "../../services/shared/storage/index.ts";

interface Sources {
  records: Records;
  storage: Storage;
}

export async function restoreProject(key: string, { records, storage }: Sources): Promise<boolean> {
  const { project } = await getJson(storage, key, projectManifest);
  if ((await records.projects.create(project)) === "ok") return true;
  if (project.id !== defaultProject) return false;
  // The default one is always there: it is as it was unless somebody limited it since.
  const there = await records.projects.read(project.id);
  if (!isDeepStrictEqual(there?.limits, noLimits) || isDeepStrictEqual(project.limits, noLimits)) return false;
  await records.projects.patch(project.id, { name: project.name, limits: project.limits });
  return true;
}

/** Those who have it may use it again. */
export async function restoreKey(key: string, { records, storage }: Sources): Promise<boolean> {
  const manifest = await getJson(storage, key, keyManifest);
  return records.keys.restore({ ...manifest.key, lastUsedAt: null });
}

/** A project without a manifest comes back under its id alone, and gets keys anew. */
export async function restoreNamed({ records }: Pick<Sources, "records">, id: string | undefined): Promise<void> {
  if (id === undefined || (await records.projects.read(id)) !== null) return;
  await records.projects.create({ id, name: id, limits: noLimits, createdAt: new Date().toISOString() });
}
