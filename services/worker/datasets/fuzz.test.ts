/**
 * Mutated real files through every parser: each ends as a dataset or as a refusal that says something, never as a
 * crash, a hang or a heap that grows. FUZZ_RUNS asks for more.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uploadSettings } from "../../../schemas/dataset.ts";
import {
  csv,
  floats,
  folders,
  idxImages,
  idxLabels,
  int64s,
  jsonLines,
  makeTable,
  npy,
  tar,
  zip,
} from "../../../tests/support/dataset-files.ts";
import { datasetLimits } from "../../shared/dataset-limits.ts";
import { checkUpload } from "./check.ts";
import { DatasetRefused } from "./refused.ts";

const runs = Number(process.env["FUZZ_RUNS"] ?? 160);
/** A case takes milliseconds; one that never ends is told by the test's own end. */
const timeout = 300_000 + runs * 1000;
const limits = {
  ...datasetLimits.parse({}),
  MAX_DATASET_BYTES: 4_000_000,
  MAX_ENTRY_BYTES: 500_000,
  MAX_LINE_BYTES: 200_000,
  MAX_SAMPLES: 10_000,
  MAX_PIXELS: 1_000_000,
};
const table = makeTable({ classes: 2, perClass: 3 });
let root: string;
const seeds = new Map<string, Record<string, Buffer>>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "dataset-fuzz-"));
  const pictures = await folders(table);
  const arrays = [
    { name: "x_train.npy", data: npy("<f4", [6, 7, 5], floats([...table.pixels])) },
    { name: "y_train.npy", data: npy("<i8", [6], int64s(table.labels)) },
  ];
  seeds.set("idx", { images: idxImages(table), labels: idxLabels(table) });
  seeds.set("idx.gz", { images: gzipSync(idxImages(table)), labels: idxLabels(table) });
  seeds.set("csv", { file: Buffer.from(csv(table)) });
  seeds.set("csv.gz", { file: gzipSync(csv(table)) });
  seeds.set("jsonl", { file: Buffer.from(jsonLines(table)) });
  seeds.set("jsonl b64", {
    file: Buffer.from(
      pictures.map(({ data }, at) => `${JSON.stringify({ label: at % 2, b64: data.toString("base64") })}\n`).join(""),
    ),
  });
  seeds.set("npz", { file: zip(arrays) });
  seeds.set("npz stored", { file: zip(arrays.map((each) => ({ ...each, stored: true }))) });
  seeds.set("zip", { file: zip(pictures) });
  seeds.set("zip stored", { file: zip(pictures.map((each) => ({ ...each, stored: true }))) });
  seeds.set("npy pair", { images: arrays[0].data, labels: arrays[1].data });
  const list = pictures.map(({ name }, at) => `${name},${at % 2},${at < 4 ? "train" : "test"}`);
  const packed = table.labels.map(
    (label, at) =>
      `${label},${table.pixels.subarray(at * 35, (at + 1) * 35).join(" ")},${at < 4 ? "Training" : "PrivateTest"}`,
  );
  seeds.set("csv packed", { file: Buffer.from(["emotion,pixels,Usage", ...packed, ...packed].join("\r\n")) });
  seeds.set("labelled", {
    file: zip([
      { name: "labels.csv", data: Buffer.from(["file,label,split", ...list].join("\n")), stored: true },
      ...pictures.map((each) => ({ ...each, stored: true })),
    ]),
  });
  seeds.set("kinds of pictures", {
    file: zip(
      await Promise.all(
        pictures.map(async ({ name, data }, at) => ({
          name,
          stored: true,
          data:
            at % 2 === 0 ? await sharp(data).webp({ lossless: true }).toBuffer() : await sharp(data).gif().toBuffer(),
        })),
      ),
    ),
  });
  seeds.set("tar", { file: await tar(pictures) });
  seeds.set("tar.gz", { file: gzipSync(await tar(pictures)) });
});
afterAll(() => rm(root, { recursive: true }));

/** Places are fractions of the file, so that a mutation fits any seed. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const mutation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("flip" as const), at: place, mask: fc.integer({ min: 1, max: 255 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("head" as const),
      at: fc.integer({ min: 0, max: 63 }),
      mask: fc.integer({ min: 1, max: 255 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: place, to: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const), at: place }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("insert" as const), at: place, bytes: fc.uint8Array({ maxLength: 40 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("repeat" as const),
      at: place,
      to: place,
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("large" as const),
      at: place,
      bytes: fc.constantFrom(
        Buffer.from("ffffffff", "hex"),
        Buffer.from("7fffffff", "hex"),
        Buffer.from("00000000", "hex"),
        Buffer.from("-1e400"),
        Buffer.from("\n\n,,;;"),
        Buffer.from('"[{'),
      ),
    }),
  },
);
type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never;

function mutate(bytes: Buffer, change: Mutation): Buffer {
  const at = Math.floor(change.kind === "head" ? Math.min(change.at, bytes.length - 1) : change.at * bytes.length);
  switch (change.kind) {
    case "flip":
    case "head": {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ change.mask;
      return changed;
    }
    case "cut":
    case "repeat": {
      const [from, to] = [at, Math.floor(change.to * bytes.length)].sort((left, right) => left - right) as [
        number,
        number,
      ];
      const middle =
        change.kind === "cut" ? [] : Array.from({ length: change.times + 1 }, () => bytes.subarray(from, to));
      return Buffer.concat([bytes.subarray(0, from), ...middle, bytes.subarray(to)]);
    }
    case "end":
      return bytes.subarray(0, at);
    case "insert":
      return Buffer.concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at)]);
    case "large":
      return Buffer.concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at + change.bytes.length)]);
  }
}

/** What libraries say of broken files: their words are for the log. */
const foreign =
  /vips|libpng|gifload|Input buffer|Unknown error|central directory|header signature|signature not found|invalid (stored|distance|code|block|tar)|incorrect (data|length|header) check|in JSON at|JSON input|Invalid (Opening|Closing) Quote/i;

async function outcome(files: Record<string, Uint8Array>, settings: object): Promise<"dataset" | "refused"> {
  const directory = join(root, "case");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  const local = [];
  for (const [field, content] of Object.entries(files)) {
    const path = join(directory, `${field}.upload`);
    await writeFile(path, content);
    local.push({ field, name: field, path });
  }
  try {
    const dataset = await checkUpload({
      files: local,
      settings: uploadSettings.parse(settings),
      limits,
      directory,
      onProgress: () => undefined,
    });
    expect(dataset.revision).toMatch(/^[0-9a-f]{64}$/);
    expect(
      Number.isFinite(
        dataset.statistics.minimum +
          dataset.statistics.maximum +
          dataset.statistics.mean.reduce((sum, each) => sum + each, 0),
      ),
    ).toBe(true);
    return "dataset";
  } catch (error) {
    if (!(error instanceof DatasetRefused)) throw error;
    for (const { detail } of error.problems) {
      expect(detail.length).toBeGreaterThan(10);
      expect(detail).not.toMatch(foreign);
    }
    return "refused";
  }
}

const formats = [
  "npy pair",
  "csv packed",
  "labelled",
  "kinds of pictures",
  "idx",
  "idx.gz",
  "csv",
  "csv.gz",
  "jsonl",
  "jsonl b64",
  "npz",
  "npz stored",
  "zip",
  "zip stored",
  "tar",
  "tar.gz",
];

test.each(formats)("mutated %s", { timeout }, async (format) => {
  const seed = seeds.get(format) ?? {};
  const fields = Object.keys(seed);
  const settings = { size: { height: 7, width: 5 } };
  expect(await outcome(seed, settings)).toBe("dataset");
  const outcomes = { dataset: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...fields),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (field, changes, sized) => {
        const mutated = changes.reduce(mutate, seed[field] ?? Buffer.alloc(0));
        outcomes[await outcome({ ...seed, [field]: mutated }, sized ? settings : {})] += 1;
      },
    ),
    { numRuns: runs },
  );
  expect(outcomes.refused).toBeGreaterThan(0);
});

test("bytes without sense, behind every magic number", { timeout }, async () => {
  const magics = [
    "504b0304",
    "504b0506000000000000",
    "1f8b0800000000000000",
    "00000803",
    "00000d04",
    "934e554d5059",
    "7b22",
    "efbbbf",
    "302c31",
    "ffd8ff",
    "",
  ].map((hex) => Buffer.from(hex, "hex"));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...magics),
      fc.uint8Array({ maxLength: 2000 }),
      fc.boolean(),
      async (magic, noise, pair) => {
        const bytes = Buffer.concat([magic, noise]);
        await outcome(pair ? { images: bytes, labels: bytes } : { file: bytes }, {});
      },
    ),
    { numRuns: runs },
  );
  const { heapUsed } = process.memoryUsage();
  expect(heapUsed).toBeLessThan(400 * 1024 * 1024);
});
