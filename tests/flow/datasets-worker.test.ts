/** Datasets through the real queue and a whole worker: built-in ones, uploads, and what a dead process left behind. */
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uploadSettings } from "../../schemas/dataset.ts";
import type { Dataset } from "../../schemas/dataset.ts";
import { newId } from "../../services/shared/ids.ts";
import { createLog } from "../../services/shared/log.ts";
import { layout } from "../../services/shared/storage/index.ts";
import { untraced } from "../../services/shared/tracing/index.ts";
import { RunningWorker } from "../../services/worker/worker.ts";
import { datasetRecord, startTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { csv, makeTable } from "../support/dataset-files.ts";

const table = makeTable({ perClass: 20 });
const size = '{"height":7,"width":5}';
let stack: TestApp;
let workers: RunningWorker[];
let url: string;

beforeAll(async () => {
  stack = await startTestApp();
  await stack.app.listen({ port: 0, host: "127.0.0.1" });
  url = `http://127.0.0.1:${(stack.app.server.address() as AddressInfo).port}`;
  const { config, records } = stack.dependencies;
  const dead = join(config.dataDir, "checks", `${hostname().replace(/[^A-Za-z0-9.-]/g, "-")}_999999999_X`);
  await mkdir(dead, { recursive: true });
  await writeFile(join(dead, "train.spool"), "left behind");
  await utimes(dead, 0, 0);
  await records.datasets.create(
    datasetRecord({
      id: newId("dataset"),
      alias: "abandoned",
      status: "receiving",
      terminal: false,
      createdAt: new Date(Date.now() - 60_000).toISOString(),
    }),
  );
  const options = {
    config: { ...config, worker: { ...config.worker, threads: 1 } },
    redisUrl: stack.server.url,
    tracing: untraced,
    log: createLog({ level: "silent", service: "worker" }),
  };
  workers = [new RunningWorker(options), new RunningWorker(options)];
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.drain()));
  await stack.stop();
});

const get = async <Body>(path: string): Promise<Body> => (await fetch(url + path)).json() as Promise<Body>;
const statusOf = (id: string) => async (): Promise<string> => (await get<Dataset>(`/v1/datasets/${id}`)).status;

async function upload(): Promise<Dataset> {
  const form = new FormData();
  form.append("file", new Blob([csv(table)]), "strokes.csv");
  form.append("size", size);
  return (await (await fetch(`${url}/v1/datasets`, { method: "POST", body: form })).json()) as Dataset;
}

test("mnist is there once, however many workers start", async () => {
  await expect.poll(statusOf("mnist")).toBe("ready");
  expect(await get<Dataset>("/v1/datasets/mnist")).toMatchObject({
    splits: { train: 60_000, validation: 0, test: 10_000 },
    shape: { channels: 1, height: 28, width: 28 },
    dtype: "uint8",
    classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  });
  const { data } = await get<{ data: Dataset[] }>("/v1/datasets");
  expect(data.filter((each) => each.alias === "mnist").length).toBe(1);
  const [sample] = (
    await get<{ data: { label: number; pixels: number[] }[] }>("/v1/datasets/mnist/samples?split=test&limit=1")
  ).data;
  expect(sample?.label).toBe(7);
  expect(sample?.pixels.length).toBe(784);
});

test("an upload goes through the queue", async () => {
  const { id, name } = await upload();
  expect(name).toBe("strokes");
  await expect.poll(statusOf(id)).toBe("ready");
});

test("an upload whose order was lost is found again", async () => {
  const { records, storage } = stack.dependencies;
  const id = newId("dataset");
  const key = `${layout.upload(id)}file`;
  const { bytes } = await storage.put(key, Buffer.from(csv(table)));
  await records.datasets.create({
    ...datasetRecord({ id, alias: null, status: "checking", terminal: false, revision: null }),
    upload: {
      settings: uploadSettings.parse({ size: { height: 7, width: 5 } }),
      files: [{ field: "file", name: "strokes.csv", key, bytes }],
    },
  });
  await expect.poll(statusOf(id)).toBe("ready");
});

test("what dead processes left is gone: folders, and uploads without a sender", async () => {
  await expect.poll(async () => (await fetch(`${url}/v1/datasets/abandoned`)).status).toBe(404);
  await expect.poll(() => readdir(join(stack.dependencies.config.dataDir, "checks"))).toEqual([]);
});
