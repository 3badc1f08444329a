/**
 * safetensors: named tensors in one file. Checkpoints and models are such files, and so are the weights that users
 * bring.
 *
 *     byte 0        8                     8 + n
 *     ┌────────────┬─────────────────────┬───────────────────────────────────────┐
 *     │ n: uint64  │ header: JSON, UTF-8 │ tensors, one after another, no holes  │
 *     └────────────┴─────────────────────┴───────────────────────────────────────┘
 *     header: {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [6, 1, 5, 5], "data_offsets": [0,
 *     600]}, …} offsets count from byte 8 + n. Numbers are little-endian, tensors in row-major order.
 *
 * Written here: the header padded with spaces so that data begins at a multiple of 8; tensors by size of element,
 * largest first, then by name: every tensor is aligned, and equal tensors make equal bytes. Read here: any file that
 * keeps the format; one that does not is refused in a sentence. Never trusts a length it has not checked, never returns
 * views of the given bytes.
 */
import { EngineError } from "../errors.ts";
import { duplicateKey } from "./json.ts";

const elementTypes = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
} as const;
export type TensorDtype = keyof typeof elementTypes;
export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigUint64Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

export interface Tensor {
  dtype: TensorDtype;
  /** Sizes of the dimensions, slowest first; [] is a single number. */
  shape: readonly number[];
  data: TensorData;
}

export interface TensorFile {
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

/** What others also write: read into the type beside it, never written. */
const readAs: Readonly<
  Record<string, { bytes: number; dtype: TensorDtype; convert: (bytes: Uint8Array) => TensorData }>
> = {
  F16: { bytes: 2, dtype: "F32", convert: (bytes) => halves(bytes, fromFloat16) },
  BF16: { bytes: 2, dtype: "F32", convert: (bytes) => halves(bytes, fromBfloat16) },
  BOOL: { bytes: 1, dtype: "U8", convert: (bytes) => bytes },
};

const metadataKey = "__metadata__";
const lengthBytes = 8;
/** Enough for a million tensors; a longer header is taken for a damaged length. */
const mostHeaderBytes = 100_000_000;

const refuse = (detail: string): never => {
  throw new EngineError({ code: "invalid-file", detail: `not a readable safetensors file: ${detail}` });
};

/** Sign 1, exponent 5, fraction 10 bits. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? (sign * fraction) / 16777216 : (sign * (1024 + fraction) * (1 << exponent)) / 33554432;
}

const widened = new DataView(new ArrayBuffer(4));
/** The upper half of a float32. */
function fromBfloat16(bits: number): number {
  widened.setUint32(0, bits << 16);
  return widened.getFloat32(0);
}

function halves(bytes: Uint8Array, convert: (bits: number) => number): Float32Array {
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return Float32Array.from(words, convert);
}

/** Elements of a shape, or null where a size is no count or the product is beyond exact integers. */
function elementsOf(shape: unknown): number | null {
  if (!Array.isArray(shape) || !shape.every((each) => Number.isSafeInteger(each) && each >= 0)) return null;
  if (shape.includes(0)) return 0;
  let elements = 1;
  for (const each of shape as number[]) {
    elements *= each;
    if (!Number.isSafeInteger(elements)) return null;
  }
  return elements;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

interface Entry {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

/** One tensor's line of the header, held against itself and against the bytes there are. */
function readEntry(name: string, value: unknown, dataBytes: number): Entry {
  const of = `tensor ${quoted(name)}`;
  if (!isObject(value)) return refuse(`${of} is described by something other than an object`);
  const unknown = Object.keys(value).find((key) => key !== "dtype" && key !== "shape" && key !== "data_offsets");
  if (unknown !== undefined) return refuse(`${of} has the unknown field ${quoted(unknown)}`);
  const { dtype, shape, data_offsets: offsets } = value;
  const elementBytes = typeof dtype === "string" ? bytesOf(dtype) : null;
  if (typeof dtype !== "string" || elementBytes === null)
    return refuse(
      `${of} has the dtype ${quoted(String(dtype))}; this reader knows ${[...Object.keys(elementTypes), ...Object.keys(readAs)].join(", ")}`,
    );
  const elements = elementsOf(shape);
  if (elements === null) return refuse(`${of} has no sensible shape: a list of counts is expected`);
  if (
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every((each) => Number.isSafeInteger(each) && each >= 0)
  )
    return refuse(`${of} has no sensible data_offsets: two counts of bytes are expected`);
  const [begin, end] = offsets as [number, number];
  if (end < begin || end > dataBytes)
    return refuse(`${of} lies at bytes ${begin} to ${end} of the data, which has ${dataBytes} bytes`);
  if (elements * elementBytes !== end - begin)
    return refuse(
      `${of} of shape [${(shape as number[]).join(", ")}] and dtype ${dtype} takes ${elements * elementBytes} bytes, not the ${end - begin} it is given`,
    );
  return { name, dtype, shape: shape as number[], begin, end };
}

const isOwn = (dtype: string): dtype is TensorDtype => Object.hasOwn(elementTypes, dtype);
const bytesOf = (dtype: string): number | null =>
  isOwn(dtype) ? elementTypes[dtype].BYTES_PER_ELEMENT : Object.hasOwn(readAs, dtype) ? readAs[dtype].bytes : null;

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || !Object.values(value).every((each) => typeof each === "string"))
    return refuse(`${metadataKey} must hold texts only`);
  return value as Record<string, string>;
}

function readHeader(bytes: Uint8Array, maxHeaderBytes: number): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.byteLength < lengthBytes)
    return refuse(`it has ${bytes.byteLength} bytes, fewer than the ${lengthBytes} that give the header's length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(0, true) + view.getUint32(4, true) * 4294967296;
  if (headerBytes > maxHeaderBytes)
    return refuse(`its header claims ${headerBytes} bytes; at most ${maxHeaderBytes} are read`);
  const dataStart = lengthBytes + headerBytes;
  if (dataStart > bytes.byteLength)
    return refuse(
      `its header claims ${headerBytes} bytes, but only ${bytes.byteLength - lengthBytes} follow: the file is cut short or of another kind`,
    );
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      new Uint8Array(bytes.subarray(lengthBytes, dataStart)),
    );
    header = JSON.parse(text);
  } catch {
    return refuse("its header is not JSON");
  }
  if (!isObject(header) || text[0] !== "{") return refuse("its header is not a JSON object");
  const twice = duplicateKey(text);
  if (twice !== null) return refuse(`its header names ${quoted(twice)} twice`);
  return { header, dataStart };
}

/**
 * Reads a safetensors file. Tensors come in the order in which they lie in the file; F16 and BF16 as F32, BOOL as U8.
 * Throws EngineError `invalid-file` for anything that is not a whole, consistent file.
 */
export function readSafetensors(bytes: Uint8Array, options: { maxHeaderBytes?: number } = {}): TensorFile {
  const { header, dataStart } = readHeader(bytes, options.maxHeaderBytes ?? mostHeaderBytes);
  const dataBytes = bytes.byteLength - dataStart;
  const metadata = readMetadata(Object.hasOwn(header, metadataKey) ? header[metadataKey] : undefined);
  const entries = Object.entries(header)
    .filter(([name]) => name !== metadataKey)
    .map(([name, value]) => readEntry(name, value, dataBytes))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, Tensor>();
  let reached = 0;
  let before = "";
  for (const { name, dtype, shape, begin, end } of entries) {
    if (begin < reached)
      refuse(`tensor ${quoted(name)} overlaps tensor ${quoted(before)} at byte ${begin} of the data`);
    if (begin > reached) refuse(`bytes ${reached} to ${begin} of the data belong to no tensor`);
    // Not bytes.slice: a Node Buffer's is a view of a larger buffer.
    const own = Uint8Array.prototype.slice.call(bytes, dataStart + begin, dataStart + end);
    const data = isOwn(dtype) ? new elementTypes[dtype](own.buffer) : readAs[dtype].convert(own);
    tensors.set(name, { dtype: isOwn(dtype) ? dtype : readAs[dtype].dtype, shape, data });
    reached = end;
    before = name;
  }
  if (reached !== dataBytes) refuse(`${dataBytes - reached} bytes after the last tensor belong to nothing`);
  return { tensors, metadata };
}

const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Writes tensors and metadata as a safetensors file; the order of the map does not matter. A tensor whose data does not
 * fit its shape or dtype is a mistake of the caller.
 */
export function writeSafetensors(file: {
  tensors: ReadonlyMap<string, Tensor>;
  metadata?: Readonly<Record<string, string>>;
}): Uint8Array {
  const ordered = [...file.tensors].sort(
    ([nameA, a], [nameB, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || byCode(nameA, nameB),
  );
  const lines: string[] = [];
  const metadata = Object.entries(file.metadata ?? {}).sort(([a], [b]) => byCode(a, b));
  if (metadata.length > 0)
    lines.push(
      `"${metadataKey}":{${metadata.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`,
    );
  let reached = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    if (name === metadataKey) throw new Error(`no tensor may be called ${metadataKey}`);
    if (!(data instanceof elementTypes[dtype]) || elementsOf(shape) !== data.length)
      throw new Error(
        `tensor ${name}: ${data.length} elements of ${data.constructor.name} do not make ${dtype} [${shape.join(", ")}]`,
      );
    const end = reached + data.byteLength;
    lines.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${reached},${end}]}`,
    );
    reached = end;
  }
  const header = new TextEncoder().encode(`{${lines.join(",")}}`);
  const headerBytes = Math.ceil(header.byteLength / 8) * 8;
  const bytes = new Uint8Array(lengthBytes + headerBytes + reached);
  new DataView(bytes.buffer).setUint32(0, headerBytes, true);
  bytes.set(header, lengthBytes);
  bytes.fill(0x20, lengthBytes + header.byteLength, lengthBytes + headerBytes);
  let at = lengthBytes + headerBytes;
  for (const [, { data }] of ordered) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}
