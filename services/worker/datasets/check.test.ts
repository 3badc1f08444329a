/** Every format people have, whole and broken, through the check itself. */
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { uploadSettings } from "../../../schemas/dataset.ts";
import {
  csv,
  floats,
  folders,
  idx,
  idxImages,
  idxLabels,
  int64s,
  jsonLines,
  makeTable,
  npy,
  png,
  tar,
  zip,
} from "../../../tests/support/dataset-files.ts";
import type { ZipPart } from "../../../tests/support/dataset-files.ts";
import { datasetLimits } from "../../shared/dataset-limits.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { checkUpload } from "./check.ts";
import type { CheckedDataset } from "./finish.ts";
import { DatasetRefused } from "./refused.ts";

const usual = datasetLimits.parse({});
const table = makeTable();
const other = makeTable({ perClass: 2, seed: 9 });
const wish = { size: { height: 7, width: 5 } };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dataset-check-"));
});
afterEach(() => rm(directory, { recursive: true }));

type Files = Record<string, Uint8Array | string>;

async function check(
  files: Files,
  settings: object = {},
  limits: Partial<DatasetLimits> = {},
): Promise<CheckedDataset> {
  const local = [];
  for (const [field, content] of Object.entries(files)) {
    const path = join(directory, `${field}.upload`);
    await writeFile(path, content);
    local.push({ field, name: `my-${field}`, path });
  }
  return checkUpload({
    files: local,
    settings: uploadSettings.parse(settings),
    limits: { ...usual, ...limits },
    directory,
    onProgress: () => undefined,
  });
}

/** The problems of a refusal, as `file|row|detail`. */
async function refusal(files: Files, settings: object = {}, limits: Partial<DatasetLimits> = {}): Promise<string> {
  const found = await check(files, settings, limits).catch((error: unknown) => error);
  if (!(found instanceof DatasetRefused))
    throw new Error(`expected a refusal, got ${found instanceof Error ? found.stack : JSON.stringify(found)}`);
  expect(found.problems.length).toBeGreaterThan(0);
  return found.problems.map(({ file, row, detail }) => `${file ?? ""}|${row ?? ""}|${detail}`).join("\n");
}

const pixelsOf = async (dataset: CheckedDataset, split: "train" | "validation" | "test" = "train"): Promise<Buffer> =>
  readFile(dataset.splits[split]?.samplesPath ?? "");
async function labelsOf(dataset: CheckedDataset, split: "train" | "validation" | "test" = "train"): Promise<number[]> {
  const bytes = await readFile(dataset.splits[split]?.labelsPath ?? "");
  return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readInt32LE(4 * at));
}

const npz = (arrays: Record<string, Buffer>): Buffer =>
  zip(Object.entries(arrays).map(([name, data]) => ({ name: `${name}.npy`, data })));
const npzOf = (of: typeof table, name: string): Record<string, Buffer> => ({
  [`x_${name}`]: npy("|u1", [of.labels.length, 7, 5], of.pixels),
  [`y_${name}`]: npy("<i8", [of.labels.length], int64s(of.labels)),
});

describe("whole files", () => {
  test("IDX pairs, plain and gzip, become the same dataset", async () => {
    const plain = await check({
      images: idxImages(table),
      labels: idxLabels(table),
      testImages: idxImages(other),
      testLabels: idxLabels(other),
    });
    expect(plain).toMatchObject({
      classes: ["0", "1", "2"],
      shape: { channels: 1, height: 7, width: 5 },
      dtype: "uint8",
      warnings: [],
    });
    expect(await pixelsOf(plain)).toEqual(table.pixels);
    expect(await labelsOf(plain, "test")).toEqual(other.labels);
    expect(plain.statistics.classCounts).toEqual({ train: [4, 4, 4], validation: [0, 0, 0], test: [2, 2, 2] });
    const packed = await check({
      images: gzipSync(idxImages(table)),
      labels: gzipSync(idxLabels(table)),
      testImages: idxImages(other),
      testLabels: idxLabels(other),
    });
    expect(packed.revision).toBe(plain.revision);
  });

  test("CSV with and without a header, BOM, CRLF, semicolons and quotes", async () => {
    const reference = await check({ file: csv(table) }, wish);
    expect(await pixelsOf(reference)).toEqual(table.pixels);
    expect(await labelsOf(reference)).toEqual(table.labels);
    const spellings = [
      csv(table, { header: false }),
      csv(table, { delimiter: ";" }),
      `\u{feff}${csv(table, { newline: "\r\n" })}`,
      csv(table, { delimiter: "\t", newline: "\r\n" }),
      csv(table).replace(/(?<=\n)(\d+),/g, '"$1",'),
    ];
    for (const text of spellings) expect((await check({ file: text }, wish)).revision).toBe(reference.revision);
    expect((await check({ file: gzipSync(csv(table)) }, wish)).revision).toBe(reference.revision);
  });

  test("CSV whose label stands last, as a word", async () => {
    const rows = ["a,b,c,d,class", "1,2,3,4,dog", "5,6,7,8,cat", "9,9,9,9,dog", "8,8,8,8,cat"].join("\n");
    const dataset = await check({ file: rows });
    expect(dataset.classes).toEqual(["cat", "dog"]);
    expect(await labelsOf(dataset)).toEqual([1, 0, 1, 0]);
    expect([...(await pixelsOf(dataset)).subarray(0, 4)]).toEqual([1, 2, 3, 4]);
  });

  test("labels written as 5.0 are numbers", async () => {
    expect((await check({ file: "1.0,1,2,3,4\n0.0,5,6,7,8\n1.0,0,0,0,1\n0.0,1,1,1,1" })).classes).toEqual(["0", "1"]);
  });

  test("one fraction in a late row makes the whole table float32", async () => {
    const dataset = await check({ file: "0,1,2,3,4\n1,5,6,7,8\n0,0,0,0,0.5\n1,1,1,1,1" });
    expect(dataset.dtype).toBe("float32");
    const bytes = await pixelsOf(dataset);
    expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 16)]).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0.5, 1, 1, 1, 1,
    ]);
    expect(dataset.statistics).toMatchObject({ minimum: 0, maximum: 8 });
  });

  test("NPZ as Keras gives it, uint8 and float32, grey and RGB", async () => {
    const grey = await check({ file: npz({ ...npzOf(table, "train"), ...npzOf(other, "test") }) });
    expect(await pixelsOf(grey)).toEqual(table.pixels);
    expect(grey.splits.test?.count).toBe(6);
    const values = Array.from({ length: 4 * 2 * 3 * 3 }, (_, at) => at / 8);
    const colour = await check({
      file: npz({
        x_train: npy("<f4", [4, 2, 3, 3], floats(values)),
        y_train: npy("|u1", [4, 1], Uint8Array.of(0, 1, 1, 0)),
      }),
    });
    expect(colour).toMatchObject({ dtype: "float32", shape: { channels: 3, height: 2, width: 3 } });
    const bytes = await pixelsOf(colour);
    expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 7)]).toEqual(
      [0, 3, 6, 9, 12, 15, 1].map((at) => at / 8),
    );
  });

  test("JSON lines: flat, nested, Base64 of pixels and of pictures, splits by line", async () => {
    const flat = await check({ file: jsonLines(table) }, wish);
    expect(await pixelsOf(flat)).toEqual(table.pixels);
    const line = (label: string, value: object): string => `${JSON.stringify({ label, ...value })}\n`;
    const nested = await check({
      file:
        line("b", {
          pixels: [
            [1, 2, 3],
            [4, 5, 6],
          ],
        }) +
        line("a", {
          pixels: [
            [6, 5, 4],
            [3, 2, 1],
          ],
          split: "train",
        }) +
        line("a", {
          pixels: [
            [6, 5, 4],
            [3, 2, 2],
          ],
        }) +
        line("b", {
          pixels: [
            [1, 1, 1],
            [1, 1, 1],
          ],
          split: "test",
        }),
    });
    expect(nested).toMatchObject({
      classes: ["a", "b"],
      shape: { channels: 1, height: 2, width: 3 },
      splits: { train: { count: 3 }, test: { count: 1 } },
    });
    const picture = (await png({ start: 9 })).toString("base64");
    const pictures = await check({
      file:
        line("a", { b64: picture }) +
        line("b", { b64: picture }) +
        line("a", { b64: picture }) +
        line("b", { b64: picture }),
    });
    expect(pictures.shape).toEqual({ channels: 1, height: 7, width: 5 });
    const raw = Buffer.from(Uint8Array.from({ length: 16 }, (_, at) => at)).toString("base64");
    expect(
      (await check({ file: line("a", { b64: raw }).repeat(2) + line("b", { b64: raw }).repeat(2) })).shape,
    ).toEqual({ channels: 1, height: 4, width: 4 });
  });

  test("ZIP, TAR and TAR.gz of folders become the same dataset; classes are the folders", async () => {
    const parts = await folders(table);
    const zipped = await check({ file: zip(parts) });
    expect(zipped).toMatchObject({
      classes: ["ant", "bee", "cat"],
      shape: { channels: 1, height: 7, width: 5 },
      dtype: "uint8",
    });
    expect(await pixelsOf(zipped)).toEqual(table.pixels);
    expect((await check({ file: await tar(parts) })).revision).toBe(zipped.revision);
    expect(
      (await check({ file: gzipSync(await tar(parts.map((part) => ({ ...part, name: `./my set/${part.name}` })))) }))
        .revision,
    ).toBe(zipped.revision);
  });

  test("train, validation and test folders on top; hidden files are skipped and said", async () => {
    const parts = [
      ...(await folders(table, { prefix: "set/train/" })),
      ...(await folders(other, { prefix: "set/Valid/" })),
      ...(await folders(other, { prefix: "set/test/" })),
    ];
    const litter = [
      { name: "__MACOSX/set/train/ant/._0.png", data: Buffer.from("x") },
      { name: "set/.DS_Store", data: Buffer.from("x") },
      { name: "set/readme.txt", data: Buffer.from("hello") },
    ];
    const dataset = await check({ file: zip([...litter, ...parts]) });
    expect([dataset.splits.train?.count, dataset.splits.validation?.count, dataset.splits.test?.count]).toEqual([
      12, 6, 6,
    ]);
    expect(dataset.warnings.join("\n")).toMatch(/2 hidden or system files skipped/);
    expect(dataset.warnings.join("\n")).toMatch(/1 file outside the class folders skipped, such as set\/readme\.txt/);
  });

  test("numbered folders count as numbers", async () => {
    const parts = await Promise.all(
      [0, 2, 10].flatMap((name) =>
        [0, 1].map(async (at) => ({ name: `${name}/${at}.png`, data: await png({ start: name + at }) })),
      ),
    );
    expect((await check({ file: zip(parts) })).classes).toEqual(["0", "2", "10"]);
  });

  test("colour after grey makes the set RGB; EXIF rotation is applied; a palette is expanded and said", async () => {
    const turned = await sharp({ create: { width: 7, height: 5, channels: 3, background: "#ff0000" } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const palette = await sharp({ create: { width: 5, height: 7, channels: 3, background: "#00ff00" } })
      .png({ palette: true })
      .toBuffer();
    const dataset = await check({
      file: zip([
        { name: "a/1.png", data: await png({ start: 3 }) },
        { name: "a/2.jpg", data: turned },
        { name: "b/1.png", data: palette },
        { name: "b/2.png", data: await png({ channels: 3 }) },
      ]),
    });
    expect(dataset.shape).toEqual({ channels: 3, height: 7, width: 5 });
    const pixels = await pixelsOf(dataset);
    expect([pixels[0], pixels[35], pixels[70], pixels[105], pixels[210 + 35]]).toEqual([3, 3, 3, 254, 255]);
    expect(dataset.warnings.join()).toMatch(/1 picture had a palette/);
    expect(dataset.warnings.join()).toMatch(/1 grey picture was made RGB like the 3 in colour/);
  });

  test("channels and size are brought to what is wished, for pictures and for arrays", async () => {
    const parts = [
      { name: "a/1.png", data: await png({ height: 20, width: 10, channels: 3 }) },
      { name: "a/2.png", data: await png() },
      { name: "b/1.png", data: await png({ start: 4 }) },
      { name: "b/2.png", data: await png({ start: 5 }) },
    ];
    const dataset = await check({ file: zip(parts) }, { size: { height: 9, width: 8 }, channels: 1, fit: "crop" });
    expect(dataset).toMatchObject({
      shape: { channels: 1, height: 9, width: 8 },
      conversion: { channels: 1, height: 9, width: 8, fit: "crop" },
    });
    const arrays = await check(
      { images: idxImages(table), labels: idxLabels(table) },
      { size: { height: 14, width: 10 }, channels: 3, fit: "stretch" },
    );
    expect(arrays.shape).toEqual({ channels: 3, height: 14, width: 10 });
    expect((await pixelsOf(arrays)).length).toBe(12 * 3 * 140);
  });

  test("a cut is stratified, decided by the seed, and keeps every sample once", async () => {
    const big = makeTable({ classes: 2, perClass: 50, seed: 3 });
    const cutBy = (seed: number): Promise<CheckedDataset> =>
      check({ images: idxImages(big), labels: idxLabels(big) }, { splits: { validation: 0.1, test: 0.2 }, seed });
    const first = await cutBy(1);
    expect(first.statistics.classCounts).toEqual({ train: [35, 35], validation: [5, 5], test: [10, 10] });
    const labels = (
      await Promise.all((["train", "validation", "test"] as const).map((split) => labelsOf(first, split)))
    ).flat();
    expect(labels.length).toBe(100);
    expect((await cutBy(1)).revision).toBe(first.revision);
    expect((await cutBy(2)).revision).not.toBe(first.revision);
  });

  test("duplicates across train and test are counted and warned of", async () => {
    const dataset = await check({
      images: idxImages(table),
      labels: idxLabels(table),
      testImages: idx(8, [2, 7, 5], table.pixels.subarray(0, 70)),
      testLabels: idx(8, [2], Uint8Array.of(0, 1)),
    });
    expect(dataset.warnings.join()).toMatch(/2 samples of the test split also stand in the training split/);
  });

  test("statistics are those of the training split, per channel", async () => {
    const dataset = await check({
      file: npz({
        x_train: npy("|u1", [2, 1, 2, 3], Uint8Array.of(0, 10, 100, 2, 20, 100, 4, 30, 100, 6, 40, 100)),
        y_train: npy("|u1", [2], Uint8Array.of(0, 0)),
        x_test: npy("|u1", [2, 1, 2, 3], new Uint8Array(12)),
        y_test: npy("|u1", [2], Uint8Array.of(1, 1)),
      }),
    });
    expect(dataset.statistics).toMatchObject({
      mean: [3, 25, 100],
      std: [Math.sqrt(5), Math.sqrt(125), 0],
      minimum: 0,
      maximum: 100,
    });
    expect(dataset.warnings.join()).toMatch(/class 1 \('1'\) has no samples in the training split/);
  });
});

describe("refused, and why", () => {
  const images = idxImages(table);
  const labels = idxLabels(table);
  test.each<[string, Files, object, RegExp]>([
    [
      "a wrong magic",
      { images: Buffer.concat([Buffer.from([0, 0, 8, 3].reverse()), images.subarray(4)]), labels },
      {},
      /my-images\|\|found the magic number 0x03080000; expected 0x00000803/,
    ],
    ["labels as images", { images: labels, labels: images }, {}, /these are images/],
    [
      "an empty IDX file",
      { images: Buffer.alloc(0), labels },
      {},
      /my-images\|\|found an empty file; expected an IDX file that begins with 0x00000803/,
    ],
    ["an IDX file of two bytes", { images: Buffer.alloc(2), labels }, {}, /my-images\|\|found a file of 2 bytes/],
    [
      "a count that does not match",
      { images, labels: idx(8, [11], new Uint8Array(11)) },
      {},
      /says 12 images; my-labels has 11 labels/,
    ],
    [
      "a truncated file",
      { images: images.subarray(0, 16 + 35 * 5 + 3), labels },
      {},
      /my-images\|5\|ends after 5 of the 12 images/,
    ],
    [
      "a truncated gzip",
      { images: gzipSync(images).subarray(0, 60), labels },
      {},
      /my-images\|\|found compressed data that breaks off/,
    ],
    [
      "damaged gzip",
      { images: gzipSync(images).map((byte, at) => (at === 30 ? byte ^ 0xff : byte)), labels },
      {},
      /damaged compressed data/,
    ],
    [
      "bytes after the end",
      { images: Buffer.concat([images, Buffer.alloc(3)]), labels },
      {},
      /found 3 bytes after the last of 12 entries/,
    ],
    [
      "bytes after the gzip",
      { images: Buffer.concat([gzipSync(images), Buffer.from("tail")]), labels },
      {},
      /found bytes after the end of the gzip data/,
    ],
    [
      "zeros after the gzip",
      { images: Buffer.concat([gzipSync(images), Buffer.alloc(4)]), labels },
      {},
      /found 4 bytes after the end of the gzip data/,
    ],
    [
      "a header that promises the world",
      { images: idx(8, [4_000_000_000, 7, 5], table.pixels), labels },
      {},
      /4,000,000,000 images; my-labels has 12/,
    ],
    [
      "labels that promise the world",
      { images, labels: idx(8, [4_000_000_000], new Uint8Array(3)) },
      {},
      /MAX_SAMPLES \(10,000,000\)/,
    ],
    [
      "images that are text",
      { images: npy("<U2", [1, 7, 5], Buffer.alloc(280)), labels: idx(8, [1], Uint8Array.of(0)) },
      {},
      /found samples of text; expected numbers/,
    ],
    [
      "train and test of different sizes",
      { images, labels, testImages: idx(8, [2, 5, 7], Buffer.alloc(70)), testLabels: idx(8, [2], Uint8Array.of(0, 1)) },
      {},
      /my-testImages\|\|found samples of 5×7 \(height×width\); expected 7×5, as in my-images/,
    ],
    [
      "a label out of range",
      { images, labels },
      { classes: ["a", "b"] },
      /my-labels\|2\|found the label 2; expected a whole number from 0 to 1/,
    ],
    [
      "one class only",
      { images: idx(8, [2, 7, 5], table.pixels.subarray(0, 70)), labels: idx(8, [2], Uint8Array.of(0, 0)) },
      {},
      /one class only/,
    ],
    [
      "a class with one sample",
      { images: idx(8, [3, 7, 5], table.pixels.subarray(0, 105)), labels: idx(8, [3], Uint8Array.of(0, 0, 1)) },
      {},
      /class 1 \('1'\) has one sample/,
    ],
    [
      "too few to cut",
      { images, labels },
      { splits: { validation: 0.1, test: 0.1 }, classes: ["a", "b", "c", "d"] },
      /^$|needs at least/,
    ],
    [
      "a cut of a split that was given",
      { images, labels, testImages: idxImages(other), testLabels: idxLabels(other) },
      { splits: { test: 0.1 } },
      /leave `splits\.test` out/,
    ],
    [
      "a label far from the others",
      {
        images,
        labels: idx(
          8,
          [12],
          Uint8Array.from(table.labels, (label, at) => (at === 7 || at === 8 ? 99 : label)),
        ),
      },
      {},
      /my-labels\|7\|found the label 99, but only/,
    ],
    ["a lonely test file", { images, labels, testImages: images }, {}, /my-testImages\|\|stands alone/],
    ["a ragged row", { file: `${csv(table)}1,2,3\n` }, wish, /my-file\|14\|found 3 columns; expected 36/],
    ["a non-number", { file: csv(table).replace("\n0,", "\n0,x").replace("0,x", "0,cat,") }, wish, /found/],
    ["a number with two commas", { file: "0;1;2;3;1,0,5\n1;1;1;1;1" }, {}, /my-file\|1\|found '1,0,5' in column 5/],
    ["a hexadecimal number", { file: "0,1,2,3,0x1\n1,1,1,1,1" }, {}, /found '0x1'/],
    ["an infinite number", { file: "0,1,2,3,1e39\n1,1,1,1,1" }, {}, /found '1e39'/],
    ["a negative label", { file: "-1,1,2,3,4\n1,1,1,1,1" }, {}, /found the label -1; expected a whole number from 0/],
    [
      "no square",
      { file: csv(table) },
      {},
      /found 35 columns beside the label, which are no square picture, grey or RGB; give `size` as/,
    ],
    [
      "no label column",
      { file: "a,b,c,d,e,f,g,h,i\n" },
      {},
      /my-file\|1\|found 8 columns beside the label.*give `size` as .* \(all 9 together would be one: is the label missing\?\)/,
    ],
    [
      "an index column",
      { file: "id,label,a,b,c,d,e\n7,1,1,1,1,1,1\n" },
      {},
      /my-file\|1\|found 6 columns beside the label.*column 1 \('id'\) looks like no pixel: leave it out/,
    ],
    [
      "labels in the last column, and nothing says so",
      { file: "1,1,1,1,0\n1,2,1,1,1\n1,3,1,1,0\n" },
      {},
      /one class only.*labels were read from the first column, since no header names another/,
    ],
    ["an open quote", { file: '0,1,2,3,"4\n1,1,1,1,1\n' }, {}, /quote that is not closed in its line/],
    ["a header alone", { file: "label,a,b,c,d\n" }, {}, /no rows of data/],
    ["an empty file", { file: "" }, {}, /found an empty file/],
    ["UTF-16", { file: Buffer.from("\u{feff}0,1,2,3,4", "utf16le") }, {}, /UTF-16/],
    [
      "a picture alone",
      { file: Buffer.from("89504e470d0a1a0a", "hex") },
      {},
      /a single PNG picture; expected a ZIP or TAR/,
    ],
    ["an IDX file alone", { file: images }, {}, /as `images` and the labels as `labels`/],
    ["an NPY file alone", { file: npy("|u1", [1], Uint8Array.of(1)) }, {}, /expected an NPZ/],
    ["a JSON list", { file: "[]" }, {}, /found a JSON list/],
    ["gzip in gzip", { file: gzipSync(gzipSync("0,1")) }, {}, /gzip within gzip/],
    [
      "a JSON line that breaks",
      { file: `${jsonLines(table)}{"label":` },
      wish,
      /my-file\|13\|found \{"label":, which is no JSON;/,
    ],
    ["an unknown field in a line", { file: '{"label":0,"pixel":[1]}' }, {}, /unknown field 'pixel'/],
    [
      "a line of another length",
      { file: '{"label":0,"pixels":[1,2,3,4]}\n{"label":1,"pixels":[1,2,3]}' },
      {},
      /my-file\|2\|found 3 pixels; expected 4/,
    ],
    ["a pixel that is none", { file: '{"label":0,"pixels":[1,2,null,4]}' }, {}, /found null at pixel 2/],
    ["wrong Base64", { file: '{"label":0,"b64":"%%"}' }, {}, /not Base64/],
    [
      "object arrays",
      { file: npz({ ...npzOf(table, "train"), x_train: npy("|O", [12, 7, 5], Buffer.alloc(9)) }) },
      {},
      /x_train\.npy\|\|found an array of Python objects/,
    ],
    [
      "Fortran order",
      { file: npz({ ...npzOf(table, "train"), x_train: npy("|u1", [12, 7, 5], table.pixels, { fortran: true }) }) },
      {},
      /Fortran order; expected C order/,
    ],
    [
      "complex numbers",
      { file: npz({ ...npzOf(table, "train"), x_train: npy("<c8", [12, 7, 5], Buffer.alloc(8 * 420)) }) },
      {},
      /found samples of '<c8'; expected numbers such as uint8/,
    ],
    [
      "one-hot labels",
      { file: npz({ ...npzOf(table, "train"), y_train: npy("|u1", [12, 3], Buffer.alloc(36)) }) },
      {},
      /perhaps one-hot/,
    ],
    [
      "one-hot labels as Keras makes them",
      { file: npz({ ...npzOf(table, "train"), y_train: npy("<f4", [12, 3], Buffer.alloc(144)) }) },
      {},
      /perhaps one-hot/,
    ],
    [
      "a shortened array",
      { file: npz({ ...npzOf(table, "train"), x_train: npy("|u1", [12, 7, 5], table.pixels.subarray(0, 350)) }) },
      {},
      /x_train\.npy\|10\|ends after 10 of the 12 samples/,
    ],
    [
      "a lengthened array",
      {
        file: npz({
          ...npzOf(table, "train"),
          x_train: npy("|u1", [12, 7, 5], Buffer.concat([table.pixels, Buffer.alloc(7)])),
        }),
      },
      {},
      /found 7 bytes after the last value/,
    ],
    [
      "NaN",
      {
        file: npz({
          x_train: npy("<f4", [2, 1, 2], floats([0, 1, Number.NaN, 1])),
          y_train: npy("|u1", [2], Uint8Array.of(0, 1)),
        }),
      },
      {},
      /x_train\.npy\|1\|found a value that is not a finite number/,
    ],
    [
      "NPZ without x_train",
      { file: npz({ images: npy("|u1", [1], Uint8Array.of(1)) }) },
      {},
      /found the arrays images\.npy; expected x_train/,
    ],
  ])("%s", async (_name, files, settings, expected) => {
    if (_name === "too few to cut") {
      const few = makeTable({ perClass: 2 });
      expect(await refusal({ images: idxImages(few), labels: idxLabels(few) }, settings)).toMatch(
        /cutting train, test and validation needs at least 3 of every class/,
      );
      return;
    }
    expect(await refusal(files, settings)).toMatch(expected);
  });

  const archive = async (...extra: ZipPart[]): Promise<{ file: Buffer }> => ({
    file: zip([...(await folders(table)), ...extra]),
  });
  test.each<[string, () => Promise<Files>, RegExp]>([
    [
      "a name that climbs",
      () => archive({ name: "../evil/1.png", data: Buffer.from("x") }),
      /climbs out of the archive/,
    ],
    ["an absolute name", () => archive({ name: "/etc/1.png", data: Buffer.from("x") }), /absolute path/],
    ["a Windows path", () => archive({ name: "C:\\x\\1.png", data: Buffer.from("x") }), /absolute path/],
    [
      "a symbolic link",
      () => archive({ name: "ant/link.png", data: Buffer.from("/etc/passwd"), mode: 0o120777, stored: true }),
      /ant\/link\.png\|\|found a symbolic link/,
    ],
    [
      "an encrypted entry",
      () => archive({ name: "ant/x.png", data: Buffer.from("x"), flags: 1 }),
      /ant\/x\.png\|\|found an encrypted entry/,
    ],
    [
      "an unknown method",
      () => archive({ name: "ant/x.png", data: Buffer.from("x"), method: 14 }),
      /method 14 \(LZMA\)/,
    ],
    [
      "a wrong checksum",
      () => archive({ name: "ant/x.png", data: Buffer.from("x"), checksum: 1 }),
      /does not match its checksum/,
    ],
    [
      "more than declared",
      () => archive({ name: "ant/x.png", data: Buffer.alloc(5000), declaredBytes: 10 }),
      /x\.png\|\|found a damaged ZIP: it unpacks to another size than it says; expected one that unpacks/,
    ],
    [
      "a bomb",
      () => archive({ name: "ant/x.png", data: Buffer.alloc(70 * 1024 * 1024) }),
      /MAX_ENTRY_BYTES \(67,108,864\)/,
    ],
    [
      "a bomb by its directory",
      () => archive({ name: "ant/x.png", data: Buffer.from("x"), declaredBytes: 0xfffffffe }),
      /MAX_ENTRY_BYTES|MAX_DATASET_BYTES|damaged ZIP/,
    ],
    ["the same path twice", () => archive({ name: "ant/0.png", data: Buffer.from("x") }), /stands twice/],
    [
      "a broken UTF-8 name",
      () => archive({ name: Buffer.from([0x61, 0x2f, 0xff, 0x2e]), data: Buffer.from("x"), flags: 0x800 }),
      /says it is UTF-8 and is not/,
    ],
    [
      "text among pictures",
      () => archive({ name: "ant/notes.txt", data: Buffer.from("hello") }),
      /ant\/notes\.txt\|\|found text, neither a PNG nor a JPEG, WebP, GIF or BMP/,
    ],
    [
      "a ZIP in the ZIP",
      async () => archive({ name: "ant/x.zip", data: zip(await folders(table)) }),
      /found a ZIP archive, neither a PNG nor a JPEG/,
    ],
    [
      "a folder in a class folder",
      () => archive({ name: "ant/deep/x.png", data: Buffer.from("x") }),
      /^my-file: ant\/deep\|\|found a folder with 1 file within the class folder 'ant'; expected \[train/,
    ],
    [
      "folders in class folders, all of them",
      async () => {
        const nested = Array.from({ length: 25 }, (_, at) => ({
          name: `pets/cat/nest-${at}/0.png`,
          data: Buffer.from("x"),
        }));
        const second = { name: "pets/dog/pup/deeper/1.png", data: Buffer.from("x") };
        const twice = { name: "pets/cat/nest-0/1.png", data: Buffer.from("x") };
        return { file: zip([{ name: "pets/dog/0.png", data: await png() }, second, twice, ...nested]) };
      },
      /^my-file: pets\/dog\/pup\|\|found a folder with 1 file within the class folder 'dog';[^]*\nmy-file: pets\/cat\/nest-0\|\|found a folder with 2 files[^]*\nmy-file: pets\/cat\/nest-18\|[^\n]*\nmy-file\|\|6 more folders lie within class folders$/,
    ],
    [
      "splits beside classes",
      async () => ({
        file: zip([...(await folders(table, { prefix: "train/" })), { name: "other/ant/x.png", data: await png() }]),
      }),
      /found the folder 'other' beside 'train'/,
    ],
    [
      "no folders",
      async () => ({ file: zip([{ name: "1.png", data: await png() }]) }),
      /found only 1\.png and no class folders/,
    ],
    ["an empty ZIP", async () => ({ file: zip([]) }), /found no files/],
    [
      "half a ZIP",
      async () => ({ file: zip(await folders(table)).subarray(0, 900) }),
      /damaged ZIP: it breaks off before its end/,
    ],
    [
      "a truncated picture",
      async () => archive({ name: "ant/x.png", data: (await png({ height: 7, width: 5 })).subarray(0, 60) }),
      /ant\/x\.png\|\|found a PNG that cannot be read: it breaks off after 60 bytes, behind its part pHYs; expected/,
    ],
    [
      "a GIF",
      async () => archive({ name: "ant/x.png", data: Buffer.from("GIF89a and more") }),
      /ant\/x\.png\|\|found a GIF that cannot be read: at byte 13 begins no part of a GIF; expected/,
    ],
    [
      "30,000 × 30,000 pixels",
      async () => {
        const huge = Buffer.from(await png());
        huge.writeUInt32BE(30_000, 16);
        huge.writeUInt32BE(30_000, 20);
        return archive({ name: "ant/x.png", data: huge });
      },
      /found 30000 × 30000 pixels; expected at most MAX_PIXELS/,
    ],
    [
      "pictures of several sizes",
      async () => archive({ name: "ant/x.png", data: await png({ height: 8, width: 5 }) }),
      /found a picture of 8×5 \(height×width\); expected 7×5 like the first one: give `size`/,
    ],
    [
      "a TAR with a link",
      async () => ({
        file: await tar([
          ...(await folders(table)),
          { name: "ant/link.png", type: "symlink", linkname: "/etc/passwd" },
        ]),
      }),
      /found a symbolic link/,
    ],
    [
      "a TAR that climbs",
      async () => ({ file: await tar([...(await folders(table)), { name: "../x/1.png", data: await png() }]) }),
      /climbs out/,
    ],
    [
      "half a TAR",
      async () => ({ file: (await tar(await folders(table))).subarray(0, 3000) }),
      /damaged TAR: it breaks off before its end/,
    ],
    ["half a TAR.gz", async () => ({ file: gzipSync(await tar(await folders(table))).subarray(0, 500) }), /breaks off/],
  ])("archives: %s", async (_name, make, expected) => {
    expect(await refusal(await make())).toMatch(expected);
  });

  test("the limit that was hit is named", async () => {
    const parts = await folders(table);
    expect(await refusal({ file: zip(parts) }, {}, { MAX_ENTRIES: 11 })).toMatch(/MAX_ENTRIES \(11\)/);
    expect(await refusal({ file: await tar(parts) }, {}, { MAX_ENTRIES: 11 })).toMatch(/MAX_ENTRIES \(11\)/);
    expect(await refusal({ file: csv(table) }, wish, { MAX_LINE_BYTES: 40 })).toMatch(/MAX_LINE_BYTES/);
    expect(await refusal({ file: jsonLines(table) }, wish, { MAX_LINE_BYTES: 40 })).toMatch(/MAX_LINE_BYTES \(40\)/);
    expect(await refusal({ file: csv(table) }, wish, { MAX_SAMPLES: 5 })).toMatch(/MAX_SAMPLES \(5\)/);
    expect(await refusal({ file: csv(table) }, wish, { MAX_DATASET_BYTES: 100 })).toMatch(/MAX_DATASET_BYTES \(100\)/);
    expect(
      await refusal(
        { file: gzipSync(Buffer.alloc(8_000_000, "0,")) },
        {},
        { MAX_DATASET_BYTES: 100_000, MAX_LINE_BYTES: 1e9 },
      ),
    ).toMatch(/unpacks to more than MAX_DATASET_BYTES/);
    expect(await refusal({ file: csv(table) }, wish, { MAX_UPLOAD_BYTES: 50 })).toMatch(/MAX_UPLOAD_BYTES/);
    expect(await refusal({ file: csv(table) }, { ...wish, classes: ["a", "b", "c"] }, { MAX_CLASSES: 2 })).toMatch(
      /3 classes are named; expected at most MAX_CLASSES \(2\)/,
    );
    expect(await refusal({ file: "a,1,1,1,1\nb,1,1,1,1\nc,1,1,1,1\n" }, {}, { MAX_CLASSES: 2 })).toMatch(
      /my-file\|3\|has more than MAX_CLASSES \(2\)/,
    );
  });

  test("a ragged row at line 40,001 is named by its line, and many faults are told at once", async () => {
    const rows = Array.from({ length: 40_000 }, (_, at) => `${at % 2},${at % 256},1,2,3`);
    rows.splice(40_000, 0, "1,2,3", "0,1,1,1,1", "1,x,1,1,1");
    const told = await refusal({ file: rows.join("\r\n") });
    expect(told).toMatch(/my-file\|40001\|found 3 columns; expected 5/);
    expect(told).toMatch(/my-file\|40003\|found 'x' in column 2/);
  });

  test("a thousand faults are told as twenty", async () => {
    expect((await refusal({ file: `0,1,1,1,1\n${"1,2\n".repeat(1000)}` })).split("\n").length).toBe(21);
  });

  test("names from a hostile file are made harmless", async () => {
    const told = await refusal(await archive({ name: "ant/\u202egnp.exe\u001b[31m", data: Buffer.from("x") }));
    expect(told).not.toMatch(/[\u001b\u202e]/);
  });
});

test("nothing but the results stays in the folder of a check", async () => {
  await check({ file: "0,1,2,3,4\n1,5,6,7,8\n0,0,0,0,0.5\n1,1,1,1,1" }, { splits: {} });
  expect((await readdir(directory)).sort()).toEqual(["file.upload", "train.labels", "train.spool"]);
});
