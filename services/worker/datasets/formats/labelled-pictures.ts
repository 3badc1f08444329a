/** Pictures with a table beside them that names each and says what it shows. */
import type { Split } from "../../../../schemas/dataset.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
import type { Archive, ArchiveEntry } from "../archives/archive.ts";
import type { Intake } from "../intake.ts";
import { printable, refuse } from "../refused.ts";
import { splitOf } from "../split-words.ts";
import { tellLeftOut } from "./folders.ts";
import type { Format, Source } from "./format.ts";
import { readPictures } from "./pictures.ts";
import type { Placed } from "./pictures.ts";
import { readLabelTable } from "./label-table.ts";
import type { LabelTable } from "./label-table.ts";
import { entryFile, isTableEntry, splitOfPath } from "./tables.ts";

const isPicture = ({ path }: ArchiveEntry): boolean => /\.(png|jpe?g|jfif|webp|gif|bmp)$/i.test(path);

/** Finds the entry that a cell means: its path, the end of it, or its name with or without the ending. */
class PictureNames {
  readonly #byName = new Map<string, ArchiveEntry[]>();

  constructor(pictures: readonly ArchiveEntry[]) {
    for (const entry of pictures) {
      const name = this.#nameOf(entry.path);
      for (const key of new Set([name, this.#stemOf(name)])) {
        const known = this.#byName.get(key);
        if (known) known.push(entry);
        else this.#byName.set(key, [entry]);
      }
    }
  }

  #nameOf(path: string): string {
    return (path.replaceAll("\\", "/").split("/").at(-1) ?? "").trim().toLowerCase();
  }

  #stemOf(name: string): string {
    return name.replace(/\.[a-z0-9]{2,4}$/, "");
  }

  /** null where there is none; several where the cell does not say which. */
  find(cell: string, split: Split | null): ArchiveEntry[] {
    const wanted = cell
      .trim()
      .replaceAll("\\", "/")
      .replace(/^\.?\//, "")
      .toLowerCase();
    const name = this.#nameOf(wanted);
    if (name === "") return [];
    const found = this.#byName.get(name) ?? this.#byName.get(this.#stemOf(name)) ?? [];
    if (found.length < 2) return found;
    const byPath = found.filter(
      ({ path }) => path.toLowerCase() === wanted || path.toLowerCase().endsWith(`/${wanted}`),
    );
    const bySplit = (byPath.length > 0 ? byPath : found).filter(
      ({ path }) => split !== null && splitOfPath(path) === split,
    );
    return bySplit.length > 0 ? bySplit : byPath.length > 0 ? byPath : found;
  }
}

/** Whether classes are folders within splits: then a table beside them only repeats it. */
const hasClassFolders = (pictures: readonly ArchiveEntry[]): boolean =>
  pictures.every(({ path }) => {
    const folders = path.split("/").slice(0, -1);
    const at = folders.findIndex((folder) => splitOf(folder) !== undefined);
    return at >= 0 && folders.slice(at + 1).some((folder) => splitOf(folder) === undefined);
  });

interface Found {
  tables: LabelTable[];
  names: PictureNames;
}

/** The tables that name pictures of the archive. */
async function findTables(intake: Intake, archive: Archive): Promise<Found | null> {
  const pictures = archive.entries.filter(isPicture);
  const tables = archive.entries.filter((entry) => isTableEntry("list", entry));
  if (pictures.length === 0 || tables.length === 0 || hasClassFolders(pictures)) return null;
  const names = new PictureNames(pictures);
  const found: LabelTable[] = [];
  for (const entry of tables) {
    const table = await readLabelTable(intake, {
      file: await entryFile(intake, archive, entry),
      split: splitOfPath(entry.path) ?? null,
      knows: (cell) => names.find(cell, null).length > 0,
    });
    if (table) found.push(table);
  }
  return found.length > 0 ? { tables: found, names } : null;
}

function placeRows(intake: Intake, { tables, names }: Found, standard: Split): Map<string, Placed> {
  const places = new Map<string, Placed>();
  for (const { file, rows } of tables)
    for (const { line, picture, label, split } of rows) {
      const place = { file, row: line };
      const found = names.find(picture, split);
      if (found.length !== 1) {
        const what =
          found.length === 0 ? "which is not in the archive" : `which ${found.length} files of the archive are called`;
        intake.complaints.add(
          file,
          line,
          `found the picture '${printable(picture, 60)}', ${what}; expected the name or path of one`,
        );
        continue;
      }
      const [{ path }] = found;
      if (places.has(path)) {
        intake.complaints.add(
          file,
          line,
          `found the picture '${printable(picture, 60)}' for the second time; expected every picture once`,
        );
        continue;
      }
      const index = intake.labels.of(label, place);
      const own = split ?? splitOfPath(path) ?? standard;
      if (own !== "train") intake.brought.add(own);
      if (index >= 0) places.set(path, { split: own, label: index });
    }
  intake.complaints.settle();
  return places;
}

async function readLabelled(intake: Intake, archive: Archive, { split }: Source): Promise<void> {
  const found = await findTables(intake, archive);
  if (!found) return refuse(archive.name, "changed while it was read");
  tellLeftOut(intake, archive, []);
  const [{ file, labelColumn }] = found.tables;
  intake.decide("labels", { value: found.tables.map((table) => table.file).join(", "), guessed: false });
  intake.decide("labelColumn", labelColumn);
  if (labelColumn.guessed)
    intake.warn(
      `labels were read from column ${labelColumn.value} (counted from 0) of ${file}, which is a guess: give \`labelColumn\``,
    );
  const places = placeRows(intake, found, split);
  const unnamed = archive.entries.filter((entry) => isPicture(entry) && !places.has(entry.path));
  if (unnamed.length > 0)
    intake.warn(
      `${grouped(unnamed.length)} picture${unnamed.length === 1 ? "" : "s"} that no row of a table names ${unnamed.length === 1 ? "was" : "were"} left out, such as ${printable(unnamed[0].path, 60)}`,
    );
  await readPictures(intake, archive, (path) => places.get(path) ?? null);
}

export const labelledPictures: Format = {
  name: "labelled-pictures",
  recognises: async ({ archive }, intake) => archive !== null && (await findTables(intake, archive)) !== null,
  read: async (intake, source) => {
    if (source.archive) await readLabelled(intake, source.archive, source);
  },
};
