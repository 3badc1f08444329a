/** A small dataset of stripes, 7 rows × 5 columns, put where an upload would have put it. */
import type { DatasetManifest, Split } from "../../schemas/dataset.ts";
import { newId } from "../../services/shared/ids.ts";
import type { DatasetRecord, Records } from "../../services/shared/records/index.ts";
import { layout, putJson } from "../../services/shared/storage/index.ts";
import type { Storage } from "../../services/shared/storage/index.ts";

const shape = { channels: 1, height: 7, width: 5 };
const size = shape.height * shape.width;
const names = ["rows", "columns", "both"];

/** A cheap hash, so that every machine makes the same samples. */
function noise(index: number): number {
  let mixed = Math.imul(index + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return ((mixed ^ (mixed >>> 13)) >>> 0) % 200;
}

/** `order`: which of the names are its classes, in its own order. */
function makeSplit(count: number, from: number, order: readonly number[]): { samples: Uint8Array; labels: Uint8Array } {
  const samples = new Uint8Array(count * size);
  const labels = new Int32Array(count);
  for (let sample = 0; sample < count; sample++) {
    labels[sample] = noise(from + sample) % order.length;
    const label = order[labels[sample]];
    for (let pixel = 0; pixel < size; pixel++) {
      const row = Math.floor(pixel / shape.width) % 2 === 0 && label !== 1;
      const column = (pixel % shape.width) % 2 === 0 && label !== 0;
      samples[sample * size + pixel] = Math.min(
        255,
        (row ? 80 : 0) + (column ? 80 : 0) + noise((from + sample) * size + pixel + 7),
      );
    }
  }
  return { samples, labels: new Uint8Array(labels.buffer) };
}

export interface TinyCounts {
  train: number;
  validation: number;
  test: number;
}

/** Stores and records it; answers the record. */
export async function putTinyDataset(options: {
  storage: Storage;
  records: Records;
  counts: TinyCounts;
  alias: string;
  order?: readonly number[];
}): Promise<DatasetRecord> {
  const { storage, records, counts, alias, order = [0, 1, 2] } = options;
  const classes = order.map((name) => names[name]);
  const id = newId("dataset");
  const splits: DatasetManifest["splits"] = {};
  const classCounts: DatasetManifest["statistics"]["classCounts"] = { train: [], validation: [], test: [] };
  let from = 0;
  for (const split of ["train", "validation", "test"] as const satisfies readonly Split[]) {
    const count = counts[split];
    const made = makeSplit(count, from, order);
    from += count;
    const labelled = [...new Int32Array(made.labels.buffer)];
    classCounts[split] = classes.map((_, label) => labelled.filter((each) => each === label).length);
    if (count === 0) continue;
    const samples = await storage.put(`${layout.dataset(id)}${split}-samples`, made.samples);
    const labels = await storage.put(`${layout.dataset(id)}${split}-labels`, made.labels);
    splits[split] = {
      count,
      samples: samples.key,
      samplesSha256: samples.sha256,
      labels: labels.key,
      labelsSha256: labels.sha256,
    };
  }
  const revision = splits.train?.samplesSha256 ?? "";
  const statistics = {
    mean: [110],
    std: [60],
    minimum: 0,
    maximum: 255,
    classCounts,
  };
  const common = {
    id,
    name: alias,
    alias,
    revision,
    classes,
    shape,
    dtype: "uint8" as const,
    statistics,
    warnings: [],
    createdAt: new Date().toISOString(),
  };
  const manifest: DatasetManifest = {
    version: 1,
    ...common,
    conversion: {
      channels: 1,
      height: shape.height,
      width: shape.width,
      fit: "fit",
      background: "black",
      range: { minimum: 0, maximum: 255 },
    },
    interpretation: null,
    splits,
  };
  await putJson(storage, layout.datasetManifest(id), manifest);
  const record: DatasetRecord = {
    ...common,
    object: "dataset",
    status: "ready",
    terminal: true,
    fraction: 1,
    splits: counts,
    conversion: manifest.conversion,
    interpretation: null,
    problems: [],
    bytes: (counts.train + counts.validation + counts.test) * (size + 4),
    upload: null,
    manifest,
  };
  await records.datasets.create(record);
  return record;
}
