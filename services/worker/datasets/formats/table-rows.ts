/** Rows of a table: separators, fields, and the numbers that fields spell. */
import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { refuse } from "../refused.ts";

const delimiters = [",", ";", "\t", "|"] as const;

/** Excel's own first line, which names the separator of those that follow. */
const separatorLine = /^sep=(.)\s*$/i;
export const namedDelimiter = (line: string): string | null => separatorLine.exec(line)?.[1] ?? null;

/** 0,5 as tables have it whose columns are not separated by commas. */
const withComma = /^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$/;
const decimal = /^\s*[+-]?[\d.,]+([eE][+-]?\d+)?\s*$/;

/** The most frequent separator of a line, outside quotes; blanks where there is none. */
export function findDelimiter(line: string): string {
  const plain = line.replace(/"[^"]*"/g, "");
  // Semicolons beside decimal commas, of which there are about as many.
  const bySemicolon = plain.split(";");
  if (bySemicolon.length > 2 && bySemicolon.some((field) => withComma.test(field)))
    if (bySemicolon.slice(1, -1).every((field) => decimal.test(field))) return ";";
  const counts = delimiters.map((delimiter) => ({ delimiter, count: plain.split(delimiter).length - 1 }));
  const best = counts.reduce((left, right) => (right.count > left.count ? right : left));
  return best.count > 0 ? best.delimiter : " ";
}

/** As it is called in a sentence. */
export const nameOfDelimiter = (delimiter: string): string => (delimiter === "\t" ? "tab" : delimiter);

/** The number a field spells in decimal; NaN for all else. */
export function numberOf(field: string): number {
  const value = Number(field);
  if (Number.isInteger(value) && value >= 0 && value <= 255 && field.length <= 3 && field !== "")
    return field.includes("x") || field.trim() === "" ? Number.NaN : value;
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(field) && Math.abs(value) <= 3.4028234663852886e38
    ? value
    : Number.NaN;
}

/** As `numberOf`, where commas may be decimal because they separate nothing. */
export function numberIn(field: string, delimiter: string): number {
  const value = numberOf(field);
  return Number.isNaN(value) && delimiter !== "," && withComma.test(field) ? numberOf(field.replace(",", ".")) : value;
}

/** A field that holds several numbers: separated by blanks or commas, perhaps in brackets, as Python writes lists. */
const list = /^\s*\[?\s*-?\d[\d.eE+-]*(?:[\s,]+-?\d[\d.eE+-]*){3,}\s*\]?\s*$/;
export const isNumberList = (field: string): boolean => list.test(field);
export const listedNumbers = (field: string): number[] =>
  field
    .replace(/[[\]]/g, " ")
    .split(/[\s,]+/)
    .filter((each) => each !== "")
    .map(numberOf);

/** The fields of a line. Refuses one that cannot be taken apart. */
export function splitRow(
  text: string,
  { delimiter, file, line }: { delimiter: string; file: string; line: number },
): string[] {
  if (!text.includes('"')) return delimiter === " " ? text.trim().split(/ +/) : text.split(delimiter);
  try {
    return parse(text, { delimiter, relax_column_count: true })[0] ?? [];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return refuse(
      file,
      error.code === "CSV_QUOTE_NOT_CLOSED"
        ? "found a quote that is not closed in its line; expected quotes in pairs"
        : "found a quote within a field, or text behind one that was closed; expected quotes around whole fields, and doubled inside",
      line,
      { cause: error },
    );
  }
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
