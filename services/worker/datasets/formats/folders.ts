/** Pictures in one folder per class: decoded a few at a time, delivered in the archive's order. */
import { availableParallelism } from "node:os";
import { PictureError, readPicture } from "../../../shared/pictures.ts";
import type { Sample } from "../../../shared/pictures.ts";
import type { ArchiveEntry, Archive } from "../archives/archive.ts";
import type { Intake } from "../intake.ts";
import { byName } from "../labels.ts";
import { arrange } from "./layout.ts";
import type { Layout, Placed } from "./layout.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
import type { Format } from "./format.ts";
import { PictureRefused, readPictureHeader } from "../picture-header.ts";
import { printable, refuse } from "../refused.ts";

type Decoded = { sample: Sample; notes: string[] } | { refused: string };

/** A picture as the settings wish it; channels and size as they are where nothing is wished. */
export async function decode(intake: Intake, bytes: Buffer): Promise<Decoded> {
  try {
    const header = readPictureHeader(bytes, intake.limits.MAX_PIXELS);
    const size = intake.wishedSize;
    const sample = await readPicture(bytes, {
      channels: intake.settings.channels ?? header.channels,
      height: size?.height ?? null,
      width: size?.width ?? null,
      fit: intake.settings.fit,
    });
    return {
      sample,
      notes: [
        ...(header.palette ? ["had a palette, which was expanded"] : []),
        ...(header.alpha ? ["had transparency, which was laid on black"] : []),
      ],
    };
  } catch (error) {
    if (error instanceof PictureRefused) return { refused: error.message };
    if (error instanceof PictureError) return { refused: `found ${error.message}; expected a complete picture` };
    throw error;
  }
}

interface Pending {
  entry: ArchiveEntry;
  placed: Placed;
  label: number;
  decoded: Promise<Decoded>;
}

/** What happened to many pictures is said once, with the count. */
class Notes {
  readonly #counts = new Map<string, number>();

  add(notes: readonly string[]): void {
    for (const note of notes) this.#counts.set(note, (this.#counts.get(note) ?? 0) + 1);
  }

  tell(intake: Intake): void {
    for (const [note, count] of this.#counts) intake.warn(`${grouped(count)} picture${count === 1 ? "" : "s"} ${note}`);
  }
}

async function deliver(intake: Intake, archive: Archive, pending: Pending, notes: Notes): Promise<void> {
  const { entry, placed, label } = pending;
  const file = `${archive.name}: ${entry.path}`;
  const decoded = await pending.decoded;
  if ("refused" in decoded) intake.complaints.add(file, null, decoded.refused);
  else {
    notes.add(decoded.notes);
    intake.addPicture({ file, row: null }, { split: placed.split, label, sample: decoded.sample });
  }
}

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
    if (layout.splits && placed.split !== "train") intake.brought.add(placed.split);
  }
  const numbers = new Map<string, number>();
  for (const className of [...examples.keys()].sort(byName))
    numbers.set(
      className,
      intake.labels.ofFolder(className, { file: `${archive.name}: ${examples.get(className) ?? ""}`, row: null }),
    );
  intake.complaints.settle();
  return numbers;
}

async function readFolders(intake: Intake, archive: Archive): Promise<void> {
  const layout = arrange(
    archive.name,
    archive.entries.map((entry) => entry.path),
  );
  const skipped = archive.skipped.sentence();
  if (skipped) intake.warn(skipped);
  const examples = layout.loose.slice(0, 3).map((path) => printable(path, 60));
  if (layout.loose.length > 0)
    intake.warn(
      `${grouped(layout.loose.length)} file${layout.loose.length === 1 ? "" : "s"} outside the class folders skipped, such as ${examples.join(", ")}`,
    );
  const numbers = numberClasses(intake, archive, layout);
  const window = Math.max(2, Math.min(8, availableParallelism() * 2));
  const pending: Pending[] = [];
  const notes = new Notes();
  try {
    for await (const { entry, bytes } of archive.contents()) {
      const placed = layout.place(entry.path);
      if (!placed) continue;
      const label = numbers.get(placed.className) ?? refuse(archive.name, "changed while it was read");
      const decoded = decode(intake, bytes);
      decoded.catch(() => undefined);
      pending.push({ entry, placed, label, decoded });
      const next = pending.length >= window ? pending.shift() : undefined;
      if (next) await deliver(intake, archive, next, notes);
    }
    for (const next of pending.splice(0)) await deliver(intake, archive, next, notes);
  } finally {
    await Promise.allSettled(pending.map((each) => each.decoded));
  }
  notes.tell(intake);
}

/** Recognises any archive: whatever else one may hold is tried before. */
export const folders: Format = {
  recognises: ({ archive }) => archive !== null,
  read: async (intake, { archive }) => {
    if (archive) await readFolders(intake, archive);
  },
};
