/** What was dropped or chosen, as the fields of an upload's form. */
import { tarOf, type Packed } from "./tar.ts";

export interface Offer {
  /** What the dataset would be called. */
  name: string;
  /** Field of the form → file. */
  files: Readonly<Record<string, File>>;
  /** How many files of the reader's own are in it. */
  count: number;
}

/** What no upload can be made of, in a sentence that says what would be right. */
export class CannotTake extends Error {}

const isHidden = (path: string): boolean =>
  path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX" || part === "Thumbs.db");
const isPicture = (name: string): boolean => /\.(png|jpe?g|gif|webp|tiff?|bmp|avif)$/i.test(name);
const withoutEnding = (name: string): string =>
  name.replace(/(\.(tar|csv|tsv|jsonl|idx))?\.(gz|tgz|zip|tar|npz|csv|tsv|jsonl|idx|npy)$/i, "");

const entriesOf = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

/** Every file below an entry; a folder gives its entries by the hundred. */
async function* filesBelow(entry: FileSystemEntry): AsyncGenerator<Packed> {
  const path = entry.fullPath.replace(/^\//, "");
  if (isHidden(path)) return;
  if (entry.isFile) {
    yield { path, file: await fileOf(entry as FileSystemFileEntry) };
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
    const match = /(train|t10k|test)?.*(images|labels)/i.exec(file.name);
    if (!match || isPicture(file.name)) return null;
    const isTest = /t10k|test/i.test(file.name);
    const kind = match[2].toLowerCase();
    const field = isTest ? (kind === "images" ? "testImages" : "testLabels") : kind;
    if (found[field]) return null;
    found[field] = file;
  }
  return "images" in found && "labels" in found ? found : null;
}

const packed = (name: string, files: readonly Packed[]): Offer => ({
  name,
  files: { file: new File([tarOf(files)], `${name}.tar`) },
  count: files.length,
});

/** Files that came without a folder. */
function loose(files: readonly File[]): Offer {
  const [first] = files;
  if (!first) throw new CannotTake("Nothing was dropped; drop a folder of pictures, a ZIP, or a table.");
  const arrays = files.length > 1 ? arraysOf(files) : null;
  if (arrays) return { name: withoutEnding(first.name), files: arrays, count: files.length };
  if (files.every(({ name }) => isPicture(name)))
    throw new CannotTake(
      "These pictures say nothing of their classes: put those of each class into a folder of its own, and drop the folder around them.",
    );
  if (files.length === 1) return { name: withoutEnding(first.name), files: { file: first }, count: 1 };
  return packed(
    withoutEnding(first.name),
    files.map((file) => ({ path: file.name, file })),
  );
}

/** Of folders: one gives the dataset its name, several are the classes. */
function folders(files: readonly Packed[]): Offer {
  if (files.length === 0) throw new CannotTake("There are no files in this folder.");
  const tops = new Set(files.map(({ path }) => path.split("/")[0]));
  const [top = "pictures"] = tops;
  return packed(tops.size === 1 ? top : "pictures", files);
}

/** What a drop brought: entries must be taken from it at once, before anything is awaited. */
export async function offerOfDrop(data: DataTransfer, seen: (files: number) => void): Promise<Offer> {
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const single = [...data.files];
  if (!entries.some(({ isDirectory }) => isDirectory)) return loose(single);
  const files: Packed[] = [];
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
  const isFolder = files.some(({ webkitRelativePath }) => webkitRelativePath !== "");
  if (!isFolder) return loose(files);
  return folders(files.map((file) => ({ path: file.webkitRelativePath, file })).filter(({ path }) => !isHidden(path)));
}
