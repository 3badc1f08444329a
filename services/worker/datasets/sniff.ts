/** What a file is, by its content: names lie. */

export type Sniffed = "empty" | "zip" | "tar" | "idx" | "npy" | "jsonl" | "csv" | { refused: string };

const starts = (head: Buffer, ...bytes: number[]): boolean => bytes.every((byte, at) => head[at] === byte);
const ascii = (head: Buffer, text: string, at = 0): boolean =>
  head.subarray(at, at + text.length).toString("latin1") === text;

const others: readonly (readonly [string, (head: Buffer) => boolean])[] = [
  ["a single PNG picture", (head) => starts(head, 0x89, 0x50, 0x4e, 0x47)],
  ["a single JPEG picture", (head) => starts(head, 0xff, 0xd8, 0xff)],
  ["a GIF picture", (head) => ascii(head, "GIF8")],
  ["a RAR archive", (head) => ascii(head, "Rar!")],
  ["a 7z archive", (head) => starts(head, 0x37, 0x7a, 0xbc, 0xaf)],
  ["xz data", (head) => starts(head, 0xfd, 0x37, 0x7a, 0x58)],
  ["bzip2 data", (head) => ascii(head, "BZh")],
  ["zstd data", (head) => starts(head, 0x28, 0xb5, 0x2f, 0xfd)],
  ["an HDF5 file", (head) => ascii(head, "\u0089HDF")],
  ["a MATLAB file", (head) => ascii(head, "MATLAB")],
  ["a Parquet file", (head) => ascii(head, "PAR1")],
  ["a PDF", (head) => ascii(head, "%PDF")],
  ["a Python pickle", (head) => head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5],
  ["UTF-16 text", (head) => starts(head, 0xff, 0xfe) || starts(head, 0xfe, 0xff)],
];

/** The header's own checksum: old tar files have no magic. */
function isTar(head: Buffer): boolean {
  if (head.length < 512) return false;
  const stated = Number.parseInt(head.subarray(148, 156).toString("latin1").replace(/\0.*$/, "").trim(), 8);
  if (!Number.isInteger(stated)) return false;
  let sum = 8 * 32;
  for (let at = 0; at < 512; at++) if (at < 148 || at >= 156) sum += head[at] ?? 0;
  return sum === stated && sum > 8 * 32;
}

/** The head of an IDX file: two zero bytes, a type, a number of dimensions. */
export const isIdx = (head: Buffer): boolean =>
  head.length >= 4 &&
  head[0] === 0 &&
  head[1] === 0 &&
  [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e].includes(head[2] ?? 0) &&
  (head[3] ?? 0) >= 1 &&
  (head[3] ?? 0) <= 8;

export const withoutMark = (head: Buffer): Buffer => (starts(head, 0xef, 0xbb, 0xbf) ? head.subarray(3) : head);

function sniffText(head: Buffer): Sniffed {
  if (head.includes(0)) return { refused: "binary data of no kind known here" };
  const text = withoutMark(head).toString("utf8").trimStart();
  if (text === "") return "empty";
  if (text.startsWith("{")) return "jsonl";
  if (text.startsWith("[")) return { refused: "a JSON list, not one object a line" };
  if (text.startsWith("<")) return { refused: "markup (HTML or XML)" };
  return "csv";
}

/** Tells by the first 1024 bytes, gzip already removed. */
export function sniff(head: Buffer): Sniffed {
  if (head.length === 0) return "empty";
  if (starts(head, 0x50, 0x4b, 3, 4) || starts(head, 0x50, 0x4b, 5, 6)) return "zip";
  if (starts(head, 0x93) && ascii(head, "NUMPY", 1)) return "npy";
  if (isTar(head) || ascii(head, "ustar", 257)) return "tar";
  if (isIdx(head)) return "idx";
  const other = others.find(([, matches]) => matches(head));
  return other ? { refused: other[0] } : sniffText(head);
}

export const expectedFile =
  "expected a ZIP or TAR of PNG or JPEG pictures in one folder per class, an NPZ, a CSV or a JSON lines file (IDX comes as `images` and `labels`)";
