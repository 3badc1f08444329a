/** The way of a dataset over S3: nothing of it needs a shared folder. */
import { readdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dataset } from "../../schemas/dataset.ts";
import { untraced } from "../../services/shared/tracing/index.ts";
import { UploadProcessor } from "../../services/worker/datasets/process-upload.ts";
import { startTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { csv, makeTable } from "../support/dataset-files.ts";
import { startTestS3 } from "../support/s3.ts";
import type { TestS3 } from "../support/s3.ts";

const table = makeTable({ perClass: 20 });
let s3: TestS3;
let stack: TestApp;

beforeAll(async () => {
  s3 = await startTestS3();
  stack = await startTestApp({ STORAGE_URL: s3.url });
  await stack.app.listen({ port: 0, host: "127.0.0.1" });
});
afterAll(async () => {
  await stack.stop();
  await s3.stop();
});

test("uploaded, checked, looked at, deleted", async () => {
  const { records, storage, config, log } = stack.dependencies;
  const url = `http://127.0.0.1:${(stack.app.server.address() as AddressInfo).port}/v1/datasets`;
  const form = new FormData();
  form.append("file", new Blob([csv(table)]), "strokes.csv");
  form.append("size", '{"height":7,"width":5}');
  const made = (await (await fetch(url, { method: "POST", body: form })).json()) as Dataset;
  expect(made.status).toBe("checking");
  const uploads = new UploadProcessor({
    records,
    storage,
    dataDir: config.dataDir,
    limits: config.datasets,
    tracing: untraced,
    log: log as never,
  });
  await uploads.process({ datasetId: made.id, signal: new AbortController().signal, last: true });
  expect(await (await fetch(`${url}/${made.id}`)).json()).toMatchObject({ status: "ready", splits: { train: 60 } });
  const { data } = (await (await fetch(`${url}/${made.id}/samples?label=1&limit=1`)).json()) as {
    data: { index: number; pixels: number[] }[];
  };
  expect(data[0]).toEqual({ index: 1, label: 1, pixels: [...table.pixels.subarray(35, 70)] });
  const keys: string[] = [];
  for await (const { key } of storage.list("")) keys.push(key.split("/")[0] ?? "");
  expect(keys.sort()).toEqual(["blobs", "blobs", "datasets"]);
  expect(await readdir(join(config.dataDir, "checks"))).toEqual([]);
  expect((await fetch(`${url}/${made.id}`, { method: "DELETE" })).status).toBe(204);
});
