/**
 * Tells labels from pixels by their values, where nothing else does: labels stand in the first or in the last column,
 * and are few, whole, without gaps and spread over all samples. The table is read once for this.
 */
import type { Intake } from "../intake.ts";
import type { SourceFile } from "./format.ts";
import { numberIn, splitRow } from "./table-rows.ts";
import { linesOf } from "./text.ts";
import type { Line } from "./text.ts";

/** More different values than this are no classes. */
const mostValues = 65_536;
/** Whole values up to the brightest pixel are labels only where they are no more than this. */
const fewValues = 32;
/** So much of the numbers from the smallest to the largest label must be there. */
const leastFilled = 0.9;

class Column {
  readonly #counts = new Map<string, number>();
  #rows = 0;
  #words = 0;
  #whole = true;
  #minimum = Number.POSITIVE_INFINITY;
  #maximum = Number.NEGATIVE_INFINITY;

  add(field: string, delimiter: string): void {
    this.#rows += 1;
    const value = numberIn(field, delimiter);
    if (Number.isNaN(value)) this.#words += 1;
    else {
      this.#whole &&= Number.isInteger(value);
      this.#minimum = Math.min(this.#minimum, value);
      this.#maximum = Math.max(this.#maximum, value);
    }
    const key = Number.isNaN(value) ? field.trim() : String(value);
    const count = this.#counts.get(key);
    if (count !== undefined || this.#counts.size <= mostValues) this.#counts.set(key, (count ?? 0) + 1);
  }

  /** Whether some value is none that the pixels between have. */
  reachesBeyond(darkest: number, brightest: number): boolean {
    return this.#minimum < darkest || this.#maximum > brightest;
  }

  /** How many bits a label says, were these the labels; null where they cannot be. `brightest`: of the pixels between. */
  labelBits(brightest: number): number | null {
    const different = this.#counts.size;
    if (different < 2 || different > mostValues || this.#rows < 2 * different) return null;
    const areWords = this.#words > this.#rows / 2;
    if (!areWords) {
      const span = this.#maximum - this.#minimum + 1;
      // Two classes are also called −1 and 1.
      const isPair = different === 2 && this.#minimum === -1 && this.#maximum === 1;
      const isRun = this.#minimum >= 0 && this.#minimum <= 1 && different >= leastFilled * span;
      if (this.#words > 0 || !this.#whole || !(isPair || isRun)) return null;
      if (different > fewValues && this.#maximum <= brightest && this.#maximum >= leastFilled * brightest) return null;
    }
    let bits = 0;
    for (const count of this.#counts.values()) bits -= (count / this.#rows) * Math.log2(count / this.#rows);
    return bits;
  }
}

/** The field that so many delimiters stand before, or after, counted from that end. */
function fieldAt(bytes: Buffer, delimiter: number, { skip, fromEnd }: { skip: number; fromEnd: boolean }): string {
  let [from, to] = [0, bytes.length];
  for (let at = 0; at <= skip; at++) {
    const place = fromEnd ? (to === 0 ? -1 : bytes.lastIndexOf(delimiter, to - 1)) : bytes.indexOf(delimiter, from);
    if (at === skip)
      return fromEnd ? bytes.toString("utf8", place + 1, to) : bytes.toString("utf8", from, place < 0 ? to : place);
    if (place < 0) return "";
    if (fromEnd) to = place;
    else from = place + 1;
  }
  return "";
}

export interface SurveyOptions {
  intake: Intake;
  file: SourceFile;
  delimiter: string;
  /** Lines before the first sample. */
  skipLines: number;
}

/** `open`: the values do not decide either. */
export async function surveyColumns(
  { intake, file, delimiter, skipLines }: SurveyOptions,
  { first, last, columns, inner }: { first: number; last: number; columns: number; inner: readonly string[][] },
): Promise<{ column: number; open: boolean }> {
  const between = inner.flat().map((field) => numberIn(field, delimiter) || 0);
  const brightest = between.reduce((most, value) => Math.max(most, value), 0);
  const darkest = between.reduce((least, value) => Math.min(least, value), 0);
  const found = [new Column(), new Column()];
  const quote = 34;
  const ends = ({ bytes, number }: Line): [string, string] => {
    if (delimiter !== " " && !bytes.includes(quote)) {
      const code = delimiter.charCodeAt(0);
      const end = { skip: columns - 1 - last, fromEnd: true };
      return [fieldAt(bytes, code, { skip: first, fromEnd: false }), fieldAt(bytes, code, end)];
    }
    const fields = splitRow(bytes.toString("utf8"), { delimiter, file: file.name, line: number });
    return [fields[first] ?? "", fields[last] ?? ""];
  };
  const opened = await file.open();
  for await (const line of linesOf(opened.stream, { file: file.name, limits: intake.limits })) {
    if (line.number <= skipLines || line.bytes.length === 0) continue;
    for (const [at, field] of ends(line).entries()) found[at].add(field, delimiter);
  }
  const [atFirst, atLast] = found.map((column) => column.labelBits(brightest));
  if (atFirst === null && atLast === null) return { column: first, open: true };
  if (atFirst === null || atLast === null) return { column: atFirst === null ? last : first, open: false };
  const [firstOutside, lastOutside] = found.map((column) => column.reachesBeyond(darkest, brightest));
  if (firstOutside !== lastOutside) return { column: firstOutside ? first : last, open: false };
  return { column: atLast > atFirst ? last : first, open: true };
}
