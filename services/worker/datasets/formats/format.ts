/** What every format of a dataset is to the check of an upload. */
import type { Split } from "../../../../schemas/dataset.ts";
import type { Archive } from "../archives/archive.ts";
import type { Intake } from "../intake.ts";
import type { OpenedFile } from "../open.ts";

/** A file of an upload. */
export interface SourceFile {
  /** As its owner knows it. */
  name: string;
  /** The form field it came in. */
  field: string;
  /** Its first 1024 bytes, gzip removed. */
  head: Buffer;
  /** Its bytes, gzip removed. They must be read to their end or closed. */
  open(): Promise<OpenedFile>;
}

/** What is read at once: a file alone, two that belong together, or what an archive holds. */
export interface Source {
  /** Where samples go that do not say it themselves. */
  split: Split;
  /** None where it is an archive. */
  files: readonly SourceFile[];
  archive: Archive | null;
}

/** A format of datasets. To add one, write its file and name it in ./index.ts. */
export interface Format {
  /** As `interpretation.format` says it. */
  name: string;
  /** Tells a file by its content; what an archive holds may also be told by names. */
  recognises(source: Source, intake: Intake): boolean | Promise<boolean>;
  /** Delivers all samples to the intake. Throws DatasetRefused where the source is at fault. */
  read(intake: Intake, source: Source): Promise<void>;
}

/** The file of a source that stands for itself, as tables do; null for pairs and archives. */
export const singleFile = ({ files }: Source): SourceFile | null => (files.length === 1 ? files[0] : null);
