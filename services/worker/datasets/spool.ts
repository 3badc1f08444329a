/**
 * Samples on their way to disk: one file a split in the engine's form, written as they come. Only the labels stay in
 * memory (4 bytes a sample).
 */
import { closeSync, fstatSync, openSync, readSync, renameSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { splitNames, type Dtype, type Split } from "../../../schemas/dataset.ts";
import { describeShape, sizeOf } from "../../../schemas/shape.ts";
import type { Shape } from "../../../schemas/shape.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { grouped, nameLimit } from "../../shared/dataset-limits.ts";
import { refuse } from "./refused.ts";

export const bytesOf: Record<Dtype, number> = { uint8: 1, float32: 4 };
const bufferBytes = 1 << 20;
/** The disk is asked whether it has room before each piece of so many bytes. */
const askEveryBytes = 16 << 20;

/** Appends to a file through a buffer of 1 MiB. Throws ENOSPC where less than `leaveBytes` of the disk are left. */
export class FileWriter {
  readonly path: string;
  readonly #leaveBytes: number;
  #unasked = askEveryBytes;
  readonly #file: number;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #used = 0;

  constructor(path: string, leaveBytes: number) {
    this.path = path;
    this.#leaveBytes = leaveBytes;
    this.#file = openSync(path, "w");
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > bufferBytes - this.#used) this.flush();
    if (bytes.length > bufferBytes) {
      this.#writeAll(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  flush(): void {
    this.#writeAll(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  #requireSpace(bytes: number): void {
    this.#unasked += bytes;
    if (this.#unasked < askEveryBytes) return;
    this.#unasked = 0;
    const { bavail, bsize } = statfsSync(dirname(this.path));
    if (bavail * bsize - bytes >= this.#leaveBytes) return;
    const detail = `${bavail * bsize} bytes of the disk are free, and ${this.#leaveBytes} of them stay free`;
    throw Object.assign(new Error(detail), { code: "ENOSPC" });
  }

  #writeAll(bytes: Uint8Array): void {
    this.#requireSpace(bytes.length);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at, bytes.length - at);
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }
}

/** Walks a file in pieces of a whole number of `unit` bytes, about 1 MiB each. The piece is valid until the next. */
export function* readPieces(path: string, unit: number): Generator<Buffer, void, undefined> {
  const file = openSync(path, "r");
  const whole = Math.ceil(fstatSync(file).size / unit);
  const piece = Buffer.alloc(Math.max(1, Math.min(whole, Math.floor(bufferBytes / unit))) * unit);
  try {
    for (;;) {
      let filled = 0;
      while (filled < piece.length) {
        const got = readSync(file, piece, filled, piece.length - filled, null);
        if (got === 0) break;
        filled += got;
      }
      if (filled === 0) return;
      yield piece.subarray(0, filled);
      if (filled < piece.length) return;
    }
  } finally {
    closeSync(file);
  }
}

/** A list of class indices that grows by doubling, outside the JavaScript heap. */
export class LabelList {
  #values = new Int32Array(1024);
  length = 0;

  push(label: number): void {
    this.#reserve(1);
    this.#values[this.length++] = label;
  }

  pushAll(labels: Int32Array): void {
    this.#reserve(labels.length);
    this.#values.set(labels, this.length);
    this.length += labels.length;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#values.length) return;
    const grown = new Int32Array(Math.max(this.#values.length * 2, this.length + more));
    grown.set(this.#values.subarray(0, this.length));
    this.#values = grown;
  }

  get values(): Int32Array {
    return this.#values.subarray(0, this.length);
  }
}

interface SplitSpool {
  writer: FileWriter;
  labels: LabelList;
}

export interface SpooledSplit {
  path: string;
  labels: Int32Array;
}

const asBytes = (values: Uint8Array | Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

export class Spool {
  readonly #directory: string;
  readonly #limits: DatasetLimits;
  readonly #splits = new Map<Split, SplitSpool>();
  #shape: Shape | null = null;
  #shapeFrom = "";
  #dtype: Dtype = "uint8";
  #count = 0;

  constructor(options: { directory: string; limits: DatasetLimits }) {
    this.#directory = options.directory;
    this.#limits = options.limits;
  }

  get shape(): Shape | null {
    return this.#shape;
  }

  get dtype(): Dtype {
    return this.#dtype;
  }

  /**
   * The first call fixes the shape; a later one must agree. Grey becomes RGB, and uint8 float32, where a later file
   * needs it.
   */
  begin(file: string, shape: Shape, dtype: Dtype): void {
    const known = this.#shape;
    if (known && (known.height !== shape.height || known.width !== shape.width)) {
      refuse(
        file,
        `found samples of ${shape.height}×${shape.width} (height×width); expected ${known.height}×${known.width}, as in ${this.#shapeFrom}`,
      );
    }
    if (known && known.channels !== shape.channels)
      refuse(
        file,
        `found samples of shape ${describeShape(shape)}; expected ${describeShape(known)}, as in ${this.#shapeFrom}`,
      );
    if (!known) {
      this.#shape = shape;
      this.#shapeFrom = file;
      this.#dtype = dtype;
    } else if (dtype === "float32" && this.#dtype === "uint8") this.toFloat32();
  }

  #open(split: Split): SplitSpool {
    let spool = this.#splits.get(split);
    if (!spool) {
      spool = {
        writer: new FileWriter(join(this.#directory, `${split}.spool`), this.#limits.MIN_FREE_BYTES),
        labels: new LabelList(),
      };
      this.#splits.set(split, spool);
    }
    return spool;
  }

  #bound(file: string, more: number): void {
    this.#count += more;
    if (this.#count > this.#limits.MAX_SAMPLES)
      refuse(file, `has more than ${nameLimit(this.#limits, "MAX_SAMPLES")} samples`);
    if (!this.#shape) return;
    const bytes = this.#count * sizeOf(this.#shape) * bytesOf[this.#dtype];
    if (bytes > this.#limits.MAX_DATASET_BYTES)
      refuse(
        file,
        `makes more than ${nameLimit(this.#limits, "MAX_DATASET_BYTES")} bytes of samples (${grouped(this.#count)} of ${describeShape(this.#shape)} ${this.#dtype})`,
      );
  }

  /** Throws the refusal that add would end in, before anything is read. */
  announce(file: string, samples: number): void {
    this.#bound(file, samples);
    this.#count -= samples;
  }

  /** One or more samples [n][channels][height][width]; float values on a uint8 spool turn all of it into float32. */
  add(options: { file: string; split: Split; labels: Int32Array; pixels: Uint8Array | Float32Array }): void {
    const { file, split, labels, pixels } = options;
    if (pixels instanceof Float32Array && this.#dtype === "uint8") this.toFloat32();
    this.#bound(file, labels.length);
    const spool = this.#open(split);
    spool.labels.pushAll(labels);
    spool.writer.write(
      this.#dtype === "float32" && pixels instanceof Uint8Array ? asBytes(Float32Array.from(pixels)) : asBytes(pixels),
    );
  }

  /** Rewrites what stands on disk; the labels stay. */
  #rewrite(unit: number, change: (piece: Buffer) => Uint8Array): void {
    for (const spool of this.#splits.values()) {
      spool.writer.close();
      const { path } = spool.writer;
      renameSync(path, `${path}.old`);
      spool.writer = new FileWriter(path, this.#limits.MIN_FREE_BYTES);
      for (const piece of readPieces(`${path}.old`, unit)) spool.writer.write(change(piece));
      unlinkSync(`${path}.old`);
    }
    this.#bound(this.#shapeFrom, 0);
  }

  toFloat32(): void {
    if (this.#dtype === "float32") return;
    this.#dtype = "float32";
    this.#rewrite(1, (piece) => asBytes(Float32Array.from(piece)));
  }

  /** Grey samples become RGB with three equal planes. */
  toColour(): void {
    const grey = this.#shape;
    if (!grey || grey.channels === 3) return;
    this.#shape = { ...grey, channels: 3 };
    const unit = sizeOf(grey) * bytesOf[this.#dtype];
    this.#rewrite(unit, (piece) => {
      const wide = new Uint8Array(piece.length * 3);
      for (let at = 0; at < piece.length; at += unit)
        for (let plane = 0; plane < 3; plane++) wide.set(piece.subarray(at, at + unit), at * 3 + plane * unit);
      return wide;
    });
  }

  /** Ends the writing. */
  close(): Map<Split, SpooledSplit> {
    const found = new Map<Split, SpooledSplit>();
    for (const split of splitNames) {
      const spool = this.#splits.get(split);
      if (!spool) continue;
      spool.writer.close();
      found.set(split, { path: spool.writer.path, labels: spool.labels.values });
    }
    return found;
  }
}
