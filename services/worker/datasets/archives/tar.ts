/**
 * TAR archives, plain or gzip: read front to back, once to list and once for the contents. Nothing is unpacked to a
 * path the archive names.
 */
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import type { Extract } from "tar-stream";
import { ArchiveBounds, SkippedEntries, collect, isHidden, safePath } from "./archive.ts";
import type { ArchiveEntry, PictureArchive } from "./archive.ts";
import type { DatasetLimits } from "../../../shared/dataset-limits.ts";
import { openUpload } from "../open.ts";
import type { LocalFile } from "../open.ts";
import { DatasetRefused, refuse } from "../refused.ts";

type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

export interface TarOptions {
  file: LocalFile;
  limits: DatasetLimits;
  onRead: (bytes: number) => void;
}

const linkKinds: Record<string, string> = {
  symlink: "a symbolic link",
  link: "a hard link",
  fifo: "a pipe",
  "character-device": "a device",
  "block-device": "a device",
};

async function* entriesOf({ file, limits, onRead }: TarOptions): AsyncGenerator<Entry, void, undefined> {
  // Two passes over the file make one whole.
  const opened = await openUpload({ file, limits, onRead: (bytes) => onRead(bytes / 2) });
  const source = Readable.from(opened.stream, { objectMode: false });
  const unpack = extract();
  let cause: unknown = null;
  source.on("error", (error) => {
    cause = error;
    unpack.destroy(error);
  });
  source.pipe(unpack);
  try {
    for await (const entry of unpack) yield entry;
  } catch (error) {
    const first = cause ?? error;
    if (
      first instanceof DatasetRefused ||
      (first instanceof Error && "syscall" in first && first.syscall !== undefined)
    )
      throw first;
    refuse(
      file.name,
      `found a damaged TAR (${first instanceof Error ? first.message : "unreadable"}); expected one that unpacks`,
    );
  } finally {
    source.destroy();
    unpack.destroy();
  }
}

/** The safe path of a file entry; null for folders and what is skipped. */
function pathOf(archive: string, { header }: Entry, skipped: SkippedEntries | null): string | null {
  const path = safePath(archive, header.name);
  if (header.type === "directory" || path === "" || path.endsWith("/")) return null;
  if (isHidden(path)) {
    skipped?.add(path);
    return null;
  }
  if (header.type !== "file" && header.type !== "contiguous-file") {
    refuse(
      `${archive}: ${path}`,
      `found ${linkKinds[String(header.type)] ?? "a special entry"}; expected files and folders`,
    );
  }
  return path;
}

export async function openTar(options: TarOptions): Promise<PictureArchive> {
  const { file, limits } = options;
  const bounds = new ArchiveBounds({ archive: file.name, limits });
  const skipped = new SkippedEntries();
  const entries: ArchiveEntry[] = [];
  for await (const entry of entriesOf(options)) {
    bounds.count();
    const path = pathOf(file.name, entry, skipped);
    if (path !== null) {
      const listed = { path, bytes: entry.header.size ?? 0 };
      bounds.add(listed);
      entries.push(listed);
    }
    entry.resume();
  }
  async function* contents(): AsyncGenerator<{ entry: ArchiveEntry; bytes: Buffer }, void, undefined> {
    for await (const entry of entriesOf(options)) {
      const path = pathOf(file.name, entry, null);
      if (path === null) entry.resume();
      else
        yield {
          entry: { path, bytes: entry.header.size ?? 0 },
          bytes: await collect(entry, { where: `${file.name}: ${path}`, limits }),
        };
    }
  }
  return { name: file.name, entries, skipped, contents };
}
