/** A table of pictures and their labels: which column names the picture, which says what it shows. */
import type { Interpretation, Split } from "../../../../schemas/dataset.ts";
import type { Intake } from "../intake.ts";
import { printable, refuse } from "../refused.ts";
import { splitOf } from "../split-words.ts";
import type { SourceFile } from "./format.ts";
import { isLabelName, saysSplit } from "./table-header.ts";
import type { Row } from "./table-header.ts";
import { findDelimiter, namedDelimiter, numberOf, splitRow } from "./table-rows.ts";
import { linesOf } from "./text.ts";

export interface LabelTable {
  file: string;
  labelColumn: NonNullable<Interpretation["labelColumn"]>;
  rows: { line: number; picture: string; label: string; split: Split | null }[];
}

export interface LabelTableOptions {
  file: SourceFile;
  /** What the table's own name says. */
  split: Split | null;
  /** Whether a cell names a picture. */
  knows: (cell: string) => boolean;
}

const leastShare = 0.5;

async function readRows(intake: Intake, file: SourceFile): Promise<Row[]> {
  const { stream } = await file.open();
  const rows: Row[] = [];
  let delimiter: string | null = null;
  for await (const { bytes, number } of linesOf(stream, { file: file.name, limits: intake.limits })) {
    const text = bytes.toString("utf8");
    if (text.trim() === "" || (rows.length === 0 && text.startsWith("#"))) continue;
    const named = rows.length === 0 ? namedDelimiter(text) : null;
    if (named !== null) {
      delimiter = named;
      continue;
    }
    delimiter ??= findDelimiter(text);
    rows.push({ line: number, fields: splitRow(text, { delimiter, file: file.name, line: number }) });
    if (rows.length > intake.limits.MAX_ENTRIES)
      refuse(
        file.name,
        `has more than ${intake.limits.MAX_ENTRIES} rows, MAX_ENTRIES; expected one for each picture`,
        number,
      );
  }
  return rows;
}

/** The label's column: as the settings or a name say it, else the first whose values recur. */
function findLabel(
  intake: Intake,
  { names, rows, free, file }: { names: string[] | null; rows: Row[]; free: number[]; file: string },
): LabelTable["labelColumn"] | null {
  const wish = intake.settings.labelColumn;
  const columns = rows[0].fields.length;
  const nameAt = (at: number): string | null => names?.[at]?.trim() ?? null;
  if (wish !== undefined) {
    const at =
      typeof wish === "number"
        ? wish + (wish < 0 ? columns : 0)
        : (names?.findIndex((name) => name.trim() === wish) ?? -1);
    if (at < 0 || at >= columns)
      refuse(file, `found no column '${printable(String(wish), 40)}'; expected a \`labelColumn\` that the table has`);
    return { value: at, name: nameAt(at), guessed: false };
  }
  const named = free.find((at) => isLabelName(names?.[at]));
  if (named !== undefined) return { value: named, name: nameAt(named), guessed: false };
  const recurring = free.filter((at) => new Set(rows.map(({ fields }) => fields[at])).size <= rows.length / 2);
  const words = recurring.find((at) => Number.isNaN(numberOf(rows[0].fields[at] ?? "")));
  const at = words ?? recurring[0] ?? free[0];
  return at === undefined ? null : { value: at, name: nameAt(at), guessed: free.length > 1 };
}

/** null for a table that names no pictures, or has nothing beside their names. */
export async function readLabelTable(intake: Intake, options: LabelTableOptions): Promise<LabelTable | null> {
  const { file, knows } = options;
  if (/submission/i.test(file.name)) return null;
  const all = await readRows(intake, file);
  if (all.length < 2) return null;
  const names = all[0].fields.some((field) => knows(field)) ? null : all[0].fields;
  const rows = names ? all.slice(1) : all;
  const columns = rows[0].fields.map((_, at) => at);
  const known = columns.map((at) => rows.filter(({ fields }) => knows(fields[at] ?? "")).length);
  const picture = known.indexOf(Math.max(...known));
  if (known[picture] < rows.length * leastShare) return null;
  const splitAt = columns.find((at) => saysSplit(names?.[at] ?? "", at, rows));
  const free = columns.filter((at) => at !== picture && at !== splitAt && (names?.[at] ?? "x").trim() !== "");
  const labelColumn = findLabel(intake, { names, rows, free, file: file.name });
  if (!labelColumn) return null;
  return {
    file: file.name,
    labelColumn,
    rows: rows.map(({ line, fields }) => ({
      line,
      picture: fields[picture] ?? "",
      label: fields[labelColumn.value] ?? "",
      split: (splitAt === undefined ? undefined : splitOf(fields[splitAt] ?? "")) ?? options.split,
    })),
  };
}
