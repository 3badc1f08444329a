/** Tables: a label and pixels a row, as Kaggle gives MNIST. Rows are named by their line; a row is one line. */
import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import type { Intake } from "../intake.ts";
import { printable, refuse } from "../refused.ts";
import { strangerOf } from "../strangers.ts";
import { singleFile } from "./format.ts";
import type { Format } from "./format.ts";
import { linesOf, pixelsOf, shapeOfFlat, textOf } from "./text.ts";
import type { Line } from "./text.ts";

const delimiters = [",", ";", "\t", "|"] as const;
const labelNames = new Set(["label", "labels", "class", "target", "y", "digit", "category"]);

/** The most frequent separator of the first line, outside quotes; blanks where there is none. */
export function findDelimiter(head: Buffer): string {
  const line = (textOf(head).split(/\r?\n/, 1)[0] ?? "").replace(/"[^"]*"/g, "");
  const counts = delimiters.map((delimiter) => ({ delimiter, count: line.split(delimiter).length - 1 }));
  const best = counts.reduce((left, right) => (right.count > left.count ? right : left));
  return best.count > 0 ? best.delimiter : " ";
}

/** The number a field spells in decimal; NaN for all else. */
export function numberOf(field: string): number {
  const value = Number(field);
  if (Number.isInteger(value) && value >= 0 && value <= 255 && field.length <= 3 && field !== "")
    return field.includes("x") || field.trim() === "" ? Number.NaN : value;
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(field) && Math.abs(value) <= 3.4028234663852886e38
    ? value
    : Number.NaN;
}

const labelsGuessed = "the first column, since no header names another `label`";
const isLabelName = (field: string | undefined): boolean =>
  field !== undefined && labelNames.has(field.trim().toLowerCase());

/** A header names its label column, or holds words where numbers would be. */
export function isHeader(fields: readonly string[]): boolean {
  if (isLabelName(fields[0]) || isLabelName(fields.at(-1))) return true;
  const words = fields.filter((field) => Number.isNaN(numberOf(field))).length;
  return words > fields.length / 2;
}

/** The fields of a line that has more than digits in it. */
function splitRow(text: string, delimiter: string): string[] {
  if (text.includes('"')) return parse(text, { delimiter, relax_column_count: true })[0] ?? [];
  return delimiter === " " ? text.trim().split(/ +/) : text.split(delimiter);
}

/** Writes the numbers of a line of digits and delimiters alone into `values`; their count, or −1 for any other line. */
export function readDigits(bytes: Uint8Array, delimiter: number, values: Float64Array): number {
  let count = 0;
  let value = 0;
  let digits = 0;
  for (let at = 0; at <= bytes.length; at++) {
    const byte = at === bytes.length ? delimiter : bytes[at];
    if (byte === delimiter) {
      if (digits === 0 || count === values.length) return -1;
      values[count++] = value;
      value = 0;
      digits = 0;
    } else if (byte >= 48 && byte <= 57 && digits < 9) {
      value = value * 10 + byte - 48;
      digits += 1;
    } else return -1;
  }
  return count;
}

class Table {
  readonly #intake: Intake;
  readonly #file: string;
  readonly #delimiter: string;
  #columns = 0;
  #labelColumn = 0;
  #columnsFrom = "";
  /** The numbers of a row, its label among them. */
  #row = new Float64Array();
  rows = 0;

  constructor(options: { intake: Intake; file: string; delimiter: string }) {
    this.#intake = options.intake;
    this.#file = options.file;
    this.#delimiter = options.delimiter;
  }

  #first(fields: readonly string[], line: number): void {
    this.#columns = fields.length;
    this.#columnsFrom = `line ${line}`;
    if (fields.length < 2)
      refuse(
        this.#file,
        `found one column (separated by '${this.#delimiter === "\t" ? "tab" : this.#delimiter}'); expected a label and pixels`,
        line,
      );
    const { settings } = this.#intake;
    const wish = { size: this.#intake.wishedSize, channels: settings.channels ?? null };
    const shape = shapeOfFlat(fields.length - 1, wish);
    if (!shape)
      refuse(
        this.#file,
        `found ${fields.length - 1} columns beside the label, which are no square picture, grey or RGB; ${this.#howElse(fields, wish)}`,
        line,
      );
    this.#intake.begin(this.#file, shape, "uint8");
    this.#row = new Float64Array(fields.length);
  }

  /** What the columns may be instead. */
  #howElse(fields: readonly string[], wish: Parameters<typeof shapeOfFlat>[1]): string {
    const stray = isHeader(fields) ? fields.findIndex((field) => /^\s*(id|index|unnamed: 0)?\s*$/i.test(field)) : -1;
    if (stray >= 0)
      return `column ${stray + 1} ('${printable(fields[stray] ?? "", 40)}') looks like no pixel: leave it out (pandas: index=False)`;
    const unlabelled =
      shapeOfFlat(fields.length, wish) && !fields.some(isLabelName)
        ? ` (all ${fields.length} together would be one: is the label missing?)`
        : "";
    return `give \`size\` as {"height":…,"width":…}${unlabelled}`;
  }

  async take({ number, bytes }: Line): Promise<void> {
    if (
      this.#columns > 0 &&
      !this.#intake.labels.named &&
      readDigits(bytes, this.#delimiter.charCodeAt(0), this.#row) === this.#columns
    ) {
      const label = this.#intake.labels.ofNumber(this.#row[this.#labelColumn], { file: this.#file, row: number });
      await this.#deliver(label);
      return;
    }
    const text = bytes.toString("utf8");
    if (text.trim() !== "") await this.#takeText(text, number);
  }

  async #takeText(text: string, line: number): Promise<void> {
    const fields = this.#split(text, line);
    if (this.#columns === 0) {
      this.#first(fields, line);
      if (isHeader(fields)) {
        const named = fields.findIndex((field) => isLabelName(field));
        this.#labelColumn = Math.max(0, named);
        if (named < 0) this.#intake.labelsGuessed = labelsGuessed;
        return;
      }
      this.#intake.labelsGuessed = labelsGuessed;
    }
    if (fields.length !== this.#columns) {
      this.#intake.complaints.add(
        this.#file,
        line,
        `found ${fields.length} columns; expected ${this.#columns}, as in ${this.#columnsFrom}`,
      );
      return;
    }
    const label = this.#intake.labels.of(fields[this.#labelColumn], { file: this.#file, row: line });
    if (this.#readNumbers(fields, line)) await this.#deliver(label);
  }

  #split(text: string, line: number): string[] {
    try {
      return splitRow(text, this.#delimiter);
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      return refuse(
        this.#file,
        error.code === "CSV_QUOTE_NOT_CLOSED"
          ? "found a quote that is not closed in its line; expected quotes in pairs"
          : `found a row that cannot be read (${error.message}); expected a label and numbers`,
        line,
      );
    }
  }

  /** Pixels into the row; false after a complaint. */
  #readNumbers(fields: readonly string[], line: number): boolean {
    for (const [column, field] of fields.entries()) {
      if (column === this.#labelColumn) continue;
      const value = numberOf(field);
      if (Number.isNaN(value)) {
        const hint = /^\d+,\d+$/.test(field) ? ": use a decimal point" : "";
        this.#intake.complaints.add(
          this.#file,
          line,
          `found '${printable(field, 40)}' in column ${column + 1}; expected a number${hint}`,
        );
        return false;
      }
      this.#row[column] = value;
    }
    return true;
  }

  async #deliver(label: number): Promise<void> {
    this.rows += 1;
    if (label < 0 || this.#intake.complaints.any) return;
    // Takes the label out of the row: the values behind it move up by one.
    const row = this.#row.slice();
    row.copyWithin(this.#labelColumn, this.#labelColumn + 1);
    await this.#intake.add({
      file: this.#file,
      split: "train",
      labels: Int32Array.of(label),
      pixels: pixelsOf(row.subarray(0, -1)),
    });
  }
}

/** Recognises text that is nothing else. */
export const csv: Format = {
  recognises: (source) => {
    const file = singleFile(source);
    return file !== null && strangerOf(file.head) === null;
  },
  async read(intake, source) {
    for (const file of source.files) {
      const { stream } = await file.open();
      const table = new Table({ intake, file: file.name, delimiter: findDelimiter(file.head) });
      for await (const line of linesOf(stream, { file: file.name, limits: intake.limits })) await table.take(line);
      intake.complaints.settle();
      if (table.rows === 0) refuse(file.name, "found no rows of data; expected a label and pixels in each");
    }
  },
};
