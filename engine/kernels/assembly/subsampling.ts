/**
 * Bouvrie §3.2: x_j = f( β_j down(x_j) + b_j ), down the sum, mean or maximum of a block of high×across pixels, and
 * §3.1's way back, β_j ( f′(u_j) ∘ up(δ_j) ). Maps [map][row][column][lanes]; rows and columns that fill no block are
 * dropped and receive 0.
 *
 * Four lanes at a time, or, for a single sample, one element (blocks of 2×2 of a single sample: four blocks at a time).
 */
import { Reduce, SubsamplingForwardCall, SubsamplingBackwardCall, SubsamplingGradientCall } from "./contract";
import { activateRun, gateFour, gateRun, isSquared } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import {
  add,
  addTree,
  broadcast,
  evens,
  interleaveHigh,
  interleaveLow,
  lanesBelow,
  maximum,
  multiply,
  multiplyAdd,
  odds,
  read,
  readSome,
  select,
  splat,
  write,
  writeSome,
  zero,
} from "./lanes";

/** The real nearest to 1/(high·across). */
// @ts-ignore: decorator
@inline
function inverseArea(high: u32, across: u32): f32 {
  return <f32>(1.0 / <f64>(high * across));
}

/** How the pixels of a block lie: bytes from a row, a pixel to the next; `narrow` where a pixel is one real. */
interface Pixels {
  rowBytes: usize;
  pixelBytes: usize;
  narrow: bool;
}

// @ts-ignore: decorator
@inline
function combine(old: v128, pixel: v128, reduce: u32): v128 {
  return reduce == Reduce.max ? maximum(old, pixel) : add(old, pixel);
}

/** down of one block, rows then columns. */
// @ts-ignore: decorator
@inline
function downOf(high: u32, across: u32, reduce: u32, input: usize, pixels: Pixels): v128 {
  let value = readSome(input, pixels.narrow);
  for (let column: u32 = 1; column < across; column++)
    value = combine(value, readSome(input + column * pixels.pixelBytes, pixels.narrow), reduce);
  for (let row: u32 = 1; row < high; row++) {
    input += pixels.rowBytes;
    for (let column: u32 = 0; column < across; column++)
      value = combine(value, readSome(input + column * pixels.pixelBytes, pixels.narrow), reduce);
  }
  return reduce == Reduce.mean ? multiply(value, splat(inverseArea(high, across))) : value;
}

/** down of four blocks of 2×2 of a single sample. */
// @ts-ignore: decorator
@inline
function downOfFour(reduce: u32, input: usize, rowBytes: usize): v128 {
  const a = read(input);
  const b = read(input + vectorBytes);
  const c = read(input + rowBytes);
  const d = read(input + rowBytes + vectorBytes);
  let value = combine(evens(a, b), odds(a, b), reduce);
  value = combine(value, evens(c, d), reduce);
  value = combine(value, odds(c, d), reduce);
  return reduce == Reduce.mean ? multiply(value, splat(0.25)) : value;
}

/** Which pixel of a block is the first that equals d, rows then columns; −1: none, where d is no number. */
// @ts-ignore: decorator
@inline
function winnerOf(high: u32, across: u32, input: usize, d: v128, pixels: Pixels): v128 {
  let winner = i32x4.splat(-1);
  let number = 0;
  for (let row: u32 = 0; row < high; row++) {
    for (let column: u32 = 0; column < across; column++, number++) {
      const equal = f32x4.eq(readSome(input + column * pixels.pixelBytes, pixels.narrow), d);
      const wins = v128.and(equal, i32x4.lt_s(winner, i32x4.splat(0)));
      winner = select(wins, i32x4.splat(number), winner);
    }
    input += pixels.rowBytes;
  }
  return winner;
}

/** The same of four blocks of 2×2 of a single sample. */
// @ts-ignore: decorator
@inline
function winnerOfFour(input: usize, d: v128, rowBytes: usize): v128 {
  const a = read(input);
  const b = read(input + vectorBytes);
  const e = read(input + rowBytes);
  const f = read(input + rowBytes + vectorBytes);
  let winner = select(f32x4.eq(odds(e, f), d), i32x4.splat(3), i32x4.splat(-1));
  winner = select(f32x4.eq(evens(e, f), d), i32x4.splat(2), winner);
  winner = select(f32x4.eq(odds(a, b), d), i32x4.splat(1), winner);
  return select(f32x4.eq(evens(a, b), d), i32x4.splat(0), winner);
}

/** Where a row keeps d and the winners of its maxima; 0: nowhere. */
interface Kept {
  down: usize;
  winners: usize;
}

/** What the rows of blocks of one map have in common. */
interface ForwardRows {
  beta: v128;
  bias: v128;
  outColumns: u32;
  lanes: u32;
  rowBytes: usize;
}

/**
 * One row of blocks: d and winners to where they are kept (if they are), β·d + b to output. high, across and reduce are
 * known where this is inlined, or, with isAny, only when it runs.
 */
// @ts-ignore: decorator
@inline
function forwardRow(
  isAny: bool,
  high: u32,
  across: u32,
  reduce: u32,
  input: usize,
  output: usize,
  kept: Kept,
  rows: ForwardRows,
): void {
  const { down, winners } = kept;
  const { beta, bias, outColumns, rowBytes } = rows;
  if (rows.lanes == 8) {
    const halves: Pixels = { rowBytes, pixelBytes: blockBytes, narrow: false };
    for (let column: u32 = 0; column < outColumns; column++)
      for (let half: usize = 0; half < blockBytes; half += vectorBytes) {
        const place = column * blockBytes + half;
        const from = input + across * column * blockBytes + half;
        const d = downOf(high, across, reduce, from, halves);
        if (down != 0) write(down + place, d);
        if (reduce == Reduce.max && winners != 0) write(winners + place, winnerOf(high, across, from, d, halves));
        write(output + place, multiplyAdd(bias, beta, d));
      }
    return;
  }
  const ones: Pixels = { rowBytes, pixelBytes: realBytes(1), narrow: true };
  let column: u32 = 0;
  if (!isAny)
    for (; column + 4 <= outColumns; column += 4) {
      const from = input + 2 * realBytes(column);
      const d = downOfFour(reduce, from, rowBytes);
      if (down != 0) write(down + realBytes(column), d);
      if (reduce == Reduce.max && winners != 0) write(winners + realBytes(column), winnerOfFour(from, d, rowBytes));
      write(output + realBytes(column), multiplyAdd(bias, beta, d));
    }
  for (; column < outColumns; column++) {
    const from = input + across * realBytes(column);
    const d = downOf(high, across, reduce, from, ones);
    if (down != 0) writeSome(down + realBytes(column), d, true);
    if (reduce == Reduce.max && winners != 0)
      writeSome(winners + realBytes(column), winnerOf(high, across, from, d, ones), true);
    writeSome(output + realBytes(column), multiplyAdd(bias, beta, d), true);
  }
}

/** forwardRow with block and reduction settled outside its loops. */
function forwardRowOf(
  high: u32,
  across: u32,
  reduce: u32,
  input: usize,
  output: usize,
  kept: Kept,
  rows: ForwardRows,
): void {
  if (high == 2 && across == 2 && reduce == Reduce.max) forwardRow(false, 2, 2, Reduce.max, input, output, kept, rows);
  else if (high == 2 && across == 2 && reduce == Reduce.mean)
    forwardRow(false, 2, 2, Reduce.mean, input, output, kept, rows);
  else forwardRow(true, high, across, reduce, input, output, kept, rows);
}

export function subsamplingForward(call: SubsamplingForwardCall): void {
  const { input, beta, bias, output, down, winners, activation } = call;
  const { maps, rows, columns, blockRows, blockColumns, reduce, lanes } = call;
  const outRows = rows / blockRows;
  const outColumns = columns / blockColumns;
  const rowBytes = realBytes(columns * lanes);
  const outRowBytes = realBytes(outColumns * lanes);
  let place: usize = 0;
  for (let map: u32 = 0; map < maps; map++) {
    const all: ForwardRows = {
      beta: broadcast(beta + realBytes(map)),
      bias: broadcast(bias + realBytes(map)),
      outColumns,
      lanes,
      rowBytes,
    };
    for (let row: u32 = 0; row < outRows; row++) {
      const x = input + (map * rows + row * blockRows) * rowBytes;
      const kept: Kept = { down: down == 0 ? 0 : down + place, winners: winners == 0 ? 0 : winners + place };
      forwardRowOf(blockRows, blockColumns, reduce, x, output + place, kept, all);
      place += outRowBytes;
    }
  }
  activateRun(activation, output, maps * outRows * outColumns * lanes);
}

/** up: one value to every pixel of its block, before the gate. */
// @ts-ignore: decorator
@inline
function spread(high: u32, across: u32, value: v128, output: usize, pixels: Pixels): void {
  for (let row: u32 = 0; row < high; row++) {
    for (let column: u32 = 0; column < across; column++)
      writeSome(output + column * pixels.pixelBytes, value, pixels.narrow);
    output += pixels.rowBytes;
  }
}

/** The winner takes the value, already gated (it equals d, so d is what the gate reads); the others 0. */
// @ts-ignore: decorator
@inline
function award(high: u32, across: u32, value: v128, winner: v128, output: usize, pixels: Pixels): void {
  let number = 0;
  for (let row: u32 = 0; row < high; row++) {
    for (let column: u32 = 0; column < across; column++, number++) {
      const wins = i32x4.eq(winner, i32x4.splat(number));
      writeSome(output + column * pixels.pixelBytes, v128.and(value, wins), pixels.narrow);
    }
    output += pixels.rowBytes;
  }
}

/** Four blocks of 2×2 of a single sample, their values each to four pixels, or to the winner. */
// @ts-ignore: decorator
@inline
function spreadFour(reduce: u32, value: v128, winner: v128, output: usize, rowBytes: usize): void {
  let top0 = value;
  let top1 = value;
  let bottom0 = value;
  let bottom1 = value;
  if (reduce == Reduce.max) {
    top0 = v128.and(value, i32x4.eq(winner, i32x4.splat(0)));
    top1 = v128.and(value, i32x4.eq(winner, i32x4.splat(1)));
    bottom0 = v128.and(value, i32x4.eq(winner, i32x4.splat(2)));
    bottom1 = v128.and(value, i32x4.eq(winner, i32x4.splat(3)));
  }
  write(output, interleaveLow(top0, top1));
  write(output + vectorBytes, interleaveHigh(top0, top1));
  write(output + rowBytes, interleaveLow(bottom0, bottom1));
  write(output + rowBytes + vectorBytes, interleaveHigh(bottom0, bottom1));
}

/** What the rows of blocks of one map have in common on the way back: β, 1/(high·across) (both squared for a squared gate). */
interface BackwardRows {
  slope: v128;
  inverse: v128;
  gate: u32;
  rowBytes: usize;
}

/** The 2×2 blocks of a row of a single sample that go four at a time; returns how many did. */
function backwardFours(reduce: u32, delta: usize, kept: Kept, output: usize, outColumns: u32, rows: BackwardRows): u32 {
  let column: u32 = 0;
  for (; column + 4 <= outColumns; column += 4) {
    const from = realBytes(column);
    let value = multiply(rows.slope, read(delta + from));
    if (reduce == Reduce.mean) value = multiply(value, rows.inverse);
    if (reduce == Reduce.max) value = gateFour(rows.gate, value, read(kept.down + from));
    const winner = reduce == Reduce.max ? read(kept.winners + from) : value;
    spreadFour(reduce, value, winner, output + 2 * from, rows.rowBytes);
  }
  return column;
}

/** One row of blocks; high, across, reduce and lanes are known where this is inlined, or only when it runs. */
// @ts-ignore: decorator
@inline
function backwardRow(
  high: u32,
  across: u32,
  reduce: u32,
  lanes: u32,
  delta: usize,
  kept: Kept,
  output: usize,
  outColumns: u32,
  rows: BackwardRows,
): void {
  const narrow = lanes == 1;
  const pixelBytes = narrow ? realBytes(1) : blockBytes;
  const step = narrow ? realBytes(1) : vectorBytes;
  const pixels: Pixels = { rowBytes: rows.rowBytes, pixelBytes, narrow };
  for (let column: u32 = 0; column < outColumns; column++)
    for (let half: usize = 0; half < pixelBytes; half += step) {
      const from = column * pixelBytes + half;
      const to = across * column * pixelBytes + half;
      let value = multiply(rows.slope, readSome(delta + from, narrow));
      if (reduce == Reduce.mean) value = multiply(value, rows.inverse);
      if (reduce == Reduce.max) {
        value = gateFour(rows.gate, value, readSome(kept.down + from, narrow));
        award(high, across, value, readSome(kept.winners + from, narrow), output + to, pixels);
      } else spread(high, across, value, output + to, pixels);
    }
}

/** backwardRow with lanes, block and reduction settled outside its loops. */
function backwardRowOf(
  high: u32,
  across: u32,
  reduce: u32,
  lanes: u32,
  delta: usize,
  kept: Kept,
  output: usize,
  outColumns: u32,
  rows: BackwardRows,
): void {
  if (lanes == 1) {
    const done = high == 2 && across == 2 ? backwardFours(reduce, delta, kept, output, outColumns, rows) : 0;
    const from = realBytes(done);
    const rest: Kept = { down: kept.down + from, winners: kept.winners + from };
    backwardRow(high, across, reduce, 1, delta + from, rest, output + across * from, outColumns - done, rows);
  } else if (high == 2 && across == 2 && reduce == Reduce.max)
    backwardRow(2, 2, Reduce.max, 8, delta, kept, output, outColumns, rows);
  else if (high == 2 && across == 2 && reduce == Reduce.mean)
    backwardRow(2, 2, Reduce.mean, 8, delta, kept, output, outColumns, rows);
  else backwardRow(high, across, reduce, 8, delta, kept, output, outColumns, rows);
}

export function subsamplingBackward(call: SubsamplingBackwardCall): void {
  const { delta, beta, input, down, winners, output, gate } = call;
  const { maps, rows, columns, blockRows, blockColumns, reduce, lanes } = call;
  const outRows = rows / blockRows;
  const outColumns = columns / blockColumns;
  const rowBytes = realBytes(columns * lanes);
  const outRowBytes = realBytes(outColumns * lanes);
  const covered = realBytes(outColumns * blockColumns * lanes);
  let inverse = splat(inverseArea(blockRows, blockColumns));
  if (isSquared(gate)) inverse = multiply(inverse, inverse);
  for (let map: u32 = 0; map < maps; map++) {
    let slope = broadcast(beta + realBytes(map));
    if (isSquared(gate)) slope = multiply(slope, slope);
    const all: BackwardRows = { slope, inverse, gate, rowBytes };
    const plane = map * rows * rowBytes;
    for (let row: u32 = 0; row < outRows; row++) {
      const place = plane + row * blockRows * rowBytes;
      const from = (map * outRows + row) * outRowBytes;
      const kept: Kept = { down: down + from, winners: winners + from };
      backwardRowOf(blockRows, blockColumns, reduce, lanes, delta + from, kept, output + place, outColumns, all);
      for (let r: u32 = 0; r < blockRows; r++) {
        const line = place + r * rowBytes;
        if (reduce != Reduce.max) gateRun(gate, output + line, input + line, outColumns * blockColumns * lanes);
        if (covered < rowBytes) memory.fill(output + line + covered, 0, rowBytes - covered);
      }
    }
    memory.fill(output + plane + outRows * blockRows * rowBytes, 0, (rows - outRows * blockRows) * rowBytes);
  }
}

export function subsamplingGradient(call: SubsamplingGradientCall): void {
  const { betaGradient, biasGradient, maps, positions, lanes } = call;
  let { delta, down } = call;
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
