/**
 * Lists of numbers straight from the text of a JSON body into float32: samples come as hundreds of numbers each, and a
 * list of JavaScript's for every row of pixels would be most of what a prediction costs.
 */

/** A list of finite numbers as it came, flat or evenly nested: [28][28] has the lengths 28, 28 and 784 values. */
export class NumberList {
  readonly values: Float32Array<ArrayBuffer>;
  readonly lengths: readonly number[];
  /** All are whole numbers, and not only as float32 rounds them. */
  readonly isWhole: boolean;

  constructor(values: Float32Array<ArrayBuffer>, lengths: readonly number[], isWhole: boolean) {
    this.values = values;
    this.lengths = lengths;
    this.isWhole = isWhole;
  }
}

/** Powers of ten that are exact as float64, then some that are right to half a unit. */
const powers = Float64Array.from({ length: 61 }, (_, exponent) => Number(`1e${exponent}`));
const exactPower = 22;
/** So many digits fit into a float64 without rounding. */
const exactDigits = 15;
const mostDigits = 100;
/** More than a hundred roundings of a float64 can be off. */
const margin = 2 ** -40;

/**
 * Lists are read into one memory after another, until it is full: a memory of its own for each would cost more than
 * reading it, and lists of one body that follow each other need not be put together afterwards.
 */
let room = new Float32Array(0);
let used = 0;
const leastRoom = 32 * 1024;

/** A number and the sign behind it take two bytes: more numbers than that do not come. */
function makeRoom(bytes: number): void {
  const most = Math.ceil(bytes / 2) + 1;
  // Where a memory was handed to another thread, nothing is left of it.
  if (room.length - used >= most) return;
  room = new Float32Array(Math.max(leastRoom, most));
  used = 0;
}

/** Where the last list ended, behind its bracket. */
let listEnd = 0;
export const endOfNumberList = (): number => listEnd;

/** Where the last number ended. */
let numberEnd = 0;

/**
 * The number at `from` as float32 rounds it: what Math.fround(JSON.parse(text)) gives, to the bit. NaN for what is no
 * number of JSON, or not finite. Long numbers are estimated in float64; only where the estimate lies too near the
 * middle between two float32 does the text decide.
 */
function readNumber(bytes: Buffer, from: number): number {
  let at = from;
  let sign = bytes[at];
  const negative = sign === 0x2d;
  if (negative) sign = bytes[++at];
  let mantissa = sign - 0x30;
  if (!(mantissa >= 0 && mantissa <= 9)) return NaN;
  const first = at;
  sign = bytes[++at];
  if (mantissa === 0 && sign >= 0x30 && sign <= 0x39) return NaN;
  for (; sign >= 0x30 && sign <= 0x39; sign = bytes[++at]) mantissa = mantissa * 10 + (sign - 0x30);
  let exponent = 0;
  if (sign === 0x2e) {
    const point = at;
    sign = bytes[++at];
    for (; sign >= 0x30 && sign <= 0x39; sign = bytes[++at]) mantissa = mantissa * 10 + (sign - 0x30);
    exponent = point + 1 - at;
    if (exponent === 0) return NaN;
  }
  const digits = at - first;
  if (sign === 0x65 || sign === 0x45) {
    sign = bytes[++at];
    const down = sign === 0x2d;
    if (down || sign === 0x2b) sign = bytes[++at];
    const start = at;
    let power = 0;
    for (; sign >= 0x30 && sign <= 0x39; sign = bytes[++at]) power = Math.min(power * 10 + (sign - 0x30), 10_000);
    if (at === start) return NaN;
    exponent += down ? -power : power;
  }
  numberEnd = at;
  const size = exponent < 0 ? -exponent : exponent;
  if (size < powers.length && digits <= mostDigits) {
    const value = exponent < 0 ? mantissa / powers[size] : mantissa * powers[size];
    const exact = digits <= exactDigits && size <= exactPower;
    if (exact || Math.fround(value * (1 - margin)) === Math.fround(value * (1 + margin)))
      return negative ? -value : value;
  }
  const value = Number(bytes.toString("latin1", from, at));
  return Number.isFinite(value) ? value : NaN;
}

const isDigit = (sign: number): boolean => sign >= 0x30 && sign <= 0x39;

/** A whole number of few digits, as most samples are bytes; -1 for anything else. */
function readByte(bytes: Buffer, from: number): number {
  let at = from;
  let value = bytes[at] - 0x30;
  if (!(value >= 0 && value <= 9)) return -1;
  let sign = bytes[++at];
  if (value > 0)
    for (const last = from + 7; isDigit(sign) && at < last; sign = bytes[++at]) value = value * 10 + (sign - 0x30);
  numberEnd = at;
  return sign === 0x2c || sign === 0x5d ? value : -1;
}

const skipSpace = (bytes: Buffer, from: number): number => {
  let at = from;
  for (let sign = bytes[at]; sign === 0x20 || sign === 0x0a || sign === 0x0d || sign === 0x09;) sign = bytes[++at];
  return at;
};

/**
 * The list that begins at `from` with its bracket; null where it is anything else than finite numbers in evenly nested
 * lists, which may still be valid JSON.
 */
export function readNumberList(bytes: Buffer, from: number): NumberList | null {
  makeRoom(bytes.length - from);
  const values = room;
  const start = used;
  let found = start;
  const lengths: number[] = [];
  const counts: number[] = [];
  let depth = 0;
  let isWhole = true;
  /** How deep the numbers lie. */
  let leaves = 0;
  for (let at = from; ;) {
    at = skipSpace(bytes, at);
    if (bytes[at] === 0x5b) {
      if (leaves > 0 && depth >= leaves) return null;
      counts[depth] = 0;
      depth += 1;
      at += 1;
      continue;
    }
    if (leaves === 0) leaves = depth;
    else if (depth !== leaves) return null;
    const first = found;
    do {
      let value = readByte(bytes, at);
      if (value < 0) {
        value = readNumber(bytes, at);
        if (value !== value) return null;
        isWhole &&= Number.isInteger(value);
      }
      values[found++] = value;
      at = numberEnd;
    } while (bytes[at] === 0x2c && isDigit(bytes[++at]));
    counts[depth - 1] += found - first;
    if (bytes[at - 1] === 0x2c) continue;
    for (;;) {
      at = skipSpace(bytes, at) + 1;
      const sign = bytes[at - 1];
      if (sign === 0x2c) break;
      if (sign !== 0x5d) return null;
      depth -= 1;
      if ((lengths[depth] ??= counts[depth]) !== counts[depth]) return null;
      if (depth === 0) {
        listEnd = at;
        used = found;
        return new NumberList(values.subarray(start, found), lengths, isWhole);
      }
      counts[depth - 1] += 1;
    }
  }
}
