/** The kinds of archives that are read, in the order in which they are tried. */
import type { ArchiveKind } from "./archive.ts";
import { tar } from "./tar.ts";
import { zip } from "./zip.ts";

export const archiveKinds: readonly ArchiveKind[] = [zip, tar];
