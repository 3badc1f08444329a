import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newId } from "../../services/shared/ids.ts";
import { createLog } from "../../services/shared/log.ts";
import { createRecords } from "../../services/shared/records/index.ts";
import type { Records } from "../../services/shared/records/index.ts";
import { closeRedis, connectRedis } from "../../services/shared/redis.ts";
import type { Redis } from "../../services/shared/redis.ts";
import { createStorage, layout, putJson } from "../../services/shared/storage/index.ts";
import type { Storage } from "../../services/shared/storage/index.ts";
import { datasetRecord } from "../../tests/support/app.ts";
import { startTestRedis } from "../../tests/support/redis.ts";
import type { TestRedis } from "../../tests/support/redis.ts";
import { RecordsMissing, findGarbage } from "./garbage.ts";

const [samples, labels, stray] = ["a".repeat(64), "b".repeat(64), "c".repeat(64)];
let server: TestRedis;
let redis: Redis;
let records: Records;
let storage: Storage;
let folder: string;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectRedis({ url: server.url, role: "working", log: createLog({ level: "silent", service: "test" }) });
  records = createRecords(redis);
});
afterAll(async () => {
  await closeRedis(redis);
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  folder = await mkdtemp(join(tmpdir(), "gc-"));
  storage = createStorage({ storageUrl: pathToFileURL(folder).href, dataDir: folder });
  return () => rm(folder, { recursive: true });
});

const manifestOf = (id: string) => ({
  version: 1,
  id,
  name: "strokes",
  alias: null,
  revision: samples,
  classes: ["bar", "dash"],
  shape: { channels: 1, height: 7, width: 5 },
  dtype: "uint8",
  conversion: { channels: 1, height: 7, width: 5, fit: "fit" },
  statistics: {
    mean: [1],
    std: [1],
    minimum: 0,
    maximum: 255,
    classCounts: { train: [1, 1], validation: [0, 0], test: [0, 0] },
  },
  warnings: [],
  createdAt: new Date().toISOString(),
  splits: {
    train: {
      count: 2,
      samples: layout.blob(samples),
      samplesSha256: samples,
      labels: layout.blob(labels),
      labelsSha256: labels,
    },
  },
});

const found = async (olderThanMs = 0): Promise<string[]> =>
  (await findGarbage({ storage, records, olderThanMs, now: Date.now() + 1 })).map((each) => each.key).sort();

test("what a dataset names stays, what nothing names goes, what is young waits", async () => {
  const record = datasetRecord({ alias: null });
  await records.datasets.create({ ...record, manifest: manifestOf(record.id) as never });
  await putJson(storage, layout.datasetManifest(record.id), manifestOf(record.id));
  for (const each of [samples, labels, stray]) await storage.put(layout.blob(each), Buffer.from(each));
  const gone = newId("dataset");
  await storage.put(`${layout.upload(gone)}file`, Buffer.from("x"));
  await putJson(storage, layout.datasetManifest(gone), manifestOf(gone));
  expect(await found()).toEqual(
    [layout.blob(stray), layout.datasetManifest(gone), `${layout.upload(gone)}file`].sort(),
  );
  expect(await found(60_000)).toEqual([]);
});

test("an upload that is still checked stays", async () => {
  const record = datasetRecord({ alias: null, status: "checking", terminal: false });
  await records.datasets.create(record);
  await storage.put(`${layout.upload(record.id)}file`, Buffer.from("x"));
  expect(await found()).toEqual([]);
  await records.datasets.patch(record.id, { status: "rejected", terminal: true });
  expect(await found()).toEqual([`${layout.upload(record.id)}file`]);
});

test("an emptied Redis costs nothing", async () => {
  const id = newId("dataset");
  await putJson(storage, layout.datasetManifest(id), manifestOf(id));
  await expect(found()).rejects.toThrow(RecordsMissing);
});

test("checkpoints without a record and files a model does not name go; manifests of jobs stay", async () => {
  const other = datasetRecord();
  await records.datasets.create(other);
  await storage.put("jobs/job_01J9ZQ8V5T8N6M4K2H0G7F5E3D/checkpoints/1-1-abc.safetensors", Buffer.from("x"));
  await storage.put("models/mdl_01J9ZQ8V5T8N6M4K2H0G7F5E3D/weights-abc.safetensors", Buffer.from("x"));
  expect((await found()).length).toBe(2);
});
