/**
 * The check of an upload, from its files to a dataset on local disk. Runs in a process of its own (checking-process);
 * knows no queue, record or storage.
 */
import { stat } from "node:fs/promises";
import type { Split, UploadSettings } from "../../../schemas/dataset.ts";
import { nameLimit } from "../../shared/dataset-limits.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import type { Archive, ArchiveOptions } from "./archives/archive.ts";
import { archiveKinds } from "./archives/index.ts";
import { finish } from "./finish.ts";
import type { CheckedDataset } from "./finish.ts";
import type { Format, Source } from "./formats/format.ts";
import { formats } from "./formats/index.ts";
import { Intake } from "./intake.ts";
import { openUpload } from "./open.ts";
import type { LocalFile, OpenOptions, OpenedFile } from "./open.ts";
import { Complaints, refuse } from "./refused.ts";
import { describeArchive, describeStranger } from "./strangers.ts";

export interface CheckOptions {
  /** By form field: `file`, or `images` and `labels`, perhaps `testImages` and `testLabels`. */
  files: readonly LocalFile[];
  settings: UploadSettings;
  limits: DatasetLimits;
  /** An empty folder; whoever made it removes it. */
  directory: string;
  onProgress: (fraction: number) => void;
  /** Takes what a library said of a file that it could not read: it is for the log. */
  onCause?: (cause: Error, file: string | null) => void;
}

const readingShare = 0.8;

const splitFields: readonly { split: Split; fields: readonly [string, ...string[]] }[] = [
  { split: "train", fields: ["file"] },
  { split: "train", fields: ["images", "labels"] },
  { split: "validation", fields: ["validationFile"] },
  { split: "test", fields: ["testFile"] },
  { split: "test", fields: ["testImages", "testLabels"] },
];

/** Which files are read at once, and for which split. */
function group(files: readonly LocalFile[]): { split: Split; files: LocalFile[] }[] {
  return splitFields.flatMap(({ split, fields }) => {
    const found = files.filter((file) => fields.includes(file.field));
    if (found.length === 0) return [];
    if (found.length < fields.length)
      refuse(found[0]?.name ?? null, `stands alone; expected both \`${fields.join("` and `")}\``);
    return [{ split, files: found.sort((left, right) => fields.indexOf(left.field) - fields.indexOf(right.field)) }];
  });
}

async function readHeadOf(options: OpenOptions): Promise<Pick<OpenedFile, "head" | "gzip">> {
  const opened = await openUpload({ ...options, onRead: () => undefined });
  await opened.close();
  return opened;
}

/** The archive that a file is; null for any other file. */
async function openArchive(options: ArchiveOptions): Promise<Archive | null> {
  const { head, gzip } = await readHeadOf(options);
  const kind = archiveKinds.find((each) => each.recognises(head));
  if (!kind) return null;
  if (gzip && !kind.withinGzip)
    refuse(options.file.name, `found a ${kind.name} within gzip; expected the ${kind.name} itself`);
  return kind.open(options);
}

async function recognise(intake: Intake, source: Source): Promise<Format | null> {
  for (const format of formats) if (await format.recognises(source, intake)) return format;
  return null;
}

async function readSource(intake: Intake, source: Source): Promise<void> {
  const stranger = source.archive ? describeArchive(source.archive) : null;
  if (stranger !== null) refuse(source.archive?.name ?? null, stranger);
  const format = await recognise(intake, source);
  const [file] = source.files;
  if (!format) refuse(file?.name ?? null, describeStranger(file?.head ?? Buffer.alloc(0)));
  intake.decide("format", { value: format.name, guessed: false });
  if (source.split !== "train") intake.brought.add(source.split);
  await format.read(intake, source);
}

async function readGroup(
  intake: Intake,
  { split, files }: { split: Split; files: readonly LocalFile[] },
  onRead: (bytes: number) => void,
): Promise<void> {
  const { limits } = intake;
  const [first] = files;
  const archive = files.length === 1 ? await openArchive({ file: first, limits, onRead }) : null;
  try {
    for (const warning of archive?.warnings ?? []) intake.warn(warning);
    const found = archive
      ? []
      : await Promise.all(
          files.map(async (file) => {
            const options = { file, limits, onRead };
            const { head } = await readHeadOf(options);
            return { name: file.name, field: file.field, head, open: () => openUpload(options) };
          }),
        );
    await readSource(intake, { split, files: found, archive });
  } finally {
    archive?.close();
  }
}

/** Reads, converts and cuts. Throws DatasetRefused with problems where the upload is at fault. */
export async function checkUpload({
  files,
  settings,
  limits,
  directory,
  onProgress,
  onCause,
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
  const intake = new Intake({
    directory,
    settings,
    limits,
    complaints: new Complaints({ skip: settings.onError === "skip", ...(onCause && { onCause }) }),
  });
  for (const each of group(files)) await readGroup(intake, each, onRead);
  return finish(intake, {
    directory,
    onProgress: (fraction) => onProgress(readingShare + (1 - readingShare) * fraction),
  });
}
