/** Text files by lines and numbers by fields, within bounds. */
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { nameLimit } from "../../shared/dataset-limits.ts";
import { refuse } from "./refused.ts";

export interface Line {
  /** Counted from 1, as editors do. */
  number: number;
  text: string;
}

const mark = "\u{feff}";

function textOf(bytes: Buffer, number: number): string {
  const text = bytes.toString("utf8", 0, bytes.at(-1) === 13 ? bytes.length - 1 : bytes.length);
  return number === 1 && text.startsWith(mark) ? text.slice(1) : text;
}

/** Lines of a UTF-8 file; \n or \r\n; a byte order mark is taken off. */
export async function* linesOf(stream: AsyncIterable<Buffer>, { file, limits }: { file: string; limits: DatasetLimits }): AsyncGenerator<Line, void, undefined> {
  let parts: Buffer[] = [];
  let pending = 0;
  let number = 0;
  const bound = (): void => {
    if (pending > limits.MAX_LINE_BYTES) refuse(file, `found a line longer than ${nameLimit(limits, "MAX_LINE_BYTES")} bytes`, number + 1);
  };
  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at));
      pending += at - from;
      bound();
      number += 1;
      yield { number, text: textOf(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts), number) };
      parts = [];
      pending = 0;
      from = at + 1;
    }
    if (from < chunk.length) {
      parts.push(Buffer.from(chunk.subarray(from)));
      pending += chunk.length - from;
      bound();
    }
  }
  if (pending > 0) yield { number: number + 1, text: textOf(Buffer.concat(parts), number + 1) };
}

/** Whether all values are whole numbers from 0 to 255. */
export function fitsBytes(values: readonly number[]): boolean {
  for (const value of values) if (!(value >= 0 && value <= 255 && Number.isInteger(value))) return false;
  return true;
}

/** uint8 where that loses nothing, float32 otherwise. */
export const pixelsOf = (values: readonly number[]): Uint8Array | Float32Array => (fitsBytes(values) ? Uint8Array.from(values) : Float32Array.from(values));

/** What flat rows of this many values are: by the wished size if it fits, as a square otherwise; channels stand first. */
export function shapeOfFlat(values: number, wish: { size: { height: number; width: number } | null; channels: 1 | 3 | null }): { channels: 1 | 3; height: number; width: number } | null {
  const channelsToTry: readonly (1 | 3)[] = wish.channels === 3 ? [3, 1] : [1, 3];
  if (wish.size) for (const channels of channelsToTry) if (wish.size.height * wish.size.width * channels === values) return { channels, ...wish.size };
  for (const channels of channelsToTry) {
    const side = Math.sqrt(values / channels);
    if (side >= 1 && Number.isInteger(side)) return { channels, height: side, width: side };
  }
  return null;
}
