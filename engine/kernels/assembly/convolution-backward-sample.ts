/**
 * The same 'full' convolution for a single sample, stride 1: the four lanes are four columns of a row.
 *
 * A row without padding splits into a left vector, inner vectors and a right vector; what a tap would take from outside
 * δ lies in lanes known when the code is compiled, and a mask makes it zero, which changes no chain that began with
 * zero. Other shapes compute their masks.
 */
import { realBytes, vectorBytes } from "./address";
import { broadcast, multiplyAdd, read, write, writeFirst, zero } from "./lanes";

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

/**
 * `inner` vectors of one or two input maps, with the left and the right vector of the row where `edges`. size (3 or 5),
 * edges, maps and inner are known where this is inlined. delta points at the first inner column, left and right bytes
 * before and behind lie the edges'.
 */
// @ts-ignore: decorator
@inline
function edgedTile(
  size: u32,
  edges: bool,
  maps: u32,
  inner: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  tapRows: u32,
  left: usize,
  right: usize,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
): void {
  const l1 = fromLane(1);
  const l2 = fromLane(2);
  const l3 = fromLane(3);
  const l4 = fromLane(4);
  const r0 = belowLane(0, size);
  const r1 = belowLane(1, size);
  const r2 = belowLane(2, size);
  const r3 = belowLane(3, size);
  let a0 = zero(),
    a1 = zero(),
    a2 = zero(),
    a3 = zero(),
    aLeft = zero(),
    aRight = zero();
  let b0 = zero(),
    b1 = zero(),
    b2 = zero(),
    b3 = zero(),
    bLeft = zero(),
    bRight = zero();
  for (let j: u32 = 0; j < outputs; j++) {
    let y = delta;
    let wa = weights;
    let wb = weights + filterBytes;
    for (let ky: u32 = 0; ky < tapRows; ky++) {
      let ka = broadcast(wa);
      let kb = maps > 1 ? broadcast(wb) : ka;
      let x = a0;
      if (edges) {
        x = read(y - left);
        aLeft = multiplyAdd(aLeft, x, ka);
        if (maps > 1) bLeft = multiplyAdd(bLeft, x, kb);
        x = v128.and(r0, read(y + right));
        aRight = multiplyAdd(aRight, x, ka);
        if (maps > 1) bRight = multiplyAdd(bRight, x, kb);
      }
      if (inner > 0) {
        x = read(y);
        a0 = multiplyAdd(a0, x, ka);
        if (maps > 1) b0 = multiplyAdd(b0, x, kb);
      }
      if (inner > 1) {
        x = read(y + vectorBytes);
        a1 = multiplyAdd(a1, x, ka);
        if (maps > 1) b1 = multiplyAdd(b1, x, kb);
      }
      if (inner > 2) {
        x = read(y + 2 * vectorBytes);
        a2 = multiplyAdd(a2, x, ka);
        if (maps > 1) b2 = multiplyAdd(b2, x, kb);
      }
      if (inner > 3) {
        x = read(y + 3 * vectorBytes);
        a3 = multiplyAdd(a3, x, ka);
        if (maps > 1) b3 = multiplyAdd(b3, x, kb);
      }
      wa += stepBytes;
      wb += stepBytes;
      ka = broadcast(wa);
      kb = maps > 1 ? broadcast(wb) : ka;
      x = a0;
      if (edges) {
        x = v128.and(l1, read(y - left - realBytes(1)));
        aLeft = multiplyAdd(aLeft, x, ka);
        if (maps > 1) bLeft = multiplyAdd(bLeft, x, kb);
        x = v128.and(r1, read(y + right - realBytes(1)));
        aRight = multiplyAdd(aRight, x, ka);
        if (maps > 1) bRight = multiplyAdd(bRight, x, kb);
      }
      if (inner > 0) {
        x = read(y - realBytes(1));
        a0 = multiplyAdd(a0, x, ka);
        if (maps > 1) b0 = multiplyAdd(b0, x, kb);
      }
      if (inner > 1) {
        x = read(y + vectorBytes - realBytes(1));
        a1 = multiplyAdd(a1, x, ka);
        if (maps > 1) b1 = multiplyAdd(b1, x, kb);
      }
      if (inner > 2) {
        x = read(y + 2 * vectorBytes - realBytes(1));
        a2 = multiplyAdd(a2, x, ka);
        if (maps > 1) b2 = multiplyAdd(b2, x, kb);
      }
      if (inner > 3) {
        x = read(y + 3 * vectorBytes - realBytes(1));
        a3 = multiplyAdd(a3, x, ka);
        if (maps > 1) b3 = multiplyAdd(b3, x, kb);
      }
      wa += stepBytes;
      wb += stepBytes;
      ka = broadcast(wa);
      kb = maps > 1 ? broadcast(wb) : ka;
      x = a0;
      if (edges) {
        x = v128.and(l2, read(y - left - realBytes(2)));
        aLeft = multiplyAdd(aLeft, x, ka);
        if (maps > 1) bLeft = multiplyAdd(bLeft, x, kb);
        x = v128.and(r2, read(y + right - realBytes(2)));
        aRight = multiplyAdd(aRight, x, ka);
        if (maps > 1) bRight = multiplyAdd(bRight, x, kb);
      }
      if (inner > 0) {
        x = read(y - realBytes(2));
        a0 = multiplyAdd(a0, x, ka);
        if (maps > 1) b0 = multiplyAdd(b0, x, kb);
      }
      if (inner > 1) {
        x = read(y + vectorBytes - realBytes(2));
        a1 = multiplyAdd(a1, x, ka);
        if (maps > 1) b1 = multiplyAdd(b1, x, kb);
      }
      if (inner > 2) {
        x = read(y + 2 * vectorBytes - realBytes(2));
        a2 = multiplyAdd(a2, x, ka);
        if (maps > 1) b2 = multiplyAdd(b2, x, kb);
      }
      if (inner > 3) {
        x = read(y + 3 * vectorBytes - realBytes(2));
        a3 = multiplyAdd(a3, x, ka);
        if (maps > 1) b3 = multiplyAdd(b3, x, kb);
      }
      wa += stepBytes;
      wb += stepBytes;
      if (size > 3) {
        ka = broadcast(wa);
        kb = maps > 1 ? broadcast(wb) : ka;
        x = a0;
        if (edges) {
          x = v128.and(l3, read(y - left - realBytes(3)));
          aLeft = multiplyAdd(aLeft, x, ka);
          if (maps > 1) bLeft = multiplyAdd(bLeft, x, kb);
          x = v128.and(r3, read(y + right - realBytes(3)));
          aRight = multiplyAdd(aRight, x, ka);
          if (maps > 1) bRight = multiplyAdd(bRight, x, kb);
        }
        if (inner > 0) {
          x = read(y - realBytes(3));
          a0 = multiplyAdd(a0, x, ka);
          if (maps > 1) b0 = multiplyAdd(b0, x, kb);
        }
        if (inner > 1) {
          x = read(y + vectorBytes - realBytes(3));
          a1 = multiplyAdd(a1, x, ka);
          if (maps > 1) b1 = multiplyAdd(b1, x, kb);
        }
        if (inner > 2) {
          x = read(y + 2 * vectorBytes - realBytes(3));
          a2 = multiplyAdd(a2, x, ka);
          if (maps > 1) b2 = multiplyAdd(b2, x, kb);
        }
        if (inner > 3) {
          x = read(y + 3 * vectorBytes - realBytes(3));
          a3 = multiplyAdd(a3, x, ka);
          if (maps > 1) b3 = multiplyAdd(b3, x, kb);
        }
        wa += stepBytes;
        wb += stepBytes;
        ka = broadcast(wa);
        kb = maps > 1 ? broadcast(wb) : ka;
        x = a0;
        if (edges) {
          x = v128.and(l4, read(y - left - realBytes(4)));
          aLeft = multiplyAdd(aLeft, x, ka);
          if (maps > 1) bLeft = multiplyAdd(bLeft, x, kb);
          x = read(y + right - realBytes(4));
          aRight = multiplyAdd(aRight, x, ka);
          if (maps > 1) bRight = multiplyAdd(bRight, x, kb);
        }
        if (inner > 0) {
          x = read(y - realBytes(4));
          a0 = multiplyAdd(a0, x, ka);
          if (maps > 1) b0 = multiplyAdd(b0, x, kb);
        }
        if (inner > 1) {
          x = read(y + vectorBytes - realBytes(4));
          a1 = multiplyAdd(a1, x, ka);
          if (maps > 1) b1 = multiplyAdd(b1, x, kb);
        }
        if (inner > 2) {
          x = read(y + 2 * vectorBytes - realBytes(4));
          a2 = multiplyAdd(a2, x, ka);
          if (maps > 1) b2 = multiplyAdd(b2, x, kb);
        }
        if (inner > 3) {
          x = read(y + 3 * vectorBytes - realBytes(4));
          a3 = multiplyAdd(a3, x, ka);
          if (maps > 1) b3 = multiplyAdd(b3, x, kb);
        }
        wa += stepBytes;
        wb += stepBytes;
      }
      y -= rowBytes;
    }
    delta += planeBytes;
    weights += realBytes(1);
  }
  if (inner > 0) write(output, a0);
  if (inner > 1) write(output + vectorBytes, a1);
  if (inner > 2) write(output + 2 * vectorBytes, a2);
  if (inner > 3) write(output + 3 * vectorBytes, a3);
  if (edges) {
    write(output - left, aLeft);
    write(output + right, aRight);
  }
  if (maps > 1) {
    output += outPlaneBytes;
    if (inner > 0) write(output, b0);
    if (inner > 1) write(output + vectorBytes, b1);
    if (inner > 2) write(output + 2 * vectorBytes, b2);
    if (inner > 3) write(output + 3 * vectorBytes, b3);
    if (edges) {
      write(output - left, bLeft);
      write(output + right, bRight);
    }
  }
}

/**
 * One row of one or two input maps. Inner vectors may reach into the columns of the right vector, which is written
 * last.
 */
// @ts-ignore: decorator
@inline
function edgedRow(
  size: u32,
  maps: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  tapRows: u32,
  columns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
): void {
  let column: u32 = 4;
  for (; column + 20 <= columns; column += 16)
    edgedTile(
      size,
      false,
      maps,
      4,
      delta + realBytes(column),
      weights,
      output + realBytes(column),
      outputs,
      tapRows,
      0,
      0,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  for (; column + 12 < columns; column += 8)
    edgedTile(
      size,
      false,
      maps,
      2,
      delta + realBytes(column),
      weights,
      output + realBytes(column),
      outputs,
      tapRows,
      0,
      0,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  const left = realBytes(column);
  const right = realBytes(columns - 4 - column);
  const y = delta + realBytes(column);
  const out = output + realBytes(column);
  if (column + 8 < columns)
    edgedTile(
      size,
      true,
      maps,
      2,
      y,
      weights,
      out,
      outputs,
      tapRows,
      left,
      right,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  else if (column + 4 < columns)
    edgedTile(
      size,
      true,
      maps,
      1,
      y,
      weights,
      out,
      outputs,
      tapRows,
      left,
      right,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  else
    edgedTile(
      size,
      true,
      maps,
      0,
      y,
      weights,
      out,
      outputs,
      tapRows,
      left,
      right,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
}

/** A vector of δ's row at column q, zero outside δ; `q` holds the four columns. */
// @ts-ignore: decorator
@inline
function inside(address: usize, q: v128, outColumns: v128): v128 {
  return v128.and(read(address), i32x4.lt_u(q, outColumns));
}

/**
 * A single sample, stride 1: `vectors` runs of four columns of one or two input maps, the last run beginning lastColumn
 * columns after the first. Columns outside δ add a zero, which changes no chain that began with zero.
 */
// @ts-ignore: decorator
@inline
function sampleTile(
  maps: u32,
  vectors: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  tapRows: u32,
  size: u32,
  column: u32,
  lastColumn: u32,
  outColumns: u32,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
  stored: u32,
): void {
  const rowBytes = realBytes(outColumns);
  const limit = i32x4.splat(outColumns);
  const one = i32x4.splat(1);
  const lastBytes = realBytes(lastColumn);
  const iota = i32x4(0, 1, 2, 3);
  let a0 = zero(),
    a1 = zero(),
    a2 = zero(),
    a3 = zero();
  let b0 = zero(),
    b1 = zero(),
    b2 = zero(),
    b3 = zero();
  for (let j: u32 = 0; j < outputs; j++) {
    let y = delta;
    let wa = weights;
    let wb = weights + filterBytes;
    for (let ky: u32 = 0; ky < tapRows; ky++) {
      let q0 = i32x4.add(i32x4.splat(column), iota);
      let q1 = i32x4.add(i32x4.splat(column + (vectors == 2 ? lastColumn : 4)), iota);
      let q2 = i32x4.add(i32x4.splat(column + (vectors == 3 ? lastColumn : 8)), iota);
      let q3 = i32x4.add(i32x4.splat(column + lastColumn), iota);
      let x = y;
      for (let kx: u32 = 0; kx < size; kx++) {
        const ka = broadcast(wa);
        const kb = maps > 1 ? broadcast(wb) : ka;
        let d = inside(x, q0, limit);
        a0 = multiplyAdd(a0, d, ka);
        if (maps > 1) b0 = multiplyAdd(b0, d, kb);
        q0 = i32x4.sub(q0, one);
        if (vectors > 1) {
          d = inside(x + (vectors == 2 ? lastBytes : vectorBytes), q1, limit);
          a1 = multiplyAdd(a1, d, ka);
          if (maps > 1) b1 = multiplyAdd(b1, d, kb);
          q1 = i32x4.sub(q1, one);
        }
        if (vectors > 2) {
          d = inside(x + (vectors == 3 ? lastBytes : 2 * vectorBytes), q2, limit);
          a2 = multiplyAdd(a2, d, ka);
          if (maps > 1) b2 = multiplyAdd(b2, d, kb);
          q2 = i32x4.sub(q2, one);
        }
        if (vectors > 3) {
          d = inside(x + lastBytes, q3, limit);
          a3 = multiplyAdd(a3, d, ka);
          if (maps > 1) b3 = multiplyAdd(b3, d, kb);
          q3 = i32x4.sub(q3, one);
        }
        wa += stepBytes;
        wb += stepBytes;
        x -= realBytes(1);
      }
      y -= rowBytes;
    }
    delta += planeBytes;
    weights += realBytes(1);
  }
  for (let map: u32 = 0; map < maps; map++) {
    writeFirst(output, map == 0 ? a0 : b0, stored);
    if (vectors > 1) write(output + (vectors == 2 ? lastBytes : vectorBytes), map == 0 ? a1 : b1);
    if (vectors > 2) write(output + (vectors == 3 ? lastBytes : 2 * vectorBytes), map == 0 ? a2 : b2);
    if (vectors > 3) write(output + lastBytes, map == 0 ? a3 : b3);
    output += outPlaneBytes;
  }
}

/** One row of a single sample. The last vector of a row overlaps the one before it. */
// @ts-ignore: decorator
@inline
function sampleRow(
  maps: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  tapRows: u32,
  size: u32,
  columns: u32,
  outColumns: u32,
  padding: u32,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
): void {
  let column: u32 = 0;
  for (; column < columns; column += 16) {
    const rest = columns - column;
    const y = delta + realBytes(column + padding);
    const out = output + realBytes(column);
    if (rest > 12)
      sampleTile(
        maps,
        4,
        y,
        weights,
        out,
        outputs,
        tapRows,
        size,
        column + padding,
        min(12, rest - 4),
        outColumns,
        planeBytes,
        stepBytes,
        filterBytes,
        outPlaneBytes,
        4,
      );
    else if (rest > 8)
      sampleTile(
        maps,
        3,
        y,
        weights,
        out,
        outputs,
        tapRows,
        size,
        column + padding,
        rest - 4,
        outColumns,
        planeBytes,
        stepBytes,
        filterBytes,
        outPlaneBytes,
        4,
      );
    else if (rest > 4)
      sampleTile(
        maps,
        2,
        y,
        weights,
        out,
        outputs,
        tapRows,
        size,
        column + padding,
        rest - 4,
        outColumns,
        planeBytes,
        stepBytes,
        filterBytes,
        outPlaneBytes,
        4,
      );
    else
      sampleTile(
        maps,
        1,
        y,
        weights,
        out,
        outputs,
        tapRows,
        size,
        column + padding,
        0,
        outColumns,
        planeBytes,
        stepBytes,
        filterBytes,
        outPlaneBytes,
        rest,
      );
  }
}

/** Where a row's chains begin: the first tap row that meets δ, how many do, and the addresses of both. */
// @ts-ignore: decorator
@inline
function rowsOf(
  maps: u32,
  size: u32,
  edged: bool,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  rows: u32,
  columns: u32,
  outRows: u32,
  outColumns: u32,
  padding: u32,
): void {
  const rowBytes = realBytes(outColumns);
  const planeBytes = outRows * rowBytes;
  const step = realBytes(outputs);
  const filterBytes = size * size * step;
  const outPlaneBytes = realBytes(rows * columns);
  for (let row: u32 = 0; row < rows; row++) {
    const v = row + padding;
    const low: u32 = v >= outRows ? v - outRows + 1 : 0;
    const tapRows = min(size - 1, v) + 1 - low;
    const y = delta + (v - low) * rowBytes;
    const w = weights + low * size * step;
    const out = output + realBytes(row * columns);
    if (edged)
      edgedRow(
        size,
        maps,
        y,
        w,
        out,
        outputs,
        tapRows,
        columns,
        rowBytes,
        planeBytes,
        step,
        filterBytes,
        outPlaneBytes,
      );
    else
      sampleRow(
        maps,
        y,
        w,
        out,
        outputs,
        tapRows,
        size,
        columns,
        outColumns,
        padding,
        planeBytes,
        step,
        filterBytes,
        outPlaneBytes,
      );
  }
}

/** All rows of one or two input maps; each shape its own code. */
function edged5(
  maps: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  rows: u32,
  columns: u32,
  outRows: u32,
  outColumns: u32,
): void {
  if (maps == 2) rowsOf(2, 5, true, delta, weights, output, outputs, rows, columns, outRows, outColumns, 0);
  else rowsOf(1, 5, true, delta, weights, output, outputs, rows, columns, outRows, outColumns, 0);
}

function edged3(
  maps: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  rows: u32,
  columns: u32,
  outRows: u32,
  outColumns: u32,
): void {
  if (maps == 2) rowsOf(2, 3, true, delta, weights, output, outputs, rows, columns, outRows, outColumns, 0);
  else rowsOf(1, 3, true, delta, weights, output, outputs, rows, columns, outRows, outColumns, 0);
}

function masked(
  maps: u32,
  size: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  rows: u32,
  columns: u32,
  outRows: u32,
  outColumns: u32,
  padding: u32,
): void {
  if (maps == 2) rowsOf(2, size, false, delta, weights, output, outputs, rows, columns, outRows, outColumns, padding);
  else rowsOf(1, size, false, delta, weights, output, outputs, rows, columns, outRows, outColumns, padding);
}

/** Before the gate; padding < size. */
export function backwardOfSample(
  delta: usize,
  weights: usize,
  output: usize,
  inputs: u32,
  rows: u32,
  columns: u32,
  maps: u32,
  outRows: u32,
  outColumns: u32,
  size: u32,
  padding: u32,
): void {
  const isEdged = padding == 0 && outColumns >= 4 && columns >= 8;
  for (let i: u32 = 0; i < inputs; i += 2) {
    const taken = min(2, inputs - i);
    const w = weights + realBytes(i * size * size * maps);
    const out = output + realBytes(i * rows * columns);
    if (isEdged && size == 5) edged5(taken, delta, w, out, maps, rows, columns, outRows, outColumns);
    else if (isEdged && size == 3) edged3(taken, delta, w, out, maps, rows, columns, outRows, outColumns);
    else masked(taken, size, delta, w, out, maps, rows, columns, outRows, outColumns, padding);
  }
}
