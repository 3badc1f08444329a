/** Puts a checked dataset into storage: the bytes under their digest, then the manifest that names them. */
import { createReadStream } from "node:fs";
import { splitNames, type DatasetManifest, type Split } from "../../../schemas/dataset.ts";
import { layout, putJson } from "../../shared/storage/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { projectOf, type DatasetRecord } from "../../shared/records/index.ts";
import type { CheckedDataset, CheckedSplit } from "./finish.ts";

export interface Named {
  id: string;
  name: string;
  alias: string | null;
  createdAt: string;
  project?: string;
}

/**
 * The same bytes have the same name, so nothing is stored twice. They are written again all the same: that renews their
 * time, and the collector of garbage leaves alone what is young.
 */
async function putBlob(storage: Storage, path: string, sha256: string): Promise<string> {
  const stored = await storage.put(layout.blob(sha256), createReadStream(path, { highWaterMark: 1 << 20 }), "sent");
  if (stored.sha256 !== sha256) throw new Error(`${path} changed while it was stored`);
  return stored.key;
}

async function storeSplit(
  storage: Storage,
  split: CheckedSplit,
): Promise<NonNullable<DatasetManifest["splits"]["train"]>> {
  const samples = await putBlob(storage, split.samplesPath, split.samplesSha256);
  const labels = await putBlob(storage, split.labelsPath, split.labelsSha256);
  return { count: split.count, samples, samplesSha256: split.samplesSha256, labels, labelsSha256: split.labelsSha256 };
}

export async function storeDataset(storage: Storage, named: Named, dataset: CheckedDataset): Promise<DatasetManifest> {
  const splits: DatasetManifest["splits"] = {};
  for (const split of splitNames) {
    const found = dataset.splits[split];
    if (found) splits[split] = await storeSplit(storage, found);
  }
  const { revision, classes, shape, dtype, conversion, interpretation, statistics, warnings } = dataset;
  const { id, name, alias, createdAt } = named;
  const manifest: DatasetManifest = {
    version: 1,
    project: projectOf(named),
    id,
    name,
    alias,
    revision,
    classes,
    shape,
    dtype,
    conversion,
    interpretation,
    statistics,
    warnings,
    createdAt,
    splits,
  };
  await putJson(storage, layout.datasetManifest(id), manifest);
  return manifest;
}

/** What a record says of a dataset that is ready. */
export function readyFields(dataset: CheckedDataset, manifest: DatasetManifest): Partial<DatasetRecord> {
  const count = (split: Split): number => dataset.splits[split]?.count ?? 0;
  const { revision, classes, shape, dtype, conversion, interpretation, statistics, warnings, bytes } = dataset;
  return {
    status: "ready",
    terminal: true,
    fraction: 1,
    revision,
    classes,
    splits: { train: count("train"), validation: count("validation"), test: count("test") },
    shape,
    dtype,
    conversion,
    interpretation,
    statistics,
    warnings,
    problems: [],
    bytes,
    upload: null,
    manifest,
  };
}
