/**
 * The plain movers: clear, square, gather (Bouvrie §2: inputs normalised) and pad. Samples come as rows and leave as
 * [channel][pixel][lane].
 */
import { ClearCall, SquareCall, Dtype, GatherCall, headerCount, headerRows, PadCall } from "./contract";
import { realBytes, vectorBytes, blockBytes } from "./address";
import {
  interleaveHigh,
  interleaveLow,
  joinHigh,
  joinLow,
  lanesBelow,
  multiply,
  read,
  readNarrow,
  realAt,
  setReal,
  splat,
  subtract,
  write,
  writeNarrow,
} from "./lanes";

export function clear(call: ClearCall): void {
  const { output, count } = call;
  memory.fill(output, 0, realBytes(count));
}

export function square(call: SquareCall): void {
  const { count } = call;
  let { input, output } = call;
  const end = input + realBytes(count & ~3);
  for (; input < end; input += vectorBytes, output += vectorBytes) {
    const x = read(input);
    write(output, multiply(x, x));
  }
  for (let rest = count & 3; rest > 0; rest--, input += realBytes(1), output += realBytes(1)) {
    const x = readNarrow(input);
    writeNarrow(output, multiply(x, x));
  }
}

/** Four consecutive numbers of a sample as reals. */
// @ts-ignore: decorator
@inline
function fourPixels(address: usize, dtype: u32): v128 {
  if (dtype != Dtype.uint8) return read(address);
  return f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(address))));
}

// @ts-ignore: decorator
@inline
function onePixel(address: usize, dtype: u32): f32 {
  return dtype == Dtype.uint8 ? <f32>load<u8>(address) : realAt(address);
}

/**
 * Four lanes of one channel: four pixels of four samples are read along the samples and turned to lie along the lanes.
 */
function gatherFour(
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  output: usize,
  dtype: u32,
  pixels: u32,
  mean: f32,
  factor: f32,
  present: v128,
): void {
  const elementBytes: usize = dtype == Dtype.uint8 ? 1 : realBytes(1);
  const means = splat(mean);
  const factors = splat(factor);
  let pixel: u32 = 0;
  for (; pixel + 4 <= pixels; pixel += 4) {
    const offset = pixel * elementBytes;
    const va = multiply(subtract(fourPixels(a + offset, dtype), means), factors);
    const vb = multiply(subtract(fourPixels(b + offset, dtype), means), factors);
    const vc = multiply(subtract(fourPixels(c + offset, dtype), means), factors);
    const vd = multiply(subtract(fourPixels(d + offset, dtype), means), factors);
    const lowAB = interleaveLow(va, vb);
    const highAB = interleaveHigh(va, vb);
    const lowCD = interleaveLow(vc, vd);
    const highCD = interleaveHigh(vc, vd);
    write(output, v128.and(present, joinLow(lowAB, lowCD)));
    write(output + blockBytes, v128.and(present, joinHigh(lowAB, lowCD)));
    write(output + 2 * blockBytes, v128.and(present, joinLow(highAB, highCD)));
    write(output + 3 * blockBytes, v128.and(present, joinHigh(highAB, highCD)));
    output += 4 * blockBytes;
  }
  for (; pixel < pixels; pixel++) {
    const offset = pixel * elementBytes;
    const values = f32x4(
      onePixel(a + offset, dtype),
      onePixel(b + offset, dtype),
      onePixel(c + offset, dtype),
      onePixel(d + offset, dtype),
    );
    write(output, v128.and(present, multiply(subtract(values, means), factors)));
    output += blockBytes;
  }
}

/** One sample: the lanes are its pixels. */
function gatherOne(sample: usize, output: usize, dtype: u32, pixels: u32, mean: f32, factor: f32): void {
  let pixel: u32 = 0;
  for (; pixel + 4 <= pixels; pixel += 4) {
    const offset = dtype == Dtype.uint8 ? pixel : realBytes(pixel);
    write(
      output + realBytes(pixel),
      multiply(subtract(fourPixels(sample + offset, dtype), splat(mean)), splat(factor)),
    );
  }
  for (; pixel < pixels; pixel++) {
    const offset = dtype == Dtype.uint8 ? pixel : realBytes(pixel);
    setReal(output + realBytes(pixel), (onePixel(sample + offset, dtype) - mean) * factor);
  }
}

/** Where lane's row begins; a lane without a sample reads the first row and is masked. */
// @ts-ignore: decorator
@inline
function rowOf(samples: usize, header: usize, lane: u32, count: u32, rowBytes: usize): usize {
  return samples + <usize>load<u32>(header + realBytes(headerRows + (lane < count ? lane : 0))) * rowBytes;
}

export function gather(call: GatherCall): void {
  const { samples, header, mean, factor, output, dtype, channels, pixels, lanes } = call;
  const count = load<u32>(header + realBytes(headerCount));
  if (count == 0) return memory.fill(output, 0, realBytes(channels * pixels * lanes));
  const planeBytes: usize = dtype == Dtype.uint8 ? pixels : realBytes(pixels);
  const rowBytes = channels * planeBytes;
  for (let channel: u32 = 0; channel < channels; channel++) {
    const m = realAt(mean + realBytes(channel));
    const f = realAt(factor + realBytes(channel));
    const from = samples + channel * planeBytes;
    const to = output + realBytes(channel * pixels * lanes);
    if (lanes == 1) gatherOne(rowOf(from, header, 0, count, rowBytes), to, dtype, pixels, m, f);
    else
      for (let lane: u32 = 0; lane < 8; lane += 4)
        gatherFour(
          rowOf(from, header, lane, count, rowBytes),
          rowOf(from, header, lane + 1, count, rowBytes),
          rowOf(from, header, lane + 2, count, rowBytes),
          rowOf(from, header, lane + 3, count, rowBytes),
          to + realBytes(lane),
          dtype,
          pixels,
          m,
          f,
          lanesBelow(lane, count),
        );
  }
}

export function pad(call: PadCall): void {
  const { input, output, maps, rows, columns, padding, lanes } = call;
  padMaps(input, output, maps, rows, columns, padding, lanes);
}

export function padMaps(
  input: usize,
  output: usize,
  maps: u32,
  rows: u32,
  columns: u32,
  padding: u32,
  lanes: u32,
): void {
  const outColumns = columns + 2 * padding;
  const rowBytes = realBytes(columns * lanes);
  for (let map: u32 = 0; map < maps; map++)
    for (let row: u32 = 0; row < rows; row++) {
      const place = (map * (rows + 2 * padding) + row + padding) * outColumns + padding;
      memory.copy(output + realBytes(place * lanes), input + realBytes((map * rows + row) * columns * lanes), rowBytes);
    }
}
