/**
 * Opens an uploaded file as a stream of bytes: unpacks gzip, bounds what comes out, and says plainly where a file is
 * cut off.
 */
import { stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { grouped, nameLimit } from "../../shared/dataset-limits.ts";
import { DatasetRefused, refuse } from "./refused.ts";

const chunkBytes = 1 << 20;

/** A file on this machine's disk and the name its owner knows it by. */
export interface LocalFile {
  path: string;
  name: string;
  /** The form field it came in. */
  field: string;
}

export interface OpenedFile {
  name: string;
  /** Whether the file was gzip; `stream` is unpacked already. */
  gzip: boolean;
  /** The first bytes after unpacking, for telling formats apart; `stream` still delivers them. */
  head: Buffer;
  stream: AsyncIterable<Buffer>;
  /** For a file that is not read after all. */
  close(): Promise<void>;
}

export interface OpenOptions {
  file: LocalFile;
  limits: DatasetLimits;
  /** Called with bytes of the file itself as they are consumed. */
  onRead?: (bytes: number) => void;
}

/** Bytes that lie anywhere, such as the entry of an archive. */
export interface EntryOptions {
  name: string;
  bytes: number;
  limits: DatasetLimits;
  chunks: () => Promise<AsyncIterable<Buffer>>;
}

const isGzip = (head: Buffer): boolean => head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b;

async function* counted(path: string, onRead: (bytes: number) => void): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    onRead((chunk as Buffer).length);
    yield chunk as Buffer;
  }
}

/** Explains zlib's words. */
export function explainInflate(error: unknown, name: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "Z_BUF_ERROR")
    return new DatasetRefused(
      [
        {
          file: name,
          row: null,
          detail:
            "found compressed data that breaks off before its end; expected a complete file: was the upload or the copy cut off?",
        },
      ],
      { cause: error },
    );
  if (code.startsWith("Z_"))
    return new DatasetRefused(
      [
        {
          file: name,
          row: null,
          detail:
            "found damaged compressed data, of which a part does not unpack or not to what its checksum says; expected gzip or deflate that unpacks: send the file again, or pack it anew",
        },
      ],
      { cause: error },
    );
  return error;
}

async function* unpacked(
  packed: AsyncIterable<Buffer>,
  { name, bytes: packedBytes, limits }: Pick<EntryOptions, "name" | "bytes" | "limits">,
): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  const source = Readable.from(packed, { objectMode: false });
  source.on("error", (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  let bytes = 0;
  try {
    for await (const chunk of gunzip) {
      bytes += (chunk as Buffer).length;
      if (bytes > limits.MAX_DATASET_BYTES + chunkBytes)
        refuse(name, `unpacks to more than ${nameLimit(limits, "MAX_DATASET_BYTES")} bytes`);
      yield chunk as Buffer;
    }
  } catch (error) {
    // The file begins as gzip, so this error is about what follows its first part.
    if (error instanceof Error && error.message === "incorrect header check")
      refuse(name, "found bytes after the end of the gzip data; expected none");
    throw explainInflate(error, name);
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  if (gunzip.bytesWritten < packedBytes)
    refuse(
      name,
      `found ${grouped(packedBytes - gunzip.bytesWritten)} bytes after the end of the gzip data; expected none`,
    );
}

const headBytes = 1024;

/** Reads the start without consuming it. */
async function peek(
  stream: AsyncIterable<Buffer>,
): Promise<{ head: Buffer; stream: AsyncIterable<Buffer>; close: () => Promise<void> }> {
  const iterator = stream[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let bytes = 0;
  while (bytes < headBytes) {
    const next = await iterator.next();
    if (next.done) break;
    first.push(next.value);
    bytes += next.value.length;
  }
  async function* all(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (let at = first.shift(); at !== undefined; at = first.shift()) yield at;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return {
    head: Buffer.concat(first).subarray(0, headBytes),
    stream: all(),
    close: async () => void (await iterator.return?.()),
  };
}

/** Opens bytes, gzip or not. The stream must be read to its end or closed. */
export async function openEntry({ name, bytes, limits, chunks }: EntryOptions): Promise<OpenedFile> {
  const raw = await peek(await chunks());
  if (!isGzip(raw.head)) return { name, gzip: false, ...raw };
  const { head, stream, close } = await peek(unpacked(raw.stream, { name, bytes, limits }));
  if (isGzip(head)) refuse(name, "found gzip within gzip; expected one layer");
  return { name, gzip: true, head, stream, close };
}

/** Opens a file. */
export async function openUpload({ file, limits, onRead = () => undefined }: OpenOptions): Promise<OpenedFile> {
  const { size } = await stat(file.path);
  return openEntry({
    name: file.name,
    bytes: size,
    limits,
    chunks: () => Promise.resolve(counted(file.path, onRead)),
  });
}
