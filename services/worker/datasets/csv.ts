/** Tables: a label and pixels a row, as Kaggle gives MNIST. Rows are named by their line. */
import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { Intake } from "./intake.ts";
import { nameLimit } from "../../shared/dataset-limits.ts";
import type { OpenedFile } from "./open.ts";
import { DatasetRefused, printable, refuse } from "./refused.ts";
import { withoutMark } from "./sniff.ts";
import { shapeOfFlat } from "./text.ts";

const delimiters = [",", ";", "\t", "|"] as const;
const labelNames = new Set(["label", "labels", "class", "target", "y", "digit", "category"]);

/** A row with its place, as csv-parse gives it with `info`. */
interface Row {
  info: { lines: number };
  record: string[];
}

/** The most frequent separator of the first line, outside quotes; blanks where there is none. */
export function findDelimiter(head: Buffer): string {
  const line = (withoutMark(head).toString("utf8").split(/\r?\n/, 1)[0] ?? "").replace(/"[^"]*"/g, "");
  const counts = delimiters.map((delimiter) => ({ delimiter, count: line.split(delimiter).length - 1 }));
  const best = counts.reduce((left, right) => (right.count > left.count ? right : left));
  return best.count > 0 ? best.delimiter : " ";
}

/** The number a field spells in decimal; NaN for all else. */
export function numberOf(field: string): number {
  const value = Number(field);
  if (Number.isInteger(value) && value >= 0 && value <= 255 && field.length <= 3 && field !== "") return field.includes("x") || field.trim() === "" ? Number.NaN : value;
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(field) && Math.abs(value) <= 3.4028234663852886e38 ? value : Number.NaN;
}

const isLabelName = (field: string | undefined): boolean => field !== undefined && labelNames.has(field.trim().toLowerCase());

/** A header names its label column, or holds words where numbers would be. */
export function isHeader(fields: readonly string[]): boolean {
  if (isLabelName(fields[0]) || isLabelName(fields.at(-1))) return true;
  const words = fields.filter((field) => Number.isNaN(numberOf(field))).length;
  return words > fields.length / 2;
}

class Table {
  readonly #intake: Intake;
  readonly #file: string;
  readonly #delimiter: string;
  #columns = 0;
  #labelColumn = 0;
  #columnsFrom = "";
  #pixels: number[] = [];
  rows = 0;

  constructor(options: { intake: Intake; file: string; delimiter: string }) {
    this.#intake = options.intake;
    this.#file = options.file;
    this.#delimiter = options.delimiter;
  }

  #first(fields: readonly string[], line: number): void {
    this.#columns = fields.length;
    const separated = `separated by '${this.#delimiter === "\t" ? "tab" : this.#delimiter}'`;
    if (fields.length < 2) refuse(this.#file, `found one column (${separated}); expected a label and pixels`, line);
    const { settings } = this.#intake;
    const shape = shapeOfFlat(fields.length - 1, { size: this.#intake.wishedSize, channels: settings.channels ?? null });
    if (!shape) refuse(this.#file, `found ${fields.length - 1} pixel columns, which are no square picture, grey or RGB; give \`size\` as {"height":…,"width":…}`, line);
    this.#intake.begin(this.#file, shape, "uint8");
    this.#pixels = new Array<number>(fields.length - 1).fill(0);
  }

  async take({ info: { lines: line }, record: fields }: Row): Promise<void> {
    if (this.#columns === 0) {
      this.#first(fields, line);
      this.#columnsFrom = `line ${line}`;
      if (isHeader(fields)) {
        this.#labelColumn = Math.max(0, fields.findIndex((field) => isLabelName(field)));
        return;
      }
    }
    const { complaints } = this.#intake;
    if (fields.length !== this.#columns) {
      complaints.add(this.#file, line, `found ${fields.length} columns; expected ${this.#columns}, as in ${this.#columnsFrom}`);
      return;
    }
    const label = this.#intake.labels.of(fields[this.#labelColumn] ?? "", { file: this.#file, row: line });
    const pixels = this.#readPixels(fields, line);
    this.rows += 1;
    if (label < 0 || !pixels || complaints.any) return;
    await this.#intake.add({ file: this.#file, split: "train", labels: Int32Array.of(label), pixels });
  }

  #readPixels(fields: readonly string[], line: number): Uint8Array | Float32Array | null {
    const pixels = this.#pixels;
    let bytes = true;
    for (let column = 0, at = 0; column < fields.length; column++) {
      if (column === this.#labelColumn) continue;
      const value = numberOf(fields[column] ?? "");
      if (Number.isNaN(value)) {
        const found = fields[column] ?? "";
        const hint = /^\d+,\d+$/.test(found) ? ": use a decimal point" : "";
        this.#intake.complaints.add(this.#file, line, `found '${printable(found, 40)}' in column ${column + 1}; expected a number${hint}`);
        return null;
      }
      if (bytes && !(value >= 0 && value <= 255 && Number.isInteger(value))) bytes = false;
      pixels[at++] = value;
    }
    return bytes ? Uint8Array.from(pixels) : Float32Array.from(pixels);
  }
}

function explainCsv(error: unknown, intake: Intake, file: string): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = typeof error["lines"] === "number" ? error["lines"] : null;
  const detail =
    error.code === "CSV_MAX_RECORD_SIZE"
      ? `found a row longer than ${nameLimit(intake.limits, "MAX_LINE_BYTES")} bytes`
      : error.code === "CSV_QUOTE_NOT_CLOSED"
        ? "found a quote that is never closed; expected quotes in pairs"
        : `found a row that cannot be read (${error.message}); expected a label and numbers`;
  return new DatasetRefused([{ file, row: line, detail }]);
}

export async function readCsv(intake: Intake, opened: OpenedFile): Promise<void> {
  const delimiter = findDelimiter(opened.head);
  const table = new Table({ intake, file: opened.name, delimiter });
  const parser = parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: intake.limits.MAX_LINE_BYTES,
    ...(delimiter === " " ? { ltrim: true, rtrim: true } : {}),
    info: true,
  });
  const source = Readable.from(opened.stream, { objectMode: false });
  source.on("error", (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const row of parser) await table.take(row as Row);
  } catch (error) {
    throw explainCsv(error, intake, opened.name);
  } finally {
    source.destroy();
    parser.destroy();
  }
  intake.complaints.settle();
  if (table.rows === 0) refuse(opened.name, "found no rows of data; expected a label and pixels in each");
}
