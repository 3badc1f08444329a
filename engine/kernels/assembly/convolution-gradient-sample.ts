/**
 * The gradient of a convolution for a single sample: the four lanes are four columns of a row. Partial sum n takes the
 * columns ≡ n modulo 8, then the tree. input [input][row][column] (padded), δ [map][outRow][outColumn], gradient
 * [input][ky][kx][map].
 */
import { blockBytes, realBytes, vectorBytes } from "./address";
import {
  add,
  addresses,
  addTree,
  broadcast,
  lanesBelow,
  multiplyAdd,
  read,
  readNarrow,
  registers,
  select,
  write,
  writeNarrow,
  zero,
} from "./lanes";

/** The gradient of a convolution over an input that is padded already. */
export interface SeenGradient {
  input: usize;
  delta: usize;
  gradient: usize;
  biasGradient: usize;
  inputs: u32;
  rows: u32;
  columns: u32;
  maps: u32;
  size: u32;
  stride: u32;
}

/** An output of one pixel: an outer product. */
function onePixel(call: SeenGradient): void {
  const { input, delta, maps } = call;
  const pixels = call.inputs * call.size * call.size;
  let gradient = call.gradient;
  for (let n: u32 = 0; n < pixels; n++) {
    const x = broadcast(input + realBytes(n));
    let map: u32 = 0;
    for (; map + 4 <= maps; map += 4)
      write(gradient + realBytes(map), multiplyAdd(read(gradient + realBytes(map)), x, read(delta + realBytes(map))));
    for (; map < maps; map++)
      writeNarrow(
        gradient + realBytes(map),
        multiplyAdd(readNarrow(gradient + realBytes(map)), x, readNarrow(delta + realBytes(map))),
      );
    gradient += realBytes(maps);
  }
}

/** What the taps of all pairs have in common: the output's counts; bytes from a row of the input, a map of δ to the next. */
interface SampleRows {
  outRows: u32;
  outColumns: u32;
  stride: u32;
  rowBytes: usize;
  planeBytes: usize;
}

/**
 * Stride 1: one tap of one input, `maps` ≤ 3 known where this is inlined (six sums, two x and six δ fit the registers).
 * What lies behind a row's end is masked on both sides, so that it adds +0.
 */
// @ts-ignore: decorator
@inline
function tile(maps: u32, input: usize, delta: usize, gradient: usize, rows: SampleRows): void {
  const whole = realBytes(rows.outColumns & ~7);
  const rest = rows.outColumns & 7;
  const lowRest = lanesBelow(0, rest);
  const highRest = lanesBelow(4, rest);
  const low = registers(3);
  const high = registers(3);
  const plane = addresses(3);
  unroll: for (let m: u32 = 0; m < min(maps, 3); m++) plane[m] = delta + m * rows.planeBytes;
  let position: usize = 0;
  for (let r: u32 = 0; r < rows.outRows; r++) {
    const end = position + whole;
    let x = input;
    for (; position < end; position += blockBytes, x += blockBytes) {
      const x0 = read(x);
      const x1 = read(x + vectorBytes);
      unroll: for (let m: u32 = 0; m < min(maps, 3); m++) {
        low[m] = multiplyAdd(low[m], x0, read(plane[m] + position));
        high[m] = multiplyAdd(high[m], x1, read(plane[m] + position + vectorBytes));
      }
    }
    if (rest > 0) {
      const x0 = v128.and(lowRest, read(x));
      unroll: for (let m: u32 = 0; m < min(maps, 3); m++)
        low[m] = multiplyAdd(low[m], x0, v128.and(lowRest, read(plane[m] + position)));
      if (rest > 4) {
        const x1 = v128.and(highRest, read(x + vectorBytes));
        unroll: for (let m: u32 = 0; m < min(maps, 3); m++)
          high[m] = multiplyAdd(high[m], x1, v128.and(highRest, read(plane[m] + position + vectorBytes)));
      }
      position += realBytes(rest);
    }
    input += rows.rowBytes;
  }
  unroll: for (let m: u32 = 0; m < min(maps, 3); m++) addTree(gradient + realBytes(m), low[m], high[m]);
}

/** The same for three maps whose rows are 8 to 12 columns: no loop within a row. */
function shortRows(input: usize, delta: usize, gradient: usize, rows: SampleRows): void {
  const step = realBytes(rows.outColumns);
  const end = rows.outRows * step;
  const rest = rows.outColumns - 8;
  const inside = lanesBelow(0, rest);
  const low = registers(3);
  const high = registers(3);
  const plane = addresses(3);
  unroll: for (let m: u32 = 0; m < 3; m++) plane[m] = delta + m * rows.planeBytes;
  for (let position: usize = 0; position < end; position += step, input += rows.rowBytes) {
    const x0 = read(input);
    const x1 = read(input + vectorBytes);
    unroll: for (let m: u32 = 0; m < 3; m++) {
      low[m] = multiplyAdd(low[m], x0, read(plane[m] + position));
      high[m] = multiplyAdd(high[m], x1, read(plane[m] + position + vectorBytes));
    }
    if (rest > 0) {
      const x2 = v128.and(inside, read(input + blockBytes));
      unroll: for (let m: u32 = 0; m < 3; m++)
        low[m] = multiplyAdd(low[m], x2, v128.and(inside, read(plane[m] + position + blockBytes)));
    }
  }
  unroll: for (let m: u32 = 0; m < 3; m++) addTree(gradient + realBytes(m), low[m], high[m]);
}

function tile3(input: usize, delta: usize, gradient: usize, rows: SampleRows): void {
  tile(3, input, delta, gradient, rows);
}

function tile2(input: usize, delta: usize, gradient: usize, rows: SampleRows): void {
  tile(2, input, delta, gradient, rows);
}

function tile1(input: usize, delta: usize, gradient: usize, rows: SampleRows): void {
  tile(1, input, delta, gradient, rows);
}

/** Partial sum `lane` with a stride, in lane 0. */
function partialOf(lane: u32, input: usize, delta: usize, rows: SampleRows): v128 {
  let sum = zero();
  for (let r: u32 = 0; r < rows.outRows; r++)
    for (let c = lane; c < rows.outColumns; c += 8)
      sum = multiplyAdd(
        sum,
        readNarrow(input + r * rows.stride * rows.rowBytes + realBytes(c * rows.stride)),
        readNarrow(delta + realBytes(r * rows.outColumns + c)),
      );
  return sum;
}

/** Any stride: one tap of one input and one map, partial sum after partial sum. */
function strided(input: usize, delta: usize, gradient: usize, rows: SampleRows): void {
  let low = zero();
  let high = zero();
  for (let lane: u32 = 0; lane < 4; lane++) {
    const here = lanesBelow(0 - lane, 1);
    const first = partialOf(lane, input, delta, rows);
    const second = partialOf(lane + 4, input, delta, rows);
    low = select(here, v128.shuffle<f32>(first, first, 0, 0, 0, 0), low);
    high = select(here, v128.shuffle<f32>(second, second, 0, 0, 0, 0), high);
  }
  addTree(gradient, low, high);
}

function filters(call: SeenGradient, shape: SampleRows): void {
  const { input, delta, gradient, inputs, rows, columns, maps, size } = call;
  const { outColumns } = shape;
  for (let i: u32 = 0; i < inputs; i++)
    for (let ky: u32 = 0; ky < size; ky++)
      for (let kx: u32 = 0; kx < size; kx++) {
        const x = input + realBytes((i * rows + ky) * columns + kx);
        const target = gradient + realBytes(((i * size + ky) * size + kx) * maps);
        let map: u32 = 0;
        while (map < maps) {
          const y = delta + map * shape.planeBytes;
          const at = target + realBytes(map);
          const rest = maps - map;
          const taken: u32 = shape.stride > 1 || rest == 1 ? 1 : rest == 2 || rest == 4 ? 2 : 3;
          if (shape.stride > 1) strided(x, y, at, shape);
          else if (taken == 3 && outColumns >= 8 && outColumns <= 12) shortRows(x, y, at, shape);
          else if (taken == 3) tile3(x, y, at, shape);
          else if (taken == 2) tile2(x, y, at, shape);
          else tile1(x, y, at, shape);
          map += taken;
        }
      }
}

/** ∂E/∂b_j. */
function addBiases(call: SeenGradient, shape: SampleRows): void {
  const rest = shape.outColumns & 7;
  const lowRest = lanesBelow(0, rest);
  const highRest = lanesBelow(4, rest);
  let delta = call.delta;
  for (let map: u32 = 0; map < call.maps; map++) {
    let low = zero();
    let high = zero();
    for (let r: u32 = 0; r < shape.outRows; r++) {
      let column: u32 = 0;
      for (; column + 8 <= shape.outColumns; column += 8, delta += blockBytes) {
        low = add(low, read(delta));
        high = add(high, read(delta + vectorBytes));
      }
      if (rest > 0) low = select(lowRest, add(low, read(delta)), low);
      if (rest > 4) high = select(highRest, add(high, read(delta + vectorBytes)), high);
      delta += realBytes(rest);
    }
    addTree(call.biasGradient + realBytes(map), low, high);
  }
}

export function gradientOfSample(call: SeenGradient): void {
  const { rows, columns, size, stride } = call;
  const outRows = (rows - size) / stride + 1;
  const outColumns = (columns - size) / stride + 1;
  const planeBytes = realBytes(outRows * outColumns);
  const shape: SampleRows = { outRows, outColumns, stride, rowBytes: realBytes(columns), planeBytes };
  if (rows == size && columns == size) onePixel(call);
  else filters(call, shape);
  if (call.biasGradient != 0) addBiases(call, shape);
}
