/** What archives have in common: names that must be safe, entries that are skipped, bounds. */
import type { DatasetLimits } from "../../../shared/dataset-limits.ts";
import { grouped, nameLimit } from "../../../shared/dataset-limits.ts";
import type { LocalFile } from "../open.ts";
import { printable, refuse } from "../refused.ts";

export interface ArchiveEntry {
  /** Forward slashes, NFC, no leading ./ */
  path: string;
  /** Unpacked, as declared. */
  bytes: number;
}

export interface Archive {
  name: string;
  /** Files alone, without those that are skipped. */
  entries: readonly ArchiveEntry[];
  /** Folders that the archive lists by themselves, without a slash at the end. */
  folders: readonly string[];
  skipped: SkippedEntries;
  /** What its owner should know, in sentences. */
  warnings: readonly string[];
  /** The contents in the archive's own order; each no longer than MAX_ENTRY_BYTES. */
  contents(): AsyncGenerator<{ entry: ArchiveEntry; bytes: Buffer }, void, undefined>;
  /** The unpacked bytes of one entry. */
  open(entry: ArchiveEntry): Promise<AsyncIterable<Buffer>>;
  close(): void;
}

export interface ArchiveOptions {
  file: LocalFile;
  limits: DatasetLimits;
  /** Called with bytes of the archive itself as they are consumed. */
  onRead: (bytes: number) => void;
}

/** A kind of archive. To add one, write its file and name it in ./index.ts. */
export interface ArchiveKind {
  name: string;
  /** Tells by the first bytes, gzip already removed. */
  recognises(head: Buffer): boolean;
  /** Whether it may come within gzip, as .tar.gz does. */
  withinGzip: boolean;
  /** Lists the archive. Throws DatasetRefused where its names or sizes are not acceptable. */
  open(options: ArchiveOptions): Promise<Archive>;
}

/** Hidden files and the litter of desktops: counted, so that the owner is told. */
export class SkippedEntries {
  #count = 0;
  readonly #examples: string[] = [];

  add(path: string): void {
    this.#count += 1;
    if (this.#examples.length < 3) this.#examples.push(printable(path, 60));
  }

  sentence(): string | null {
    if (this.#count === 0) return null;
    return `${grouped(this.#count)} hidden or system file${this.#count === 1 ? "" : "s"} skipped, such as ${this.#examples.join(", ")}`;
  }
}

/** What desktops leave in folders; the carriage return is part of the name that a Mac gives to a folder's own icon. */
const litter = new Set(["thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"]);

export const isHidden = (path: string): boolean =>
  path
    .split("/")
    .some(
      (part) =>
        part === "__MACOSX" ||
        (part.startsWith(".") && part !== "." && part !== "..") ||
        litter.has(part.toLowerCase()),
    );

/** The path in one spelling. Refuses what would leave the archive's own folder. */
export function safePath(archive: string, raw: string): string {
  const path = raw.replaceAll("\\", "/").normalize("NFC");
  const where = `${archive}: ${printable(raw)}`;
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path))
    refuse(where, "found an absolute path; expected paths within the archive, such as cats/1.png");
  if (path.split("/").includes(".."))
    refuse(where, "found a path that climbs out of the archive ('..'); expected paths within it, such as cats/1.png");
  if (/[\u0000-\u001f\u007f]/.test(path) && !isHidden(path))
    refuse(where, "found control characters in a name; expected plain text");
  if (path.length > 1000) refuse(where, `found a path of ${grouped(path.length)} characters; expected at most 1,000`);
  return (
    path
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/") + (path.endsWith("/") ? "/" : "")
  );
}

/** Adds up entries and bytes while an archive is listed. */
export class ArchiveBounds {
  readonly #archive: string;
  readonly #limits: DatasetLimits;
  readonly #paths = new Set<string>();
  #entries = 0;
  #bytes = 0;

  constructor(options: { archive: string; limits: DatasetLimits }) {
    this.#archive = options.archive;
    this.#limits = options.limits;
  }

  /** Every header counts, whatever it names. */
  count(): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.MAX_ENTRIES)
      refuse(this.#archive, `has more than ${nameLimit(this.#limits, "MAX_ENTRIES")} entries`);
  }

  add(entry: ArchiveEntry): void {
    if (this.#paths.has(entry.path))
      refuse(`${this.#archive}: ${entry.path}`, "stands twice in the archive; expected every path once");
    this.#paths.add(entry.path);
    this.#bytes += entry.bytes;
    if (this.#bytes > this.#limits.MAX_DATASET_BYTES)
      refuse(this.#archive, `declares more than ${nameLimit(this.#limits, "MAX_DATASET_BYTES")} unpacked bytes`);
  }
}

/** Reads a stream whole, within the limit of one picture. */
export async function collect(
  stream: AsyncIterable<unknown>,
  options: { where: string; limits: DatasetLimits },
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = chunk as Uint8Array;
    bytes += part.length;
    if (bytes > options.limits.MAX_ENTRY_BYTES)
      refuse(options.where, `is larger than ${nameLimit(options.limits, "MAX_ENTRY_BYTES")} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
