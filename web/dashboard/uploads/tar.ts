/**
 * A folder as a TAR archive, without reading a file: headers and references to files, which the browser streams from
 * disk while it sends. The format is ustar; a path that does not fit gets a pax header before it (POSIX.1-2001).
 */

export interface Packed {
  /** With "/" between its parts. */
  path: string;
  file: Blob;
}

const blockBytes = 512;
const utf8 = new TextEncoder();
const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

interface Header {
  name: string;
  prefix: string;
  size: number;
  /** "0" is a file, "x" what is said of the file that follows. */
  type: "0" | "x";
}

function header({ name, prefix, size, type }: Header): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(blockBytes);
  const put = (text: string, at: number): void => block.set(utf8.encode(text), at);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  put(name, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(0, 11), 136);
  put(" ".repeat(8), 148);
  put(type, 156);
  put("ustar\u000000", 257);
  put(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

const padding = (size: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array((blockBytes - (size % blockBytes)) % blockBytes);

/** The path in the two fields of ustar, or null where it does not fit. */
function inUstar(path: string): { name: string; prefix: string } | null {
  if (!isAscii(path)) return null;
  if (path.length <= 100) return { name: path, prefix: "" };
  for (let cut = path.indexOf("/"); cut >= 0; cut = path.indexOf("/", cut + 1))
    if (cut <= 155 && path.length - cut - 1 <= 100) return { name: path.slice(cut + 1), prefix: path.slice(0, cut) };
  return null;
}

/** "18 path=…\n": its length counts its own digits. */
function record(key: string, value: string): Uint8Array<ArrayBuffer> {
  const rest = utf8.encode(` ${key}=${value}\n`).length;
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return utf8.encode(`${length} ${key}=${value}\n`);
}

function partsOf({ path, file }: Packed): BlobPart[] {
  const short = inUstar(path);
  const file0 = (place: { name: string; prefix: string }): BlobPart[] => [
    header({ ...place, size: file.size, type: "0" }),
    file,
    padding(file.size),
  ];
  if (short) return file0(short);
  const said = record("path", path);
  return [
    header({ name: "PaxHeader/path", prefix: "", size: said.length, type: "x" }),
    said,
    padding(said.length),
    ...file0({ name: "long-path", prefix: "" }),
  ];
}

/** The archive; its size is known before a byte of a file was read. */
export const tarOf = (files: readonly Packed[]): Blob =>
  new Blob([...files.flatMap(partsOf), new Uint8Array(2 * blockBytes)], { type: "application/x-tar" });
