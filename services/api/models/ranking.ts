/** The order of many numbers, found in turns with whatever else the event loop has to do. */
import { setImmediate as others } from "node:timers/promises";

/** Numbers that are sorted or merged before others have a turn: some milliseconds. */
const numbersAtOnce = 16_384;

/** What is no number comes last. */
const rankOf = (value: number): number => (Number.isNaN(value) ? -Infinity : value);

/** Places of `values`, the largest value first; among equals the first place first. */
export async function rank(values: Float32Array): Promise<Uint32Array> {
  const before = (left: number, right: number): number => rankOf(values[right]) - rankOf(values[left]) || left - right;
  let sorted: Uint32Array = Uint32Array.from({ length: values.length }, (_, place) => place);
  for (let from = 0; from < sorted.length; from += numbersAtOnce) {
    sorted.subarray(from, from + numbersAtOnce).sort(before);
    await others();
  }
  for (let width = numbersAtOnce; width < sorted.length; width *= 2) sorted = await mergePairs(sorted, width, before);
  return sorted;
}

/** Runs of `width` places become runs of twice as many. */
async function mergePairs(
  from: Uint32Array,
  width: number,
  before: (left: number, right: number) => number,
): Promise<Uint32Array> {
  const to = new Uint32Array(from.length);
  for (let start = 0; start < from.length; start += 2 * width) {
    const middle = Math.min(start + width, from.length);
    const end = Math.min(middle + width, from.length);
    let [left, right] = [start, middle];
    for (let at = start; at < end; at++) {
      to[at] = right === end || (left < middle && before(from[left], from[right]) < 0) ? from[left++] : from[right++];
      if (at % numbersAtOnce === 0) await others();
    }
  }
  return to;
}
