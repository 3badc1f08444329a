/** The lists of archives and formats: each real file is taken by the one that is meant, and by no archive but its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  csv as csvText,
  folders as folderParts,
  idxImages,
  idxLabels,
  jsonLines as jsonText,
  makeTable,
  npy,
  tar as tarBytes,
  zip as zipBytes,
} from "../../../../tests/support/dataset-files.ts";
import { datasetLimits } from "../../../shared/dataset-limits.ts";
import type { Archive, ArchiveKind } from "../archives/archive.ts";
import { archiveKinds } from "../archives/index.ts";
import { tar } from "../archives/tar.ts";
import { zip } from "../archives/zip.ts";
import type { LocalFile } from "../open.ts";
import { describeStranger } from "../strangers.ts";
import { csv } from "./csv.ts";
import { folders } from "./folders.ts";
import type { Format, SourceFile } from "./format.ts";
import { arrayPair } from "./array-pair.ts";
import { Intake } from "../intake.ts";
import { Complaints } from "../refused.ts";
import { uploadSettings } from "../../../../schemas/dataset.ts";
import { formats } from "./index.ts";
import { jsonLines } from "./jsonl.ts";
import { npz } from "./npz.ts";

const table = makeTable();
const limits = datasetLimits.parse({});
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dataset-formats-"));
});
afterAll(() => rm(directory, { recursive: true }));

const file = (field: string, content: Uint8Array | string): SourceFile => ({
  name: `my-${field}`,
  field,
  head: Buffer.from(content).subarray(0, 1024),
  open: () => Promise.reject(new Error("recognising reads no more than the head")),
});

async function open(kind: ArchiveKind, content: Buffer): Promise<Archive> {
  const local: LocalFile = { field: "file", name: `my.${kind.name}`, path: join(directory, kind.name) };
  await writeFile(local.path, content);
  return kind.open({ file: local, limits, onRead: () => undefined });
}

async function taker(files: SourceFile[], archive: Archive | null = null): Promise<Format | undefined> {
  const complaints = new Complaints({ skip: false });
  const intake = new Intake({ directory, settings: uploadSettings.parse({}), limits, complaints });
  for (const format of formats) if (await format.recognises({ split: "train", files, archive }, intake)) return format;
  return undefined;
}

test("files are told by their content", async () => {
  expect(await taker([file("file", csvText(table))])).toBe(csv);
  expect(await taker([file("file", `\u{feff}${csvText(table)}`)])).toBe(csv);
  expect(await taker([file("file", jsonText(table))])).toBe(jsonLines);
  expect(await taker([file("images", idxImages(table)), file("labels", idxLabels(table))])).toBe(arrayPair);
});

test.each<[string, Buffer, RegExp]>([
  ["nothing", Buffer.alloc(0), /found an empty file; expected a ZIP or TAR/],
  ["blanks", Buffer.from(" \n\n"), /found an empty file/],
  ["one array", npy("|u1", [1], Uint8Array.of(1)), /found a single NumPy array; expected an NPZ/],
  ["one IDX file", idxLabels(table), /found an IDX file; expected two of them/],
  ["a picture", Buffer.from("89504e470d0a1a0a", "hex"), /found a single PNG picture/],
  ["a JSON list", Buffer.from("[1, 2]"), /found a JSON list, not one object a line/],
  ["a web page", Buffer.from("<!doctype html>"), /found markup/],
  ["zeros", Buffer.from("abc\0def"), /found binary data of no kind known here/],
])("no format takes %s, and the refusal says what it is", async (_what, content, expected) => {
  expect(await taker([file("file", content)])).toBeUndefined();
  expect(describeStranger(content.subarray(0, 1024))).toMatch(expected);
});

test.each<[string, ArchiveKind, () => Promise<Buffer>]>([
  ["ZIP", zip, async () => zipBytes(await folderParts(table))],
  ["TAR", tar, async () => tarBytes(await folderParts(table))],
])("%s: recognised by its own kind alone; lists, opens one entry, and reads all", async (_name, kind, make) => {
  const content = await make();
  expect(archiveKinds.filter((each) => each.recognises(content.subarray(0, 1024)))).toEqual([kind]);
  const archive = await open(kind, content);
  try {
    const parts = await folderParts(table);
    expect(archive.entries).toEqual(parts.map(({ name, data }) => ({ path: name, bytes: data.length })));
    expect(await taker([], archive)).toBe(folders);
    const chunks = [];
    for await (const chunk of await archive.open(archive.entries[5])) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(parts[5].data);
    const all = [];
    for await (const { entry, bytes } of archive.contents()) all.push({ name: entry.path, data: bytes });
    expect(all).toEqual(parts);
    await expect(
      (async () => {
        for await (const chunk of await archive.open({ path: "gone", bytes: 1 })) chunks.push(chunk);
      })(),
    ).rejects.toThrow(/gone|directory/);
  } finally {
    archive.close();
  }
});

test("an archive with arrays is an NPZ", async () => {
  const archive = await open(zip, zipBytes([{ name: "x_train.npy", data: npy("|u1", [1], Uint8Array.of(1)) }]));
  expect(await taker([], archive)).toBe(npz);
  archive.close();
});
