/** What a file is that is not read: told by its content, so that its owner learns more than that it was refused. */
import type { Archive } from "./archives/archive.ts";
import { isIdx } from "./formats/idx.ts";
import { startOfText } from "./formats/text.ts";

const starts = (head: Buffer, ...bytes: number[]): boolean => bytes.every((byte, at) => head[at] === byte);
const ascii = (head: Buffer, text: string, at = 0): boolean =>
  head.subarray(at, at + text.length).toString("latin1") === text;

const expectedFile =
  "expected a ZIP or TAR of pictures in one folder per class, an NPZ, a CSV or a JSON lines file (arrays in IDX or .npy come as `images` and `labels`)";

const strangers: readonly (readonly [string, (head: Buffer) => boolean])[] = [
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
  ["a Python pickle", (head) => head[0] === 0x80 && head[1] >= 2 && head[1] <= 5],
  ["an old Excel workbook (.xls); save it as CSV", (head) => starts(head, 0xd0, 0xcf, 0x11, 0xe0)],
  ["an ARFF file of Weka", (head) => /^(\s*%[^\n]*\n)*\s*@relation/i.test(startOfText(head))],
  ["a file of LibSVM (numbered values, 3:0.5)", (head) => /^\S+( \d+:\S+){3}/.test(startOfText(head))],
  ["UTF-16 text", (head) => starts(head, 0xff, 0xfe) || starts(head, 0xfe, 0xff)],
];

/** What a file is that no format takes, by its first 1024 bytes without gzip; null for text that may be a table. */
export function strangerOf(head: Buffer): string | null {
  const known = strangers.find(([, matches]) => matches(head));
  if (known) return known[0];
  if (head.includes(0)) return "binary data of no kind known here";
  const text = startOfText(head);
  if (text === "") return "an empty file";
  if (text.startsWith("[")) return "a JSON list, not one object a line";
  return text.startsWith("<") ? "markup (HTML or XML)" : null;
}

/** `found …; expected …` for a file that no format recognised. */
export function describeStranger(head: Buffer): string {
  if (ascii(head, "\u0093NUMPY"))
    return "found a single NumPy array; expected an NPZ with x_train and y_train (numpy.savez), or this array as `images` and that of the labels as `labels`";
  if (isIdx(head))
    return "found an IDX file; expected two of them: send the pictures as `images` and the labels as `labels`";
  return `found ${strangerOf(head) ?? "text"}; ${expectedFile}`;
}

/** What an archive is by the entries that it has, if it is no dataset. */
const documents: readonly (readonly [string, (paths: readonly string[]) => boolean])[] = [
  ["an Excel workbook (.xlsx); save the sheet as CSV", (paths) => paths.some((path) => path.startsWith("xl/"))],
  [
    "a Word document",
    (paths) => paths.includes("[Content_Types].xml") && paths.some((path) => path.startsWith("word/")),
  ],
  ["another Office document", (paths) => paths.includes("[Content_Types].xml")],
  [
    "an OpenDocument file; save the sheet as CSV",
    (paths) => paths.includes("mimetype") && paths.includes("content.xml"),
  ],
  ["a model or tensors of PyTorch", (paths) => paths.some((path) => /(^|\/)data\.pkl$/.test(path))],
  ["a model of Keras", (paths) => paths.includes("model.weights.h5")],
];

/** `found …; expected …` for an archive that is a document of another program; null for all others. */
export function describeArchive({ entries }: Archive): string | null {
  const paths = entries.map(({ path }) => path);
  const found = documents.find(([, matches]) => matches(paths));
  return found ? `found ${found[0]}; ${expectedFile}` : null;
}
