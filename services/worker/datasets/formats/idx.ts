/**
 * IDX, the format MNIST came in: two zero bytes, a type, the number of dimensions, each as a big-endian uint32, then
 * the values.
 */
import { grouped } from "../../../shared/dataset-limits.ts";
import { refuse } from "../refused.ts";
import type { ArrayHeader, ArrayKind, ElementType, Role } from "./arrays.ts";
import type { ByteReader } from "./byte-reader.ts";

const types: Record<number, ElementType> = {
  0x08: { name: "uint8", bytes: 1, kind: "integer", read: (bytes, at) => bytes.readUInt8(at) },
  0x09: { name: "int8", bytes: 1, kind: "integer", read: (bytes, at) => bytes.readInt8(at) },
  0x0b: { name: "int16", bytes: 2, kind: "integer", read: (bytes, at) => bytes.readInt16BE(2 * at) },
  0x0c: { name: "int32", bytes: 4, kind: "integer", read: (bytes, at) => bytes.readInt32BE(4 * at) },
  0x0d: { name: "float32", bytes: 4, kind: "float", read: (bytes, at) => bytes.readFloatBE(4 * at) },
  0x0e: { name: "float64", bytes: 8, kind: "float", read: (bytes, at) => bytes.readDoubleBE(8 * at) },
};

/** The head of an IDX file. */
export const isIdx = (head: Buffer): boolean => {
  const [first, second, type = 0, dimensions = 0] = head;
  return first === 0 && second === 0 && type in types && dimensions >= 1 && dimensions <= 8;
};

const ranks: Record<Role, readonly number[]> = { samples: [2, 3, 4], labels: [1, 2] };
const expectations: Record<Role, string> = {
  samples: "0x00000803 (uint8 images)",
  labels: "0x00000801 (uint8 labels)",
};

async function readHeader(reader: ByteReader, file: string, role: Role): Promise<ArrayHeader> {
  const magic = Buffer.from(await reader.read(4));
  const expected = expectations[role];
  if (magic.length < 4) {
    const found = magic.length === 0 ? "an empty file" : `a file of ${magic.length} bytes`;
    refuse(file, `found ${found}; expected an IDX file that begins with ${expected}, or a NumPy array`);
  }
  const spelled = `0x${magic.toString("hex")}`;
  if (!isIdx(magic)) refuse(file, `found the magic number ${spelled}; expected ${expected}, or a NumPy array`);
  const rank = magic[3];
  if (!ranks[role].includes(rank)) {
    const swapped =
      role === "samples" && rank === 1
        ? ": these are labels"
        : role === "labels" && rank >= 3
          ? ": these are images"
          : "";
    refuse(
      file,
      `found the magic number ${spelled}, ${rank} dimension${rank === 1 ? "" : "s"}${swapped}; expected ${expected}`,
    );
  }
  const sizes = await reader.read(4 * rank);
  if (sizes.length < 4 * rank)
    refuse(file, `ends within its header, after ${4 + sizes.length} bytes; expected ${4 + 4 * rank}`);
  return { type: types[magic[2]], sizes: Array.from({ length: rank }, (_, at) => sizes.readUInt32BE(4 * at)) };
}

export const idx: ArrayKind = {
  recognises: isIdx,
  readHeader,
  words: { sample: "image", end: (count) => `of ${grouped(count)} entries` },
};
