/** Records of datasets. */
import type { Dataset, DatasetManifest, UploadSettings } from "../../../schemas/dataset.ts";
import { keys } from "../redis-keys.ts";
import { ResourceRecords, type Kept } from "./resources.ts";
import type { Sight } from "./sight.ts";

/** The resource, and while it is checked what was uploaded. */
export interface DatasetRecord extends Dataset, Kept {
  /**
   * Settings of the upload, files by field name with their keys in storage; null for built-in ones once they are ready.
   * `packed`: ZIP or gzip.
   */
  upload: {
    settings: UploadSettings;
    files: { field: string; name: string; key: string; bytes: number; packed?: boolean }[];
  } | null;
  /** What the training thread needs: where the split files are. null until ready. */
  manifest: DatasetManifest | null;
}

/** The resource of the API. */
export function presentDataset(record: DatasetRecord): Dataset {
  const {
    upload: _upload,
    manifest: _manifest,
    project: _project,
    stored: _stored,
    origin: _origin,
    ...shown
  } = record;
  return shown;
}

/** A dataset that was not read yet, with what is known of it all the same. */
export const unreadDataset = (
  known: Pick<DatasetRecord, "id" | "name" | "alias" | "status"> & Partial<DatasetRecord>,
): DatasetRecord => ({
  object: "dataset",
  revision: null,
  terminal: false,
  fraction: 0,
  classes: [],
  splits: { train: 0, validation: 0, test: 0 },
  shape: null,
  dtype: null,
  conversion: null,
  interpretation: null,
  statistics: null,
  warnings: [],
  problems: [],
  bytes: null,
  createdAt: new Date().toISOString(),
  upload: null,
  manifest: null,
  ...known,
});

export class DatasetRecords extends ResourceRecords<DatasetRecord> {
  readonly #redis: Sight["redis"];
  constructor(sight: Sight) {
    super(sight, "dataset");
    this.#redis = sight.redis;
  }

  /** An upload that broke off: its record goes, or where jobs wait for it, says what became of it. */
  async abandon(id: string): Promise<void> {
    if ((await this.delete(id)).kind !== "in-use") return;
    const problems = [{ file: null, row: null, detail: "the upload broke off before its end: send it again" }];
    await this.patch(id, { status: "rejected", terminal: true, fraction: 1, problems, upload: null }, "receiving");
  }

  /** Notes what is to go with a dataset before any of it goes: whoever repeats a deletion that broke off finds it. */
  async noteLeaving(id: string, ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += 1000)
      await this.#redis.sadd(keys.leaving(id), ...ids.slice(from, from + 1000));
  }
  leaving(id: string): Promise<string[]> {
    return this.#redis.smembers(keys.leaving(id));
  }
  async left(id: string, one: string): Promise<void> {
    await this.#redis.srem(keys.leaving(id), one);
  }

  /** `id`, `alias`, or either with `@revision` (a prefix of at least 8 digits that must agree). */
  async resolve(reference: string): Promise<DatasetRecord | null> {
    const [name = "", revision] = reference.split("@");
    const found = await this.find(name);
    if (found && revision !== undefined && !found.revision?.startsWith(revision)) return null;
    return found;
  }
}
