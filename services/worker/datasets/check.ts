/**
 * The check of an upload, from its files to a dataset on local disk. Runs in a process of its own (checking-process);
 * knows no queue, record or storage.
 */
import { stat } from "node:fs/promises";
import type { UploadSettings } from "../../../schemas/dataset.ts";
import { readCsv } from "./formats/csv.ts";
import { finish } from "./finish.ts";
import type { CheckedDataset } from "./finish.ts";
import { readFolders } from "./formats/folders.ts";
import { readIdx } from "./formats/idx.ts";
import type { IdxPair } from "./formats/idx.ts";
import { Intake } from "./intake.ts";
import { readJsonLines } from "./formats/jsonl.ts";
import { nameLimit } from "../../shared/dataset-limits.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { looksLikeNpz, readNpz } from "./formats/npz.ts";
import { openUpload } from "./open.ts";
import type { LocalFile } from "./open.ts";
import { Complaints, refuse } from "./refused.ts";
import { expectedFile, sniff } from "./sniff.ts";
import { openTar } from "./archives/tar.ts";
import { ZipReader } from "./archives/zip.ts";

export interface CheckOptions {
  /** By form field: `file`, or `images` and `labels`, perhaps `testImages` and `testLabels`. */
  files: readonly LocalFile[];
  settings: UploadSettings;
  limits: DatasetLimits;
  /** An empty folder; whoever made it removes it. */
  directory: string;
  onProgress: (fraction: number) => void;
}

const readingShare = 0.8;

function idxPairs(files: readonly LocalFile[]): IdxPair[] {
  const of = (field: string): LocalFile | undefined => files.find((file) => file.field === field);
  const pairs: IdxPair[] = [];
  for (const [split, images, labels] of [
    ["train", of("images"), of("labels")],
    ["test", of("testImages"), of("testLabels")],
  ] as const) {
    if (images && labels) pairs.push({ split, images, labels });
    else if (images ?? labels)
      refuse(
        (images ?? labels)?.name ?? null,
        `stands alone; expected both ${split === "train" ? "`images` and `labels`" : "`testImages` and `testLabels`"}`,
      );
  }
  return pairs;
}

async function readArchive(intake: Intake, file: LocalFile, onRead: (bytes: number) => void): Promise<void> {
  const zip = await ZipReader.open({ file, limits: intake.limits, onRead });
  try {
    if (zip.legacyNames)
      intake.warn(
        "some names in the ZIP are not UTF-8 and were read as code page 437: see that the class names are right",
      );
    if (looksLikeNpz(zip.entries)) await readNpz(intake, zip, zip.entries);
    else await readFolders(intake, zip);
  } finally {
    zip.close();
  }
}

async function readOne(intake: Intake, file: LocalFile, onRead: (bytes: number) => void): Promise<void> {
  const opened = await openUpload({ file, limits: intake.limits, onRead });
  const kind = sniff(opened.head);
  if (kind === "csv") return readCsv(intake, opened);
  if (kind === "jsonl") return readJsonLines(intake, opened);
  await opened.close();
  if (kind === "empty") return refuse(file.name, `found an empty file; ${expectedFile}`);
  if (kind === "zip" && opened.gzip) return refuse(file.name, "found a ZIP within gzip; expected the ZIP itself");
  if (kind === "zip") return readArchive(intake, file, onRead);
  if (kind === "tar") return readFolders(intake, await openTar({ file, limits: intake.limits, onRead }));
  if (kind === "idx")
    return refuse(
      file.name,
      "found an IDX file; expected two of them: send the pictures as `images` and the labels as `labels`",
    );
  if (kind === "npy")
    return refuse(file.name, "found a single NumPy array; expected an NPZ with x_train and y_train (numpy.savez)");
  return refuse(file.name, `found ${kind.refused}; ${expectedFile}`);
}

/** Reads, converts and cuts. Throws DatasetRefused with problems where the upload is at fault. */
export async function checkUpload({
  files,
  settings,
  limits,
  directory,
  onProgress,
}: CheckOptions): Promise<CheckedDataset> {
  const named = settings.classes?.length ?? 0;
  if (named > limits.MAX_CLASSES)
    refuse(null, `${named} classes are named; expected at most ${nameLimit(limits, "MAX_CLASSES")}`);
  let total = 0;
  for (const file of files) {
    const { size } = await stat(file.path);
    if (size > limits.MAX_UPLOAD_BYTES)
      refuse(file.name, `has ${size} bytes; expected at most ${nameLimit(limits, "MAX_UPLOAD_BYTES")}`);
    total += size;
  }
  let read = 0;
  const onRead = (bytes: number): void => {
    read += bytes;
    onProgress(readingShare * Math.min(1, read / Math.max(1, total)));
  };
  const intake = new Intake({ directory, settings, limits, complaints: new Complaints() });
  const single = files.find((file) => file.field === "file");
  if (single) await readOne(intake, single, onRead);
  else await readIdx(intake, idxPairs(files), onRead);
  return finish(intake, {
    directory,
    onProgress: (fraction) => onProgress(readingShare + (1 - readingShare) * fraction),
  });
}
