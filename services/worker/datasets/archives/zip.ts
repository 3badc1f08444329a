/** ZIP archives, read from their central directory. Nothing is unpacked to a path the archive names. */
import { crc32 } from "node:zlib";
import yauzl from "yauzl";
import { ArchiveBounds, SkippedEntries, collect, isHidden, safePath } from "./archive.ts";
import type { Archive, ArchiveEntry, ArchiveKind, ArchiveOptions } from "./archive.ts";
import type { DatasetLimits } from "../../../shared/dataset-limits.ts";
import { nameLimit } from "../../../shared/dataset-limits.ts";
import { explainInflate } from "../open.ts";
import { DatasetRefused, printable, refuse } from "../refused.ts";

const utf8Flag = 0x0800;
const methods: Record<number, string> = {
  1: "shrink",
  6: "implode",
  9: "deflate64",
  12: "bzip2",
  14: "LZMA",
  93: "zstd",
  95: "xz",
  98: "PPMd",
  99: "AES",
};
const strict = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Names are UTF-8 where they say so or can be; what cannot be is read as code page 437, as the format has it. */
function decodeName(archive: string, entry: yauzl.Entry): { name: string; legacy: boolean } {
  const marked = (entry.generalPurposeBitFlag & utf8Flag) !== 0;
  const valid = isUtf8(entry.fileNameRaw);
  if (marked && !valid)
    refuse(
      `${archive}: ${printable(entry.fileNameRaw.toString("latin1"))}`,
      "found a name that says it is UTF-8 and is not; expected valid names",
    );
  const name = yauzl.getFileNameLowLevel(
    valid ? entry.generalPurposeBitFlag | utf8Flag : entry.generalPurposeBitFlag,
    entry.fileNameRaw,
    entry.extraFields,
    false,
  );
  return { name, legacy: !valid };
}

const unixMode = (entry: yauzl.Entry): number =>
  entry.versionMadeBy >> 8 === 3 ? (entry.externalFileAttributes >>> 16) & 0xf000 : 0;

function checkEntry(where: string, entry: yauzl.Entry): void {
  const mode = unixMode(entry);
  if (mode === 0xa000) refuse(where, "found a symbolic link; expected files and folders");
  if (mode !== 0 && mode !== 0x8000 && mode !== 0x4000)
    refuse(where, "found a device or another special file; expected files and folders");
  if (entry.isEncrypted()) refuse(where, "found an encrypted entry; expected an archive without a password");
  if (!entry.canDecodeFileData())
    refuse(
      where,
      `found the compression method ${entry.compressionMethod} (${methods[entry.compressionMethod] ?? "unknown"}); expected stored or deflate`,
    );
}

/** What the library says of an archive, and what it means to its owner. */
const faults: readonly (readonly [RegExp, string])[] = [
  [/^End of central directory|unexpected EOF|overflows file bounds/, "it breaks off before its end"],
  [/^too many bytes|^not enough bytes/, "it unpacks to another size than it says"],
  [/^invalid local file header/, "its list of files does not lead to them"],
  [/^Invalid comment length/, "bytes follow after its end"],
  [/^multi-disk/, "it is one of several parts, which are to be joined before"],
  [/encrypt/, "it is encrypted"],
];

const explainZip = (error: unknown, name: string): unknown => {
  if (error instanceof DatasetRefused || !(error instanceof Error)) return error;
  const explained = explainInflate(error, name);
  if (explained !== error) return explained;
  if ("syscall" in error && error.syscall !== undefined) return error;
  const fault = faults.find(([words]) => words.test(error.message))?.[1] ?? "its list of files is damaged";
  return new DatasetRefused(
    [{ file: name, row: null, detail: `found a damaged ZIP: ${fault}; expected one that unpacks` }],
    { cause: error },
  );
};

class ZipArchive implements Archive {
  readonly name: string;
  readonly entries: ArchiveEntry[] = [];
  readonly folders: string[] = [];
  readonly skipped = new SkippedEntries();
  readonly warnings: string[] = [];
  readonly #zip: yauzl.ZipFile;
  readonly #directory = new Map<string, yauzl.Entry>();
  readonly #limits: DatasetLimits;
  readonly #onRead: (bytes: number) => void;

  constructor(zip: yauzl.ZipFile, { file, limits, onRead }: ArchiveOptions) {
    this.name = file.name;
    this.#zip = zip;
    this.#limits = limits;
    this.#onRead = onRead;
  }

  /** Fills `entries`, and refuses the archive by its directory alone where that is enough. */
  async list(): Promise<void> {
    if (this.#zip.entryCount > this.#limits.MAX_ENTRIES)
      refuse(
        this.name,
        `has ${this.#zip.entryCount} entries; expected at most ${nameLimit(this.#limits, "MAX_ENTRIES")}`,
      );
    let legacyNames = false;
    const bounds = new ArchiveBounds({ archive: this.name, limits: this.#limits });
    for await (const entry of this.#zip.eachEntry()) {
      bounds.count();
      const { name, legacy } = decodeName(this.name, entry);
      const path = safePath(this.name, name);
      if (path === "" || path.endsWith("/")) {
        if (path.length > 1 && !isHidden(path)) this.folders.push(path.slice(0, -1));
        continue;
      }
      const where = `${this.name}: ${path}`;
      if (isHidden(path)) {
        this.skipped.add(path);
        continue;
      }
      checkEntry(where, entry);
      if (legacy) legacyNames = true;
      const listed = { path, bytes: entry.uncompressedSize };
      bounds.add(listed);
      this.entries.push(listed);
      this.#directory.set(path, entry);
    }
    if (legacyNames)
      this.warnings.push(
        "some names in the ZIP are not UTF-8 and were read as code page 437: see that the class names are right",
      );
  }

  /** The unpacked bytes of an entry; size and checksum are compared with what the directory says. */
  async open({ path }: ArchiveEntry): Promise<AsyncIterable<Buffer>> {
    const zip = this.#zip;
    const where = `${this.name}: ${path}`;
    const entry = this.#directory.get(path) ?? refuse(where, "is not in the archive's directory");
    const { crc32: stated, compressedSize } = entry;
    const onRead = this.#onRead;
    async function* checked(): AsyncGenerator<Buffer, void, undefined> {
      let checksum = 0;
      try {
        const stream = await zip.openReadStreamPromise(entry);
        try {
          for await (const chunk of stream) {
            checksum = crc32(chunk as Buffer, checksum);
            yield chunk as Buffer;
          }
        } finally {
          stream.destroy();
        }
      } catch (error) {
        throw explainZip(error, where);
      }
      if (checksum !== stated)
        refuse(where, "found data that does not match its checksum; expected an undamaged archive");
      onRead(compressedSize);
    }
    return checked();
  }

  async *contents(): AsyncGenerator<{ entry: ArchiveEntry; bytes: Buffer }, void, undefined> {
    for (const entry of this.entries) {
      const where = `${this.name}: ${entry.path}`;
      if (entry.bytes > this.#limits.MAX_ENTRY_BYTES)
        refuse(where, `is larger than ${nameLimit(this.#limits, "MAX_ENTRY_BYTES")} bytes`);
      yield { entry, bytes: await collect(await this.open(entry), { where, limits: this.#limits }) };
    }
  }

  close(): void {
    this.#zip.close();
  }
}

async function openZip(options: ArchiveOptions): Promise<Archive> {
  const { file } = options;
  let zip: yauzl.ZipFile;
  try {
    zip = await yauzl.openPromise(file.path, { autoClose: false, decodeStrings: false, validateEntrySizes: true });
  } catch (error) {
    throw explainZip(error, file.name);
  }
  const archive = new ZipArchive(zip, options);
  try {
    await archive.list();
    return archive;
  } catch (error) {
    archive.close();
    throw explainZip(error, file.name);
  }
}

export const zip: ArchiveKind = {
  name: "ZIP",
  recognises: (head) => ["PK\u0003\u0004", "PK\u0005\u0006"].includes(head.toString("latin1", 0, 4)),
  withinGzip: false,
  open: openZip,
};
