/**
 * Bouvrie §3.2: x_j = f( β_j down(x_j) + b_j ), down the sum, mean or maximum of a factor×factor block, and §3.1's way
 * back, β_j ( f′(u_j) ∘ up(δ_j) ). Maps [map][row][column][lanes]; rows and columns that fill no block are dropped and
 * receive 0.
 *
 * Four lanes at a time, or, for a single sample, one element (blocks of 2×2 of a single sample: four blocks at a time).
 */
import { activateRun, gateFour, gateRun, isSquared } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import {
  add,
  addTree,
  broadcast,
  lanesBelow,
  maximum,
  multiply,
  multiplyAdd,
  read,
  readSome,
  select,
  splat,
  write,
  writeSome,
  zero,
} from "./lanes";

const mean: u32 = 1;
const max: u32 = 2;

/** The real nearest to 1/factor². */
// @ts-ignore: decorator
@inline
function inverseArea(factor: u32): f32 {
  return <f32>(1.0 / <f64>(factor * factor));
}

/** down of one block, rows then columns. */
// @ts-ignore: decorator
@inline
function downOf(input: usize, factor: u32, reduce: u32, rowBytes: usize, pixelBytes: usize, narrow: bool): v128 {
  let value = readSome(input, narrow);
  for (let column: u32 = 1; column < factor; column++)
    value = combine(value, readSome(input + column * pixelBytes, narrow), reduce);
  for (let row: u32 = 1; row < factor; row++) {
    input += rowBytes;
    for (let column: u32 = 0; column < factor; column++)
      value = combine(value, readSome(input + column * pixelBytes, narrow), reduce);
  }
  return reduce == mean ? multiply(value, splat(inverseArea(factor))) : value;
}

// @ts-ignore: decorator
@inline
function combine(old: v128, pixel: v128, reduce: u32): v128 {
  return reduce == max ? maximum(old, pixel) : add(old, pixel);
}

/** Four blocks of 2×2 of a single sample. */
// @ts-ignore: decorator
@inline
function downOfFour(input: usize, reduce: u32, rowBytes: usize): v128 {
  const a = read(input),
    b = read(input + vectorBytes);
  const c = read(input + rowBytes),
    d = read(input + rowBytes + vectorBytes);
  let value = combine(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7), reduce);
  value = combine(value, v128.shuffle<f32>(c, d, 0, 2, 4, 6), reduce);
  value = combine(value, v128.shuffle<f32>(c, d, 1, 3, 5, 7), reduce);
  return reduce == mean ? multiply(value, splat(0.25)) : value;
}

/**
 * One row of blocks: d to `down` (if it is there), β·d + b to output. reduce and factor are known where this is
 * inlined, or 0 for any factor.
 */
// @ts-ignore: decorator
@inline
function forwardRow(
  input: usize,
  output: usize,
  down: usize,
  beta: v128,
  bias: v128,
  outColumns: u32,
  known: u32,
  factor: u32,
  reduce: u32,
  rowBytes: usize,
  lanes: u32,
): void {
  const side = known > 0 ? known : factor;
  if (lanes == 8) {
    for (let column: u32 = 0; column < outColumns; column++)
      for (let half: usize = 0; half < blockBytes; half += vectorBytes) {
        const place = column * blockBytes + half;
        const d = downOf(input + side * column * blockBytes + half, side, reduce, rowBytes, blockBytes, false);
        if (down != 0) write(down + place, d);
        write(output + place, multiplyAdd(bias, beta, d));
      }
    return;
  }
  let column: u32 = 0;
  if (known == 2)
    for (; column + 4 <= outColumns; column += 4) {
      const d = downOfFour(input + 2 * realBytes(column), reduce, rowBytes);
      if (down != 0) write(down + realBytes(column), d);
      write(output + realBytes(column), multiplyAdd(bias, beta, d));
    }
  for (; column < outColumns; column++) {
    const d = downOf(input + side * realBytes(column), side, reduce, rowBytes, realBytes(1), true);
    if (down != 0) writeSome(down + realBytes(column), d, true);
    writeSome(output + realBytes(column), multiplyAdd(bias, beta, d), true);
  }
}

/** forwardRow with the reduction settled outside its loops. */
function forwardRowOf(
  input: usize,
  output: usize,
  down: usize,
  beta: v128,
  bias: v128,
  outColumns: u32,
  factor: u32,
  reduce: u32,
  rowBytes: usize,
  lanes: u32,
): void {
  if (factor == 2 && reduce == max)
    forwardRow(input, output, down, beta, bias, outColumns, 2, factor, max, rowBytes, lanes);
  else if (factor == 2 && reduce == mean)
    forwardRow(input, output, down, beta, bias, outColumns, 2, factor, mean, rowBytes, lanes);
  else forwardRow(input, output, down, beta, bias, outColumns, 0, factor, reduce, rowBytes, lanes);
}

export function subsamplingForward(
  input: usize,
  beta: usize,
  bias: usize,
  output: usize,
  down: usize,
  maps: u32,
  rows: u32,
  columns: u32,
  factor: u32,
  reduce: u32,
  activation: u32,
  lanes: u32,
): void {
  const outRows = rows / factor;
  const outColumns = columns / factor;
  const rowBytes = realBytes(columns * lanes);
  const outRowBytes = realBytes(outColumns * lanes);
  let place: usize = 0;
  for (let map: u32 = 0; map < maps; map++)
    for (let row: u32 = 0; row < outRows; row++) {
      const x = input + (map * rows + row * factor) * rowBytes;
      forwardRowOf(
        x,
        output + place,
        down == 0 ? 0 : down + place,
        broadcast(beta + realBytes(map)),
        broadcast(bias + realBytes(map)),
        outColumns,
        factor,
        reduce,
        rowBytes,
        lanes,
      );
      place += outRowBytes;
    }
  activateRun(activation, output, maps * outRows * outColumns * lanes);
}

/** up: one value to every pixel of its block, before the gate. */
// @ts-ignore: decorator
@inline
function spread(value: v128, output: usize, factor: u32, rowBytes: usize, pixelBytes: usize, narrow: bool): void {
  for (let row: u32 = 0; row < factor; row++) {
    for (let column: u32 = 0; column < factor; column++) writeSome(output + column * pixelBytes, value, narrow);
    output += rowBytes;
  }
}

/**
 * The first pixel that equals d takes the value, already gated (it equals d, so d is what the gate reads); the others
 * 0.
 */
// @ts-ignore: decorator
@inline
function award(
  value: v128,
  d: v128,
  input: usize,
  output: usize,
  factor: u32,
  rowBytes: usize,
  pixelBytes: usize,
  narrow: bool,
): void {
  let open = i32x4.splat(-1);
  for (let row: u32 = 0; row < factor; row++) {
    for (let column: u32 = 0; column < factor; column++) {
      const wins = v128.and(open, f32x4.eq(readSome(input + column * pixelBytes, narrow), d));
      writeSome(output + column * pixelBytes, v128.and(value, wins), narrow);
      open = v128.andnot(open, wins);
    }
    input += rowBytes;
    output += rowBytes;
  }
}

/** Four blocks of 2×2 of a single sample, their values each to four pixels, or to the first that equals d. */
// @ts-ignore: decorator
@inline
function spreadFour(value: v128, d: v128, input: usize, output: usize, reduce: u32, rowBytes: usize): void {
  let top0 = value,
    top1 = value,
    bottom0 = value,
    bottom1 = value;
  if (reduce == max) {
    const a = read(input),
      b = read(input + vectorBytes);
    const e = read(input + rowBytes),
      f = read(input + rowBytes + vectorBytes);
    const first = f32x4.eq(v128.shuffle<f32>(a, b, 0, 2, 4, 6), d);
    const second = v128.andnot(f32x4.eq(v128.shuffle<f32>(a, b, 1, 3, 5, 7), d), first);
    const top = v128.or(first, second);
    const third = v128.andnot(f32x4.eq(v128.shuffle<f32>(e, f, 0, 2, 4, 6), d), top);
    const fourth = v128.andnot(v128.andnot(f32x4.eq(v128.shuffle<f32>(e, f, 1, 3, 5, 7), d), top), third);
    top0 = v128.and(value, first);
    top1 = v128.and(value, second);
    bottom0 = v128.and(value, third);
    bottom1 = v128.and(value, fourth);
  }
  write(output, v128.shuffle<f32>(top0, top1, 0, 4, 1, 5));
  write(output + vectorBytes, v128.shuffle<f32>(top0, top1, 2, 6, 3, 7));
  write(output + rowBytes, v128.shuffle<f32>(bottom0, bottom1, 0, 4, 1, 5));
  write(output + rowBytes + vectorBytes, v128.shuffle<f32>(bottom0, bottom1, 2, 6, 3, 7));
}

/** The blocks of a row of a single sample that go four at a time; returns how many did. */
function backwardFours(
  delta: usize,
  input: usize,
  down: usize,
  output: usize,
  slope: v128,
  inverse: v128,
  outColumns: u32,
  reduce: u32,
  gate: u32,
  rowBytes: usize,
): u32 {
  let column: u32 = 0;
  for (; column + 4 <= outColumns; column += 4) {
    const from = realBytes(column);
    let value = multiply(slope, read(delta + from));
    if (reduce == mean) value = multiply(value, inverse);
    const d = reduce == max ? read(down + from) : value;
    if (reduce == max) value = gateFour(gate, value, d);
    spreadFour(value, d, input + 2 * from, output + 2 * from, reduce, rowBytes);
  }
  return column;
}

/** One row of blocks. known is the factor where it is 2, else 0. */
// @ts-ignore: decorator
@inline
function backwardRow(
  delta: usize,
  input: usize,
  down: usize,
  output: usize,
  slope: v128,
  inverse: v128,
  outColumns: u32,
  known: u32,
  factor: u32,
  reduce: u32,
  gate: u32,
  rowBytes: usize,
  lanes: u32,
): void {
  const side = known > 0 ? known : factor;
  const narrow = lanes == 1;
  const pixelBytes = narrow ? realBytes(1) : blockBytes;
  const step = narrow ? realBytes(1) : vectorBytes;
  for (let column: u32 = 0; column < outColumns; column++)
    for (let half: usize = 0; half < pixelBytes; half += step) {
      const from = column * pixelBytes + half;
      const to = side * column * pixelBytes + half;
      let value = multiply(slope, readSome(delta + from, narrow));
      if (reduce == mean) value = multiply(value, inverse);
      if (reduce == max) {
        const d = readSome(down + from, narrow);
        award(gateFour(gate, value, d), d, input + to, output + to, side, rowBytes, pixelBytes, narrow);
      } else spread(value, output + to, side, rowBytes, pixelBytes, narrow);
    }
}

/** backwardRow with lanes, factor and reduction settled outside its loops. */
function backwardRowOf(
  delta: usize,
  input: usize,
  down: usize,
  output: usize,
  slope: v128,
  inverse: v128,
  outColumns: u32,
  factor: u32,
  reduce: u32,
  gate: u32,
  rowBytes: usize,
  lanes: u32,
): void {
  if (lanes == 1) {
    const done =
      factor == 2 ? backwardFours(delta, input, down, output, slope, inverse, outColumns, reduce, gate, rowBytes) : 0;
    const skip = realBytes(done);
    backwardRow(
      delta + skip,
      input + factor * skip,
      down + skip,
      output + factor * skip,
      slope,
      inverse,
      outColumns - done,
      0,
      factor,
      reduce,
      gate,
      rowBytes,
      1,
    );
  } else if (factor == 2 && reduce == max)
    backwardRow(delta, input, down, output, slope, inverse, outColumns, 2, factor, max, gate, rowBytes, 8);
  else if (factor == 2 && reduce == mean)
    backwardRow(delta, input, down, output, slope, inverse, outColumns, 2, factor, mean, gate, rowBytes, 8);
  else backwardRow(delta, input, down, output, slope, inverse, outColumns, 0, factor, reduce, gate, rowBytes, 8);
}

export function subsamplingBackward(
  delta: usize,
  beta: usize,
  input: usize,
  down: usize,
  output: usize,
  maps: u32,
  rows: u32,
  columns: u32,
  factor: u32,
  reduce: u32,
  gate: u32,
  lanes: u32,
): void {
  const outRows = rows / factor;
  const outColumns = columns / factor;
  const rowBytes = realBytes(columns * lanes);
  const outRowBytes = realBytes(outColumns * lanes);
  const covered = realBytes(outColumns * factor * lanes);
  let inverse = splat(inverseArea(factor));
  if (isSquared(gate)) inverse = multiply(inverse, inverse);
  for (let map: u32 = 0; map < maps; map++) {
    let slope = broadcast(beta + realBytes(map));
    if (isSquared(gate)) slope = multiply(slope, slope);
    const plane = map * rows * rowBytes;
    for (let row: u32 = 0; row < outRows; row++) {
      const place = plane + row * factor * rowBytes;
      const from = (map * outRows + row) * outRowBytes;
      backwardRowOf(
        delta + from,
        input + place,
        down + from,
        output + place,
        slope,
        inverse,
        outColumns,
        factor,
        reduce,
        gate,
        rowBytes,
        lanes,
      );
      for (let r: u32 = 0; r < factor; r++) {
        const line = place + r * rowBytes;
        if (reduce != max) gateRun(gate, output + line, input + line, outColumns * factor * lanes);
        if (covered < rowBytes) memory.fill(output + line + covered, 0, rowBytes - covered);
      }
    }
    memory.fill(output + plane + outRows * factor * rowBytes, 0, (rows - outRows * factor) * rowBytes);
  }
}

export function subsamplingGradient(
  delta: usize,
  down: usize,
  betaGradient: usize,
  biasGradient: usize,
  maps: u32,
  positions: u32,
  lanes: u32,
): void {
  const total = positions * lanes;
  const whole = realBytes(total & ~7);
  const rest = total & 7;
  for (let map: u32 = 0; map < maps; map++) {
    let betaLow = zero(),
      betaHigh = zero(),
      biasLow = zero(),
      biasHigh = zero();
    for (let offset: usize = 0; offset < whole; offset += blockBytes) {
      const low = read(delta + offset),
        high = read(delta + offset + vectorBytes);
      betaLow = multiplyAdd(betaLow, low, read(down + offset));
      betaHigh = multiplyAdd(betaHigh, high, read(down + offset + vectorBytes));
      biasLow = add(biasLow, low);
      biasHigh = add(biasHigh, high);
    }
    if (rest > 0) {
      const lowRest = lanesBelow(0, rest),
        highRest = lanesBelow(4, rest);
      const low = read(delta + whole),
        high = read(delta + whole + vectorBytes);
      betaLow = select(lowRest, multiplyAdd(betaLow, low, read(down + whole)), betaLow);
      betaHigh = select(highRest, multiplyAdd(betaHigh, high, read(down + whole + vectorBytes)), betaHigh);
      biasLow = select(lowRest, add(biasLow, low), biasLow);
      biasHigh = select(highRest, add(biasHigh, high), biasHigh);
    }
    addTree(betaGradient + realBytes(map), betaLow, betaHigh);
    addTree(biasGradient + realBytes(map), biasLow, biasHigh);
    delta += realBytes(total);
    down += realBytes(total);
  }
}
