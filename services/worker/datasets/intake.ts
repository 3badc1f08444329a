/**
 * Where every parser delivers: labels become indices, samples are brought to the wished channels and size, and go to
 * the spool.
 */
import type { Conversion, Dtype, Interpretation, Split, UploadSettings, ValueRange } from "../../../schemas/dataset.ts";
import { describeShape, sizeOf } from "../../../schemas/shape.ts";
import type { Shape } from "../../../schemas/shape.ts";
import type { Sample } from "../../shared/pictures.ts";
import { LabelBook } from "./labels.ts";
import type { Place } from "./labels.ts";
import { grouped } from "../../shared/dataset-limits.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { refuse } from "./refused.ts";
import type { Complaints } from "./refused.ts";
import { resizeSample } from "./resize.ts";
import { Spool, bytesOf } from "./spool.ts";
import { PixelBudget } from "./pixel-budget.ts";

export interface IntakeOptions {
  directory: string;
  settings: UploadSettings;
  limits: DatasetLimits;
  complaints: Complaints;
}

export interface Delivery {
  file: string;
  split: Split;
  /** Class indices from `labels`. */
  labels: Int32Array;
  /** [n][channels][height][width] of the shape last begun. */
  pixels: Uint8Array | Float32Array;
}

const mostSide = 4096;
const manyWarnings = 50;

/** ITU-R BT.601 luma. */
function toGrey(pixels: Uint8Array | Float32Array, area: number): Uint8Array | Float32Array {
  const samples = pixels.length / (3 * area);
  const grey = pixels instanceof Uint8Array ? new Uint8ClampedArray(samples * area) : new Float32Array(samples * area);
  for (let sample = 0; sample < samples; sample++) {
    const from = sample * 3 * area;
    for (let at = 0; at < area; at++)
      grey[sample * area + at] =
        0.299 * pixels[from + at] + 0.587 * pixels[from + area + at] + 0.114 * pixels[from + 2 * area + at];
  }
  return grey instanceof Float32Array ? grey : new Uint8Array(grey.buffer);
}

function toColour(pixels: Uint8Array | Float32Array, area: number): Uint8Array | Float32Array {
  const samples = pixels.length / area;
  const colour = pixels instanceof Uint8Array ? new Uint8Array(pixels.length * 3) : new Float32Array(pixels.length * 3);
  for (let sample = 0; sample < samples; sample++) {
    const plane = pixels.subarray(sample * area, (sample + 1) * area);
    for (let channel = 0; channel < 3; channel++) colour.set(plane, (sample * 3 + channel) * area);
  }
  return colour;
}

export class Intake {
  readonly settings: UploadSettings;
  readonly limits: DatasetLimits;
  readonly complaints: Complaints;
  readonly labels: LabelBook;
  readonly spool: Spool;
  readonly pixels: PixelBudget;
  readonly warnings: string[] = [];
  /** Whether the upload itself brought these splits. */
  readonly brought = new Set<Split>();
  /** Where labels were looked for, if nothing in the upload said where. */
  labelsGuessed: string | null = null;
  readonly #decisions: Partial<Interpretation> = {};
  #source: Shape | null = null;
  readonly #pictures = { grey: 0, colour: 0 };

  constructor({ directory, settings, limits, complaints }: IntakeOptions) {
    this.settings = settings;
    this.limits = limits;
    this.complaints = complaints;
    this.labels = new LabelBook({ classes: settings.classes ?? null, limits, complaints });
    this.spool = new Spool({ directory, limits });
    this.pixels = new PixelBudget(limits);
  }

  warn(text: string): void {
    if (this.warnings.length < manyWarnings && !this.warnings.includes(text)) this.warnings.push(text);
  }

  /**
   * Notes what was decided about the upload. The first file decides; what is read later must agree with it.
   */
  decide<Key extends keyof Interpretation>(key: Key, decision: NonNullable<Interpretation[Key]>): void {
    this.#decisions[key] ??= decision;
  }

  /** What an earlier file of the upload decided. */
  decided<Key extends keyof Interpretation>(key: Key): Interpretation[Key] | undefined {
    return this.#decisions[key];
  }

  /** All that was decided. `range` is known when the last sample was read. */
  interpretation(range: Interpretation["range"]): Interpretation {
    const none = {
      delimiter: null,
      header: null,
      labelColumn: null,
      splitColumn: null,
      skippedColumns: null,
      order: null,
      labels: null,
    };
    const { format } = this.#decisions;
    if (!format) throw new Error("no format said what it read");
    return { ...none, ...this.#decisions, format, range };
  }

  /** Whether the samples came as pictures, whose values go from 0 to 255 whatever stands in them. */
  get arePictures(): boolean {
    return this.#pictures.grey + this.#pictures.colour > 0;
  }

  /** The wished size as height and width. */
  get wishedSize(): { height: number; width: number } | null {
    const { size } = this.settings;
    if (size === undefined) return null;
    return typeof size === "number" ? { height: size, width: size } : size;
  }

  /** Samples of this shape follow. Returns how many bytes one has. */
  begin(file: string, shape: Shape, dtype: Dtype): number {
    if (shape.channels !== 1 && shape.channels !== 3)
      refuse(file, `found ${shape.channels} channels (${describeShape(shape)}); expected 1 (grey) or 3 (RGB)`);
    if (shape.height < 1 || shape.width < 1 || shape.height > mostSide || shape.width > mostSide)
      refuse(
        file,
        `found samples of ${shape.height}×${shape.width} (height×width); expected 1 to ${mostSide} along each side`,
      );
    const size = this.wishedSize;
    if (size && dtype === "float32" && (size.height !== shape.height || size.width !== shape.width)) {
      refuse(
        file,
        `found float32 samples of ${shape.height}×${shape.width} and the wish for ${size.height}×${size.width}; expected uint8 samples where they are to be resized, or no \`size\``,
      );
    }
    this.#source = shape;
    this.spool.begin(
      file,
      { channels: this.settings.channels ?? shape.channels, ...(size ?? { height: shape.height, width: shape.width }) },
      dtype,
    );
    return sizeOf(shape) * bytesOf[dtype];
  }

  /** Samples whose label is below 0 were complained of and are left out. */
  async add({ file, split, labels, pixels }: Delivery): Promise<void> {
    const source = this.#source;
    const target = this.spool.shape;
    if (!source || !target) throw new Error("begin comes before the first sample");
    if (labels.includes(-1)) return this.#addGood({ file, split, labels, pixels }, sizeOf(source));
    let converted = pixels;
    let channels = source.channels;
    const area = source.height * source.width;
    if (channels === 3 && target.channels === 1) {
      converted = toGrey(converted, area);
      channels = 1;
    }
    const sized = source.height === target.height && source.width === target.width;
    if (!sized && converted instanceof Float32Array)
      refuse(
        file,
        `found values that are not whole numbers from 0 to 255, and the wish for ${target.height}×${target.width}; expected uint8 samples where they are to be resized, or no \`size\``,
      );
    if (converted instanceof Uint8Array && !sized) converted = await this.#resize(converted, { ...source, channels });
    if (channels === 1 && target.channels === 3) converted = toColour(converted, target.height * target.width);
    this.spool.add({ file, split, labels, pixels: converted });
  }

  async #addGood(delivery: Delivery, unit: number): Promise<void> {
    const good = [...delivery.labels.keys()].filter((at) => delivery.labels[at] >= 0);
    if (good.length === 0) return;
    const pixels = delivery.pixels.slice(0, good.length * unit);
    for (const [to, from] of good.entries())
      pixels.set(delivery.pixels.subarray(from * unit, (from + 1) * unit), to * unit);
    await this.add({ ...delivery, labels: Int32Array.from(good, (at) => delivery.labels[at]), pixels });
  }

  /** One decoded picture. The first decides the size; the first in colour makes the whole set RGB. */
  addPicture(place: Place, { split, label, sample }: { split: Split; label: number; sample: Sample }): void {
    const shape = { channels: sample.channels, height: sample.height, width: sample.width };
    if (!this.spool.shape) this.begin(place.file, shape, "uint8");
    const known = this.spool.shape ?? shape;
    if (known.height !== shape.height || known.width !== shape.width) {
      this.complaints.add(
        place.file,
        place.row,
        `found a picture of ${shape.height}×${shape.width} (height×width); expected ${known.height}×${known.width} like the first one: give \`size\` to have all resized`,
      );
      return;
    }
    if (this.complaints.any) return;
    this.#pictures[shape.channels === 3 ? "colour" : "grey"] += 1;
    if (shape.channels === 3) this.spool.toColour();
    const colour = this.spool.shape?.channels === 3 && shape.channels === 1;
    const pixels = colour ? toColour(sample.pixels, shape.height * shape.width) : sample.pixels;
    this.spool.add({ file: place.file, split, labels: Int32Array.of(label), pixels });
  }

  /** Says that grey pictures and colour ones became one kind. */
  warnOfMixture(): void {
    const { grey, colour } = this.#pictures;
    if (grey > 0 && colour > 0)
      this.warn(
        `${grouped(grey)} grey picture${grey === 1 ? " was" : "s were"} made RGB like the ${grouped(colour)} in colour: give \`channels\` to decide otherwise`,
      );
  }

  async #resize(pixels: Uint8Array, from: Shape): Promise<Uint8Array> {
    const to = this.wishedSize ?? from;
    const unit = sizeOf(from);
    const channels = from.channels === 3 ? 3 : 1;
    const parts: Uint8Array[] = [];
    for (let at = 0; at < pixels.length; at += unit) {
      parts.push(
        await resizeSample(
          pixels.subarray(at, at + unit),
          { channels, height: from.height, width: from.width },
          { ...to, fit: this.settings.fit },
        ),
      );
    }
    return Buffer.concat(parts);
  }

  /** How new inputs are to be converted to fit. */
  conversion({ channels, height, width }: Shape, range: ValueRange): Conversion {
    const { fit, background } = this.settings;
    return { channels: channels === 3 ? 3 : 1, height, width, fit, background, range };
  }
}
