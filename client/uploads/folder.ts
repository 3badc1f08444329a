/** The files of a folder, whichever way a page came by it. */
import type { FolderFile } from "./tar.ts";

/** What `<input type="file" webkitdirectory>` gives: files that know where they lay. */
export interface PickedFile extends Blob {
  readonly name: string;
  readonly webkitRelativePath?: string;
}
/** What `showDirectoryPicker()` gives (FileSystemDirectoryHandle). */
export interface DirectoryHandle {
  readonly kind: "directory";
  readonly name: string;
  values(): AsyncIterable<DirectoryHandle | { readonly kind: "file"; readonly name: string; getFile(): Promise<Blob> }>;
}
/** What is dropped on a page: `item.webkitGetAsEntry()` (FileSystemEntry). */
export interface DroppedEntry {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly name: string;
}
interface DroppedFile extends DroppedEntry {
  file(done: (file: Blob) => void, failed: (error: unknown) => void): void;
}
interface DroppedDirectory extends DroppedEntry {
  createReader(): { readEntries(done: (entries: DroppedEntry[]) => void, failed: (error: unknown) => void): void };
}

export type Folder =
  | Iterable<FolderFile | PickedFile>
  | AsyncIterable<FolderFile | PickedFile>
  | DirectoryHandle
  | DroppedEntry;

/** Files that systems leave in every folder, and those that are hidden. */
const isLitter = (path: string): boolean =>
  /(^|\/)(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini)(\/|$)/i.test(path.replace(/^(\.\/)+/, ""));

async function* handleFiles(handle: DirectoryHandle, prefix: string): AsyncGenerator<FolderFile, void, undefined> {
  for await (const each of handle.values()) {
    const path = `${prefix}${each.name}`;
    if (each.kind === "directory") yield* handleFiles(each, `${path}/`);
    else yield { path, content: await each.getFile() };
  }
}

async function* droppedFiles(entry: DroppedEntry, prefix: string): AsyncGenerator<FolderFile, void, undefined> {
  const path = `${prefix}${entry.name}`;
  if (entry.isFile) {
    yield { path, content: await new Promise((done, failed) => (entry as DroppedFile).file(done, failed)) };
    return;
  }
  const reader = (entry as DroppedDirectory).createReader();
  // It answers at most a hundred at once, and nothing at the end.
  for (;;) {
    const some = await new Promise<DroppedEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return;
    for (const each of some) yield* droppedFiles(each, `${path}/`);
  }
}

async function* pickedFiles(
  files: Iterable<FolderFile | PickedFile> | AsyncIterable<FolderFile | PickedFile>,
): AsyncGenerator<FolderFile, void, undefined> {
  for await (const each of files)
    yield "path" in each && "content" in each ? each : { path: each.webkitRelativePath || each.name, content: each };
}

/** All of them, in the order of their paths, so that the same folder makes the same archive. */
export async function filesOf(folder: Folder): Promise<FolderFile[]> {
  const found: FolderFile[] = [];
  const files =
    Symbol.asyncIterator in folder || Symbol.iterator in folder
      ? pickedFiles(folder)
      : "isDirectory" in folder
        ? droppedFiles(folder, "")
        : handleFiles(folder, "");
  for await (const each of files) if (!isLitter(each.path)) found.push(each);
  return found.sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0));
}
