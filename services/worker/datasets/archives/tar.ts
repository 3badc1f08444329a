/**
 * TAR archives, plain or gzip: read front to back, once to list and once for the contents. Nothing is unpacked to a
 * path the archive names.
 */
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import type { Extract } from "tar-stream";
import { ArchiveBounds, SkippedEntries, collect, isHidden, safePath } from "./archive.ts";
import type { Archive, ArchiveEntry, ArchiveKind, ArchiveOptions } from "./archive.ts";
import { openUpload } from "../open.ts";
import { DatasetRefused, refuse } from "../refused.ts";

type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

const linkKinds: Record<string, string> = {
  symlink: "a symbolic link",
  link: "a hard link",
  fifo: "a pipe",
  "character-device": "a device",
  "block-device": "a device",
};

/** The oldest TARs name no format; their headers' checksums are compared all the same. The library's types forgot it. */
const unpackOptions: Parameters<typeof extract>[0] & { allowUnknownFormat: boolean } = { allowUnknownFormat: true };

async function* entriesOf({ file, limits, onRead }: ArchiveOptions): AsyncGenerator<Entry, void, undefined> {
  // The file is read twice, to list and to unpack: each pass counts half.
  const opened = await openUpload({ file, limits, onRead: (bytes) => onRead(bytes / 2) });
  const source = Readable.from(opened.stream, { objectMode: false });
  const unpack = extract(unpackOptions);
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
    const breaksOff = first instanceof Error && first.message.startsWith("Unexpected end");
    const fault = breaksOff ? "it breaks off before its end" : "what should begin a file in it does not";
    refuse(file.name, `found a damaged TAR: ${fault}; expected one that unpacks`, null, { cause: first });
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

async function openTar(options: ArchiveOptions): Promise<Archive> {
  const { file, limits } = options;
  const bounds = new ArchiveBounds({ archive: file.name, limits });
  const skipped = new SkippedEntries();
  const entries: ArchiveEntry[] = [];
  const folders: string[] = [];
  for await (const entry of entriesOf(options)) {
    bounds.count();
    const path = pathOf(file.name, entry, skipped);
    if (path === null) {
      const folder = safePath(file.name, entry.header.name).replace(/\/$/, "");
      if (entry.header.type === "directory" && folder !== "" && !isHidden(folder)) folders.push(folder);
    } else {
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
  async function* open(wanted: ArchiveEntry): AsyncGenerator<Buffer, void, undefined> {
    for await (const entry of entriesOf(options)) {
      if (pathOf(file.name, entry, null) !== wanted.path) {
        entry.resume();
        continue;
      }
      for await (const chunk of entry) yield chunk as Buffer;
      return;
    }
    refuse(`${file.name}: ${wanted.path}`, "is gone; expected the archive to stay as it was");
  }
  return {
    name: file.name,
    entries,
    folders,
    skipped,
    warnings: [],
    contents,
    open: (entry) => Promise.resolve(open(entry)),
    close: () => undefined,
  };
}

/** The header's own checksum: old tar files have no magic. */
function hasChecksum(head: Buffer): boolean {
  if (head.length < 512) return false;
  const stated = Number.parseInt(head.subarray(148, 156).toString("latin1").replace(/\0.*$/, "").trim(), 8);
  if (!Number.isInteger(stated)) return false;
  let sum = 8 * 32;
  for (const [at, byte] of head.subarray(0, 512).entries()) if (at < 148 || at >= 156) sum += byte;
  return sum === stated && sum > 8 * 32;
}

export const tar: ArchiveKind = {
  name: "TAR",
  recognises: (head) => hasChecksum(head) || head.toString("latin1", 257, 262) === "ustar",
  withinGzip: true,
  open: openTar,
};
