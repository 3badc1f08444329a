/**
 * What the columns of a table are: decided by the settings, else by the header, else by the values. Whatever the file
 * leaves open is noted as guessed, and said where it could be otherwise.
 */
import { describeShape } from "../../../../schemas/shape.ts";
import type { Shape } from "../../../../schemas/shape.ts";
import type { Intake } from "../intake.ts";
import { printable, refuse } from "../refused.ts";
import type { SourceFile } from "./format.ts";
import { surveyColumns } from "./table-survey.ts";
import { decideHeader, indexNames, isLabelName, readBeginning, saysSplit, unnamed } from "./table-header.ts";
import type { Beginning, Row } from "./table-header.ts";
import { isNumberList, listedNumbers, nameOfDelimiter, numberIn, numberOf } from "./table-rows.ts";
import { shapeOfFlat } from "./text.ts";

export interface TableLayout {
  delimiter: string;
  columns: number;
  /** Lines up to this one hold no samples: comments, a separator's name, the header. */
  lastLineBefore: number;
  /** Where the number of columns was read from. */
  columnsFrom: number;
  label: number;
  split: number | null;
  /** The one column that holds all pixels of a row; null where each has its own. */
  packed: number | null;
  /** Columns of pixels, in order. */
  pixels: readonly number[];
  shape: Shape;
  channelsLast: boolean;
}

/** A table that has what its train table has, except labels. */
export class WithoutLabels extends Error {}

/** The column that the settings name. */
function wishedColumn(
  intake: Intake,
  { file, line, columns, names }: { file: string; line: number; columns: number; names: readonly string[] | null },
): number | null {
  const wish = intake.settings.labelColumn;
  if (wish === undefined) return null;
  if (typeof wish === "number") {
    if (wish >= columns || wish < -columns)
      refuse(
        file,
        `has ${columns} columns; \`labelColumn\` ${wish} is none of them: expected ${-columns} to ${columns - 1}`,
        line,
      );
    return wish < 0 ? columns + wish : wish;
  }
  const at = names?.findIndex((name) => name.trim() === wish) ?? -1;
  if (at >= 0) return at;
  const some = names
    ?.slice(0, 8)
    .map((name) => printable(name, 30))
    .join(", ");
  return refuse(
    file,
    names
      ? `found no column '${printable(wish, 40)}'; expected a \`labelColumn\` of the header (${some}${names.length > 8 ? ", …" : ""}) or a number`
      : `has no header, and \`labelColumn\` names '${printable(wish, 40)}'; expected a number, from 0 or from the end as -1`,
    line,
  );
}

/** Whether a column holds lists of numbers, but for a row that is wrong. */
const isPacked = (column: number, rows: readonly Row[]): boolean =>
  rows.filter(({ fields }) => isNumberList(fields[column] ?? "")).length > rows.length / 2;

const counts = (column: number, rows: readonly Row[]): boolean => {
  const values = rows.map(({ fields }) => numberOf(fields[column] ?? ""));
  return values.length >= 2 && values.every((value, at) => value === values[0] + at);
};

interface Columns {
  intake: Intake;
  file: SourceFile;
  delimiter: string;
  names: readonly string[] | null;
  columns: number;
  rows: readonly Row[];
  label: number | null;
  split: number | null;
}

/** Columns that are no pixels whatever else is decided: nameless indices, empty ends of rows, words. */
function certainlySkipped({ names, columns, rows, label, split, delimiter }: Columns): number[] {
  return Array.from({ length: columns }, (_, at) => at).filter((at) => {
    if (at === label || at === split) return false;
    if (names && at === 0 && unnamed.test(names[at].trim()) && names.some((name) => name.trim() !== "")) return true;
    const values = rows.map(({ fields }) => fields[at] ?? "");
    if (values.length < 2) return false;
    if (at === columns - 1 && values.every((value) => value.trim() === "")) return true;
    return (
      names !== null &&
      label !== null &&
      values.every((value) => value.trim() !== "" && Number.isNaN(numberIn(value, delimiter)))
    );
  });
}

/** So many rows in a row that count on are no classes. */
const certainCount = 8;

/** An index that nothing names: it counts the rows, or without it the rest is a picture. */
function suspectedIndex(of: Columns, skipped: readonly number[]): number | null {
  const { intake, names, columns, rows, label, split } = of;
  const pixels = columns - skipped.length - 1 - (split === null ? 0 : 1);
  const fits = (count: number): boolean => shapeOfFlat(count, wishOf(intake)) !== null;
  const at = Array.from({ length: columns }, (_, column) => column).find(
    (column) => !skipped.includes(column) && column !== label && column !== split,
  );
  if (at === undefined || !fits(pixels - 1)) return null;
  const counted = at === 0 && counts(at, rows);
  if (counted && rows.length >= certainCount) return at;
  const named = names !== null && indexNames.test(names[at].trim());
  return !fits(pixels) && (named || counted) ? at : null;
}

const wishOf = (intake: Intake): Parameters<typeof shapeOfFlat>[1] => ({
  size: intake.wishedSize,
  channels: intake.settings.channels ?? null,
});

function shapeOrRefuse(of: Columns, { pixels, line }: { pixels: number; line: number }): Shape {
  const { intake, file, names, columns } = of;
  const wish = wishOf(intake);
  const shape = shapeOfFlat(pixels, wish);
  if (shape) return shape;
  const stray = names?.findIndex((name) => unnamed.test(name.trim()) || indexNames.test(name.trim())) ?? -1;
  const unlabelled =
    shapeOfFlat(columns, wish) && !names?.some(isLabelName)
      ? ` (all ${columns} together would be one: is the label missing?)`
      : "";
  return refuse(
    file.name,
    `found ${pixels} columns beside the label, which are no square picture, grey or RGB; ${
      stray >= 0
        ? `column ${stray + 1} ('${printable(names?.[stray] ?? "", 40)}') looks like no pixel: leave it out (pandas: index=False)`
        : `give \`size\` as {"height":…,"width":…}${unlabelled}`
    }`,
    line,
  );
}

/** Where the labels stand, if neither the settings nor a name say it. */
async function guessLabel(of: Columns, skipped: readonly number[], beginning: Beginning): Promise<number> {
  const { intake, file, columns, rows } = of;
  const free = Array.from({ length: columns }, (_, at) => at).filter((at) => at !== of.split && !skipped.includes(at));
  const [first, last] = [free[0], free.at(-1) ?? 0];
  const before = intake.decided("labelColumn");
  if (before && free.includes(before.value)) return before.value;
  const found = await surveyColumns(
    { intake, file, delimiter: beginning.delimiter, skipLines: (rows[0]?.line ?? 1) - 1 },
    { first, last, columns, inner: rows.map(({ fields }) => fields.filter((_, at) => at !== first && at !== last)) },
  );
  const place = found.column === first ? "first" : "last";
  intake.labelsGuessed = `the ${place} column, since no header names another \`label\``;
  if (found.open)
    intake.warn(
      `labels were read from column ${found.column} (counted from 0), the ${place} of ${columns}, which is a guess: give \`labelColumn\` to say which column they stand in`,
    );
  return found.column;
}

function decideOrder(intake: Intake, shape: Shape): boolean {
  if (shape.channels !== 3) return false;
  const { order } = intake.settings;
  intake.decide("order", { value: order ?? "chw", guessed: order === undefined });
  if (order === undefined)
    intake.warn(
      `rows were read as colour of ${describeShape(shape)} with one channel after the other (order=chw); if red, green and blue of each pixel stand side by side, as numpy and PIL write them, give \`order\`=hwc`,
    );
  return order === "hwc";
}

/** Reads the beginning of a table, and the whole of it where only the values tell labels from pixels. */
export async function arrangeTable(intake: Intake, file: SourceFile): Promise<TableLayout> {
  const beginning = await readBeginning(intake, file);
  const { delimiter, rows } = beginning;
  if (rows.length === 0) refuse(file.name, "found no rows of data; expected a label and pixels in each");
  const [{ line, fields }] = rows;
  const columns = fields.length;
  if (columns < 2)
    refuse(
      file.name,
      `found one column (separated by '${nameOfDelimiter(delimiter)}'); expected a label and pixels`,
      line,
    );
  const { names, own } = decideHeader(intake, beginning);
  const data = own ? rows.slice(1) : rows;
  const split = names ? names.findIndex((name, at) => saysSplit(name, at, data)) : -1;
  const wished = wishedColumn(intake, { file: file.name, line, columns, names });
  const named = wished ?? names?.findIndex(isLabelName) ?? -1;
  const before = intake.decided("labelColumn");
  if (before && named < 0 && before.name !== null && names)
    throw new WithoutLabels(`no column is called '${before.name}'`);
  const of: Columns = {
    intake,
    file,
    delimiter,
    names,
    columns,
    rows: data,
    label: named < 0 ? null : named,
    split: split < 0 ? null : split,
  };
  const packedAt = fields.findIndex((_, at) => at !== named && delimiter !== " " && isPacked(at, data));
  const base = {
    delimiter,
    columns,
    columnsFrom: line,
    lastLineBefore: own ? line : beginning.lastCommentLine,
    split: of.split,
  };
  intake.decide("delimiter", { value: delimiter, guessed: false });
  if (of.split !== null)
    intake.decide("splitColumn", { value: of.split, name: names?.[of.split] ?? null, guessed: false });
  if (packedAt >= 0) return arrangePacked(of, { base, packed: packedAt, line });
  const skipped = certainlySkipped(of);
  const index = suspectedIndex(of, skipped);
  if (index !== null) skipped.push(index);
  const label = of.label ?? (await guessLabel(of, skipped, beginning));
  const guessed = of.label === null && before === undefined;
  const pixels = fields.map((_, at) => at).filter((at) => at !== label && at !== of.split && !skipped.includes(at));
  const shape = shapeOrRefuse(of, { pixels: pixels.length, line });
  intake.decide("labelColumn", { value: label, name: names?.[label]?.trim() ?? null, guessed });
  tellSkipped(of, skipped, index !== null && !(names && indexNames.test(names[index].trim())));
  return { ...base, label, packed: null, pixels, shape, channelsLast: decideOrder(intake, shape) };
}

function tellSkipped({ intake, names }: Columns, skipped: readonly number[], guessed: boolean): void {
  if (skipped.length === 0) return;
  intake.decide("skippedColumns", { value: [...skipped].sort((left, right) => left - right), guessed });
  const told = skipped.slice(0, 3).map((at) => (names ? `${at} ('${printable(names[at], 40)}')` : String(at)));
  intake.warn(
    `column${skipped.length === 1 ? "" : "s"} ${told.join(", ")}${skipped.length > 3 ? ", …" : ""} hold${skipped.length === 1 ? "s" : ""} neither label nor pixels and ${skipped.length === 1 ? "was" : "were"} left out`,
  );
}

/** All pixels of a row in one field, as the table of a contest on faces has them. */
function arrangePacked(
  of: Columns,
  {
    base,
    packed,
    line,
  }: {
    base: Omit<TableLayout, "label" | "packed" | "pixels" | "shape" | "channelsLast">;
    packed: number;
    line: number;
  },
): TableLayout {
  const { intake, names, columns, rows, split } = of;
  const others = Array.from({ length: columns }, (_, at) => at).filter((at) => at !== packed && at !== split);
  const free = others.filter((at) => !(names && (unnamed.test(names[at].trim()) || indexNames.test(names[at].trim()))));
  const label =
    of.label ?? free[0] ?? refuse(of.file.name, "found pixels and no other column; expected a label beside them", line);
  const first = rows.find((row) => isNumberList(row.fields[packed] ?? "")) ?? rows[0];
  const shape = shapeOrRefuse(of, { pixels: listedNumbers(first.fields[packed]).length, line: first.line });
  const guessed = of.label === null && free.length > 1;
  intake.decide("labelColumn", { value: label, name: names?.[label]?.trim() ?? null, guessed });
  if (guessed)
    intake.warn(`labels were read from column ${label} (counted from 0), which is a guess: give \`labelColumn\``);
  tellSkipped(
    of,
    others.filter((at) => at !== label),
    false,
  );
  return { ...base, label, packed, pixels: [], shape, channelsLast: decideOrder(intake, shape) };
}
