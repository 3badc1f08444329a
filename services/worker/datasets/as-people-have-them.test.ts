/** Data as people have it: each stands for a kind, and says what is right for it. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { uploadSettings } from "../../../schemas/dataset.ts";
import type { Split } from "../../../schemas/dataset.ts";
import {
  csv,
  folders,
  idxImages,
  idxLabels,
  int64s,
  makeTable,
  npy,
  png,
  tar,
  zip,
} from "../../../tests/support/dataset-files.ts";
import { datasetLimits } from "../../shared/dataset-limits.ts";
import { checkUpload } from "./check.ts";
import type { CheckedDataset } from "./finish.ts";
import { DatasetRefused } from "./refused.ts";

type Content = Uint8Array | string;
type Files = Record<string, Content>;

const limits = datasetLimits.parse({});
const wish = { size: { height: 7, width: 5 } };
const table = makeTable();
const other = makeTable({ perClass: 2, seed: 9 });
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dataset-people-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function check(files: Files | Content, settings: object = {}): Promise<CheckedDataset> {
  const byField = typeof files === "string" || files instanceof Uint8Array ? { file: files } : files;
  const local = [];
  for (const [field, content] of Object.entries(byField)) {
    const path = join(directory, `${field}.upload`);
    await writeFile(path, content);
    local.push({ field, name: `my-${field}`, path });
  }
  const settled = uploadSettings.parse(settings);
  return checkUpload({ files: local, settings: settled, limits, directory, onProgress: () => undefined });
}

async function refusal(files: Files | Content, settings: object = {}): Promise<string> {
  const found = await check(files, settings).catch((error: unknown) => error);
  if (!(found instanceof DatasetRefused)) throw new Error(`expected a refusal, got ${JSON.stringify(found)}`);
  return found.problems.map(({ file, row, detail }) => `${file ?? ""}|${row ?? ""}|${detail}`).join("\n");
}

const pixels = async (dataset: CheckedDataset, split: Split = "train"): Promise<number[]> => [
  ...(await readFile(dataset.splits[split]?.samplesPath ?? "")),
];
async function labels(dataset: CheckedDataset, split: Split = "train"): Promise<number[]> {
  const bytes = await readFile(dataset.splits[split]?.labelsPath ?? "");
  return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readInt32LE(4 * at));
}
const counts = ({ splits }: CheckedDataset): (number | undefined)[] =>
  (["train", "validation", "test"] as const).map((split) => splits[split]?.count);
const sample = (name: string): Promise<Buffer> =>
  readFile(new URL(`../../../tests/support/datasets/${name}`, import.meta.url));

/** Rows of a table without its label's place decided: [label, ...pixels]. */
const rows = table.labels.map((label, index) => [label, ...table.pixels.subarray(index * 35, (index + 1) * 35)]);
const text = (lines: readonly (readonly (string | number)[])[], delimiter = ","): string =>
  lines.map((line) => `${line.join(delimiter)}\n`).join("");
/** A whole number between −1 and 255 that depends on all it is given, for pixels without a pattern. */
const noise = (...seed: number[]): number =>
  Math.abs(Math.round(1e6 * Math.sin(seed.reduce((a, b) => a * 37 + b, 11)))) % 256;

describe("tables", () => {
  test("pandas numbers columns without names: no sample, and the set stays whole numbers", async () => {
    const names = Array.from({ length: 36 }, (_, at) => at);
    const plain = await check(text(rows), wish);
    const numbered = await check(text([names, ...rows]), wish);
    expect(numbered.revision).toBe(plain.revision);
    expect(numbered.dtype).toBe("uint8");
    expect(numbered.interpretation.header).toEqual({ value: true, guessed: true });
    expect(numbered.warnings.join()).toMatch(
      /line 1 counts 0, 1, 2, 3 … and was read as a header: give `header`=false/,
    );
    const asSample = await check(text([names, ...rows, names]), { ...wish, header: false, classes: ["a", "b", "c"] });
    expect(asSample.splits.train?.count).toBe(14);
  });

  test("an index that pandas wrote is left out, with names and without", async () => {
    const plain = await check(text(rows), wish);
    const names = ["", ...Array.from({ length: 36 }, (_, at) => at)];
    const indexed = rows.map((row, at) => [at, ...row]);
    for (const lines of [[names, ...indexed], indexed]) {
      const dataset = await check(text(lines), wish);
      expect(dataset.revision).toBe(plain.revision);
      expect(dataset.interpretation.skippedColumns?.value).toEqual([0]);
      expect(dataset.warnings.join()).toMatch(/column 0.* neither label nor pixels/);
    }
    const unnamed = ["Unnamed: 0", "label", ...Array.from({ length: 35 }, (_, at) => `p${at}`)];
    const shuffled = rows.map((row, at) => [(at * 7) % 12, ...row]);
    expect((await check(text([unnamed, ...shuffled]), wish)).revision).toBe(plain.revision);
  });

  test("a first sample that pandas turned into names is left out, not read as fractions", async () => {
    const seen = new Map<number, number>();
    const mangled = [1, ...Array.from({ length: 16 }, () => 0)].map((value) => {
      const times = seen.get(value) ?? 0;
      seen.set(value, times + 1);
      return times === 0 ? String(value) : `${value}.${times}`;
    });
    const lines = Array.from({ length: 8 }, (_, at) => [
      at % 2,
      ...Array.from({ length: 16 }, (__, p) => noise(at, p)),
    ]);
    const dataset = await check(text([mangled, ...lines]));
    expect([dataset.dtype, dataset.splits.train?.count, dataset.interpretation.header]).toEqual([
      "uint8",
      8,
      { value: true, guessed: true },
    ]);
    expect(dataset.warnings.join()).toMatch(/a sample that became a header/);
  });

  test("labels in the last column, where nothing says so", async () => {
    const lines = Array.from({ length: 60 }, (_, at) => [
      // A dark corner looks like three classes.
      noise(at) % 3,
      ...Array.from({ length: 15 }, (__, p) => noise(at, p)),
      at % 10,
    ]);
    const dataset = await check(text(lines));
    expect(dataset.classes).toHaveLength(10);
    expect(dataset.shape).toEqual({ channels: 1, height: 4, width: 4 });
    expect(dataset.interpretation.labelColumn).toEqual({ value: 16, name: null, guessed: true });
    expect(dataset.warnings.join()).toMatch(/labels were read from column 16 .* which is a guess: give `labelColumn`/);
    const said = await check(text(lines), { labelColumn: -1 });
    expect(said.revision).toBe(dataset.revision);
    expect([said.interpretation.labelColumn?.guessed, said.warnings]).toEqual([false, []]);
    expect((await check(text(lines), { labelColumn: 0 })).classes).toHaveLength(3);
    expect(await refusal(text(lines), { labelColumn: 17 })).toMatch(/`labelColumn` 17 is none of them/);
    expect(await refusal(text(lines), { labelColumn: "kind" })).toMatch(
      /has no header, and `labelColumn` names 'kind'/,
    );
  });

  test.each<[string, (at: number) => number[], number, number]>([
    [
      "first, before pixels that cover their range",
      (at) => [at % 4, ...Array.from({ length: 16 }, (_, p) => noise(at, p))],
      0,
      4,
    ],
    [
      "last, behind pixels that cover their range",
      (at) => [...Array.from({ length: 16 }, (_, p) => noise(at, p)), at % 4],
      16,
      4,
    ],
    [
      "first, before a corner that is always dark",
      (at) => [at % 4, ...Array.from({ length: 15 }, (_, p) => noise(at, p)), 0],
      0,
      4,
    ],
    [
      "last, sorted by class",
      (at) => [...Array.from({ length: 16 }, (_, p) => noise(at, p)), Math.floor(at / 150)],
      16,
      4,
    ],
    ["last, behind fractions", (at) => [...Array.from({ length: 16 }, (_, p) => noise(at, p) / 256), at % 4], 16, 4],
    [
      "first, before black and white",
      (at) => [at % 4, ...Array.from({ length: 16 }, (_, p) => Number(noise(at, p) > 200))],
      0,
      4,
    ],
  ])("labels stand %s", async (_where, row, column, classes) => {
    const dataset = await check(text(Array.from({ length: 600 }, (__, at) => row(at))));
    expect([dataset.interpretation.labelColumn?.value, dataset.classes.length]).toEqual([column, classes]);
  });

  test("labelColumn by name; a header of words that names no label", async () => {
    const names = ["kind", "a", "b", "c", "d"];
    const lines = [names, [1, 2, 3, 4, 0], [0, 6, 7, 8, 1], [1, 9, 9, 9, 0], [0, 8, 8, 8, 1]];
    const dataset = await check(text(lines), { labelColumn: "d" });
    expect(dataset.interpretation.labelColumn).toEqual({ value: 4, name: "d", guessed: false });
    expect((await pixels(dataset)).slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(await refusal(text(lines), { labelColumn: "colour" })).toMatch(/no column 'colour'.*\(kind, a, b, c, d\)/);
    expect(await refusal(text(lines), { header: false, labelColumn: 0 })).toMatch(/my-file\|1\|found 'a' in column 2/);
  });

  test("numbers are numbers, however numpy spells them", async () => {
    const spelled = rows.map((row) => row.map((value) => value.toExponential(18).replace(/e\+(\d)$/, "e+0$1")));
    const plain = await check(text(rows), wish);
    const dataset = await check(text(spelled, " "), wish);
    expect(dataset.revision).toBe(plain.revision);
    expect(dataset.classes).toEqual(["0", "1", "2"]);
    const eleven = Array.from({ length: 22 }, (_, at) => [`${at % 11}.000000e+00`, 1, 2, 3, at]);
    expect((await check(text(eleven))).classes).toEqual(Array.from({ length: 11 }, (_, at) => String(at)));
  });

  test.each<[string, string]>([
    [
      "a line that names the separator, as Excel writes it",
      `sep=;\r\n${csv(table, { delimiter: ";", newline: "\r\n" })}`,
    ],
    ["carriage returns alone", csv(table, { newline: "\r" })],
    ["carriage returns and a byte order mark", `\u{feff}${csv(table, { newline: "\r" })}`],
    ["comments before the header", `# made by hand\n#\n${csv(table)}`],
    ["a header in a comment, as numpy.savetxt writes it", `# ${csv(table)}`],
    ["blank lines", csv(table).replaceAll("\n", "\n\n")],
    ["a separator at the end of every row", csv(table).replaceAll("\n", ",\n")],
    ["blanks around fields", csv(table).replaceAll(",", " , ")],
    ["all fields in quotes", csv(table).replaceAll(/[^,\n]+/g, '"$&"')],
    [
      "a file name beside each label",
      csv(table)
        .split("\n")
        .map((line, at) => (line === "" ? "" : at === 0 ? `file,${line}` : `img_${at}.png,${line}`))
        .join("\n"),
    ],
  ])("read as it is meant: %s", async (_what, content) => {
    expect((await check(content, wish)).revision).toBe((await check(csv(table), wish)).revision);
  });

  test("decimal commas between semicolons are fractions, and that is said", async () => {
    const lines = rows.map((row) => row.map((value, at) => (at === 0 ? value : (value / 256).toFixed(4))));
    const dataset = await check(text(lines, ";").replaceAll(".", ","), wish);
    expect(dataset.revision).toBe((await check(text(lines), wish)).revision);
    expect(dataset.warnings.join()).toMatch(/commas in the numbers of my-file were read as decimal points/);
  });

  test("labels of −1 and 1 are never taken for pixels", async () => {
    const lines = Array.from({ length: 60 }, (_, at) => [
      noise(at) % 3,
      ...Array.from({ length: 15 }, (__, p) => noise(at, p)),
      at % 2 === 0 ? -1 : 1,
    ]);
    expect(await refusal(text(lines), { labelColumn: -1 })).toMatch(/label -1; .* named in `classes`, \["-1","1"\]/);
    expect(await refusal(text(lines))).toMatch(/found the label -1/);
    const named = await check(text(lines), { classes: ["-1", "1"], labelColumn: -1 });
    expect((await labels(named)).slice(0, 4)).toEqual([0, 1, 0, 1]);
  });

  test("a label that is called y is no header", async () => {
    const lines = [
      ["y", 1, 2, 3, 4],
      ["n", 5, 6, 7, 8],
      ["y", 1, 1, 1, 1],
      ["n", 2, 2, 2, 2],
    ];
    expect(await check(text(lines))).toMatchObject({ classes: ["n", "y"], splits: { train: { count: 4 } } });
  });

  test("colour rows: planes unless order says otherwise, and both orders are named", async () => {
    const red = Array.from({ length: 48 }, (_, at) => (at % 3 === 0 ? 255 : 0));
    const green = Array.from({ length: 48 }, (_, at) => (at % 3 === 1 ? 255 : 0));
    const lines = [
      [0, ...red],
      [1, ...green],
      [0, ...red],
      [1, ...green],
    ];
    const planar = await check(text(lines));
    expect(planar.interpretation.order).toEqual({ value: "chw", guessed: true });
    expect(planar.warnings.join()).toMatch(/order=chw.*`order`=hwc/);
    const interleaved = await check(text(lines), { order: "hwc" });
    expect((await pixels(interleaved)).slice(0, 32)).toEqual([...Array(16).fill(255), ...Array(16).fill(0)]);
    expect([interleaved.interpretation.order, interleaved.warnings]).toEqual([
      { value: "hwc", guessed: false },
      [expect.stringMatching(/0 samples|^$/) as string].slice(1),
    ]);
  });

  const faces = (usage: string[], spell = (values: number[]): string => values.join(" ")): string =>
    `emotion,pixels,Usage\n${usage.map((each, at) => `${at % 2},${spell(Array.from({ length: 9 }, (_, p) => noise(at, p)))},${each}\n`).join("")}`;

  test("all pixels in one field, and a column that says the split", async () => {
    const usage = [...Array<string>(6).fill("Training"), "PublicTest", "PublicTest", "PrivateTest", "PrivateTest"];
    const dataset = await check(faces(usage));
    expect(counts(dataset)).toEqual([6, 2, 2]);
    expect(dataset.shape).toEqual({ channels: 1, height: 3, width: 3 });
    expect(dataset.interpretation).toMatchObject({
      labelColumn: { value: 0, name: "emotion", guessed: false },
      splitColumn: { value: 2, name: "Usage", guessed: false },
    });
    const listed = await check(faces(usage, (values) => `"[${values.join(", ")}]"`));
    expect(listed.revision).toBe(dataset.revision);
    expect(await refusal(`${faces(usage)}0,1 2 3 4,Training\n`)).toMatch(/my-file\|12\|found 4 pixels; expected 9/);
    expect(await refusal(`${faces(usage)}0,1 2 3 4 5 6 7 8 9,Holiday\n`)).toMatch(
      /my-file\|12\|found the split 'Holiday'/,
    );
  });

  test("values from 0 to 16 are a range of their own, and that is said", async () => {
    const lines = Array.from({ length: 8 }, (_, at) => [
      at % 2,
      ...Array.from({ length: 16 }, (__, p) => noise(at, p) % 17),
    ]);
    lines[0][3] = 16;
    const dataset = await check(text(lines));
    expect(dataset.conversion.range).toEqual({ minimum: 0, maximum: 16 });
    expect(dataset.interpretation.range?.guessed).toBe(true);
    expect(dataset.warnings.join()).toMatch(/values go from 0 to 16: a picture .* 0 to 255 brought to 0 to 16/);
    const dark = { name: "a/0.png", data: await png() };
    const pictures = await check(
      zip([dark, { ...dark, name: "a/1.png" }, { ...dark, name: "b/0.png" }, { ...dark, name: "b/1.png" }]),
    );
    expect(pictures.conversion.range).toEqual({ minimum: 0, maximum: 255 });
    expect(pictures.interpretation.range?.guessed).toBe(false);
  });

  test("train and test as two files, and as two tables of an archive", async () => {
    const apart = await check({ file: csv(table), testFile: csv(other), validationFile: csv(other) }, wish);
    expect(counts(apart)).toEqual([12, 6, 6]);
    const packed = [
      { name: "digits/mnist_test.csv", data: Buffer.from(csv(other)) },
      { name: "digits/mnist_train.csv.gz", data: gzipSync(csv(table)) },
      { name: "digits/valid.csv", data: Buffer.from(csv(other)) },
      { name: "digits/README.md", data: Buffer.from("hello") },
    ];
    expect((await check(zip(packed), wish)).revision).toBe(apart.revision);
    expect((await check(await tar(packed), wish)).revision).toBe(apart.revision);
    expect((await check(zip([packed[1]]), wish)).splits.train?.count).toBe(12);
  });

  test("a test table without labels is left out of an archive, and refused by itself", async () => {
    const unlabelled = csv(other).replaceAll(/^[^,\n]+,/gm, "");
    const packed = zip([
      { name: "train.csv", data: Buffer.from(csv(table)) },
      { name: "test.csv", data: Buffer.from(unlabelled) },
      { name: "sample_submission.csv", data: Buffer.from("ImageId,Label\n1,0\n2,0\n") },
    ]);
    const dataset = await check(packed, wish);
    expect(counts(dataset)).toEqual([12, undefined, undefined]);
    expect(dataset.warnings.join("\n")).toMatch(/test\.csv has no labels .* left out/);
    expect(dataset.warnings.join("\n")).toMatch(/sample_submission\.csv was not used/);
    expect(await refusal({ file: csv(table), testFile: unlabelled }, wish)).toMatch(/my-testFile\|\|found no labels/);
    expect(
      await refusal(zip(["a", "b"].map((name) => ({ name: `${name}.csv`, data: Buffer.from(csv(table)) }))), wish),
    ).toMatch(/found 2 tables \(a\.csv, b\.csv\); expected one, or names with train/);
  });

  test("onError=skip leaves bad rows out and lists them", async () => {
    const bad = `${csv(table)}1,2\n0,${"x,".repeat(34)}1\n`;
    const dataset = await check(bad, { ...wish, onError: "skip" });
    expect(dataset.revision).toBe((await check(csv(table), wish)).revision);
    expect(dataset.warnings).toEqual([
      "2 samples were skipped because of a fault (onError=skip)",
      "my-file (14): found 2 columns; expected 36, as in line 1",
      "my-file (15): found 'x' in column 2; expected a number",
    ]);
    expect(await refusal(`label,a,b,c,d\n${"0,1\n".repeat(30)}`, { onError: "skip" })).toMatch(
      /found 2 columns|no rows/,
    );
  });

  test.each<[string, () => Promise<Content> | Content, RegExp]>([
    [
      "xlsx",
      () =>
        zip([
          { name: "[Content_Types].xml", data: Buffer.from("<x/>") },
          { name: "xl/workbook.xml", data: Buffer.from("<x/>") },
        ]),
      /an Excel workbook \(\.xlsx\); save the sheet as CSV/,
    ],
    ["xls", () => Buffer.from("d0cf11e0a1b11ae1", "hex"), /an old Excel workbook/],
    [
      "ods",
      () =>
        zip([
          { name: "mimetype", data: Buffer.from("x") },
          { name: "content.xml", data: Buffer.from("<x/>") },
        ]),
      /an OpenDocument file/,
    ],
    ["LibSVM", () => "1 3:12 4:255 9:1\n0 1:3 2:4 3:5\n", /a file of LibSVM/],
    ["ARFF", () => "% title\n@relation digits\n@attribute a numeric\n@data\n1\n", /an ARFF file/],
    [
      "a model of PyTorch",
      () => zip([{ name: "archive/data.pkl", data: Buffer.from("x") }]),
      /a model or tensors of PyTorch/,
    ],
  ])("told as what it is: %s", async (_what, make, expected) => expect(await refusal(await make())).toMatch(expected));
});

describe("arrays", () => {
  const arrays = (entries: Record<string, Buffer>): Buffer =>
    zip(Object.entries(entries).map(([name, data]) => ({ name: `${name}.npy`, data })));
  const x = npy("|u1", [12, 7, 5], table.pixels);
  const y = npy("<i8", [12], int64s(table.labels));
  const u = npy("|u1", [6, 7, 5], other.pixels);
  const v = npy("|u1", [6, 1], Uint8Array.from(other.labels));
  const f8 = (values: readonly number[]): Buffer => Buffer.from(Float64Array.from(values).buffer);

  test.each<[string, Record<string, Buffer>]>([
    ["x_train", { x_train: x, y_train: y, x_test: u, y_test: v }],
    ["X_train", { X_train: x, Y_train: y, X_test: u, Y_test: v }],
    ["train_images", { train_images: x, train_labels: y, test_images: u, test_labels: v }],
    ["trainX", { trainX: x, trainY: y, testX: u, testY: v }],
    ["training_data", { training_data: x, training_target: y, testing_data: u, testing_target: v }],
    ["arr_0", { arr_0: x, arr_1: y, arr_2: u, arr_3: v }],
    ["data beside images", { data: x, images: x, target: y, x_test: u, y_test: v }],
  ])("names as %s", async (_name, entries) => {
    const dataset = await check(arrays(entries));
    expect(counts(dataset)).toEqual([12, undefined, 6]);
    expect(await pixels(dataset)).toEqual([...table.pixels]);
  });

  test.each<[string, Record<string, Buffer>]>([
    ["images and labels", { images: x, labels: y }],
    ["X and y", { X: x, y }],
    ["data and target", { data: x, target: y }],
    ["IDX beside its labels", {}],
  ])("one split: %s", async (_name, entries) => {
    const idx = zip([
      { name: "set/train-images-idx3-ubyte", data: idxImages(table) },
      { name: "set/train-labels-idx1-ubyte.gz", data: gzipSync(idxLabels(table)) },
    ]);
    const dataset = await check(Object.keys(entries).length === 0 ? idx : arrays(entries));
    expect(await labels(dataset)).toEqual(table.labels);
    expect(await pixels(dataset)).toEqual([...table.pixels]);
  });

  test("the sets of medical images that are known by their names", async () => {
    const dataset = await check(await sample("train_images.npz"));
    expect(dataset).toMatchObject({ shape: { channels: 1, height: 28, width: 28 }, splits: { train: { count: 24 } } });
  });

  test("digits as scikit-learn has them: rows of fractions, names in other arrays", async () => {
    const values = Array.from({ length: 8 * 64 }, (_, at) => noise(at) % 17);
    const dataset = await check(
      arrays({
        data: npy("<f8", [8, 64], f8(values)),
        target: npy("<i8", [8], int64s([0, 1, 0, 1, 0, 1, 0, 1])),
        target_names: npy("<i8", [2], int64s([0, 1])),
      }),
    );
    expect([dataset.shape, dataset.dtype]).toEqual([{ channels: 1, height: 8, width: 8 }, "float32"]);
    expect(dataset.warnings.join("\n")).toMatch(/'target_names' was not used/);
  });

  test.each<[string, string, (values: readonly number[]) => Buffer, "uint8" | "float32"]>([
    ["int64", "<i8", int64s, "uint8"],
    ["int32", "<i4", (values) => Buffer.from(Int32Array.from(values).buffer), "uint8"],
    ["big-endian int16", ">i2", (values) => Buffer.from(Int16Array.from(values).buffer).swap16(), "uint8"],
    ["float64", "<f8", f8, "float32"],
    [
      "float16",
      "<f2",
      (values) =>
        Buffer.from(Uint16Array.from(values, (value) => (value === 0 ? 0 : value === 1 ? 0x3c00 : 0x4000)).buffer),
      "float32",
    ],
    ["bool", "|b1", (values) => Buffer.from(values.map(Number)), "uint8"],
  ])("samples of %s", async (name, descr, encode, dtype) => {
    const values = Array.from({ length: 16 }, (_, at) => (at * 7) % (name === "bool" ? 2 : 3));
    const dataset = await check(
      arrays({ x_train: npy(descr, [4, 2, 2], encode(values)), y_train: npy("|u1", [4], Uint8Array.of(0, 1, 0, 1)) }),
    );
    expect(dataset.dtype).toBe(dtype);
    const bytes = await readFile(dataset.splits.train?.samplesPath ?? "");
    expect([...(dtype === "uint8" ? bytes : new Float32Array(bytes.buffer, bytes.byteOffset, 16))]).toEqual(values);
  });

  test("labels as fractions that are whole, as text, and refused where they are not whole", async () => {
    const set = (labelArray: Buffer): Buffer =>
      arrays({
        x: npy(
          "|u1",
          [4, 2, 2],
          new Uint8Array(16).map((_, at) => at),
        ),
        y: labelArray,
      });
    expect((await check(set(npy("<f8", [4], f8([0, 1, 0, 1]))))).classes).toEqual(["0", "1"]);
    const words = Buffer.from(
      ["dog\0", "cat\0", "dog\0", "cat\0"].flatMap((word) => [...Buffer.from(word)].flatMap((code) => [code, 0, 0, 0])),
    );
    const named = await check(set(npy("<U4", [4], words)));
    expect([named.classes, await labels(named)]).toEqual([
      ["cat", "dog"],
      [1, 0, 1, 0],
    ]);
    expect(await refusal(set(npy("<f8", [4], f8([0, 0.5, 0, 1]))))).toMatch(/y\.npy\|1\|found the label 0\.5/);
  });

  test("channels first, told by the sizes or by order", async () => {
    const planar = npy(
      "|u1",
      [4, 3, 2, 4],
      new Uint8Array(96).map((_, at) => at),
    );
    const y4 = npy("|u1", [4], Uint8Array.of(0, 1, 0, 1));
    const dataset = await check(arrays({ x: planar, y: y4 }));
    expect([dataset.shape, dataset.interpretation.order]).toEqual([
      { channels: 3, height: 2, width: 4 },
      { value: "chw", guessed: false },
    ]);
    expect((await pixels(dataset)).slice(0, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const open = npy(
      "|u1",
      [4, 1, 2, 3],
      new Uint8Array(24).map((_, at) => at),
    );
    const guessed = await check(arrays({ x: open, y: y4 }));
    expect([guessed.shape, guessed.interpretation.order?.guessed]).toEqual([
      { channels: 3, height: 1, width: 2 },
      true,
    ]);
    expect((await check(arrays({ x: open, y: y4 }), { order: "chw" })).shape).toEqual({
      channels: 1,
      height: 2,
      width: 3,
    });
    expect(await refusal(arrays({ x: planar, y: y4 }), { order: "hwc" })).toMatch(
      /`order` is hwc; expected 1 or 3 channels/,
    );
  });

  test("a bare array with its labels beside it", async () => {
    const dataset = await check({ images: x, labels: y, testImages: gzipSync(u), testLabels: idxLabels(other) });
    expect(counts(dataset)).toEqual([12, undefined, 6]);
    expect(await pixels(dataset)).toEqual([...table.pixels]);
    expect(await refusal({ file: x })).toMatch(/this array as `images` and that of the labels as `labels`/);
    const packed = await check(
      await tar([
        { name: "set/X_train.npy", data: x },
        { name: "set/y_train.npy", data: y },
      ]),
    );
    expect(packed.revision).toBe((await check({ images: x, labels: y })).revision);
  });

  test("onError=skip leaves out samples whose label is wrong", async () => {
    const set = arrays({ x, y: npy("<i8", [12], int64s(table.labels.map((label, at) => (at === 5 ? -1 : label)))) });
    expect(await refusal(set)).toMatch(/y\.npy\|5\|found the label -1/);
    const dataset = await check(set, { onError: "skip" });
    expect(counts(dataset)).toEqual([11, undefined, undefined]);
    expect((await pixels(dataset)).slice(5 * 35, 6 * 35)).toEqual([...table.pixels.subarray(6 * 35, 7 * 35)]);
  });
});

describe("JSON lines", () => {
  test("Base64 as people send it, and colour with channels last", async () => {
    const picture = (await png()).toString("base64");
    const spellings = [
      `data:image/png;base64,${picture}`,
      picture.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""),
      picture.replace(/.{40}/g, "$&\n"),
      picture,
    ];
    const lines = spellings.map((b64, at) => `${JSON.stringify({ label: at % 2, b64 })}\n`).join("");
    const dataset = await check(lines);
    const bytes = await pixels(dataset);
    for (let at = 1; at < 4; at++) expect(bytes.slice(at * 35, (at + 1) * 35)).toEqual(bytes.slice(0, 35));
    const colour = [0, 1, 0, 1]
      .map(
        (label) =>
          `${JSON.stringify({
            label,
            pixels: [
              [
                [255, 0, 0],
                [255, 0, 0],
              ],
              [
                [9, 0, 0],
                [8, 0, 0],
              ],
            ],
          })}\n`,
      )
      .join("");
    const last = await check(colour);
    expect([last.shape, (await pixels(last)).slice(0, 5)]).toEqual([
      { channels: 3, height: 2, width: 2 },
      [255, 255, 9, 8, 0],
    ]);
  });
});

describe("pictures", () => {
  const classes = (parts: { name: string; data: Uint8Array }[]): Buffer => zip(parts);
  const pair = (data: Uint8Array, ending: string): { name: string; data: Uint8Array }[] =>
    ["a/0", "a/1", "b/0", "b/1"].map((name) => ({ name: `${name}.${ending}`, data }));

  test("splits without class folders are refused; a class called train beside others stays a class", async () => {
    expect(await refusal(await sample("flat-splits.zip"))).toMatch(
      /right in 'train' and 'test', which name splits, and no class folders/,
    );
    const parts = await folders(table, { names: ["train", "bus", "car"] });
    expect((await check(zip(parts))).classes).toEqual(["bus", "car", "train"]);
  });

  test("complete JPEGs that a decoder only warns of are read; broken ones are refused or skipped", async () => {
    expect((await check(await sample("jpeg-jfif-0.zip"))).splits.train?.count).toBe(6);
    const whole = await sharp({ create: { width: 40, height: 40, channels: 3, background: "#806040" } })
      .jpeg()
      .toBuffer();
    const broken = [...pair(whole, "jpg"), { name: "b/2.jpg", data: whole.subarray(0, whole.length - 60) }];
    expect(await refusal(classes(broken))).toMatch(
      /b\/2\.jpg\|\|found a JPEG that cannot be read: it breaks off after 221 bytes, in its header;/,
    );
    const dataset = await check(classes(broken), { onError: "skip" });
    expect(counts(dataset)).toEqual([4, undefined, undefined]);
    expect(dataset.warnings[0]).toMatch(/1 sample was skipped/);
    expect(dataset.warnings[1]).toMatch(/b\/2\.jpg: found a JPEG that cannot be read/);
    expect(await refusal(classes(pair(whole.subarray(0, 200), "jpg")), { onError: "skip" })).toMatch(
      /a\/0\.jpg\|\|found a JPEG/,
    );
  });

  test("a folder's own icon, an empty class, doubled folders, litter of desktops", async () => {
    const icon = await check(await sample("mac-icon.zip"));
    expect([icon.classes, icon.warnings.join()]).toEqual([
      ["a", "b"],
      expect.stringMatching(/1 hidden or system file skipped/),
    ]);
    const empty = await check(await sample("empty-class.zip"));
    expect([empty.classes, empty.warnings.join()]).toEqual([
      ["a", "b"],
      expect.stringMatching(/1 folder is empty and made no class, such as bird/),
    ]);
    const plain = await check(zip(await folders(table)));
    for (const prefix of ["set/set/", "set/set/set/"])
      expect((await check(zip(await folders(table, { prefix })))).revision).toBe(plain.revision);
    const doubled = (await folders(table)).map(({ name, data }) => ({
      name: name.replace(/^(\w+)\//, "$1/$1/"),
      data,
    }));
    expect((await check(zip(doubled))).revision).toBe(plain.revision);
    const splits = zip([
      ...(await folders(table, { prefix: "training_set/training_set/" })),
      ...(await folders(other, { prefix: "test_set/test_set/" })),
      { name: "__MACOSX/._training_set", data: Buffer.from("x") },
      { name: "__MACOSX/a/._Icon\r", data: Buffer.from("x") },
    ]);
    expect(counts(await check(splits))).toEqual([12, undefined, 6]);
  });

  test.each([["v7"], ["ustar"], ["gnu"], ["pax"]])("TAR as `tar --format=%s` writes it", async (format) => {
    const parts = await folders(table);
    for (const { name, data } of parts) {
      await mkdir(join(directory, "set", dirname(name)), { recursive: true });
      await writeFile(join(directory, "set", name), data);
    }
    await mkdir(join(directory, "set/bird"));
    const bytes = execFileSync("tar", [`--format=${format}`, "-C", directory, "-cf", "-", "set"]);
    const dataset = await check(bytes);
    expect(dataset.classes).toEqual(["ant", "bee", "cat"]);
    expect(dataset.warnings.join()).toMatch(/folder is empty and made no class, such as set\/bird/);
  });

  /** 7 × 5 pixels of one colour in 24 bits, the lowest row first, rows padded to whole words. */
  function bmp([red, green, blue]: readonly number[]): Buffer {
    const rowBytes = 16;
    const bytes = Buffer.alloc(54 + 7 * rowBytes);
    bytes.write("BM", 0, "latin1");
    bytes.writeUInt32LE(bytes.length, 2);
    bytes.writeUInt32LE(54, 10);
    bytes.writeUInt32LE(40, 14);
    bytes.writeInt32LE(5, 18);
    bytes.writeInt32LE(7, 22);
    bytes.writeUInt16LE(1, 26);
    bytes.writeUInt16LE(24, 28);
    for (let row = 0; row < 7; row++)
      for (let column = 0; column < 5; column++) bytes.set([blue, green, red], 54 + row * rowBytes + 3 * column);
    return bytes;
  }
  const flat = { create: { width: 5, height: 7, channels: 3, background: "#0a141e" } } as const;

  test.each<[string, () => Promise<Uint8Array> | Uint8Array]>([
    ["webp", () => sharp(flat).webp({ lossless: true }).toBuffer()],
    ["gif", () => sharp(flat).gif().toBuffer()],
    ["bmp", () => bmp([10, 20, 30])],
    ["png", () => sharp(flat).png().toBuffer()],
    ["png", () => sharp(flat).toColourspace("rgb16").png().toBuffer()],
  ])("%s", async (kind, make) => {
    const dataset = await check(classes(pair(await make(), kind)));
    expect(dataset.shape).toEqual({ channels: 3, height: 7, width: 5 });
    const bytes = await pixels(dataset);
    expect([bytes[0], bytes[35], bytes[70]]).toEqual([10, 20, 30]);
  });

  test("what a picture loses is said: frames, 16 bits, four inks", async () => {
    const frame = (value: number): Buffer => Buffer.alloc(35 * 3, value);
    const animated = await sharp(Buffer.concat([frame(40), frame(200)]), {
      raw: { width: 5, height: 14, channels: 3, pageHeight: 7 },
    })
      .gif({ delay: [10, 10], loop: 0 })
      .toBuffer();
    const deep = await sharp(
      Uint16Array.from({ length: 35 }, () => 0x8080),
      { raw: { width: 5, height: 7, channels: 1 } },
    )
      .toColourspace("grey16")
      .png()
      .toBuffer();
    const inks = await sharp(flat).toColourspace("cmyk").jpeg().toBuffer();
    const dataset = await check(
      classes([
        { name: "a/0.gif", data: animated },
        { name: "a/1.png", data: deep },
        { name: "b/0.jpg", data: inks },
        { name: "b/1.png", data: await png() },
      ]),
    );
    const said = dataset.warnings.join("\n");
    expect(said).toMatch(/1 picture had several frames, of which the first was taken/);
    expect(said).toMatch(/1 picture had 16 bits a channel, of which the upper 8 were kept/);
    expect(said).toMatch(/1 picture had four inks for print/);
    const bytes = await pixels(dataset);
    expect(Math.abs(bytes[0] - 40)).toBeLessThan(4);
    expect(bytes[105]).toBe(128);
  });

  test.each([
    ["black", 0],
    ["white", 255],
    ["#0a0a0a", 10],
  ])("transparency on %s", async (background, expected) => {
    const clear = await sharp({
      create: { width: 5, height: 7, channels: 4, background: { r: 99, g: 99, b: 99, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const dataset = await check(classes(pair(clear, "png")), {
      background,
      size: { height: 7, width: 9 },
      channels: 1,
    });
    expect(new Set(await pixels(dataset))).toEqual(new Set([expected]));
    expect(dataset.warnings.join()).toContain(`4 pictures had transparency, which was laid on ${background}`);
    expect(dataset.conversion.background).toBe(background);
  });

  const numbered = async (): Promise<{ name: string; data: Buffer }[]> =>
    Promise.all(
      Array.from({ length: 6 }, async (_, at) => ({
        name: `images/img_${at}.png`,
        data: await png({ start: at * 9 }),
      })),
    );

  test.each<[string, string, string]>([
    ["names with their ending", "labels.csv", "filename,label\n$.png"],
    ["names without it, as contests have them", "train.csv", "id,breed\n$"],
    ["paths, other columns before the label", "meta/metadata.csv", "age,image,label\n30,images/$.png"],
    ["no header, semicolons", "labels.csv", ";$.png"],
  ])("a table of labels beside pictures: %s", async (_what, name, form) => {
    const [head, row = ""] = form.includes("\n") ? form.split("\n") : ["", form.slice(1)];
    const delimiter = form.startsWith(";") ? ";" : ",";
    const lines = Array.from(
      { length: 6 },
      (_, at) => `${row.replace("$", `img_${at}`)}${delimiter}${at % 2 === 0 ? "owl" : "ape"}`,
    );
    const data = Buffer.from([...(head === "" ? [] : [head]), ...lines, ""].join("\n"));
    const dataset = await check(zip([{ name, data }, ...(await numbered())]));
    expect([dataset.classes, await labels(dataset)]).toEqual([
      ["ape", "owl"],
      [1, 0, 1, 0, 1, 0],
    ]);
    expect(dataset.interpretation.labels?.value).toMatch(new RegExp(`${name}$`));
    expect(dataset.interpretation.format.value).toBe("labelled-pictures");
  });

  test("classes as columns of zeros and ones; a list with blanks between", async () => {
    const lines = [0, 1, 2, 3, 4, 5].map((at) => `img_${at}.png, ${at % 2}, ${1 - (at % 2)}`);
    const flags = Buffer.from(["filename, ape, owl", ...lines].join("\n"));
    const dataset = await check(zip([{ name: "_classes.csv", data: flags }, ...(await numbered())]));
    expect([dataset.classes, await labels(dataset)]).toEqual([
      ["ape", "owl"],
      [1, 0, 1, 0, 1, 0],
    ]);
    const list = Buffer.from([0, 1, 2, 3, 4, 5].map((at) => `images/img_${at}.png ${at % 2}\n`).join(""));
    const listed = await check(zip([{ name: "list.txt", data: list }, ...(await numbered())]));
    expect(await labels(listed)).toEqual([0, 1, 0, 1, 0, 1]);
  });

  test("ids that are the same in train and test mean those of the table's own split", async () => {
    const inFolder = (folder: string) => async (at: number) => ({
      name: `cifar/${folder}/${at}.png`,
      data: await png({ start: at * 9 + folder.length }),
    });
    const pictures = await Promise.all(
      [1, 2, 3, 4].flatMap((at) => ["train", "test"].map((each) => inFolder(each)(at))),
    );
    const table4 = Buffer.from(
      `id,label\n${[1, 2, 3, 4].map((at) => `${at},${at % 2 === 0 ? "cat" : "dog"}`).join("\n")}`,
    );
    const guesses = Buffer.from("id,label\n1,cat\n2,cat\n3,cat\n4,cat");
    const dataset = await check(
      zip([
        ...pictures,
        { name: "cifar/trainLabels.csv", data: table4 },
        { name: "cifar/sampleSubmission.csv", data: guesses },
      ]),
    );
    expect([counts(dataset), dataset.classes]).toEqual([
      [4, undefined, undefined],
      ["cat", "dog"],
    ]);
    expect((await pixels(dataset)).slice(0, 2)).toEqual([14, 15]);
    expect(dataset.warnings.join()).toMatch(/4 pictures that no row of a table names were left out/);
  });

  test("rows without a picture, pictures without a row, and a column of splits", async () => {
    const all = await numbered();
    const lines = [
      "file,label,split",
      ...[0, 1, 2, 3, 4].map((at) => `img_${at}.png,${at % 2},${at < 4 ? "train" : "test"}`),
    ];
    const dataset = await check(zip([{ name: "labels.csv", data: Buffer.from(lines.join("\n")) }, ...all]));
    expect(counts(dataset)).toEqual([4, undefined, 1]);
    expect(dataset.warnings.join("\n")).toMatch(
      /1 picture that no row of a table names was left out, such as images\/img_5\.png/,
    );
    const missing = zip([
      { name: "labels.csv", data: Buffer.from([...lines, "img_9.png,1,train"].join("\n")) },
      ...all,
    ]);
    expect(await refusal(missing)).toMatch(
      /labels\.csv\|7\|found the picture 'img_9\.png', which is not in the archive/,
    );
    expect(counts(await check(missing, { onError: "skip" }))).toEqual([4, undefined, 1]);
  });

  test("a table beside class folders of splits only repeats them", async () => {
    const parts = await folders(table, { prefix: "train/" });
    const list = parts.map(({ name }) => `${name},whatever`).join("\n");
    const dataset = await check(zip([...parts, { name: "cards.csv", data: Buffer.from(`path,card\n${list}`) }]));
    expect(dataset.classes).toEqual(["ant", "bee", "cat"]);
  });
});
