/** Why an upload cannot become a dataset, in the words its owner will read. */
import type { DatasetProblem } from "../../../schemas/dataset.ts";

/** As many are listed. */
export const mostProblems = 20;
const mostCharacters = 500;

/** Control characters and endless names from a hostile file never reach a log or a terminal as they are. */
export const printable = (text: string, most = 120): string => {
  const clean = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "\u{fffd}")
    .replace(/[\ud800-\udfff]/gu, "\u{fffd}");
  return clean.length > most ? `${clean.slice(0, most)}…` : clean;
};

/** The upload is at fault, not the service: carries what the record will show, and what a library said as its cause. */
export class DatasetRefused extends Error {
  override readonly name = "DatasetRefused";
  readonly problems: DatasetProblem[];

  constructor(problems: readonly DatasetProblem[], options?: ErrorOptions) {
    super(problems.map((each) => each.detail).join("; "), options);
    this.problems = problems.map((each) => ({
      ...each,
      file: each.file === null ? null : printable(each.file, 300),
      detail: printable(each.detail, mostCharacters),
    }));
  }
}

/** Throws at once: nothing further can be read. */
export function refuse(file: string | null, detail: string, row: number | null = null, options?: ErrorOptions): never {
  throw new DatasetRefused([{ file, row, detail }], options);
}

function sentenceOf({ file, row, detail }: DatasetProblem): string {
  const place = row === null ? "" : ` (${row})`;
  return `${file === null ? "" : printable(file, 300)}${place}: ${printable(detail, mostCharacters)}`;
}

/**
 * Collects faults of single rows and pictures, so that one upload tells of many. Where faults refuse the upload,
 * reading stops when there are enough of them; where they are skipped, they are counted and the first are listed.
 */
export class Complaints {
  readonly #found: DatasetProblem[] = [];
  readonly #skip: boolean;
  readonly #onCause: ((cause: Error, file: string | null) => void) | undefined;
  #count = 0;

  /** `onCause`: takes what a library said of a fault that is listed. */
  constructor({ skip, onCause }: { skip: boolean; onCause?: (cause: Error, file: string | null) => void }) {
    this.#skip = skip;
    this.#onCause = onCause;
  }

  /** Whether the upload is going to be refused. */
  get any(): boolean {
    return !this.#skip && this.#count > 0;
  }

  add(file: string | null, row: number | null, detail: string, cause?: unknown): void {
    this.#count += 1;
    if (this.#found.length < mostProblems) {
      this.#found.push({ file, row, detail });
      if (cause instanceof Error) this.#onCause?.(cause, file);
    }
    if (this.#skip || this.#found.length < mostProblems) return;
    this.#found.push({ file, row: null, detail: `reading stopped after ${mostProblems} problems; there may be more` });
    this.settle();
  }

  /** Throws if the upload is refused. */
  settle(): void {
    if (this.any) throw new DatasetRefused(this.#found);
  }

  /** What was skipped, in sentences; the first of them says how much. */
  skipped(): string[] {
    if (!this.#skip || this.#count === 0) return [];
    const more = this.#count - this.#found.length;
    return [
      `${this.#count} ${this.#count === 1 ? "sample was" : "samples were"} skipped because of a fault (onError=skip)`,
      ...this.#found.map(sentenceOf),
      ...(more > 0 ? [`and ${more} more were skipped`] : []),
    ];
  }

  /** The faults, for an upload of which nothing is left. */
  get faults(): readonly DatasetProblem[] {
    return this.#found;
  }
}
