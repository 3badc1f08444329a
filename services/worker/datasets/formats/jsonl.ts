/** JSON lines: one object a line, {label, pixels | b64, split?}. */
import { splitNames, type Split } from "../../../../schemas/dataset.ts";
import { describeShape, sizeOf } from "../../../../schemas/shape.ts";
import type { Shape } from "../../../../schemas/shape.ts";
import { fromBase64 } from "../../../shared/base64.ts";
import { pictureKind } from "../../../shared/pictures.ts";
import { decode } from "../decode.ts";
import type { Intake } from "../intake.ts";
import { printable, refuse } from "../refused.ts";
import { channelsFirst } from "./arrays.ts";
import { singleFile } from "./format.ts";
import { hasTables, tablesOf } from "./tables.ts";
import type { Format } from "./format.ts";
import { linesOf, pixelsOf, shapeOfFlat, startOfText } from "./text.ts";
import type { Line } from "./text.ts";

const fields = ["label", "pixels", "b64", "split"];
const form = 'expected {"label": …, "pixels": [ … ]} or {"label": …, "b64": "…"}';

/** A complaint about one line. */
class LineFault extends Error {}

const isColour = (channels: number): boolean => channels === 1 || channels === 3;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Flat or nested numbers; nested lists say their own shape. */
function readNumbers(value: unknown): { values: number[]; sizes: number[] } {
  if (!Array.isArray(value))
    throw new LineFault(`found ${value === null ? "null" : typeof value} as pixels; expected a list of numbers`);
  const sizes: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) {
    sizes.push(level.length);
    if (sizes.length > 3) throw new LineFault("found pixels nested deeper than channels, rows and columns");
  }
  const values: number[] = [];
  const walk = (level: unknown, depth: number): void => {
    if (depth === sizes.length) {
      if (typeof level !== "number" || !Number.isFinite(Math.fround(level)))
        throw new LineFault(
          `found ${printable(JSON.stringify(level) ?? "nothing", 40)} at pixel ${values.length}; expected a number`,
        );
      values.push(level);
      return;
    }
    if (!Array.isArray(level) || level.length !== sizes[depth])
      throw new LineFault(
        `found lists of different lengths; expected ${sizes.join("×")} numbers, as the first of them say`,
      );
    for (const each of level) walk(each, depth + 1);
  };
  walk(value, 0);
  return { values, sizes };
}

class Lines {
  readonly #intake: Intake;
  readonly #file: string;
  readonly #split: Split;
  #shape: Shape | null = null;
  rows = 0;

  /** `split`: where lines go that do not say it. */
  constructor(options: { intake: Intake; file: string; split: Split }) {
    this.#intake = options.intake;
    this.#file = options.file;
    this.#split = options.split;
  }

  /** Nested lists say their own shape; of colour, where the channels stand. */
  #shapeOf(sizes: readonly number[]): Shape {
    const [first, second, third] = sizes;
    if (sizes.length === 3)
      return this.#channelsLast(sizes)
        ? { channels: third, height: first, width: second }
        : { channels: first, height: second, width: third };
    if (sizes.length === 2) return { channels: 1, height: first, width: second };
    const shape = shapeOfFlat(first, {
      size: this.#intake.wishedSize,
      channels: this.#intake.settings.channels ?? null,
    });
    if (!shape)
      throw new LineFault(
        `found ${first} pixels, which are no square picture, grey or RGB; give \`size\` as {"height":…,"width":…}`,
      );
    return shape;
  }

  #channelsLast(sizes: readonly number[]): boolean {
    const { order } = this.#intake.settings;
    if (sizes.length === 2) return false;
    if (order !== undefined || sizes.length === 1) return order === "hwc";
    return isColour(sizes[2]) && !isColour(sizes[0]);
  }

  #decideOrder(sizes: readonly number[], { channels }: Shape): void {
    if (channels === 1) return;
    const { order } = this.#intake.settings;
    const guessed = order === undefined && (sizes.length === 1 || (isColour(sizes[0]) && isColour(sizes[2])));
    this.#intake.decide("order", { value: this.#channelsLast(sizes) ? "hwc" : "chw", guessed });
    if (guessed)
      this.#intake.warn(
        "pixels were read as colour with one channel after the other (order=chw); if red, green and blue of each pixel stand side by side, give `order`=hwc",
      );
  }

  async #addValues(
    pixels: Uint8Array | Float32Array,
    place: { sizes: readonly number[]; label: number; split: Split },
  ): Promise<void> {
    const { sizes, label, split } = place;
    if (!this.#shape) {
      const shape = this.#shapeOf(sizes);
      this.#decideOrder(sizes, shape);
      this.#intake.begin(this.#file, shape, "uint8");
      this.#shape = shape;
    }
    const known = this.#shape;
    const agrees =
      sizes.length === 1 ? sizes[0] === sizeOf(known) : describeShape(this.#shapeOf(sizes)) === describeShape(known);
    if (!agrees)
      throw new LineFault(
        `found ${sizes.join("×")} pixels; expected ${sizeOf(known)} (${describeShape(known)}), as in the first line`,
      );
    if (this.#intake.complaints.any || label < 0) return;
    await this.#intake.add({
      file: this.#file,
      split,
      labels: Int32Array.of(label),
      pixels: this.#channelsLast(sizes) ? channelsFirst(pixels, known) : pixels,
    });
  }

  async #addBase64(text: unknown, place: { label: number; split: Split; row: number }): Promise<void> {
    const bytes = typeof text === "string" ? fromBase64(text) : null;
    if (bytes === null || bytes.length === 0)
      throw new LineFault("found a b64 that is not Base64; expected a picture or raw uint8 pixels in Base64");
    if (pictureKind(bytes) === null) {
      await this.#addValues(new Uint8Array(bytes), { ...place, sizes: [bytes.length] });
      return;
    }
    if (this.#shape) throw new LineFault("found a picture; expected pixels, as in the lines before");
    const decoded = await decode(this.#intake, bytes);
    if ("refused" in decoded) throw new LineFault(decoded.refused, { cause: decoded.cause });
    for (const note of decoded.sample.notes) this.#intake.warn(`some pictures ${note}`);
    this.#intake.addPicture(
      { file: this.#file, row: place.row },
      { split: place.split, label: place.label, sample: decoded.sample },
    );
  }

  async take({ number, bytes }: Line): Promise<void> {
    const text = bytes.toString("utf8");
    if (text.trim() === "") return;
    this.rows += 1;
    try {
      await this.#read(text, number);
    } catch (error) {
      if (!(error instanceof LineFault)) throw error;
      this.#intake.complaints.add(this.#file, number, error.message, error.cause);
    }
  }

  async #read(text: string, row: number): Promise<void> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new LineFault(`found ${printable(text, 40)}, which is no JSON; ${form}`, { cause: error });
    }
    if (!isRecord(value)) throw new LineFault(`found ${Array.isArray(value) ? "a list" : String(value)}; ${form}`);
    const unknown = Object.keys(value).find((key) => !fields.includes(key));
    if (unknown !== undefined)
      throw new LineFault(`found the unknown field '${printable(unknown, 40)}'; fields here are ${fields.join(", ")}`);
    if ("pixels" in value === "b64" in value)
      throw new LineFault(`found ${"pixels" in value ? "both pixels and b64" : "neither pixels nor b64"}; ${form}`);
    const { label: given, split: asked = this.#split } = value;
    if (typeof given !== "string" && typeof given !== "number")
      throw new LineFault(
        `found ${given === undefined ? "no label" : `a label of type ${typeof given}`}; expected a number or a name`,
      );
    const split = splitNames.find((each) => each === asked);
    if (split === undefined)
      throw new LineFault(
        `found the split ${printable(JSON.stringify(asked) ?? "", 40)}; expected train, validation or test`,
      );
    if (split !== "train") this.#intake.brought.add(split);
    const label = this.#intake.labels.of(given, { file: this.#file, row });
    if ("b64" in value) return this.#addBase64(value["b64"], { label, split, row });
    const { values, sizes } = readNumbers(value["pixels"]);
    return this.#addValues(pixelsOf(values), { sizes, label, split });
  }
}

export const jsonLines: Format = {
  name: "jsonl",
  recognises: (source) => {
    if (source.archive) return hasTables(source.archive, "jsonl");
    const head = singleFile(source)?.head;
    return head !== undefined && !head.includes(0) && startOfText(head).startsWith("{");
  },
  async read(intake, source) {
    for (const { file, split } of await tablesOf(intake, source, "jsonl")) {
      const { stream } = await file.open();
      const lines = new Lines({ intake, file: file.name, split });
      for await (const line of linesOf(stream, { file: file.name, limits: intake.limits })) await lines.take(line);
      intake.complaints.settle();
      if (lines.rows === 0) refuse(file.name, `found no lines of data; ${form}`);
    }
  },
};
