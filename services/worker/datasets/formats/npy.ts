/**
 * The head of a .npy array: magic, version, a Python dictionary literal with descr, fortran_order and shape. Nothing is
 * evaluated.
 */
import type { ByteReader } from "./byte-reader.ts";
import { printable, refuse } from "../refused.ts";

export interface NpyHeader {
  /** numpy's spelling, such as `|u1` or `<f4`. */
  descr: string;
  shape: number[];
}

const mostHeaderBytes = 65_536;
const numpyNames: Record<string, string> = {
  "<f8": "float64",
  "<f2": "float16",
  ">f4": "big-endian float32",
  ">f8": "big-endian float64",
  "<i8": "int64",
  "<i4": "int32",
  "<i2": "int16",
  "|i1": "int8",
  "|b1": "bool",
  "<u2": "uint16",
  "<u4": "uint32",
  "<u8": "uint64",
  "|u1": "uint8",
  "<f4": "float32",
};

/** `<f8` → `float64 ('<f8')`. */
export const describeDescr = (descr: string): string =>
  descr in numpyNames ? `${numpyNames[descr]} ('${descr}')` : `'${printable(descr, 40)}'`;

export async function readNpyHeader(reader: ByteReader, file: string): Promise<NpyHeader> {
  const magic = Buffer.from(await reader.read(8));
  if (magic.length < 8 || magic.toString("latin1", 0, 6) !== "\u0093NUMPY")
    refuse(file, "does not begin as a NumPy array; expected '\\x93NUMPY'");
  const major = magic[6];
  if (major < 1 || major > 3) refuse(file, `found version ${major} of the array format; expected 1, 2 or 3`);
  const lengthBytes = Buffer.from(await reader.read(major === 1 ? 2 : 4));
  if (lengthBytes.length < (major === 1 ? 2 : 4)) refuse(file, "ends within its header");
  const length = major === 1 ? lengthBytes.readUInt16LE(0) : lengthBytes.readUInt32LE(0);
  if (length > mostHeaderBytes) refuse(file, `found a header of ${length} bytes; expected at most ${mostHeaderBytes}`);
  const bytes = await reader.read(length);
  if (bytes.length < length) refuse(file, "ends within its header");
  const text = bytes.toString("latin1");
  if (/'descr'\s*:\s*\[/.test(text))
    refuse(file, "found a structured array (a list of fields); expected plain uint8 or float32");
  const descr = /'descr'\s*:\s*'([^']{1,40})'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined)
    refuse(file, `found a header that is none: ${printable(text, 80)}`);
  if (descr.includes("O"))
    refuse(
      file,
      "found an array of Python objects (pickled, which can run code); expected plain numbers: build the arrays with a dtype of uint8 or float32",
    );
  if (order === "True")
    refuse(file, "found an array in Fortran order; expected C order: save it with numpy.ascontiguousarray");
  const shape = sizes
    .split(",")
    .map((each) => each.replace("L", "").trim())
    .filter((each) => each !== "")
    .map(Number);
  if (shape.some((each) => !Number.isSafeInteger(each)))
    refuse(file, `found the shape (${printable(sizes, 60)}); expected sizes that exist`);
  return { descr, shape };
}
