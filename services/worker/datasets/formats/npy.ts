/**
 * A .npy array: magic, version, a Python dictionary literal with descr, fortran_order and shape, then the values.
 * Nothing is evaluated.
 */
import { printable, refuse } from "../refused.ts";
import type { ArrayHeader, ArrayKind, ElementType, Role } from "./arrays.ts";
import type { ByteReader } from "./byte-reader.ts";

const mostHeaderBytes = 65_536;
const mostTextBytes = 4096;

type Read = (bytes: Buffer, at: number) => number;

/** By numpy's letter and bytes: little-endian, then big-endian. */
const numbers: Record<string, { name: string; kind: ElementType["kind"]; read: readonly [Read, Read] }> = {
  b1: { name: "bool", kind: "integer", read: [(bytes, at) => bytes.readUInt8(at), (bytes, at) => bytes.readUInt8(at)] },
  u1: {
    name: "uint8",
    kind: "integer",
    read: [(bytes, at) => bytes.readUInt8(at), (bytes, at) => bytes.readUInt8(at)],
  },
  i1: { name: "int8", kind: "integer", read: [(bytes, at) => bytes.readInt8(at), (bytes, at) => bytes.readInt8(at)] },
  u2: {
    name: "uint16",
    kind: "integer",
    read: [(bytes, at) => bytes.readUInt16LE(2 * at), (bytes, at) => bytes.readUInt16BE(2 * at)],
  },
  i2: {
    name: "int16",
    kind: "integer",
    read: [(bytes, at) => bytes.readInt16LE(2 * at), (bytes, at) => bytes.readInt16BE(2 * at)],
  },
  u4: {
    name: "uint32",
    kind: "integer",
    read: [(bytes, at) => bytes.readUInt32LE(4 * at), (bytes, at) => bytes.readUInt32BE(4 * at)],
  },
  i4: {
    name: "int32",
    kind: "integer",
    read: [(bytes, at) => bytes.readInt32LE(4 * at), (bytes, at) => bytes.readInt32BE(4 * at)],
  },
  u8: {
    name: "uint64",
    kind: "integer",
    read: [(bytes, at) => Number(bytes.readBigUInt64LE(8 * at)), (bytes, at) => Number(bytes.readBigUInt64BE(8 * at))],
  },
  i8: {
    name: "int64",
    kind: "integer",
    read: [(bytes, at) => Number(bytes.readBigInt64LE(8 * at)), (bytes, at) => Number(bytes.readBigInt64BE(8 * at))],
  },
  f2: {
    name: "float16",
    kind: "float",
    read: [(bytes, at) => half(bytes.readUInt16LE(2 * at)), (bytes, at) => half(bytes.readUInt16BE(2 * at))],
  },
  f4: {
    name: "float32",
    kind: "float",
    read: [(bytes, at) => bytes.readFloatLE(4 * at), (bytes, at) => bytes.readFloatBE(4 * at)],
  },
  f8: {
    name: "float64",
    kind: "float",
    read: [(bytes, at) => bytes.readDoubleLE(8 * at), (bytes, at) => bytes.readDoubleBE(8 * at)],
  },
};

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** Texts of equal length, as names of classes: UTF-32, or bytes. */
function textType(letter: string, length: number, bigEndian: boolean): ElementType {
  const bytes = letter === "U" ? 4 * length : length;
  const read = (buffer: Buffer, at: number): string => {
    const own = buffer.subarray(at * bytes, (at + 1) * bytes);
    if (letter === "S") return own.toString("utf8").replace(/\0+$/, "");
    const points = Array.from({ length }, (_, place) =>
      bigEndian ? own.readUInt32BE(4 * place) : own.readUInt32LE(4 * place),
    );
    return String.fromCodePoint(...points.filter((point) => point > 0 && point <= 0x10ffff));
  };
  return { name: letter === "U" ? "text" : "bytes", bytes, kind: "text", read };
}

/** The type that numpy spells so, such as `|u1`, `<f4` or `<U5`; null for what is not read. */
export function elementType(descr: string): ElementType | null {
  const [, order, letter, digits] = /^([<>|=]?)([a-zA-Z])(\d+)$/.exec(descr) ?? [];
  if (letter === undefined) return null;
  const bigEndian = order === ">";
  const length = Number(digits);
  if (letter === "U" || letter === "S")
    return length > 0 && length <= mostTextBytes ? textType(letter, length, bigEndian) : null;
  const number = Object.hasOwn(numbers, letter + digits) ? numbers[letter + digits] : undefined;
  return number ? { name: number.name, bytes: length, kind: number.kind, read: number.read[bigEndian ? 1 : 0] } : null;
}

interface Literal {
  descr: string;
  fortran: boolean;
  sizes: number[];
}

/** What the dictionary literal says. Refuses what is not plain data. */
function parseLiteral(file: string, text: string): Literal {
  if (/'descr'\s*:\s*\[/.test(text))
    refuse(file, "found a structured array (a list of fields); expected plain numbers");
  const descr = /'descr'\s*:\s*'([^']{1,40})'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shape === undefined)
    return refuse(file, `found a header that is none: ${printable(text, 80)}`);
  const sizes = shape
    .split(",")
    .map((each) => each.replace("L", "").trim())
    .filter((each) => each !== "")
    .map(Number);
  if (sizes.some((each) => !Number.isSafeInteger(each)))
    refuse(file, `found the shape (${printable(shape, 60)}); expected sizes that exist`);
  return { descr, fortran: order === "True", sizes };
}

async function readHeader(reader: ByteReader, file: string, role: Role): Promise<ArrayHeader> {
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
  const { descr, fortran, sizes } = parseLiteral(file, bytes.toString("latin1"));
  if (descr.includes("O"))
    refuse(
      file,
      "found an array of Python objects (pickled, which can run code); expected plain numbers: build the arrays with a dtype of uint8 or float32",
    );
  const type = elementType(descr);
  if (!type)
    refuse(file, `found ${role} of '${printable(descr, 40)}'; expected numbers such as uint8 or float32: use astype`);
  if (fortran && sizes.length > 1)
    refuse(file, "found an array in Fortran order; expected C order: save it with numpy.ascontiguousarray");
  return { type, sizes };
}

export const npy: ArrayKind = {
  recognises: (head) => head.toString("latin1", 0, 6) === "\u0093NUMPY",
  readHeader,
  words: { sample: "sample", end: () => "value" },
};
