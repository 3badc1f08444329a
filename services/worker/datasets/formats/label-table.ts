/** A table of pictures and their labels: which column names the picture, which says what it shows. */
import type { Interpretation, Split } from "../../../../schemas/dataset.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
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

/** So many of the rows must name a picture. */
const leastShare = 0.5;
/** After so many rows it is clear whether a table names pictures. */
const firstRows = 50;
const mostCells = 4_000_000;

/** The column that names pictures: most of its cells do, and hardly two the same. -1 where there is none. */
function findPicture(rows: Row[], knows: (cell: string) => boolean): number {
  const known = rows[0].fields.map((_, at) => {
    const cells = rows.flatMap(({ fields }) => (knows(fields[at] ?? "") ? [fields[at]] : []));
    return cells.length < rows.length * leastShare ? 0 : new Set(cells).size;
  });
  const most = Math.max(...known);
  return most === 0 ? -1 : known.indexOf(most);
}

/** null for a table whose first rows name no pictures: it may be large, and is none of ours. */
async function readRows(intake: Intake, { file, knows }: LabelTableOptions): Promise<Row[] | null> {
  const opened = await file.open();
  const rows: Row[] = [];
  let delimiter: string | null = null;
  let cells = 0;
  try {
    for await (const { bytes, number } of linesOf(opened.stream, { file: file.name, limits: intake.limits })) {
      const text = bytes.toString("utf8");
      if (text.trim() === "" || (rows.length === 0 && text.startsWith("#"))) continue;
      const named = rows.length === 0 ? namedDelimiter(text) : null;
      if (named !== null) {
        delimiter = named;
        continue;
      }
      delimiter ??= findDelimiter(text);
      const fields = splitRow(text, { delimiter, file: file.name, line: number });
      rows.push({ line: number, fields });
      cells += fields.length;
      if (rows.length === firstRows && findPicture(rows, knows) < 0) return null;
      if (cells > mostCells)
        refuse(
          file.name,
          `has more than ${grouped(mostCells)} cells; expected a row for each picture, and few columns`,
        );
    }
  } finally {
    await opened.close();
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

/** The columns of which each row has a 1 in exactly one, as some tools write classes; null where it is not so. */
function oneOfMany({ names, rows, free }: { names: string[] | null; rows: Row[]; free: number[] }): number[] | null {
  const areFlags = rows.every(({ fields }) => {
    const values = free.map((at) => numberOf(fields[at] ?? ""));
    return values.every((value) => value === 0 || value === 1) && values.filter((value) => value === 1).length === 1;
  });
  return names && free.length > 1 && areFlags ? free : null;
}

/** null for a table that names no pictures, or has nothing beside their names. */
export async function readLabelTable(intake: Intake, options: LabelTableOptions): Promise<LabelTable | null> {
  const { file, knows } = options;
  if (/submission/i.test(file.name)) return null;
  const all = await readRows(intake, options);
  if (all === null || all.length < 2) return null;
  const names = all[0].fields.some((field) => knows(field)) ? null : all[0].fields;
  const rows = names ? all.slice(1) : all;
  const picture = findPicture(rows, knows);
  if (picture < 0) return null;
  const columns = rows[0].fields.map((_, at) => at);
  const splitAt = columns.find((at) => saysSplit(names?.[at] ?? "", at, rows));
  const free = columns.filter((at) => at !== picture && at !== splitAt && (names?.[at] ?? "x").trim() !== "");
  const flags = intake.settings.labelColumn === undefined ? oneOfMany({ names, rows, free }) : null;
  const labelColumn = flags
    ? { value: flags[0], name: null, guessed: false }
    : findLabel(intake, { names, rows, free, file: file.name });
  if (!labelColumn) return null;
  const labelOf = (fields: readonly string[]): string => {
    const at = flags?.find((column) => numberOf(fields[column] ?? "") === 1);
    return (at === undefined ? fields[labelColumn.value] : names?.[at]) ?? "";
  };
  return {
    file: file.name,
    labelColumn,
    rows: rows.map(({ line, fields }) => ({
      line,
      picture: fields[picture] ?? "",
      label: labelOf(fields),
      split: (splitAt === undefined ? undefined : splitOf(fields[splitAt] ?? "")) ?? options.split,
    })),
  };
}
