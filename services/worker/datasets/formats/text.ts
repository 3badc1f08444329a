/** Text files by lines and numbers by fields, within bounds. */
import type { DatasetLimits } from "../../../shared/dataset-limits.ts";
import { nameLimit } from "../../../shared/dataset-limits.ts";
import { refuse } from "../refused.ts";

export interface Line {
  /** Counted from 1, as editors do. */
  number: number;
  /** UTF-8, without its end and without a byte order mark. Valid until the next line. */
  bytes: Buffer;
}

const isMarked = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

/** UTF-8 without a byte order mark. */
export const textOf = (bytes: Buffer): string => bytes.toString("utf8", isMarked(bytes) ? 3 : 0);

/** Where a text begins to say something. */
export const startOfText = (head: Buffer): string => textOf(head).trimStart();

const [newline, carriageReturn] = [10, 13];

/** The first line end: a lone carriage return, as on old Macs, ends lines only where the file's first line ends so. */
function endsWithReturn(chunk: Buffer): boolean | null {
  const [feed, back] = [chunk.indexOf(newline), chunk.indexOf(carriageReturn)];
  if (feed < 0 && back < 0) return null;
  if (back < 0 || (feed >= 0 && feed < back)) return false;
  // A return at the very end may be the first half of \r\n.
  return back + 1 < chunk.length ? chunk[back + 1] !== newline : null;
}

function lineOf(bytes: Buffer, number: number): Line {
  return {
    number,
    bytes: bytes.subarray(
      number === 1 && isMarked(bytes) ? 3 : 0,
      bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length,
    ),
  };
}

/** Lines that end in \n or \r\n; or in \r, where the first one does. */
export async function* linesOf(
  stream: AsyncIterable<Buffer>,
  { file, limits }: { file: string; limits: DatasetLimits },
): AsyncGenerator<Line, void, undefined> {
  let rest: Buffer[] = [];
  let pending = 0;
  let number = 0;
  let byReturn: boolean | null = null;
  const bound = (): void => {
    if (pending > limits.MAX_LINE_BYTES)
      refuse(file, `found a line longer than ${nameLimit(limits, "MAX_LINE_BYTES")} bytes`, number + 1);
  };
  for await (const arrived of stream) {
    let chunk = arrived;
    if (byReturn === null) {
      // Until the first line ends, what came is looked at as a whole.
      chunk = rest.length === 0 ? arrived : Buffer.concat([...rest, arrived]);
      rest = [];
      pending = 0;
      byReturn = endsWithReturn(chunk);
    }
    const end = byReturn === true ? carriageReturn : newline;
    let from = 0;
    for (let at = byReturn === null ? -1 : chunk.indexOf(end); at !== -1; at = chunk.indexOf(end, from)) {
      const part = chunk.subarray(from, at);
      pending += part.length;
      bound();
      number += 1;
      yield lineOf(rest.length === 0 ? part : Buffer.concat([...rest, part]), number);
      rest = [];
      pending = 0;
      from = at + 1;
    }
    if (from < chunk.length) {
      rest.push(Buffer.from(chunk.subarray(from)));
      pending += chunk.length - from;
      bound();
    }
  }
  if (pending > 0) yield lineOf(Buffer.concat(rest), number + 1);
}

/** Whether all values are whole numbers from 0 to 255. */
export function fitsBytes(values: ArrayLike<number>): boolean {
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (!(value >= 0 && value <= 255 && Number.isInteger(value))) return false;
  }
  return true;
}

/** uint8 where that loses nothing, float32 otherwise. */
export const pixelsOf = (values: ArrayLike<number>): Uint8Array | Float32Array =>
  fitsBytes(values) ? new Uint8Array(values) : new Float32Array(values);

/**
 * What flat rows of this many values are: by the wished size if it fits, as a square otherwise; channels stand first.
 */
export function shapeOfFlat(
  values: number,
  wish: { size: { height: number; width: number } | null; channels: 1 | 3 | null },
): { channels: 1 | 3; height: number; width: number } | null {
  const channelsToTry: readonly (1 | 3)[] = wish.channels === 3 ? [3, 1] : [1, 3];
  if (wish.size)
    for (const channels of channelsToTry)
      if (wish.size.height * wish.size.width * channels === values) return { channels, ...wish.size };
  for (const channels of channelsToTry) {
    const side = Math.sqrt(values / channels);
    if (side >= 1 && Number.isInteger(side)) return { channels, height: side, width: side };
  }
  return null;
}
