/**
 * NPZ as Keras gives its sets: x_train, y_train, x_test, y_test, perhaps x_val, y_val; uint8 or float32; N,H,W or
 * N,H,W,C.
 */
import { splitNames, type Dtype, type Split } from "../../../../schemas/dataset.ts";
import { sizeOf } from "../../../../schemas/shape.ts";
import type { Shape } from "../../../../schemas/shape.ts";
import { ByteReader } from "./byte-reader.ts";
import { channelsFirst, floatsOf } from "./idx.ts";
import type { Archive, ArchiveEntry } from "../archives/archive.ts";
import type { Intake } from "../intake.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
import type { Format } from "./format.ts";
import { describeDescr, readNpyHeader } from "./npy.ts";
import { printable, refuse } from "../refused.ts";

const splitOf: Record<string, Split> = {
  train: "train",
  test: "test",
  val: "validation",
  valid: "validation",
  validation: "validation",
};
const pixelTypes: Record<string, Dtype> = { "|u1": "uint8", "<f4": "float32" };

function labelReader(descr: string): { bytes: number; at: (buffer: Buffer, index: number) => number } | null {
  switch (descr) {
    case "|u1":
    case "|b1":
      return { bytes: 1, at: (buffer, index) => buffer.readUInt8(index) };
    case "|i1":
      return { bytes: 1, at: (buffer, index) => buffer.readInt8(index) };
    case "<u2":
      return { bytes: 2, at: (buffer, index) => buffer.readUInt16LE(2 * index) };
    case "<i2":
      return { bytes: 2, at: (buffer, index) => buffer.readInt16LE(2 * index) };
    case "<u4":
      return { bytes: 4, at: (buffer, index) => buffer.readUInt32LE(4 * index) };
    case "<i4":
      return { bytes: 4, at: (buffer, index) => buffer.readInt32LE(4 * index) };
    case "<u8":
      return { bytes: 8, at: (buffer, index) => Number(buffer.readBigUInt64LE(8 * index)) };
    case "<i8":
      return { bytes: 8, at: (buffer, index) => Number(buffer.readBigInt64LE(8 * index)) };
    default:
      return null;
  }
}

async function withEntry<Result>(
  archive: Archive,
  entry: ArchiveEntry,
  use: (reader: ByteReader) => Promise<Result>,
): Promise<Result> {
  const reader = new ByteReader(await archive.open(entry));
  try {
    const result = await use(reader);
    if (!(await reader.atEnd()))
      refuse(
        entry.path,
        `found ${grouped(await reader.countRest(1 << 30))} bytes after the last value; expected the array to end there`,
      );
    return result;
  } finally {
    await reader.close();
  }
}

async function readLabels(intake: Intake, archive: Archive, entry: ArchiveEntry): Promise<Int32Array> {
  return withEntry(archive, entry, async (reader) => {
    const { descr, shape } = await readNpyHeader(reader, entry.path);
    const type = labelReader(descr);
    const [count = 0, width = 1] = shape;
    if (shape.length === 2 && width > 1)
      refuse(
        entry.path,
        `found labels of shape (${shape.join(", ")}), perhaps one-hot; expected one number a sample: use argmax(axis=1)`,
      );
    if (!type)
      refuse(
        entry.path,
        `found labels of ${describeDescr(descr)}; expected whole numbers such as uint8 or int64: use astype, or numpy.unique(y, return_inverse=True) for names`,
      );
    if (shape.length !== 1 && !(shape.length === 2 && width === 1))
      refuse(entry.path, `found labels of shape (${shape.join(", ")}); expected (N,) or (N, 1)`);
    if (count > intake.limits.MAX_SAMPLES) intake.spool.announce(entry.path, count);
    const labels = new Int32Array(count);
    for (let done = 0; done < count;) {
      const wanted = Math.min(65_536, count - done);
      const bytes = await reader.read(wanted * type.bytes);
      if (bytes.length < wanted * type.bytes)
        refuse(
          entry.path,
          `ends before the last of ${grouped(count)} labels`,
          done + Math.floor(bytes.length / type.bytes),
        );
      for (let at = 0; at < wanted; at++)
        labels[done + at] = intake.labels.ofNumber(type.at(bytes, at), { file: entry.path, row: done + at });
      done += wanted;
    }
    return labels;
  });
}

function shapeOf(file: string, sizes: readonly number[]): { shape: Shape; channelsLast: boolean } {
  const [, first = 0, second = 0, third = 1] = sizes;
  if (sizes.length === 3 || (sizes.length === 4 && (third === 1 || third === 3)))
    return { shape: { channels: third, height: first, width: second }, channelsLast: true };
  const hint =
    sizes.length === 4 && (first === 1 || first === 3)
      ? ": channels stand last (numpy.moveaxis(x, 1, -1))"
      : sizes.length === 2
        ? ": reshape the rows to pictures"
        : "";
  return refuse(
    file,
    `found samples of shape (${sizes.join(", ")}); expected (N, H, W), (N, H, W, 1) or (N, H, W, 3)${hint}`,
  );
}

async function readSamples(
  intake: Intake,
  archive: Archive,
  part: { entry: ArchiveEntry; labels: Int32Array; labelsName: string; split: Split },
): Promise<void> {
  const { entry, labels, split } = part;
  await withEntry(archive, entry, async (reader) => {
    const header = await readNpyHeader(reader, entry.path);
    const dtype = pixelTypes[header.descr];
    if (!dtype)
      refuse(
        entry.path,
        `found samples of ${describeDescr(header.descr)}; expected uint8 ('|u1') or float32 ('<f4'): use astype`,
      );
    const { shape, channelsLast } = shapeOf(entry.path, header.shape);
    const count = header.shape[0];
    if (count !== labels.length)
      refuse(
        entry.path,
        `has ${grouped(count)} samples; ${part.labelsName} has ${grouped(labels.length)} labels: expected one label for each sample`,
      );
    const sampleBytes = intake.begin(entry.path, shape, dtype);
    intake.spool.announce(entry.path, count);
    const piece = Math.max(1, Math.floor((1 << 20) / sampleBytes));
    for (let done = 0; done < count;) {
      const wanted = Math.min(piece, count - done);
      const bytes = await reader.read(wanted * sampleBytes);
      if (bytes.length < wanted * sampleBytes)
        refuse(
          entry.path,
          `ends before the last of its ${grouped(count)} samples`,
          done + Math.floor(bytes.length / sampleBytes),
        );
      const refuseAt = (index: number): never =>
        refuse(entry.path, "found a value that is not a finite number", done + Math.floor(index / sizeOf(shape)));
      const values = dtype === "float32" ? floatsOf(bytes, { bigEndian: false, refuseAt }) : bytes;
      await intake.add({
        file: entry.path,
        split,
        labels: labels.subarray(done, done + wanted),
        pixels: channelsLast ? channelsFirst(values, shape) : values,
      });
      done += wanted;
    }
  });
}

/** Row numbers are sample indices, counted from 0. */
async function readArrays(intake: Intake, archive: Archive): Promise<void> {
  const { entries } = archive;
  const arrays = new Map<string, ArchiveEntry>();
  for (const entry of entries) {
    const name = entry.path.replace(/\.npy$/, "");
    const key = /^([xy])_(train|test|val|valid|validation)$/.exec(name);
    const place = key ? `${key[1]}/${splitOf[key[2] ?? ""]}` : "";
    if (!key)
      intake.warn(
        `the array '${printable(name, 60)}' was not used: only x_train, y_train, x_test, y_test, x_val and y_val are`,
      );
    else if (arrays.has(place)) refuse(entry.path, "this split is there twice");
    else arrays.set(place, entry);
  }
  if (!arrays.has("x/train"))
    refuse(
      null,
      `found the arrays ${entries
        .slice(0, 10)
        .map((each) => printable(each.path, 60))
        .join(", ")}; expected x_train and y_train, perhaps x_test and y_test`,
    );
  for (const split of splitNames) {
    const [x, y] = [arrays.get(`x/${split}`), arrays.get(`y/${split}`)];
    if (!x && !y) continue;
    if (!x || !y)
      refuse((x ?? y)?.path ?? null, `stands alone; expected both samples and labels of the ${split} split`);
    if (split !== "train") intake.brought.add(split);
    const labels = await readLabels(intake, archive, y);
    intake.complaints.settle();
    await readSamples(intake, archive, { entry: x, labels, labelsName: y.path, split });
  }
}

export const npz: Format = {
  recognises: ({ archive }) => archive?.entries.some((entry) => /^[^/]+\.npy$/.test(entry.path)) ?? false,
  read: async (intake, { archive }) => {
    if (archive) await readArrays(intake, archive);
  },
};
