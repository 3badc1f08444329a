/**
 * Arrays of samples and of labels, whatever they are kept in: a header says the type and the sizes, the values follow.
 * Row numbers in problems are sample indices, counted from 0.
 */
import type { Dtype, Split } from "../../../../schemas/dataset.ts";
import { describeShape, sizeOf } from "../../../../schemas/shape.ts";
import type { Shape } from "../../../../schemas/shape.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
import type { Intake } from "../intake.ts";
import { refuse } from "../refused.ts";
import { ByteReader } from "./byte-reader.ts";
import type { SourceFile } from "./format.ts";
import { pixelsOf, shapeOfFlat } from "./text.ts";

export type Role = "samples" | "labels";

export interface ElementType {
  /** As numpy calls it, such as int64. */
  name: string;
  bytes: number;
  kind: "integer" | "float" | "text";
  read(bytes: Buffer, at: number): number | string;
}

export interface ArrayHeader {
  type: ElementType;
  sizes: readonly number[];
}

/** A way to keep an array in a file. */
export interface ArrayKind {
  recognises(head: Buffer): boolean;
  /** Reads up to the first value. `role` lets a refusal say what was expected. Throws DatasetRefused. */
  readHeader(reader: ByteReader, file: string, role: Role): Promise<ArrayHeader>;
  /** What a sample is called, and what an array of `count` ends with, in sentences. */
  words: { sample: string; end: (count: number) => string };
}

export interface ArrayPair {
  split: Split;
  samples: { file: SourceFile; kind: ArrayKind };
  labels: { file: SourceFile; kind: ArrayKind };
}

const pieceBytes = 1 << 20;
const labelsAtOnce = 65_536;

/** Opens an array, reads its header, and after `use` sees that nothing follows. */
async function withArray<Result>(
  { file, kind }: ArrayPair["samples"],
  role: Role,
  use: (header: ArrayHeader, reader: ByteReader) => Promise<Result>,
): Promise<Result> {
  const opened = await file.open();
  const reader = new ByteReader(opened.stream);
  try {
    const header = await kind.readHeader(reader, file.name, role);
    const result = await use(header, reader);
    if (!(await reader.atEnd())) {
      const rest = grouped(await reader.countRest(1 << 30));
      refuse(
        file.name,
        `found ${rest} bytes after the last ${kind.words.end(header.sizes[0])}; expected the file to end there`,
      );
    }
    return result;
  } finally {
    await reader.close();
  }
}

function requireLabelSizes(file: string, { sizes, type }: ArrayHeader): number {
  const [count, width = 1] = sizes;
  const spelled = sizes.join(", ");
  if (sizes.length === 2 && width > 1)
    refuse(
      file,
      `found labels of shape (${spelled}), perhaps one-hot; expected one number a sample: use argmax(axis=1)`,
    );
  if (sizes.length !== 1 && sizes.length !== 2)
    refuse(file, `found labels of shape (${spelled}) and type ${type.name}; expected (N,) or (N, 1)`);
  return count;
}

async function readLabels(intake: Intake, labels: ArrayPair["labels"]): Promise<Int32Array> {
  const { file } = labels;
  return withArray(labels, "labels", async (header, reader) => {
    const count = requireLabelSizes(file.name, header);
    const { type } = header;
    if (count > intake.limits.MAX_SAMPLES) intake.spool.announce(file.name, count);
    const found = new Int32Array(Math.min(count, intake.limits.MAX_SAMPLES));
    for (let done = 0; done < count;) {
      const wanted = Math.min(labelsAtOnce, count - done);
      const bytes = await reader.read(wanted * type.bytes);
      const got = Math.floor(bytes.length / type.bytes);
      for (let at = 0; at < got; at++)
        found[done + at] = intake.labels.of(type.read(bytes, at), { file: file.name, row: done + at });
      done += got;
      if (got < wanted)
        refuse(file.name, `ends after ${grouped(done)} labels; its header says ${grouped(count)}`, done);
    }
    return found;
  });
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

interface SampleForm {
  shape: Shape;
  channelsLast: boolean;
}

function flatForm(intake: Intake, file: string, values: number): SampleForm {
  const { settings, wishedSize } = intake;
  const shape = shapeOfFlat(values, { size: wishedSize, channels: settings.channels ?? null });
  if (!shape)
    return refuse(
      file,
      `found rows of ${values} values, which are no square picture, grey or RGB; give \`size\` as {"height":…,"width":…}, or reshape the rows to pictures`,
    );
  if (shape.channels === 1) return { shape, channelsLast: false };
  if (settings.order === undefined)
    intake.warn(
      `rows of ${file} were read as colour of ${describeShape(shape)} with one channel after the other (order=chw); if red, green and blue of each pixel stand side by side, give \`order\`=hwc`,
    );
  intake.decide("order", { value: settings.order ?? "chw", guessed: settings.order === undefined });
  return { shape, channelsLast: settings.order === "hwc" };
}

const isColour = (channels: number): boolean => channels === 1 || channels === 3;

/** N,H,W is grey. Four sizes are N,H,W,C, or N,C,H,W where only that makes sense or the settings say so. */
function formOf(intake: Intake, file: string, sizes: readonly number[]): SampleForm {
  const [, first, second, third] = sizes;
  if (sizes.length === 2) return flatForm(intake, file, first);
  if (sizes.length === 3) return { shape: { channels: 1, height: first, width: second }, channelsLast: false };
  const last = isColour(third);
  const before = isColour(first);
  if (sizes.length !== 4 || (!last && !before))
    return refuse(
      file,
      `found samples of shape (${sizes.join(", ")}); expected (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels, or (N, values)${third === 4 ? ": leave transparency out, x[..., :3]" : ""}`,
    );
  const { order } = intake.settings;
  const channelsLast = order === undefined ? last : order === "hwc";
  if (channelsLast ? !last : !before)
    refuse(
      file,
      `found samples of shape (${sizes.join(", ")}), and \`order\` is ${order}; expected 1 or 3 channels there`,
    );
  const shape = channelsLast
    ? { channels: third, height: first, width: second }
    : { channels: first, height: second, width: third };
  const open = order === undefined && last && before && first !== third;
  if (shape.channels > 1 || open) intake.decide("order", { value: channelsLast ? "hwc" : "chw", guessed: open });
  if (open)
    intake.warn(
      `samples of ${file} have the shape (${sizes.join(", ")}), which was read as height, width, channels: give \`order\`=chw if channels stand first`,
    );
  return { shape, channelsLast };
}

/** The values of a piece: whole numbers as uint8 where that loses nothing, all else as float32. */
function valuesOf(
  bytes: Buffer,
  { type, refuseAt }: { type: ElementType; refuseAt: (index: number, found: unknown) => never },
): Uint8Array | Float32Array {
  if (type.name === "uint8" || type.name === "bool") return bytes;
  const count = bytes.length / type.bytes;
  const values = type.kind === "float" ? new Float32Array(count) : new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const value = Number(type.read(bytes, at));
    if (!Number.isFinite(Math.fround(value))) refuseAt(at, value);
    values[at] = value;
  }
  return values instanceof Float32Array ? values : pixelsOf(values);
}

async function readSamples(intake: Intake, pair: ArrayPair, labels: Int32Array): Promise<void> {
  const { samples, split } = pair;
  const { file, kind } = samples;
  const { sample: word } = kind.words;
  await withArray(samples, "samples", async ({ type, sizes }, reader) => {
    if (type.kind === "text") refuse(file.name, `found ${word}s of ${type.name}; expected numbers`);
    const count = sizes[0];
    if (count !== labels.length)
      refuse(
        file.name,
        `its header says ${grouped(count)} ${word}s; ${pair.labels.file.name} has ${grouped(labels.length)} labels: expected one label for each ${word}`,
      );
    const { shape, channelsLast } = formOf(intake, file.name, sizes);
    const dtype: Dtype = type.kind === "float" ? "float32" : "uint8";
    intake.begin(file.name, shape, dtype);
    intake.spool.announce(file.name, count);
    const size = sizeOf(shape);
    const sampleBytes = size * type.bytes;
    const piece = Math.max(1, Math.floor(pieceBytes / sampleBytes));
    for (let done = 0; done < count;) {
      const wanted = Math.min(piece, count - done);
      const bytes = await reader.read(wanted * sampleBytes);
      if (bytes.length < wanted * sampleBytes) {
        const whole = done + Math.floor(bytes.length / sampleBytes);
        refuse(
          file.name,
          `ends after ${grouped(whole)} of the ${grouped(count)} ${word}s its header says: was the upload or the copy cut off?`,
          whole,
        );
      }
      const refuseAt = (index: number): never =>
        refuse(file.name, "found a value that is not a finite number", done + Math.floor(index / size));
      const values = valuesOf(bytes, { type, refuseAt });
      await intake.add({
        file: file.name,
        split,
        labels: labels.subarray(done, done + wanted),
        pixels: channelsLast ? channelsFirst(values, shape) : values,
      });
      done += wanted;
    }
  });
}

/** Labels first: they are few, and samples are read only if there are as many. */
export async function readPair(intake: Intake, pair: ArrayPair): Promise<void> {
  const labels = await readLabels(intake, pair.labels);
  intake.complaints.settle();
  await readSamples(intake, pair, labels);
}
