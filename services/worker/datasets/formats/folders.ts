/** Pictures in one folder per class. */
import { grouped } from "../../../shared/dataset-limits.ts";
import type { Archive } from "../archives/archive.ts";
import type { Intake } from "../intake.ts";
import { byName } from "../labels.ts";
import { printable } from "../refused.ts";
import type { Format, Source } from "./format.ts";
import { arrange } from "./layout.ts";
import type { Layout } from "./layout.ts";
import { readPictures } from "./pictures.ts";

/**
 * Classes are numbered in the order of their names before the first picture is read, so the archive's order does not
 * matter to them.
 */
function numberClasses(intake: Intake, archive: Archive, layout: Layout): Map<string, number> {
  const examples = new Map<string, string>();
  for (const entry of archive.entries) {
    const placed = layout.place(entry.path);
    if (!placed) continue;
    if (!examples.has(placed.className)) examples.set(placed.className, entry.path);
    if (layout.splits && placed.split !== null && placed.split !== "train") intake.brought.add(placed.split);
  }
  const numbers = new Map<string, number>();
  for (const [className, path] of [...examples].sort(([left], [right]) => byName(left, right)))
    numbers.set(className, intake.labels.ofFolder(className, { file: `${archive.name}: ${path}`, row: null }));
  intake.complaints.settle();
  return numbers;
}

/** Folders in which there is no file: perhaps a class that was forgotten. */
export function emptyFolders({ entries, folders }: Archive): string[] {
  const filled = new Set<string>();
  for (const { path } of entries)
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const folder = path.slice(0, at);
      if (filled.has(folder)) break;
      filled.add(folder);
    }
  const empty = folders.filter((folder) => !filled.has(folder));
  return empty.filter((folder) => !empty.some((other) => other !== folder && other.startsWith(`${folder}/`)));
}

const examplesOf = (paths: readonly string[]): string =>
  paths
    .slice(0, 3)
    .map((path) => printable(path, 60))
    .join(", ");

/** What is not read, in sentences. */
export function tellLeftOut(intake: Intake, archive: Archive, loose: readonly string[]): void {
  const skipped = archive.skipped.sentence();
  if (skipped) intake.warn(skipped);
  if (loose.length > 0)
    intake.warn(
      `${grouped(loose.length)} file${loose.length === 1 ? "" : "s"} outside the class folders skipped, such as ${examplesOf(loose)}`,
    );
  const empty = emptyFolders(archive);
  if (empty.length > 0)
    intake.warn(
      `${grouped(empty.length)} folder${empty.length === 1 ? " is" : "s are"} empty and made no class, such as ${examplesOf(empty)}`,
    );
}

async function readFolders(intake: Intake, archive: Archive, { split }: Source): Promise<void> {
  const layout = arrange(
    archive.name,
    archive.entries.map((entry) => entry.path),
  );
  tellLeftOut(intake, archive, layout.loose);
  intake.decide("labels", { value: "folders", guessed: false });
  const numbers = numberClasses(intake, archive, layout);
  await readPictures(intake, archive, (path) => {
    const placed = layout.place(path);
    const label = placed ? numbers.get(placed.className) : undefined;
    return placed && label !== undefined ? { split: placed.split ?? split, label } : null;
  });
}

/** Recognises any archive: whatever else one may hold is tried before. */
export const folders: Format = {
  name: "folders",
  recognises: ({ archive }) => archive !== null,
  read: async (intake, source) => {
    if (source.archive) await readFolders(intake, source.archive, source);
  },
};
