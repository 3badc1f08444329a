/** What was dropped or chosen, as the files of an upload. */
import type { DatasetFiles, FolderFile } from "../../../client/index.ts";

export interface Offer {
  /** What the dataset would be called. */
  name: string;
  files: DatasetFiles;
  /** How many files of the reader's own are in it. */
  count: number;
}

/** What no upload can be made of, in a sentence that says what would be right. */
export class CannotTake extends Error {}

type Found = FolderFile & { content: Blob };

const isHidden = (path: string): boolean => /(^|\/)(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini)(\/|$)/i.test(path);
const isPicture = (name: string): boolean => /\.(png|jpe?g|gif|webp|tiff?|bmp|avif)$/i.test(name);
const withoutEnding = (name: string): string =>
  name.replace(/(\.(tar|csv|tsv|jsonl|idx))?\.(gz|tgz|zip|tar|npz|csv|tsv|jsonl|idx|npy)$/i, "");

const entriesOf = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

/** Every file below an entry; a folder gives its entries by the hundred. */
async function* filesBelow(entry: FileSystemEntry): AsyncGenerator<Found> {
  const path = entry.fullPath.replace(/^\//, "");
  if (isHidden(path)) return;
  if (entry.isFile) {
    yield { path, content: await fileOf(entry as FileSystemFileEntry) };
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (let batch = await entriesOf(reader); batch.length > 0; batch = await entriesOf(reader))
    for (const each of batch) yield* filesBelow(each);
}

/** Fields of the form by the names that arrays go by: train-images-idx3-ubyte, t10k-labels-idx1-ubyte. */
function arraysOf(files: readonly File[]): Record<string, File> | null {
  const found: Record<string, File> = {};
  for (const file of files) {
    const kind = /(images|labels)/i.exec(file.name)?.[1]?.toLowerCase();
    if (kind === undefined || isPicture(file.name)) return null;
    const field = /t10k|test/i.test(file.name) ? (kind === "images" ? "testImages" : "testLabels") : kind;
    if (found[field]) return null;
    found[field] = file;
  }
  return "images" in found && "labels" in found ? found : null;
}

/** Of folders: one gives the dataset its name, several are the classes. */
function folders(files: readonly Found[]): Offer {
  const [first] = files;
  if (!first) throw new CannotTake("There are no files in this folder.");
  const top = first.path.split("/")[0] ?? "";
  const name = files.every(({ path }) => path.startsWith(`${top}/`)) ? top : "pictures";
  return { name, files: { folder: files }, count: files.length };
}

/** Files that came without a folder. */
function loose(files: readonly File[]): Offer {
  const [first] = files;
  if (!first) throw new CannotTake("Nothing was dropped; drop a folder of pictures, a ZIP, or a table.");
  const name = withoutEnding(first.name);
  const arrays = files.length > 1 ? arraysOf(files) : null;
  if (arrays) return { name, files: arrays, count: files.length };
  if (files.every((file) => isPicture(file.name)))
    throw new CannotTake(
      "These pictures say nothing of their classes: put those of each class into a folder of its own, and drop the folder around them.",
    );
  if (files.length === 1) return { name, files: { file: first }, count: 1 };
  return {
    name,
    files: { folder: files.map((content) => ({ path: content.name, content })) },
    count: files.length,
  };
}

/** What a drop brought: its entries are taken from it at once, before anything is awaited. */
export async function offerOfDrop(data: DataTransfer, seen: (files: number) => void): Promise<Offer> {
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const single = [...data.files];
  if (!entries.some(({ isDirectory }) => isDirectory)) return loose(single);
  const files: Found[] = [];
  for (const entry of entries)
    for await (const file of filesBelow(entry)) {
      files.push(file);
      if (files.length % 100 === 0) seen(files.length);
    }
  return folders(files);
}

/** What was chosen in a dialog: of a folder each file knows its path. */
export function offerOfFiles(list: FileList): Offer {
  const files = [...list];
  if (!files.some(({ webkitRelativePath }) => webkitRelativePath !== "")) return loose(files);
  const found = files.map((content) => ({ path: content.webkitRelativePath, content }));
  return folders(found.filter(({ path }) => !isHidden(path)));
}
