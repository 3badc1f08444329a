/** Which objects in storage nothing refers to. Reads records and manifests; deletes nothing. */
import { datasetManifest } from "../../schemas/dataset.ts";
import type { Records } from "../../services/shared/records/index.ts";
import { getJson, isStorageFault, layout } from "../../services/shared/storage/index.ts";
import type { Listed, Storage } from "../../services/shared/storage/index.ts";

export interface Garbage extends Listed {
  reason: string;
}

export interface FindGarbageOptions {
  storage: Storage;
  records: Records;
  /** Younger objects are left alone: whoever writes them may not have said so yet. */
  olderThanMs: number;
  now: number;
}

/** The records cannot be the whole truth: nothing is deleted on their word. */
export class RecordsMissing extends Error {
  override readonly name = "RecordsMissing";
}

/** What the records and manifests need. */
interface Needed {
  /** Ids of records by the folder their objects stand in. */
  ids: Record<"datasets" | "uploads" | "jobs" | "models" | "evaluations" | "sweeps", Set<string>>;
  keys: Set<string>;
}

interface Pages<Item> {
  list(request: {
    limit: number;
    after?: string | undefined;
    order: "asc" | "desc";
  }): Promise<{ data: Item[]; nextAfter: string | null }>;
}

const pageSize = 500;

async function* all<Item>(records: Pages<Item>): AsyncGenerator<Item, void, undefined> {
  let after: string | undefined;
  do {
    const page = await records.list({ limit: pageSize, after, order: "asc" });
    yield* page.data;
    after = page.nextAfter ?? undefined;
  } while (after !== undefined);
}

async function neededByRecords(records: Records): Promise<Needed> {
  const needed: Needed = {
    ids: {
      datasets: new Set(),
      uploads: new Set(),
      jobs: new Set(),
      models: new Set(),
      evaluations: new Set(),
      sweeps: new Set(),
    },
    keys: new Set(),
  };
  for await (const dataset of all(records.datasets)) {
    needed.ids.datasets.add(dataset.id);
    if (!dataset.terminal) needed.ids.uploads.add(dataset.id);
    for (const split of Object.values(dataset.manifest?.splits ?? {})) needed.keys.add(split.samples).add(split.labels);
  }
  for await (const job of all(records.jobs)) {
    needed.ids.jobs.add(job.id);
    for (const checkpoint of await records.checkpoints.list(job.id)) needed.keys.add(checkpoint.key);
  }
  for await (const model of all(records.models)) {
    needed.ids.models.add(model.id);
    needed.keys.add(model.files.manifest).add(model.files.weights);
    for (const predictions of Object.values(model.files.predictions)) needed.keys.add(predictions.file);
    for await (const { id, files } of all({ list: (request) => records.evaluations.list(model.id, request) })) {
      needed.ids.evaluations.add(id);
      if (files) needed.keys.add(files.manifest).add(files.predictions.file);
    }
  }
  for await (const sweep of all(records.sweeps)) needed.ids.sweeps.add(sweep.id);
  return needed;
}

/** What the manifest of a dataset names is needed, whatever its record says: records are rebuilt from manifests. */
async function addManifests(storage: Storage, listed: readonly Listed[], needed: Needed): Promise<void> {
  for (const { key } of listed) {
    if (!key.startsWith(layout.datasets) || !key.endsWith("/manifest.json")) continue;
    try {
      const manifest = await getJson(storage, key, datasetManifest);
      for (const split of Object.values(manifest.splits)) needed.keys.add(split.samples).add(split.labels);
    } catch (error) {
      if (!isStorageFault(error, "missing")) throw error;
    }
  }
}

function reasonFor(key: string, needed: Needed): string | null {
  const [folder = "", id = ""] = key.split("/");
  if (needed.keys.has(key)) return null;
  if (key.startsWith(layout.blobs)) return "samples that no dataset names";
  if (folder === "uploads") return needed.ids.uploads.has(id) ? null : "an upload that nobody checks any more";
  if (folder === "datasets") return needed.ids.datasets.has(id) ? null : "of a dataset that was deleted";
  if (folder === "jobs" && !needed.ids.jobs.has(id)) return "of a job that was deleted";
  if (folder === "jobs") return key.startsWith(layout.checkpoints(id)) ? "a checkpoint that no record names" : null;
  if (folder === "evaluations")
    return needed.ids.evaluations.has(id)
      ? "a file that its evaluation does not name"
      : "of an evaluation that was deleted";
  if (folder === "sweeps") return needed.ids.sweeps.has(id) ? null : "of a sweep that was deleted";
  if (folder === "models")
    return needed.ids.models.has(id) ? "a file that its model does not name" : "of a model that was deleted";
  return null;
}

const folders = ["datasets", "jobs", "models", "sweeps"] as const;

/** A Redis that lost its data must not cost the storage its own. */
function refuseWithoutRecords(listed: readonly Listed[], needed: Needed): void {
  for (const folder of folders) {
    const present = listed.some(({ key }) => key.startsWith(`${folder}/`) && key.endsWith(".json"));
    if (present && needed.ids[folder].size === 0)
      throw new RecordsMissing(
        `storage has manifests in ${folder}/, but there is not one record of them in Redis: is this the right Redis? If it lost its data, rebuild the records first`,
      );
  }
}

/** All of it, the largest first. Throws RecordsMissing where Redis looks emptied. */
export async function findGarbage({ storage, records, olderThanMs, now }: FindGarbageOptions): Promise<Garbage[]> {
  // Storage first: what is recorded while we look then counts as needed.
  const listed: Listed[] = [];
  for await (const each of storage.list("")) listed.push(each);
  const needed = await neededByRecords(records);
  refuseWithoutRecords(listed, needed);
  await addManifests(
    storage,
    listed.filter(({ key }) => needed.ids.datasets.has(key.split("/")[1] ?? "")),
    needed,
  );
  return listed
    .filter(({ modifiedAt }) => now - modifiedAt.getTime() >= olderThanMs)
    .flatMap((each) => {
      const reason = reasonFor(each.key, needed);
      return reason === null ? [] : [{ ...each, reason }];
    })
    .sort((left, right) => right.bytes - left.bytes || (left.key < right.key ? -1 : 1));
}
