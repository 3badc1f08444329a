/** What is trained on: a folder or a file of this machine, which is uploaded, or a dataset of the service. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import {
  Problem,
  usualSettings,
  type Client,
  type Dataset,
  type DatasetFiles,
  type UploadSettings,
} from "../client/index.ts";
import type { Given, Option } from "./command.ts";
import { exitCodes, Failure, unusable } from "./failures.ts";
import { nameOf, readFolder } from "./folder.ts";
import { size, type Output } from "./output.ts";
import { watchDataset, type Watching } from "./watching.ts";

export type Source = { kind: "dataset"; reference: string } | { kind: "upload"; upload: LocalUpload };

interface LocalUpload {
  files: DatasetFiles;
  settings: UploadSettings;
  /** What it is, in a sentence. */
  sentence: string;
}

const fits = ["fit", "crop", "stretch"] as const;

export const uploadOptions: Readonly<Record<string, Option>> = {
  size: { value: "SIDE", help: "fit pictures to it; by default at most 64" },
  test: { value: "SHARE", help: "cut off for the test; 0.2 of a folder by default" },
  validation: { value: "SHARE", help: "cut off to choose the best epoch by" },
  fit: {
    value: "HOW",
    help: "pictures of other proportions: whole, cut or distorted",
    choices: fits,
  },
  background: { value: "COLOUR", help: "beside and behind pictures: black, white or #rrggbb" },
  grey: { help: "pictures lose their colour" },
  skip: { help: "leave out pictures and rows that cannot be read" },
};

function fitOf(given: Given): (typeof fits)[number] | undefined {
  const text = given.text("fit");
  const fit = fits.find((each) => each === text);
  if (text !== undefined && fit === undefined)
    throw unusable(`--fit: expected one of ${fits.join(", ")}, found '${text}'`);
  return fit;
}

function backgroundOf(given: Given): string | undefined {
  const text = given.text("background");
  if (text !== undefined && !/^(black|white|#[0-9a-f]{6})$/i.test(text))
    throw unusable(`--background: expected black, white or #rrggbb, found '${text}'`);
  return text;
}

function settingsOf(given: Given): UploadSettings {
  const [fit, background] = [fitOf(given), backgroundOf(given)];
  const [test, validation, side] = [given.number("test"), given.number("validation"), given.whole("size", 1)];
  const splits = { ...(test === undefined ? {} : { test }), ...(validation === undefined ? {} : { validation }) };
  return {
    ...(side === undefined ? {} : { size: side }),
    ...(fit === undefined ? {} : { fit }),
    ...(background === undefined ? {} : { background }),
    ...(given.is("grey") ? { channels: 1 as const } : {}),
    ...(given.is("skip") ? { onError: "skip" as const } : {}),
    ...(Object.keys(splits).length === 0 ? {} : { splits }),
  };
}

async function folderUpload(path: string, given: Given): Promise<LocalUpload> {
  const folder = await readFolder(path);
  const usual = await usualSettings(folder.files);
  const said = settingsOf(given);
  const fitted = said.size !== undefined || usual.size === undefined ? "" : `, fitted to ${usual.size}×${usual.size}`;
  const classes = folder.classes.length === 0 ? "a table of labels" : `${folder.classes.length} classes`;
  const sentence = `${folder.pictures.toLocaleString("en")} pictures, ${classes}, ${size(folder.bytes)}${fitted}`;
  return { files: { folder: folder.files }, settings: { name: nameOf(path), ...usual, ...said }, sentence };
}

function fileUpload(path: string, bytes: number, given: Given): LocalUpload {
  const content = { size: bytes, open: () => createReadStream(path) as AsyncIterable<Uint8Array> };
  const name = nameOf(path).replace(/(\.(tar|csv|jsonl))?\.[a-z0-9]+$/i, "");
  return {
    files: { file: { name: basename(path), content } },
    settings: { name, ...settingsOf(given) },
    sentence: `${basename(path)}, ${size(bytes)}`,
  };
}

/** Looks at what is on this machine, and asks nobody. */
export async function sourceOf(name: string, given: Given): Promise<Source> {
  const found = await stat(name).catch(() => null);
  if (found?.isDirectory() === true) return { kind: "upload", upload: await folderUpload(name, given) };
  if (found?.isFile() === true) return { kind: "upload", upload: fileUpload(name, found.size, given) };
  if (found !== null || /^[./~]|[/\\]|\.[a-z]+$/i.test(name))
    throw unusable(`there is no folder and no file ${name}; expected one, or the name of a dataset`);
  return { kind: "dataset", reference: name };
}

/** A dataset of the service, ready or on its way. */
export async function findDataset(client: Client, reference: string): Promise<Dataset> {
  try {
    return await client.datasets.get(reference);
  } catch (error) {
    if (!(error instanceof Problem && error.code === "not-found")) throw error;
    throw new Failure(
      exitCodes.refused,
      `there is neither a folder or file ${reference} here nor a dataset of that name on the service`,
    );
  }
}

/** Sends and has it checked. What is broken off, or rejected, leaves nothing on the service. */
export async function upload({ client, out, signal }: Watching, local: LocalUpload): Promise<Dataset> {
  out.note(local.sentence);
  const dataset = await client.datasets
    .upload(local.files, local.settings, { signal, onProgress: progressOf(out) })
    .finally(() => (out.live ? out.draw("\r\u001B[K") : undefined));
  try {
    return await watchDataset({ client, out, signal }, dataset.id);
  } catch (error) {
    await client.datasets.delete(dataset.id);
    throw error;
  }
}

function progressOf(out: Output): (progress: { sentBytes: number; totalBytes: number | null }) => void {
  let drawnAt = 0;
  return ({ sentBytes, totalBytes }) => {
    if (!out.live || performance.now() - drawnAt < 100) return;
    drawnAt = performance.now();
    out.draw(`\r\u001B[Ksending ${size(sentBytes)}${totalBytes === null ? "" : ` of ${size(totalBytes)}`}`);
  };
}
