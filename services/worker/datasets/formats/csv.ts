/** Tables: a label and pixels a row. Rows are named by their line; a row is one line. */
import { sizeOf } from "../../../../schemas/shape.ts";
import type { Split } from "../../../../schemas/dataset.ts";
import type { Intake } from "../intake.ts";
import { printable, refuse } from "../refused.ts";
import { splitOf } from "../split-words.ts";
import { strangerOf } from "../strangers.ts";
import { channelsFirst } from "./arrays.ts";
import type { Format, SourceFile } from "./format.ts";
import { singleFile } from "./format.ts";
import { WithoutLabels, arrangeTable } from "./table-layout.ts";
import type { TableLayout } from "./table-layout.ts";
import { listedNumbers, numberIn, readDigits, splitRow } from "./table-rows.ts";
import { hasTables, tablesOf } from "./tables.ts";
import { linesOf, pixelsOf } from "./text.ts";
import type { Line } from "./text.ts";

class Table {
  readonly #intake: Intake;
  readonly #file: string;
  readonly #split: Split;
  readonly #layout: TableLayout;
  /** The numbers of a row, its label among them. */
  readonly #row: Float64Array;
  readonly #onlyDigits: boolean;
  rows = 0;

  constructor(options: { intake: Intake; file: string; split: Split; layout: TableLayout }) {
    const { intake, file, layout } = options;
    this.#intake = intake;
    this.#file = file;
    this.#split = options.split;
    this.#layout = layout;
    this.#row = new Float64Array(layout.columns);
    this.#onlyDigits = layout.packed === null && layout.split === null;
    intake.begin(file, layout.shape, "uint8");
  }

  async take({ number, bytes }: Line): Promise<void> {
    const { lastLineBefore, delimiter, columns, label } = this.#layout;
    if (number <= lastLineBefore) return;
    if (
      this.#onlyDigits &&
      !this.#intake.labels.named &&
      readDigits(bytes, delimiter.charCodeAt(0), this.#row) === columns
    ) {
      const index = this.#intake.labels.ofNumber(this.#row[label], { file: this.#file, row: number });
      await this.#deliver(index, this.#split);
      return;
    }
    const text = bytes.toString("utf8");
    if (text.trim() !== "") await this.#takeText(text, number);
  }

  #complain(line: number, detail: string): void {
    this.#intake.complaints.add(this.#file, line, detail);
  }

  async #takeText(text: string, line: number): Promise<void> {
    const { delimiter, columns, columnsFrom, label, packed } = this.#layout;
    const fields = splitRow(text, { delimiter, file: this.#file, line });
    if (fields.length !== columns)
      return this.#complain(line, `found ${fields.length} columns; expected ${columns}, as in line ${columnsFrom}`);
    const split = this.#splitOf(fields, line);
    const index = this.#intake.labels.of(fields[label], { file: this.#file, row: line });
    if (split === null) return;
    if (packed !== null) return this.#takePacked(fields[packed], { line, index, split });
    if (this.#readNumbers(fields, line)) await this.#deliver(index, split);
  }

  #splitOf(fields: readonly string[], line: number): Split | null {
    const { split } = this.#layout;
    if (split === null) return this.#split;
    const found = splitOf(fields[split]);
    if (found) {
      if (found !== "train") this.#intake.brought.add(found);
      return found;
    }
    this.#complain(line, `found the split '${printable(fields[split], 40)}'; expected train, validation or test`);
    return null;
  }

  async #takePacked(
    field: string,
    { line, index, split }: { line: number; index: number; split: Split },
  ): Promise<void> {
    const values = listedNumbers(field);
    const wanted = sizeOf(this.#layout.shape);
    const wrong = values.findIndex((value) => Number.isNaN(value));
    if (wrong >= 0) return this.#complain(line, `found no number at pixel ${wrong}; expected ${wanted} of them`);
    if (values.length !== wanted)
      return this.#complain(line, `found ${values.length} pixels; expected ${wanted}, as in the first row`);
    this.rows += 1;
    await this.#add(Float64Array.from(values), index, split);
  }

  /** Pixels into the row; false after a complaint. */
  #readNumbers(fields: readonly string[], line: number): boolean {
    for (const column of this.#layout.pixels) {
      const field = fields[column];
      const value = numberIn(field, this.#layout.delimiter);
      if (Number.isNaN(value)) {
        this.#complain(line, `found '${printable(field, 40)}' in column ${column + 1}; expected a number`);
        return false;
      }
      if (field.includes(",")) this.#intake.warn(`commas in the numbers of ${this.#file} were read as decimal points`);
      this.#row[column] = value;
    }
    return true;
  }

  async #deliver(index: number, split: Split): Promise<void> {
    this.rows += 1;
    const { pixels } = this.#layout;
    const values = new Float64Array(pixels.length);
    for (let at = 0; at < pixels.length; at++) values[at] = this.#row[pixels[at]];
    await this.#add(values, index, split);
  }

  async #add(values: Float64Array, index: number, split: Split): Promise<void> {
    if (index < 0 || this.#intake.complaints.any) return;
    const { shape, channelsLast } = this.#layout;
    const pixels = pixelsOf(values);
    await this.#intake.add({
      file: this.#file,
      split,
      labels: Int32Array.of(index),
      pixels: channelsLast ? channelsFirst(pixels, shape) : pixels,
    });
  }
}

async function readTable(intake: Intake, file: SourceFile, split: Split): Promise<void> {
  const layout = await arrangeTable(intake, file);
  const table = new Table({ intake, file: file.name, split, layout });
  const { stream } = await file.open();
  for await (const line of linesOf(stream, { file: file.name, limits: intake.limits })) await table.take(line);
  intake.complaints.settle();
  if (table.rows === 0) refuse(file.name, "found no rows of data; expected a label and pixels in each");
}

/** Recognises text that is nothing else, and archives of nothing but tables. */
export const csv: Format = {
  name: "csv",
  recognises: (source) => {
    const file = singleFile(source);
    return source.archive ? hasTables(source.archive, "csv") : file !== null && strangerOf(file.head) === null;
  },
  async read(intake, source) {
    for (const { file, split } of await tablesOf(intake, source, "csv")) {
      try {
        await readTable(intake, file, split);
      } catch (error) {
        if (!(error instanceof WithoutLabels)) throw error;
        if (!source.archive)
          refuse(file.name, `found no labels (${error.message}); expected them as in the other table`);
        intake.warn(`${file.name} has no labels (${error.message}) and was left out`);
      }
    }
  },
};
