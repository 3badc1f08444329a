/**
 * Packs files into a TAR (POSIX.1-2001, "pax"): a header of 512 bytes, the file, zeros up to the next 512, and 1024
 * zeros at the end. Names of more than 100 bytes stand in a pax header of their own before the file's.
 */
import { bytesOf, type Segment, type Source } from "./segments.ts";

/** One file of a folder. */
export interface FolderFile {
  /** Where it lies, with "/" between folders: `cat/1.png`. */
  path: string;
  content: Blob | Uint8Array<ArrayBuffer> | (Source & { size: number });
}

const blockBytes = 512;
const nameBytes = 100;
const fixedTime = 0;

const paddingOf = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes;
const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`;
/** Twelve characters hold 8 GiB in octal digits; above that the pax header says it. */
const mostOctal = 8 ** 11 - 1;

function header(name: Uint8Array, size: number, type: "0" | "x"): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(blockBytes);
  const put = (text: string, at: number): void => block.set(bytesOf(text), at);
  block.set(name.subarray(0, nameBytes));
  put(octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(Math.min(size, mostOctal), 12) + octal(fixedTime, 12), 100);
  put(`        ${type}`, 148);
  put("ustar\u000000", 257);
  // The sum of all bytes, its own field taken as spaces.
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** `LENGTH key=value\n`, whose length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = bytesOf(rest).length;
  let length = bytes;
  while (String(length).length + bytes !== length) length = String(length).length + bytes;
  return `${length}${rest}`;
}

/** What stands before and after a file's own bytes. */
function headersOf(path: string, size: number): Segment[] {
  const name = bytesOf(path);
  const plain = header(name, size, "0");
  const records = [
    ...(name.length > nameBytes || name.length !== path.length ? [record("path", path)] : []),
    ...(size > mostOctal ? [record("size", String(size))] : []),
  ];
  if (records.length === 0) return [plain];
  const text = bytesOf(records.join(""));
  return [header(bytesOf("pax"), text.length, "x"), text, new Uint8Array(paddingOf(text.length)), plain];
}

/** @throws {TypeError} where two files have one path, or there is none. */
export function tar(files: readonly FolderFile[]): Segment[] {
  const segments: Segment[] = [];
  const seen = new Set<string>();
  for (const { path, content } of files) {
    if (seen.has(path)) throw new TypeError(`two files have the path '${path}'`);
    seen.add(path);
    const size = content instanceof Uint8Array ? content.length : content.size;
    segments.push(...headersOf(path, size), content, new Uint8Array(paddingOf(size)));
  }
  if (segments.length === 0) throw new TypeError("the folder holds no file");
  segments.push(new Uint8Array(2 * blockBytes));
  return segments;
}
