/** The beginning of a table: its separator, comments before it, and whether its first row names the columns. */
import type { Intake } from "../intake.ts";
import { splitOf } from "../split-words.ts";
import type { SourceFile } from "./format.ts";
import { findDelimiter, isNumberList, namedDelimiter, numberIn, splitRow } from "./table-rows.ts";
import { linesOf } from "./text.ts";

export interface Row {
  line: number;
  fields: string[];
}

export interface Beginning {
  delimiter: string;
  lastCommentLine: number;
  /** A comment that names as many columns as there are, as numpy.savetxt writes its header. */
  commentNames: string[] | null;
  rows: Row[];
}

const mostRows = 60;
const mostBytes = 4 * 1024 * 1024;
const labelNames = new Set([
  ...["label", "labels", "class", "classes", "target", "targets", "y", "digit", "category", "emotion"],
  ...["class_id", "label_id", "class_label"],
]);
const splitNames = new Set(["usage", "split", "set", "subset", "partition", "data set", "dataset", "fold"]);
export const indexNames = /^(index|idx|id|imageid|image_id|row|row_id)$/i;
export const unnamed = /^(unnamed: \d+)?$/i;

export const isLabelName = (field: string | undefined): boolean =>
  field !== undefined && labelNames.has(field.trim().toLowerCase());

/** Whether a column says to which split a row belongs: by its name, and by what stands in most of its rows. */
export const saysSplit = (name: string, column: number, rows: readonly Row[]): boolean =>
  splitNames.has(name.trim().toLowerCase()) &&
  rows.filter(({ fields }) => splitOf(fields[column] ?? "") !== undefined).length > rows.length / 2;

/** The first rows, without what stands before them. */
export async function readBeginning(intake: Intake, file: SourceFile): Promise<Beginning> {
  const opened = await file.open();
  const comments: string[] = [];
  const lines: { line: number; text: string }[] = [];
  let named: string | null = null;
  let lastCommentLine = 0;
  let bytes = 0;
  for await (const line of linesOf(opened.stream, { file: file.name, limits: intake.limits })) {
    const text = line.bytes.toString("utf8");
    if (text.trim() === "") continue;
    const separator: string | null = lines.length === 0 && named === null ? namedDelimiter(text) : null;
    if (separator !== null || (lines.length === 0 && /^\s*#/.test(text))) {
      named ??= separator;
      if (separator === null) comments.push(text.replace(/^\s*#+\s*/, ""));
      lastCommentLine = line.number;
      continue;
    }
    lines.push({ line: line.number, text });
    bytes += text.length;
    if (lines.length >= mostRows || (bytes > mostBytes && lines.length > 1)) break;
  }
  await opened.close();
  const delimiter = named ?? findDelimiter(lines[0]?.text ?? "");
  const options = { delimiter, file: file.name };
  const rows = lines.map(({ line, text }) => ({ line, fields: splitRow(text, { ...options, line }) }));
  const last = comments.at(-1);
  const names = last === undefined ? null : splitRow(last, { ...options, line: lastCommentLine });
  const commentNames = names?.length === rows[0]?.fields.length ? names : null;
  return { delimiter, lastCommentLine, commentNames, rows };
}

const areIntegers = (fields: readonly string[]): boolean => fields.every((field) => /^\s*\d+(\.0*)?\s*$/.test(field));

/** 0, 1, 2 … as pandas numbers columns that have no names; the first may be that of an index. */
function isCount(fields: readonly string[]): boolean {
  const counted = unnamed.test(fields[0].trim()) ? fields.slice(1) : fields;
  const first = Number(counted[0]);
  return (
    counted.length >= 10 && (first === 0 || first === 1) && counted.every((field, at) => Number(field) === first + at)
  );
}

/** 5, 0, 0.1, 0.2 …: a row of whole numbers that pandas took for names and made unlike one another. */
function isMangledRow(fields: readonly string[], below: readonly Row[]): boolean {
  const names = new Set(fields.map((field) => field.trim()));
  const mangled = fields.filter((field) => /^\s*\d+\.\d+\s*$/.test(field) && names.has(field.trim().split(".")[0]));
  return (
    fields.length >= 10 &&
    names.size === fields.length &&
    mangled.length > fields.length / 2 &&
    below.length > 0 &&
    below.every((row) => areIntegers(row.fields))
  );
}

/** A header names its label column, or holds words where numbers would be. */
function isHeader(
  fields: readonly string[],
  { below, delimiter }: { below: readonly Row[]; delimiter: string },
): boolean {
  if (fields.some(isNumberList)) return false;
  const label = fields.findIndex(isLabelName);
  // "y" may also be what a row says: then others say it too.
  if (label >= 0 && !below.some((row) => row.fields[label] === fields[label])) return true;
  const words = fields.filter((field) => Number.isNaN(numberIn(field, delimiter))).length;
  return words > fields.length / 2;
}

export function decideHeader(
  intake: Intake,
  { rows, commentNames, delimiter }: Beginning,
): { names: string[] | null; own: boolean } {
  const [{ line, fields }] = rows;
  const below = rows.slice(1);
  const { header } = intake.settings;
  const decide = (value: boolean, guessed: boolean): void => intake.decide("header", { value, guessed });
  if (header !== undefined) {
    decide(header, false);
    return { names: header ? fields : null, own: header };
  }
  if (isHeader(fields, { below, delimiter })) {
    decide(true, false);
    return { names: fields, own: true };
  }
  if (commentNames && isHeader(commentNames, { below: [], delimiter })) {
    decide(true, false);
    return { names: commentNames, own: false };
  }
  const count = isCount(fields);
  if (!count && !isMangledRow(fields, below)) {
    decide(false, false);
    return { names: null, own: false };
  }
  decide(true, true);
  intake.warn(
    count
      ? `line ${line} counts ${fields.slice(0, 4).join(", ")} … and was read as a header: give \`header\`=false if it is a sample`
      : `line ${line} holds ${fields.slice(0, 4).join(", ")} …, a sample that became a header when the table was written (pandas: header=None): it was left out; give \`header\`=false if it is a sample`,
  );
  return { names: fields, own: true };
}
