/**
 * IDX, the format MNIST came in: two zero bytes, a type, the number of dimensions, each as a big-endian uint32, then
 * the values.
 */
import type { Dtype, Split } from "../../../../schemas/dataset.ts";
import type { Shape } from "../../../../schemas/shape.ts";
import { sizeOf } from "../../../../schemas/shape.ts";
import { ByteReader } from "./byte-reader.ts";
import type { Intake } from "../intake.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
import { refuse } from "../refused.ts";
import type { Format, Source, SourceFile } from "./format.ts";

const types: Record<number, { name: string; bytes: number }> = {
  0x08: { name: "uint8", bytes: 1 },
  0x09: { name: "int8", bytes: 1 },
  0x0b: { name: "int16", bytes: 2 },
  0x0c: { name: "int32", bytes: 4 },
  0x0d: { name: "float32", bytes: 4 },
  0x0e: { name: "float64", bytes: 8 },
};

/** The head of an IDX file: two zero bytes, a type, a number of dimensions. */
export const isIdx = (head: Buffer): boolean => {
  const [first, second, type = 0, dimensions = 0] = head;
  return first === 0 && second === 0 && type in types && dimensions >= 1 && dimensions <= 8;
};

interface IdxHeader {
  type: { name: string; bytes: number };
  dimensions: number[];
}

const hexadecimal = (bytes: Buffer): string => `0x${bytes.toString("hex").padStart(8, "0")}`;

async function readHeader(reader: ByteReader, name: string, role: "images" | "labels"): Promise<IdxHeader> {
  const magic = Buffer.from(await reader.read(4));
  const expected = role === "images" ? "0x00000803 (uint8 images)" : "0x00000801 (uint8 labels)";
  if (magic.length < 4)
    refuse(
      name,
      `found ${magic.length === 0 ? "an empty file" : `a file of ${magic.length} bytes`}; expected an IDX file that begins with ${expected}`,
    );
  const type = types[magic[2]];
  if (!isIdx(magic) || !type) refuse(name, `found the magic number ${hexadecimal(magic)}; expected ${expected}`);
  const wanted = role === "images" ? [3, 4] : [1];
  const rank = magic[3];
  if (!wanted.includes(rank)) {
    const swapped =
      role === "images" && rank === 1
        ? ": these are labels"
        : role === "labels" && rank >= 3
          ? ": these are images"
          : "";
    refuse(
      name,
      `found the magic number ${hexadecimal(magic)}, ${rank} dimension${rank === 1 ? "" : "s"}${swapped}; expected ${expected}`,
    );
  }
  const sizes = await reader.read(4 * rank);
  if (sizes.length < 4 * rank)
    refuse(name, `ends within its header, after ${4 + sizes.length} bytes; expected ${4 + 4 * rank}`);
  return { type, dimensions: Array.from({ length: rank }, (_, at) => sizes.readUInt32BE(4 * at)) };
}

/** Three dimensions are grey; four are H,W,C or C,H,W, told by where the 1 or 3 stands. */
function shapeOf(name: string, dimensions: readonly number[]): { shape: Shape; channelsLast: boolean } {
  const [, first, second, third] = dimensions;
  if (dimensions.length === 3) return { shape: { channels: 1, height: first, width: second }, channelsLast: false };
  if (third === 1 || third === 3)
    return { shape: { channels: third, height: first, width: second }, channelsLast: true };
  if (first === 1 || first === 3)
    return { shape: { channels: first, height: second, width: third }, channelsLast: false };
  return refuse(name, `found images of ${first}×${second}×${third}; expected 1 or 3 channels, first or last`);
}

async function expectEnd(reader: ByteReader, name: string, header: IdxHeader): Promise<void> {
  if (await reader.atEnd()) return;
  const rest = await reader.countRest(1 << 30);
  refuse(
    name,
    `found ${grouped(rest)} bytes after the last of ${grouped(header.dimensions[0])} entries; expected the file to end there`,
  );
}

function labelValues(bytes: Buffer, type: string): (at: number) => number {
  if (type === "uint8") return (at) => bytes.readUInt8(at);
  if (type === "int8") return (at) => bytes.readInt8(at);
  if (type === "int16") return (at) => bytes.readInt16BE(2 * at);
  return (at) => bytes.readInt32BE(4 * at);
}

async function readLabels(intake: Intake, file: SourceFile): Promise<Int32Array> {
  const opened = await file.open();
  const reader = new ByteReader(opened.stream);
  try {
    const header = await readHeader(reader, file.name, "labels");
    if (header.type.name.startsWith("float"))
      refuse(file.name, `found labels of ${header.type.name}; expected whole numbers (uint8)`);
    const count = header.dimensions[0];
    if (count > intake.limits.MAX_SAMPLES) intake.spool.announce(file.name, count);
    const labels = new Int32Array(Math.min(count, intake.limits.MAX_SAMPLES));
    for (let done = 0; done < count;) {
      const wanted = Math.min(65_536, count - done);
      const bytes = await reader.read(wanted * header.type.bytes);
      const got = Math.floor(bytes.length / header.type.bytes);
      const value = labelValues(bytes, header.type.name);
      for (let at = 0; at < got; at++)
        labels[done + at] = intake.labels.ofNumber(value(at), { file: file.name, row: done + at });
      done += got;
      if (got < wanted)
        refuse(file.name, `ends after ${grouped(done)} labels; its header says ${grouped(count)}`, done);
    }
    await expectEnd(reader, file.name, header);
    return labels;
  } finally {
    await reader.close();
  }
}

/** [height][width][channels] of every sample to [channels][height][width]. */
export function channelsFirst<Values extends Uint8Array | Float32Array>(values: Values, shape: Shape): Values {
  if (shape.channels === 1) return values;
  const area = shape.height * shape.width;
  const unit = area * shape.channels;
  const planar = (values instanceof Float32Array ? new Float32Array(values) : new Uint8Array(values)) as Values;
  for (let sample = 0; sample < values.length; sample += unit) {
    for (let at = 0; at < area; at++)
      for (let channel = 0; channel < shape.channels; channel++)
        planar[sample + channel * area + at] = values[sample + at * shape.channels + channel];
  }
  return planar;
}

/** Little-endian float32 from bytes at any address; finite values only. */
export function floatsOf(
  bytes: Buffer,
  options: { bigEndian: boolean; refuseAt: (index: number) => never },
): Float32Array {
  const own = new Uint8Array(bytes.length);
  own.set(bytes);
  if (options.bigEndian) Buffer.from(own.buffer).swap32();
  const floats = new Float32Array(own.buffer);
  for (let at = 0; at < floats.length; at++) if (!Number.isFinite(floats[at])) options.refuseAt(at);
  return floats;
}

interface IdxPair {
  split: Split;
  images: SourceFile;
  labels: SourceFile;
}

async function readPair(intake: Intake, pair: IdxPair): Promise<void> {
  const { images, split } = pair;
  const labels = await readLabels(intake, pair.labels);
  const opened = await images.open();
  const reader = new ByteReader(opened.stream);
  try {
    const header = await readHeader(reader, images.name, "images");
    if (header.type.name !== "uint8" && header.type.name !== "float32")
      refuse(images.name, `found images of ${header.type.name}; expected uint8 or float32`);
    const dtype: Dtype = header.type.name;
    const count = header.dimensions[0];
    if (count !== labels.length)
      refuse(
        images.name,
        `its header says ${grouped(count)} images; ${pair.labels.name} has ${grouped(labels.length)} labels: expected one label for each image`,
      );
    const { shape, channelsLast } = shapeOf(images.name, header.dimensions);
    const sampleBytes = intake.begin(images.name, shape, dtype);
    intake.spool.announce(images.name, count);
    const piece = Math.max(1, Math.floor((1 << 20) / sampleBytes));
    for (let done = 0; done < count;) {
      const wanted = Math.min(piece, count - done);
      const bytes = await reader.read(wanted * sampleBytes);
      if (bytes.length < wanted * sampleBytes) {
        const whole = done + Math.floor(bytes.length / sampleBytes);
        refuse(
          images.name,
          `ends after ${grouped(whole)} of the ${grouped(count)} images its header says: was the upload or the copy cut off?`,
          whole,
        );
      }
      const refuseAt = (index: number): never =>
        refuse(images.name, "found a value that is not a finite number", done + Math.floor(index / sizeOf(shape)));
      const values = dtype === "float32" ? floatsOf(bytes, { bigEndian: true, refuseAt }) : bytes;
      await intake.add({
        file: images.name,
        split,
        labels: labels.subarray(done, done + wanted),
        pixels: channelsLast ? channelsFirst(values, shape) : values,
      });
      done += wanted;
    }
    await expectEnd(reader, images.name, header);
  } finally {
    await reader.close();
  }
}

const pairOf = ({ files: [images, labels] }: Source): { images: SourceFile; labels: SourceFile } | null =>
  images && labels && images.field.toLowerCase().endsWith("images") ? { images, labels } : null;

/** Reads IDX pairs, plain or .gz. Row numbers are sample indices, counted from 0. */
export const idx: Format = {
  recognises: (source) => pairOf(source) !== null,
  async read(intake, source) {
    const pair = pairOf(source);
    if (!pair) throw new Error("an IDX pair is two files");
    await readPair(intake, { split: source.split, ...pair });
  },
};
