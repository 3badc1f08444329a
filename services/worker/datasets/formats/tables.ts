/** Tables of an upload: sent as files of their own, or held in an archive, where their names say the split. */
import { splitNames, type Split } from "../../../../schemas/dataset.ts";
import type { Archive, ArchiveEntry } from "../archives/archive.ts";
import { openEntry } from "../open.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
import type { Intake } from "../intake.ts";
import { printable, refuse } from "../refused.ts";
import { splitInName, splitOf } from "../split-words.ts";
import type { Source, SourceFile } from "./format.ts";

/** `list`: a table beside pictures may also be plain text. */
const endings = {
  list: /\.(csv|tsv|tab|txt)(\.gz)?$/i,
  csv: /\.(csv|tsv|tab)(\.gz)?$/i,
  jsonl: /\.(jsonl|ndjson|json)(\.gz)?$/i,
} as const;
export type TableKind = keyof typeof endings;
/** What explains a dataset, and is none. */
const besides = /(^|\/)(readme|license|licence|citation|changelog)[^/]*$|\.(md|pdf|rst)$/i;

export const isTableEntry = (kind: TableKind, { path }: ArchiveEntry): boolean =>
  endings[kind].test(path) && !besides.test(path);

/** Whether an archive holds such tables and nothing that would have to be read otherwise. */
export const hasTables = ({ entries }: Archive, kind: TableKind): boolean =>
  entries.some((entry) => isTableEntry(kind, entry)) &&
  entries.every((entry) => isTableEntry(kind, entry) || besides.test(entry.path) || /\.txt$/i.test(entry.path));

/** The split that a table's path names: its own name, else the folder it lies in. */
export const splitOfPath = (path: string): Split | undefined =>
  splitInName(path) ??
  path
    .split("/")
    .slice(0, -1)
    .map(splitOf)
    .findLast((each) => each !== undefined);

/** The entry of an archive as a file by itself. */
export async function entryFile(intake: Intake, archive: Archive, entry: ArchiveEntry): Promise<SourceFile> {
  const name = `${archive.name}: ${entry.path}`;
  const open = (): ReturnType<typeof openEntry> =>
    openEntry({ name, bytes: entry.bytes, limits: intake.limits, chunks: () => archive.open(entry) });
  const opened = await open();
  await opened.close();
  return { name, field: "file", head: opened.head, open };
}

async function tablesIn(
  intake: Intake,
  archive: Archive,
  { kind, split }: { kind: TableKind; split: Split },
): Promise<{ file: SourceFile; split: Split }[]> {
  const tables = archive.entries.filter((entry) => isTableEntry(kind, entry));
  const [only] = tables;
  if (tables.length === 1) return [{ file: await entryFile(intake, archive, only), split }];
  const named = tables.map((entry) => ({ entry, split: splitOfPath(entry.path) }));
  const unnamed = named.filter((each) => each.split === undefined);
  const hasTrain = named.some((each) => each.split === "train");
  if (!hasTrain && unnamed.length !== 1)
    refuse(
      archive.name,
      `found ${grouped(tables.length)} tables (${tables
        .slice(0, 4)
        .map(({ path }) => printable(path, 60))
        .join(", ")}); expected one, or names with train, validation and test`,
    );
  const found = [];
  for (const each of named) {
    const own = each.split ?? (hasTrain ? null : "train");
    if (own === null) intake.warn(`${printable(each.entry.path, 60)} was not used: its name says no split`);
    else found.push({ file: await entryFile(intake, archive, each.entry), split: own });
  }
  return found.sort((left, right) => splitNames.indexOf(left.split) - splitNames.indexOf(right.split));
}

/** The tables of a source, those for training first. Notes which splits they bring. */
export async function tablesOf(
  intake: Intake,
  { archive, files, split }: Source,
  kind: TableKind,
): Promise<{ file: SourceFile; split: Split }[]> {
  const tables = archive ? await tablesIn(intake, archive, { kind, split }) : files.map((file) => ({ file, split }));
  for (const table of tables) if (table.split !== "train") intake.brought.add(table.split);
  return tables;
}
