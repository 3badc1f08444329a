/**
 * The same 'full' convolution for a single sample, stride 1: the four lanes are four columns of a row.
 *
 * Where a tap reaches outside δ, a mask sets those lanes to zero: a sum that began with zero is not changed by adding
 * zero. A row without padding splits into a left vector, inner vectors and a right vector, whose masks are constants;
 * other shapes compute their masks.
 */
import { realBytes, vectorBytes } from "./address";
import { ConvolutionBackwardCall } from "./contract";
import { broadcast, multiplyAdd, read, registerGrid, registers, write, writeFirst } from "./lanes";

/** No bits, all bits, no bits, four lanes each: a vector read between them is a mask of the first or the last lanes. */
const stairs: usize = memory.data<i32>([0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0]);

/** Lanes n ≥ tap: those of the left vector whose column reaches back by `tap` and stays in δ. */
// @ts-ignore: decorator
@inline
function fromLane(tap: u32): v128 {
  return read(stairs + realBytes(4 - tap));
}

/** Lanes n < tap + 5 − size: those of the right vector, whose last column needs the last tap. */
// @ts-ignore: decorator
@inline
function belowLane(tap: u32, size: u32): v128 {
  return read(stairs + realBytes(8 - min(4, tap + 5 - size)));
}

/** How the tiles of a row walk δ and the weights: counts, and bytes from a row, a map of δ, … to the next. */
interface SampleWalk {
  outputs: u32;
  tapRows: u32;
  columns: u32;
  outColumns: u32;
  rowBytes: usize;
  planeBytes: usize;
  /** From a tap's weights, a filter to the next; from a map of the output to the next. */
  stepBytes: usize;
  filterBytes: usize;
  outPlaneBytes: usize;
}

/**
 * `inner` (0 to 4) vectors of one or two input maps, with the left and the right vector of the row where `edges`. size
 * (3 or 5), edges, maps and inner are known where this is inlined. delta points at the first inner column, left and
 * right bytes before and behind lie the edges'.
 */
// @ts-ignore: decorator
@inline
function edgedTile(
  size: u32,
  edges: bool,
  maps: u32,
  inner: u32,
  left: usize,
  right: usize,
  delta: usize,
  weights: usize,
  output: usize,
  walk: SampleWalk,
): void {
  const fromLeft = registers(5);
  const belowRight = registers(5);
  unroll: for (let t: u32 = 0; t < 5; t++) {
    fromLeft[t] = fromLane(t);
    belowRight[t] = belowLane(t, size);
  }
  const sum = registerGrid(2, 4);
  const atLeft = registers(2);
  const atRight = registers(2);
  const k = registers(2);
  for (let j: u32 = 0; j < walk.outputs; j++) {
    let y = delta;
    let w = weights;
    for (let ky: u32 = 0; ky < walk.tapRows; ky++) {
      unroll: for (let t: u32 = 0; t < min(size, 5); t++) {
        unroll: for (let m: u32 = 0; m < min(maps, 2); m++) k[m] = broadcast(w + m * walk.filterBytes);
        if (edges) {
          let x = read(y - left - realBytes(t));
          if (t > 0) x = v128.and(fromLeft[t], x);
          unroll: for (let m: u32 = 0; m < min(maps, 2); m++) atLeft[m] = multiplyAdd(atLeft[m], x, k[m]);
          x = read(y + right - realBytes(t));
          if (size > t + 1) x = v128.and(belowRight[t], x);
          unroll: for (let m: u32 = 0; m < min(maps, 2); m++) atRight[m] = multiplyAdd(atRight[m], x, k[m]);
        }
        if (inner > 0)
          unroll: for (let n: u32 = 0; n < min(inner, 4); n++) {
            const x = read(y + n * vectorBytes - realBytes(t));
            unroll: for (let m: u32 = 0; m < min(maps, 2); m++) sum[m][n] = multiplyAdd(sum[m][n], x, k[m]);
          }
        w += walk.stepBytes;
      }
      y -= walk.rowBytes;
    }
    delta += walk.planeBytes;
    weights += realBytes(1);
  }
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++) {
    const place = output + m * walk.outPlaneBytes;
    if (inner > 0) unroll: for (let n: u32 = 0; n < min(inner, 4); n++) write(place + n * vectorBytes, sum[m][n]);
    if (edges) {
      write(place - left, atLeft[m]);
      write(place + right, atRight[m]);
    }
  }
}

/**
 * One row of one or two input maps. Inner vectors may reach into the columns of the right vector, which is written
 * last.
 */
// @ts-ignore: decorator
@inline
function edgedRow(size: u32, maps: u32, delta: usize, weights: usize, output: usize, walk: SampleWalk): void {
  const { columns } = walk;
  let column: u32 = 4;
  for (; column + 20 <= columns; column += 16)
    edgedTile(size, false, maps, 4, 0, 0, delta + realBytes(column), weights, output + realBytes(column), walk);
  for (; column + 12 < columns; column += 8)
    edgedTile(size, false, maps, 2, 0, 0, delta + realBytes(column), weights, output + realBytes(column), walk);
  const left = realBytes(column);
  const right = realBytes(columns - 4 - column);
  const y = delta + realBytes(column);
  const out = output + realBytes(column);
  if (column + 8 < columns) edgedTile(size, true, maps, 2, left, right, y, weights, out, walk);
  else if (column + 4 < columns) edgedTile(size, true, maps, 1, left, right, y, weights, out, walk);
  else edgedTile(size, true, maps, 0, left, right, y, weights, out, walk);
}

/** A vector of δ's row at column q, zero outside δ; `q` holds the four columns. */
// @ts-ignore: decorator
@inline
function inside(address: usize, q: v128, outColumns: v128): v128 {
  return v128.and(read(address), i32x4.lt_u(q, outColumns));
}

/** Columns from the first of a tile's `vectors` to vector n: the last one may lie closer. */
// @ts-ignore: decorator
@inline
function columnOf(n: u32, vectors: u32, lastColumn: u32): u32 {
  return n == 0 ? 0 : n + 1 == vectors ? lastColumn : 4 * n;
}

/**
 * Any size and padding: `vectors` (1 to 4) runs of four columns of one or two input maps, both known where this is
 * inlined, the last run beginning lastColumn columns after the first; of the first run `stored` columns are there.
 * Columns outside δ add zero.
 */
// @ts-ignore: decorator
@inline
function maskedTile(
  maps: u32,
  vectors: u32,
  size: u32,
  column: u32,
  lastColumn: u32,
  stored: u32,
  delta: usize,
  weights: usize,
  output: usize,
  walk: SampleWalk,
): void {
  const limit = i32x4.splat(walk.outColumns);
  const one = i32x4.splat(1);
  const iota = i32x4(0, 1, 2, 3);
  const sum = registerGrid(2, 4);
  const q = registers(4);
  const k = registers(2);
  for (let j: u32 = 0; j < walk.outputs; j++) {
    let y = delta;
    let w = weights;
    for (let ky: u32 = 0; ky < walk.tapRows; ky++) {
      unroll: for (let n: u32 = 0; n < min(vectors, 4); n++)
        q[n] = i32x4.add(i32x4.splat(column + columnOf(n, vectors, lastColumn)), iota);
      let x = y;
      for (let kx: u32 = 0; kx < size; kx++) {
        unroll: for (let m: u32 = 0; m < min(maps, 2); m++) k[m] = broadcast(w + m * walk.filterBytes);
        unroll: for (let n: u32 = 0; n < min(vectors, 4); n++) {
          const d = inside(x + realBytes(columnOf(n, vectors, lastColumn)), q[n], limit);
          unroll: for (let m: u32 = 0; m < min(maps, 2); m++) sum[m][n] = multiplyAdd(sum[m][n], d, k[m]);
          q[n] = i32x4.sub(q[n], one);
        }
        w += walk.stepBytes;
        x -= realBytes(1);
      }
      y -= walk.rowBytes;
    }
    delta += walk.planeBytes;
    weights += realBytes(1);
  }
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++) {
    const place = output + m * walk.outPlaneBytes;
    writeFirst(place, sum[m][0], stored);
    unroll: for (let n: u32 = 1; n < min(vectors, 4); n++)
      write(place + realBytes(columnOf(n, vectors, lastColumn)), sum[m][n]);
  }
}

/** One row of one or two input maps. The last vector of a row overlaps the one before it. */
// @ts-ignore: decorator
@inline
function maskedRow(
  size: u32,
  maps: u32,
  padding: u32,
  delta: usize,
  weights: usize,
  output: usize,
  walk: SampleWalk,
): void {
  for (let column: u32 = 0; column < walk.columns; column += 16) {
    const rest = walk.columns - column;
    const first = column + padding;
    const y = delta + realBytes(first);
    const out = output + realBytes(column);
    if (rest > 12) maskedTile(maps, 4, size, first, min(12, rest - 4), 4, y, weights, out, walk);
    else if (rest > 8) maskedTile(maps, 3, size, first, rest - 4, 4, y, weights, out, walk);
    else if (rest > 4) maskedTile(maps, 2, size, first, rest - 4, 4, y, weights, out, walk);
    else maskedTile(maps, 1, size, first, 0, rest, y, weights, out, walk);
  }
}

/** All rows of one or two input maps; size, maps and edged are known where this is inlined. */
// @ts-ignore: decorator
@inline
function rowsOf(size: u32, maps: u32, edged: bool, weights: usize, output: usize, call: ConvolutionBackwardCall): void {
  const { rows, columns, outRows, outColumns } = call;
  const padding = edged ? 0 : call.padding;
  const rowBytes = realBytes(outColumns);
  const stepBytes = realBytes(call.maps);
  for (let row: u32 = 0; row < rows; row++) {
    const v = row + padding;
    const low: u32 = v >= outRows ? v - outRows + 1 : 0;
    const y = call.delta + (v - low) * rowBytes;
    const w = weights + low * size * stepBytes;
    const out = output + realBytes(row * columns);
    const walk: SampleWalk = {
      outputs: call.maps,
      tapRows: min(size - 1, v) + 1 - low,
      columns,
      outColumns,
      rowBytes,
      planeBytes: outRows * rowBytes,
      stepBytes,
      filterBytes: size * size * stepBytes,
      outPlaneBytes: realBytes(rows * columns),
    };
    if (edged) edgedRow(size, maps, y, w, out, walk);
    else maskedRow(size, maps, padding, y, w, out, walk);
  }
}

/** A function for each shape, as in convolution-forward.ts. */
function edged5(maps: u32, weights: usize, output: usize, call: ConvolutionBackwardCall): void {
  if (maps == 2) rowsOf(5, 2, true, weights, output, call);
  else rowsOf(5, 1, true, weights, output, call);
}

function edged3(maps: u32, weights: usize, output: usize, call: ConvolutionBackwardCall): void {
  if (maps == 2) rowsOf(3, 2, true, weights, output, call);
  else rowsOf(3, 1, true, weights, output, call);
}

function masked(maps: u32, weights: usize, output: usize, call: ConvolutionBackwardCall): void {
  if (maps == 2) rowsOf(call.size, 2, false, weights, output, call);
  else rowsOf(call.size, 1, false, weights, output, call);
}

/** All of a single sample's convolution but the gate; padding < size. */
export function backwardOfSample(call: ConvolutionBackwardCall): void {
  const { inputs, rows, columns, size } = call;
  const isEdged = call.padding == 0 && call.outColumns >= 4 && columns >= 8;
  for (let i: u32 = 0; i < inputs; i += 2) {
    const taken = min(2, inputs - i);
    const w = call.weights + realBytes(i * size * size * call.maps);
    const out = call.output + realBytes(i * rows * columns);
    if (isEdged && size == 5) edged5(taken, w, out, call);
    else if (isEdged && size == 3) edged3(taken, w, out, call);
    else masked(taken, w, out, call);
  }
}
