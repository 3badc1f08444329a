/** Pictures of an archive: decoded a few at a time, delivered in the archive's order. */
import { availableParallelism } from "node:os";
import type { Split } from "../../../../schemas/dataset.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
import type { Archive, ArchiveEntry } from "../archives/archive.ts";
import { decode } from "../decode.ts";
import type { Decoded } from "../decode.ts";
import type { Intake } from "../intake.ts";

/** What a picture shows and where it goes. */
export interface Placed {
  split: Split;
  label: number;
}

interface Pending extends Placed {
  entry: ArchiveEntry;
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
  const { entry, split, label } = pending;
  const file = `${archive.name}: ${entry.path}`;
  const decoded = await pending.decoded;
  if ("refused" in decoded) intake.complaints.add(file, null, decoded.refused, decoded.cause);
  else {
    notes.add(decoded.sample.notes);
    intake.addPicture({ file, row: null }, { split, label, sample: decoded.sample });
  }
}

/** Reads every entry that `place` gives a place. */
export async function readPictures(
  intake: Intake,
  archive: Archive,
  place: (path: string) => Placed | null,
): Promise<void> {
  const window = Math.max(2, Math.min(8, availableParallelism() * 2));
  const pending: Pending[] = [];
  const notes = new Notes();
  try {
    for await (const { entry, bytes } of archive.contents()) {
      const placed = place(entry.path);
      if (!placed) continue;
      const decoded = decode(intake, bytes);
      decoded.catch(() => undefined);
      pending.push({ entry, ...placed, decoded });
      const next = pending.length >= window ? pending.shift() : undefined;
      if (next) await deliver(intake, archive, next, notes);
    }
    for (const next of pending.splice(0)) await deliver(intake, archive, next, notes);
  } finally {
    await Promise.allSettled(pending.map((each) => each.decoded));
  }
  notes.tell(intake);
}
