/** Uploads over HTTP: from the form to a dataset that is ready, or to a refusal that leaves nothing behind. */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dataset } from "../../schemas/dataset.ts";
import type { Problem } from "../../schemas/problem.ts";
import { layout } from "../../services/shared/storage/index.ts";
import { untraced } from "../../services/shared/tracing/index.ts";
import { UploadProcessor } from "../../services/worker/datasets/process-upload.ts";
import { startTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import {
  csv,
  folders,
  idxImages,
  idxLabels,
  int64s,
  jsonLines,
  makeTable,
  npy,
  tar,
  zip,
} from "../support/dataset-files.ts";

const table = makeTable({ perClass: 20 });
const other = makeTable({ perClass: 5, seed: 5 });
const size = '{"height":7,"width":5}';
let stack: TestApp;
let uploads: UploadProcessor;
let url: string;

beforeAll(async () => {
  stack = await startTestApp({ MAX_UPLOAD_BYTES: "3000000", MAX_ENTRIES: "100" });
  const { records, storage, config, log } = stack.dependencies;
  uploads = new UploadProcessor({
    records,
    storage,
    dataDir: config.dataDir,
    limits: config.datasets,
    tracing: untraced,
    log: log as never,
  });
  await stack.app.listen({ port: 0, host: "127.0.0.1" });
  url = `http://127.0.0.1:${(stack.app.server.address() as AddressInfo).port}`;
});
afterAll(() => stack.stop());

type Form = Record<string, string | Uint8Array>;

function formOf(fields: Form): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string") form.append(name, value);
    else form.append(name, new Blob([new Uint8Array(value)]), `my ${name}.bin`);
  }
  return form;
}

const post = (fields: Form, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/datasets`, { method: "POST", body: formOf(fields), headers });
const get = async <Body>(path: string): Promise<Body> => (await fetch(url + path)).json() as Promise<Body>;
const problemOf = async (response: Response): Promise<Problem> => (await response.json()) as Problem;

/** Uploads; the check is still to come. */
async function receive(fields: Form): Promise<Dataset> {
  const response = await post(fields);
  const made = (await response.json()) as Dataset;
  expect(response.status, JSON.stringify(made)).toBe(202);
  expect(made).toMatchObject({ object: "dataset", status: "checking", terminal: false, revision: null });
  expect(response.headers.get("location")).toBe(`/v1/datasets/${made.id}`);
  return made;
}

/** Uploads, lets it be checked, and answers the dataset as it then is. */
async function upload(fields: Form): Promise<Dataset> {
  const made = await receive(fields);
  await uploads.process({ datasetId: made.id, signal: new AbortController().signal, last: true });
  return get(`/v1/datasets/${made.id}`);
}

async function stored(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const each of stack.dependencies.storage.list(prefix)) found.push(each.key);
  return found.sort();
}

/** What a refusal may not leave: uploads, working folders. */
async function expectNothingLeft(): Promise<void> {
  expect(await stored(layout.uploads)).toEqual([]);
  expect(await readdir(join(stack.dependencies.config.dataDir, "checks")).catch(() => [])).toEqual([]);
}

describe("one request, whatever the format", () => {
  const formats: Record<string, () => Promise<Form>> = {
    "IDX pairs": async () => ({
      images: idxImages(table),
      labels: gzipSync(idxLabels(table)),
      testImages: gzipSync(idxImages(other)),
      testLabels: idxLabels(other),
    }),
    CSV: async () => ({ file: Buffer.from(csv(table)), size }),
    "JSON lines": async () => ({ file: gzipSync(jsonLines(table)), size }),
    NPZ: async () => ({
      file: zip([
        { name: "x_train.npy", data: npy("|u1", [table.labels.length, 7, 5], table.pixels) },
        { name: "y_train.npy", data: npy("<i8", [table.labels.length], int64s(table.labels)) },
      ]),
    }),
    ZIP: async () => ({ file: zip(await folders(table)), classes: '["ant","bee","cat"]' }),
    "TAR.gz": async () => ({ file: gzipSync(await tar(await folders(table))), channels: "grey" }),
  };
  test.each(Object.keys(formats))("%s", async (format) => {
    const dataset = await upload({ ...(await formats[format]?.()), name: `my ${format}` });
    expect(dataset.problems).toEqual([]);
    expect(dataset).toMatchObject({
      status: "ready",
      terminal: true,
      fraction: 1,
      name: `my ${format}`,
      shape: { channels: 1, height: 7, width: 5 },
      dtype: "uint8",
      splits: { train: 60 },
    });
    expect(dataset.statistics?.classCounts.train).toEqual([20, 20, 20]);
    const { data } = await get<{ data: { index: number; label: number; pixels: number[] }[] }>(
      `/v1/datasets/${dataset.id}/samples?limit=2`,
    );
    expect(data).toEqual(
      [0, 1].map((index) => ({
        index,
        label: table.labels[index],
        pixels: [...table.pixels.subarray(35 * index, 35 * index + 35)],
      })),
    );
    await expectNothingLeft();
  });
});

test("splits are cut by fraction and the same bytes give the same revision and are stored once", async () => {
  const form = {
    images: idxImages(table),
    labels: idxLabels(table),
    splits: '{"validation":0.1,"test":0.2}',
    seed: "7",
  };
  const first = await upload(form);
  expect(first.splits).toEqual({ train: 42, validation: 6, test: 12 });
  const before = await stored(layout.blobs);
  const [second, third] = await Promise.all([upload(form), upload(form)]);
  expect(new Set([first.revision, second.revision, third.revision]).size).toBe(1);
  expect(first.id).not.toBe(second.id);
  expect((await upload({ ...form, splits: '{"train":0.7,"validation":0.1,"test":0.2}' })).revision).toBe(
    first.revision,
  );
  expect(await problemOf(await post({ ...form, splits: '{"train":0.8,"validation":0.1,"test":0.2}' }))).toMatchObject({
    status: 400,
    detail: expect.stringMatching(/must add up to 1/),
  });
  expect(await stored(layout.blobs)).toEqual(before);
  expect((await upload({ ...form, seed: "8" })).revision).not.toBe(first.revision);
});

describe("what the fields say, over HTTP", () => {
  const rows = table.labels.map((label, index) => [...table.pixels.subarray(index * 35, (index + 1) * 35), label]);
  const last = Buffer.from(`${rows.map((row) => row.join(",")).join("\n")}\nnot,a,row\n`);

  test("labelColumn, header and onError; what was decided is told", async () => {
    const dataset = await upload({ file: last, size, labelColumn: "-1", header: "false", onError: "skip" });
    expect(dataset).toMatchObject({
      status: "ready",
      splits: { train: 60 },
      interpretation: {
        format: { value: "csv", guessed: false },
        delimiter: { value: ",", guessed: false },
        header: { value: false, guessed: false },
        labelColumn: { value: 35, name: null, guessed: false },
        range: { value: { minimum: 0, maximum: 255 }, guessed: false },
      },
    });
    expect(dataset.warnings.join("\n")).toMatch(/1 sample was skipped .*\nmy file\.bin \(61\): found 3 columns/);
    const refused = await upload({ file: last, size, labelColumn: "-1" });
    expect(refused).toMatchObject({ status: "rejected", interpretation: null, problems: [{ row: 61 }] });
  });

  test("testFile and validationFile", async () => {
    const dataset = await upload({
      file: Buffer.from(csv(table)),
      testFile: gzipSync(csv(other)),
      validationFile: Buffer.from(csv(other)),
      size,
    });
    expect(dataset).toMatchObject({ status: "ready", splits: { train: 60, validation: 15, test: 15 } });
  });

  test("order and background are kept for pictures that come later", async () => {
    const lines = [0, 1, 0, 1].map((label) =>
      [label, ...Array.from({ length: 12 }, (_, at) => (at % 3) * 100)].join(","),
    );
    const dataset = await upload({ file: Buffer.from(lines.join("\n")), order: "hwc", background: "#ffcc00" });
    expect(dataset).toMatchObject({
      shape: { channels: 3, height: 2, width: 2 },
      conversion: { background: "#ffcc00" },
      interpretation: { order: { value: "hwc", guessed: false } },
    });
  });

  test.each<[string, Form, string, RegExp]>([
    ["an order that there is not", { file: last, order: "rgb" }, "/order", /"chw"/],
    ["a colour that is none", { file: last, background: "blue" }, "/background", /#ffcc00/],
    ["a header of maybe", { file: last, header: "maybe" }, "/header", /true or false/],
    ["another way with errors", { file: last, onError: "ignore" }, "/onError", /"skip"/],
    ["a test file alone", { testFile: last }, "/file", /missing beside testFile/],
  ])("refused: %s", async (_what, form, pointer, words) => {
    const problem = await problemOf(await post(form));
    expect(problem).toMatchObject({ status: 400, detail: expect.stringMatching(words), errors: [{ pointer }] });
    await expectNothingLeft();
  });
});

test("name and alias change, the revision does not; an alias is unique; deleting spares what others share", async () => {
  const form = { images: idxImages(table), labels: idxLabels(table), alias: "strokes" };
  const first = await upload(form);
  const second = await upload({ ...form, alias: "strokes-2" });
  expect((await get<Dataset>("/v1/datasets/strokes")).id).toBe(first.id);
  expect((await get<Dataset>(`/v1/datasets/strokes@${first.revision?.slice(0, 8)}`)).id).toBe(first.id);
  const patch = (id: string, body: object): Promise<Response> =>
    fetch(`${url}/v1/datasets/${id}`, {
      method: "PATCH",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  const renamed = (await (await patch(first.id, { alias: "lines", name: "Lines" })).json()) as Dataset;
  expect(renamed).toMatchObject({ alias: "lines", name: "Lines", revision: first.revision });
  expect((await patch(first.id, { alias: "strokes-2" })).status).toBe(409);
  expect(await problemOf(await patch(first.id, { classes: [] }))).toMatchObject({
    status: 400,
    errors: [{ pointer: "/classes" }],
  });
  const taken = await post(form.alias ? { ...form, alias: "strokes-2" } : form);
  expect(await problemOf(taken)).toMatchObject({ status: 409, code: "conflict" });
  await stack.dependencies.records.datasets.hold(first.id, "job_01J9ZQ8V5T8N6M4K2H0G7F5E3D");
  expect(await problemOf(await fetch(`${url}/v1/datasets/lines`, { method: "DELETE" }))).toMatchObject({
    status: 409,
    code: "in-use",
    errors: [{ detail: "/v1/jobs/job_01J9ZQ8V5T8N6M4K2H0G7F5E3D" }],
  });
  await stack.dependencies.records.datasets.release(first.id, "job_01J9ZQ8V5T8N6M4K2H0G7F5E3D");
  expect((await fetch(`${url}/v1/datasets/lines`, { method: "DELETE" })).status).toBe(204);
  expect((await fetch(`${url}/v1/datasets/${first.id}`)).status).toBe(404);
  expect((await fetch(`${url}/v1/datasets/${second.id}/samples`)).status).toBe(200);
});

test("a rejected upload is found by its alias until another takes it", async () => {
  const good = { images: idxImages(table), labels: idxLabels(table), alias: "second-try" };
  const bad = { ...good, labels: idxLabels(other) };
  const [rejected, again] = [await upload(bad), await upload(bad)];
  expect(await get<Dataset>("/v1/datasets/second-try")).toMatchObject({ id: again.id, status: "rejected" });
  expect(await get<Dataset>(`/v1/datasets/${rejected.id}`)).toMatchObject({ alias: null, status: "rejected" });
  const ready = await upload(good);
  expect(await get<Dataset>("/v1/datasets/second-try")).toMatchObject({ id: ready.id, status: "ready" });
  // It takes nothing along that is no longer its own.
  for (const { id } of [rejected, again])
    expect((await fetch(`${url}/v1/datasets/${id}`, { method: "DELETE" })).status).toBe(204);
  expect((await get<Dataset>("/v1/datasets/second-try")).id).toBe(ready.id);
  expect((await post(good)).status).toBe(409);
});

describe("what one sees", () => {
  let dataset: Dataset;
  beforeAll(async () => {
    dataset = await upload({
      file: zip(
        [...(await folders(table, { prefix: "train/" })), ...(await folders(other, { prefix: "test/" }))].slice(0, 75),
      ),
      alias: "seen",
    });
  });
  const png = async (path: string): Promise<{ status: number; width: number; height: number; bytes: Buffer }> => {
    const response = await fetch(url + path);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.status !== 200) return { status: response.status, width: 0, height: 0, bytes };
    expect(response.headers.get("content-type")).toBe("image/png");
    const { width, height } = await sharp(bytes).metadata();
    return { status: 200, width, height, bytes };
  };

  test("samples by split and label, page after page", async () => {
    const seen: number[] = [];
    let after = "";
    do {
      const page = await get<{ data: { index: number; label: number }[]; hasMore: boolean; nextAfter: string | null }>(
        `/v1/datasets/seen/samples?split=train&label=bee&limit=8${after}`,
      );
      expect(page.data.every((each) => each.label === 1)).toBe(true);
      seen.push(...page.data.map((each) => each.index));
      after = page.hasMore ? `&after=${page.nextAfter}` : "";
    } while (after !== "");
    expect(seen).toEqual(table.labels.flatMap((label, index) => (label === 1 ? [index] : [])));
    expect((await fetch(`${url}/v1/datasets/seen/samples?label=dog`)).status).toBe(400);
    expect((await get<{ data: unknown[] }>("/v1/datasets/seen/samples?split=validation")).data).toEqual([]);
  });

  test("single pictures and contact sheets", async () => {
    const one = await png("/v1/datasets/seen/samples/test/3.png");
    expect([one.width, one.height]).toEqual([5, 7]);
    expect([...(await sharp(one.bytes).extractChannel(0).raw().toBuffer())]).toEqual([
      ...other.pixels.subarray(105, 140),
    ]);
    expect((await png("/v1/datasets/seen/samples/test/999.png")).status).toBe(404);
    expect((await png("/v1/datasets/seen/samples/middle/0.png")).status).toBe(404);
    const { id } = await get<{ id: string }>("/v1/datasets/seen");
    const keptFor = async (name: string) =>
      (await fetch(`${url}/v1/datasets/${name}/samples/test/3.png`)).headers.get("cache-control");
    expect([await keptFor(id), await keptFor("seen")]).toEqual(["public, max-age=31536000, immutable", null]);
    const sheet = await png("/v1/datasets/seen/samples.png?limit=12&columns=4&scale=2");
    expect([sheet.width, sheet.height]).toEqual([(4 * 6 + 1) * 2, (3 * 8 + 1) * 2]);
  });

  test("a sheet is as large as asked for, and no larger than one may be", async () => {
    const one = await png("/v1/datasets/seen/samples/test/3.png?scale=16");
    expect([one.width, one.height]).toEqual([5 * 16, 7 * 16]);
    const few = await png("/v1/datasets/seen/augmentations.png?limit=2&copies=3&zoom=5");
    expect([few.width, few.height]).toEqual([(4 * 6 + 1) * 5, (2 * 8 + 1) * 5]);
    for (const path of ["samples.png?scale=17", "samples.png?scale=0", "augmentations.png?limit=32&copies=32&zoom=16"])
      expect([path, (await png(`/v1/datasets/seen/${path}`)).status]).toEqual([path, 400]);
    const row = (label: number): string =>
      [label, ...Array.from({ length: 350 * 450 }, (_, at) => (at + label) % 9)].join(",");
    const rows = Buffer.from([0, 1, 0, 1].map((label) => `${row(label)}\n`).join(""));
    await upload({ file: rows, size: '{"height":350,"width":450}', alias: "large" });
    expect(await png("/v1/datasets/large/samples/train/0.png?scale=10")).toMatchObject({ width: 4500, height: 3500 });
    const refused = await fetch(`${url}/v1/datasets/large/samples/train/0.png?scale=11`);
    expect(await problemOf(refused)).toMatchObject({
      status: 400,
      errors: [{ pointer: "/query/scale", detail: expect.stringMatching(/450×350.*expected at most 10$/) as string }],
    });
  });

  test("samples of 0 to 16 can be seen", async () => {
    const rows = Array.from({ length: 6 }, (_, row) =>
      [row % 2, ...Array.from({ length: 35 }, (_value, at) => (at + row) % 17)].join(","),
    );
    await upload({ file: Buffer.from(`${rows.join("\n")}\n`), size, alias: "sixteen" });
    const grey = async (path: string) => [
      ...(await sharp((await png(`/v1/datasets/sixteen/${path}`)).bytes)
        .extractChannel(0)
        .raw()
        .toBuffer()),
    ];
    const expected = Array.from({ length: 35 }, (_, at) => Math.round(((at % 17) * 255) / 16));
    expect(await grey("samples/train/0.png")).toEqual(expected);
    expect(await grey("samples.png?limit=1")).toEqual(expected);
    // Two tiles with a line between and around them, the copy not distorted.
    const pair = await grey("augmentations.png?limit=1&copies=1");
    expect(pair.slice(13 + 1, 13 + 6)).toEqual(expected.slice(0, 5));
    expect(pair.slice(13 + 7, 13 + 12)).toEqual(expected.slice(0, 5));
  });

  test("augmentations: the same seed the same picture, no settings no distortion", async () => {
    const path = "/v1/datasets/seen/augmentations?shift=2&rotate=10&elastic=true&limit=3&copies=4&seed=5";
    const [first, again, changed] = await Promise.all([
      png(path),
      png(path.replace("?", ".png?")),
      png(path.replace("seed=5", "seed=6")),
    ]);
    expect([first.width, first.height]).toEqual([5 * 6 + 1, 3 * 8 + 1]);
    expect(first.bytes).toEqual(again.bytes);
    expect(first.bytes).not.toEqual(changed.bytes);
    const plain = await sharp((await png("/v1/datasets/seen/augmentations?limit=1&copies=1")).bytes)
      .extractChannel(0)
      .raw()
      .toBuffer({ resolveWithObject: true });
    const column = (left: number): number[] =>
      Array.from(
        { length: 35 },
        (_, at) => plain.data[(1 + Math.floor(at / 5)) * plain.info.width + left + (at % 5)] ?? -1,
      );
    expect(column(7)).toEqual(column(1));
    expect((await png("/v1/datasets/seen/augmentations?scale=3")).status).toBe(400);
    expect((await png("/v1/datasets/seen/augmentations?elastic=much")).status).toBe(400);
  });

  test("what is not ready is a conflict, what is not there is not found", async () => {
    const response = await post({ images: idxImages(table), labels: idxLabels(table) });
    const { id } = (await response.json()) as Dataset;
    expect((await fetch(`${url}/v1/datasets/${id}/samples`)).status).toBe(409);
    expect((await fetch(`${url}/v1/datasets/nothing/samples.png`)).status).toBe(404);
    expect((await fetch(`${url}/v1/datasets/${id}`, { method: "DELETE" })).status).toBe(204);
    await uploads.process({ datasetId: id, signal: new AbortController().signal, last: true });
    await expectNothingLeft();
    expect(dataset.classes).toEqual(["ant", "bee", "cat"]);
  });
});

describe("refused", () => {
  test.each<[string, Form, number, RegExp]>([
    ["no file", { name: "x" }, 400, /is missing: expected an archive or a table/],
    ["images alone", { images: idxImages(table) }, 400, /missing: labels; IDX files come in pairs/],
    [
      "an archive and a pair",
      { file: Buffer.from("x"), images: idxImages(table), labels: idxLabels(table) },
      400,
      /either `file`, or `images` and `labels`/,
    ],
    ["an unknown file", { picture: Buffer.from("x") }, 400, /there is no file field 'picture'/],
    ["an unknown field", { file: Buffer.from("x"), colour: "red" }, 400, /colour/],
    [
      "classes that are no JSON",
      { file: Buffer.from("x"), classes: "cat,dog" },
      400,
      /\/classes: expected JSON such as/,
    ],
    ["a class twice", { file: Buffer.from("x"), classes: '["a","a"]' }, 400, /'a' stands twice/],
    [
      "fractions that leave nothing",
      { file: Buffer.from("x"), splits: '{"test":0.6,"validation":0.6}' },
      400,
      /leave something to train on/,
    ],
    ["a file as text", { file: "0,1,2" }, 400, /came as text; expected a file/],
    ["more than MAX_UPLOAD_BYTES", { file: randomBytes(3_000_001) }, 413, /longer than the 3000000 bytes/],
  ])("before storing: %s", async (_name, form, status, expected) => {
    const response = await post(form);
    expect(response.headers.get("content-type")).toMatch(/problem\+json/);
    const problem = await problemOf(response);
    expect([problem.status, problem.detail]).toEqual([status, expect.stringMatching(expected)]);
    await expectNothingLeft();
  });

  test("a body that is no form", async () => {
    const response = await fetch(`${url}/v1/datasets`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect(response.status).toBe(415);
  });

  test.each<[string, () => Promise<Form>, RegExp]>([
    [
      "a table with a ragged row",
      async () => ({ file: Buffer.from(`${csv(table)}1,2\n`), size }),
      /found 2 columns; expected 36/,
    ],
    ["a path that climbs", async () => ({ file: zip([{ name: "../x/1.png", data: Buffer.from("x") }]) }), /climbs out/],
    [
      "too many entries",
      async () => ({
        file: zip(Array.from({ length: 101 }, (_, at) => ({ name: `a/${at}.png`, data: Buffer.from("x") }))),
      }),
      /MAX_ENTRIES \(100\)/,
    ],
  ])("after the check: %s", async (_name, make, expected) => {
    const dataset = await upload(await make());
    expect(dataset).toMatchObject({ status: "rejected", terminal: true, revision: null });
    expect(dataset.problems[0]?.detail).toMatch(expected);
    expect(await stored(layout.dataset(dataset.id))).toEqual([]);
    await expectNothingLeft();
    expect(await problemOf(await fetch(`${url}/v1/datasets/${dataset.id}/samples`))).toMatchObject({
      status: 409,
      detail: expect.stringMatching(/was rejected/),
    });
  });

  test("less disk than the declared size needs: before a byte is taken", async () => {
    const { datasets: limits } = stack.dependencies.config;
    const real = limits.MIN_FREE_BYTES;
    limits.MIN_FREE_BYTES = 2 ** 52;
    const sending = httpRequest(`${url}/v1/datasets`, {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x", "content-length": String(14_000_000) },
    });
    const response = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      sending.on("error", reject).on("response", (answer) => {
        let body = "";
        answer
          .on("data", (text) => (body += String(text)))
          .on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      });
      sending.flushHeaders();
    });
    limits.MIN_FREE_BYTES = real;
    sending.on("error", () => undefined).destroy();
    expect(response).toMatchObject({ status: 507, body: expect.stringMatching(/MIN_FREE_BYTES/) });
    await expectNothingLeft();
  });

  const disposition = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n';
  test.each([
    [
      "ends within a file",
      disposition + "0,1,2\n".repeat(1000),
      "multipart/form-data; boundary=x",
      /breaks off before its last boundary/,
    ],
    [
      "ends within a long file",
      disposition + "0,1,2\n".repeat(100_000),
      "multipart/form-data; boundary=x",
      /breaks off before its last boundary/,
    ],
    [
      "ends within a field",
      '--x\r\ncontent-disposition: form-data; name="name"\r\n\r\nabc',
      "multipart/form-data; boundary=x",
      /breaks off before its last boundary/,
    ],
    [
      "ends within a part's head",
      "--x\r\ncontent-disposition: form-data; na",
      "multipart/form-data; boundary=x",
      /breaks off before its last boundary/,
    ],
    ["holds no part", "0,1,2\n", "multipart/form-data; boundary=x", /breaks off before its last boundary/],
    ["names no boundary", disposition, "multipart/form-data", /names no boundary/],
    [
      "names a boundary without end",
      disposition,
      `multipart/form-data; boundary=${"x".repeat(300)}`,
      /boundary of 300 characters; expected at most 70/,
    ],
  ])("a form that %s: refused, and the api lives on", async (_name, body, type, expected) => {
    const response = await fetch(`${url}/v1/datasets`, { method: "POST", body, headers: { "content-type": type } });
    expect(await problemOf(response)).toMatchObject({
      status: 400,
      code: "malformed-body",
      detail: expect.stringMatching(expected),
    });
    await expectNothingLeft();
  });

  test("an upload cut off in the middle leaves no record and no byte", async () => {
    const before = (await get<{ data: Dataset[] }>("/v1/datasets?limit=1000")).data.length;
    await new Promise<void>((resolve) => {
      const sending = httpRequest(`${url}/v1/datasets`, {
        method: "POST",
        headers: { "content-type": "multipart/form-data; boundary=x", "content-length": "2000000" },
      });
      sending.on("error", () => resolve());
      sending.write('--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n');
      sending.write(Buffer.alloc(500_000, "0,1,2\n"));
      setTimeout(() => sending.destroy(new Error("cut")), 300);
    });
    await expect.poll(async () => (await get<{ data: Dataset[] }>("/v1/datasets?limit=1000")).data.length).toBe(before);
    await expect.poll(() => stored(layout.uploads)).toEqual([]);
    expect(stack.lines.filter(({ msg }) => msg.includes("storage cannot be reached"))).toEqual([]);
  });

  /** A check is under way as soon as it has a folder, long before its process has read a line. */
  const untilChecked = async (): Promise<void> => {
    while ((await readdir(join(stack.dependencies.config.dataDir, "checks")).catch(() => [])).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test("deleted while it is checked: the check ends and leaves nothing", async () => {
    const made = await receive({ file: Buffer.from(csv(makeTable({ perClass: 3000 }))), size });
    const checked = uploads.process({ datasetId: made.id, signal: new AbortController().signal, last: true });
    await untilChecked();
    expect((await fetch(`${url}/v1/datasets/${made.id}`, { method: "DELETE" })).status).toBe(204);
    await checked;
    expect((await fetch(`${url}/v1/datasets/${made.id}`)).status).toBe(404);
    expect(await stored(layout.dataset(made.id))).toEqual([]);
    await expectNothingLeft();
  });

  test("a worker that ends gives the check up without a verdict", async () => {
    const made = await receive({ file: Buffer.from(csv(makeTable({ perClass: 3000 }))), size });
    const ending = new AbortController();
    const checked = uploads
      .process({ datasetId: made.id, signal: ending.signal, last: false })
      .catch((error: unknown) => error);
    await untilChecked();
    ending.abort(new Error("the worker ends"));
    expect(await checked).toMatchObject({ message: "the worker ends" });
    expect((await get<Dataset>(`/v1/datasets/${made.id}`)).status).toBe("checking");
    await uploads.process({ datasetId: made.id, signal: new AbortController().signal, last: true });
    expect((await get<Dataset>(`/v1/datasets/${made.id}`)).status).toBe("ready");
    await expectNothingLeft();
  });

  test("nothing of all this was an error of ours", () => {
    expect(stack.lines.filter((line) => line.level >= 50)).toEqual([]);
  });
});
