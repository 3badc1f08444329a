/**
 * Bouvrie §3.2's 'full' convolution: δ_i = f′(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full'), the sensitivity of the layer
 * below. δ [map][outRow][outColumn][lanes], weights [input][ky][kx][map], output [input][row][column][lanes].
 *
 * Input pixel v (counted in the padded input) takes δ[v − kx] for each tap kx inside δ: rows are clipped, and columns
 * fall into a left edge (taps kx ≤ v), an interior (all taps) and a right edge (taps reaching back into δ), so no zero
 * is ever multiplied. One chain per element: 0, then j, ky, kx ascending; the gate last. δ goes through the first cache
 * a few maps at a time; the sums wait in the output.
 *
 * Tiles are eight sums, two input maps × four pixels or two × two of each edge, and their taps are unrolled. V8 loads
 * first what a stretch of code without a branch loads, and computes as late as it can; so each tap stands behind a
 * condition, even one that always holds: else sums would leave their registers. Sums that a smaller tile lacks are
 * written down like the others: nothing stores them, so V8 drops them.
 */
import { gateRun } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import { backwardOfSample } from "./convolution-backward-sample";
import { denseBackward } from "./dense";
import { clear } from "./elementwise";
import { broadcast, multiplyAdd, read, readNarrow, write, writeNarrow, zero } from "./lanes";

/**
 * The largest filter whose taps are unrolled, and the bytes of δ that stay in the first cache (of 32 KB) beside weights
 * and sums.
 */
const unrolled: u32 = 5;
const cached: u32 = 24576;

/**
 * Eight lanes, stride 1: one half of the lanes of `pixels` (1 to 4) inner pixels of one or two input maps, both known
 * where this is inlined. delta points at what tap kx = 0 of the first pixel meets in δ_0.
 */
// @ts-ignore: decorator
@inline
function innerTile(
  maps: u32,
  pixels: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  size: u32,
  tapRows: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
): void {
  const second = output + outPlaneBytes;
  let a0 = read(output),
    b0 = maps > 1 ? read(second) : a0;
  let a1 = pixels > 1 ? read(output + blockBytes) : a0,
    b1 = maps > 1 && pixels > 1 ? read(second + blockBytes) : a0;
  let a2 = pixels > 2 ? read(output + 2 * blockBytes) : a0,
    b2 = maps > 1 && pixels > 2 ? read(second + 2 * blockBytes) : a0;
  let a3 = pixels > 3 ? read(output + 3 * blockBytes) : a0,
    b3 = maps > 1 && pixels > 3 ? read(second + 3 * blockBytes) : a0;
  for (let j: u32 = 0; j < outputs; j++) {
    let y = delta;
    let w = weights;
    for (let ky: u32 = 0; ky < tapRows; ky++) {
      const x0 = read(y);
      const x1 = pixels > 1 ? read(y + blockBytes) : x0;
      const x2 = pixels > 2 ? read(y + 2 * blockBytes) : x0;
      const x3 = pixels > 3 ? read(y + 3 * blockBytes) : x0;
      let ka = broadcast(w),
        kb = maps > 1 ? broadcast(w + filterBytes) : ka;
      a0 = multiplyAdd(a0, x0, ka);
      b0 = multiplyAdd(b0, x0, kb);
      a1 = multiplyAdd(a1, x1, ka);
      b1 = multiplyAdd(b1, x1, kb);
      a2 = multiplyAdd(a2, x2, ka);
      b2 = multiplyAdd(b2, x2, kb);
      a3 = multiplyAdd(a3, x3, ka);
      b3 = multiplyAdd(b3, x3, kb);
      w += stepBytes;
      if (size > 1) {
        const z1 = read(y - blockBytes);
        ka = broadcast(w);
        kb = maps > 1 ? broadcast(w + filterBytes) : ka;
        a0 = multiplyAdd(a0, z1, ka);
        b0 = multiplyAdd(b0, z1, kb);
        a1 = multiplyAdd(a1, x0, ka);
        b1 = multiplyAdd(b1, x0, kb);
        a2 = multiplyAdd(a2, x1, ka);
        b2 = multiplyAdd(b2, x1, kb);
        a3 = multiplyAdd(a3, x2, ka);
        b3 = multiplyAdd(b3, x2, kb);
        w += stepBytes;
        if (size > 2) {
          const z2 = read(y - 2 * blockBytes);
          ka = broadcast(w);
          kb = maps > 1 ? broadcast(w + filterBytes) : ka;
          a0 = multiplyAdd(a0, z2, ka);
          b0 = multiplyAdd(b0, z2, kb);
          a1 = multiplyAdd(a1, z1, ka);
          b1 = multiplyAdd(b1, z1, kb);
          a2 = multiplyAdd(a2, x0, ka);
          b2 = multiplyAdd(b2, x0, kb);
          a3 = multiplyAdd(a3, x1, ka);
          b3 = multiplyAdd(b3, x1, kb);
          w += stepBytes;
          if (size > 3) {
            const z3 = read(y - 3 * blockBytes);
            ka = broadcast(w);
            kb = maps > 1 ? broadcast(w + filterBytes) : ka;
            a0 = multiplyAdd(a0, z3, ka);
            b0 = multiplyAdd(b0, z3, kb);
            a1 = multiplyAdd(a1, z2, ka);
            b1 = multiplyAdd(b1, z2, kb);
            a2 = multiplyAdd(a2, z1, ka);
            b2 = multiplyAdd(b2, z1, kb);
            a3 = multiplyAdd(a3, x0, ka);
            b3 = multiplyAdd(b3, x0, kb);
            w += stepBytes;
            if (size > 4) {
              const z4 = read(y - 4 * blockBytes);
              ka = broadcast(w);
              kb = maps > 1 ? broadcast(w + filterBytes) : ka;
              a0 = multiplyAdd(a0, z4, ka);
              b0 = multiplyAdd(b0, z4, kb);
              a1 = multiplyAdd(a1, z3, ka);
              b1 = multiplyAdd(b1, z3, kb);
              a2 = multiplyAdd(a2, z2, ka);
              b2 = multiplyAdd(b2, z2, kb);
              a3 = multiplyAdd(a3, z1, ka);
              b3 = multiplyAdd(b3, z1, kb);
              w += stepBytes;
            }
          }
        }
      }
      y -= rowBytes;
    }
    delta += planeBytes;
    weights += realBytes(1);
  }
  write(output, a0);
  if (pixels > 1) write(output + blockBytes, a1);
  if (pixels > 2) write(output + 2 * blockBytes, a2);
  if (pixels > 3) write(output + 3 * blockBytes, a3);
  if (maps > 1) write(second, b0);
  if (maps > 1 && pixels > 1) write(second + blockBytes, b1);
  if (maps > 1 && pixels > 2) write(second + 2 * blockBytes, b2);
  if (maps > 1 && pixels > 3) write(second + 3 * blockBytes, b3);
}

/**
 * The same for `pixels` (1 or 2) columns of the left edge (sums a and b) and as many of the right edge (c and d),
 * `across` bytes further on. The first left column takes the first `left` taps and the next one more; the first right
 * column takes the last `right` taps and the next one less. delta points at the first column of δ_0.
 */
// @ts-ignore: decorator
@inline
function edgeTile(
  maps: u32,
  pixels: u32,
  delta: usize,
  weights: usize,
  output: usize,
  across: usize,
  outputs: u32,
  size: u32,
  left: u32,
  right: u32,
  tapRows: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
): void {
  const second = output + outPlaneBytes;
  let a0 = read(output),
    b0 = maps > 1 ? read(second) : a0;
  let c0 = read(output + across),
    d0 = maps > 1 ? read(second + across) : a0;
  let a1 = pixels > 1 ? read(output + blockBytes) : a0,
    b1 = maps > 1 && pixels > 1 ? read(second + blockBytes) : a0;
  let c1 = pixels > 1 ? read(output + across + blockBytes) : a0,
    d1 = maps > 1 && pixels > 1 ? read(second + across + blockBytes) : a0;
  const skipped = (size - right) * stepBytes;
  for (let j: u32 = 0; j < outputs; j++) {
    let y = delta;
    let row = weights;
    for (let ky: u32 = 0; ky < tapRows; ky++) {
      const end = y + rowBytes;
      let w = row + skipped;
      let ka = a0,
        kb = a0;
      if (right > 0) {
        const z1 = read(end - blockBytes);
        ka = broadcast(w);
        kb = maps > 1 ? broadcast(w + filterBytes) : ka;
        c0 = multiplyAdd(c0, z1, ka);
        d0 = multiplyAdd(d0, z1, kb);
        w += stepBytes;
        if (right > 1) {
          const z2 = read(end - 2 * blockBytes);
          ka = broadcast(w);
          kb = maps > 1 ? broadcast(w + filterBytes) : ka;
          c0 = multiplyAdd(c0, z2, ka);
          d0 = multiplyAdd(d0, z2, kb);
          c1 = multiplyAdd(c1, z1, ka);
          d1 = multiplyAdd(d1, z1, kb);
          w += stepBytes;
          if (right > 2) {
            const z3 = read(end - 3 * blockBytes);
            ka = broadcast(w);
            kb = maps > 1 ? broadcast(w + filterBytes) : ka;
            c0 = multiplyAdd(c0, z3, ka);
            d0 = multiplyAdd(d0, z3, kb);
            c1 = multiplyAdd(c1, z2, ka);
            d1 = multiplyAdd(d1, z2, kb);
            w += stepBytes;
            if (right > 3) {
              const z4 = read(end - 4 * blockBytes);
              ka = broadcast(w);
              kb = maps > 1 ? broadcast(w + filterBytes) : ka;
              c0 = multiplyAdd(c0, z4, ka);
              d0 = multiplyAdd(d0, z4, kb);
              c1 = multiplyAdd(c1, z3, ka);
              d1 = multiplyAdd(d1, z3, kb);
            }
          }
        }
      }
      w = row;
      if (left > 1) {
        if (left > 2) {
          if (pixels == 1 && left > 3) {
            const x3 = read(y + 3 * blockBytes);
            ka = broadcast(w);
            kb = maps > 1 ? broadcast(w + filterBytes) : ka;
            a0 = multiplyAdd(a0, x3, ka);
            b0 = multiplyAdd(b0, x3, kb);
            w += stepBytes;
          }
          const x2 = read(y + 2 * blockBytes),
            x3 = pixels > 1 ? read(y + 3 * blockBytes) : x2;
          ka = broadcast(w);
          kb = maps > 1 ? broadcast(w + filterBytes) : ka;
          a0 = multiplyAdd(a0, x2, ka);
          b0 = multiplyAdd(b0, x2, kb);
          a1 = multiplyAdd(a1, x3, ka);
          b1 = multiplyAdd(b1, x3, kb);
          w += stepBytes;
        }
        const x1 = read(y + blockBytes),
          x2 = pixels > 1 ? read(y + 2 * blockBytes) : x1;
        ka = broadcast(w);
        kb = maps > 1 ? broadcast(w + filterBytes) : ka;
        a0 = multiplyAdd(a0, x1, ka);
        b0 = multiplyAdd(b0, x1, kb);
        a1 = multiplyAdd(a1, x2, ka);
        b1 = multiplyAdd(b1, x2, kb);
        w += stepBytes;
      }
      const x0 = read(y),
        x1 = pixels > 1 ? read(y + blockBytes) : x0;
      ka = broadcast(w);
      kb = maps > 1 ? broadcast(w + filterBytes) : ka;
      a0 = multiplyAdd(a0, x0, ka);
      b0 = multiplyAdd(b0, x0, kb);
      a1 = multiplyAdd(a1, x1, ka);
      b1 = multiplyAdd(b1, x1, kb);
      w += stepBytes;
      if (pixels > 1) {
        a1 = multiplyAdd(a1, x0, broadcast(w));
        if (maps > 1) b1 = multiplyAdd(b1, x0, broadcast(w + filterBytes));
      }
      row += size * stepBytes;
      y -= rowBytes;
    }
    delta += planeBytes;
    weights += realBytes(1);
  }
  write(output, a0);
  write(output + across, c0);
  if (pixels > 1) write(output + blockBytes, a1);
  if (pixels > 1) write(output + across + blockBytes, c1);
  if (maps > 1) write(second, b0);
  if (maps > 1) write(second + across, d0);
  if (maps > 1 && pixels > 1) write(second + blockBytes, b1);
  if (maps > 1 && pixels > 1) write(second + across + blockBytes, d1);
}

/**
 * One row of one or two input maps, one half of the lanes. `output` points at padded column 0, which is not there if
 * padding > 0.
 */
// @ts-ignore: decorator
@inline
function slidingRow(
  maps: u32,
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  size: u32,
  padding: u32,
  outColumns: u32,
  tapRows: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
): void {
  const across = (outColumns - padding) * blockBytes;
  let column = padding;
  for (; column + 2 < size; column += 2)
    edgeTile(
      maps,
      2,
      delta,
      weights,
      output + column * blockBytes,
      across,
      outputs,
      size,
      column + 1,
      size - 1 + padding - column,
      tapRows,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  for (; column + 1 < size; column++)
    edgeTile(
      maps,
      1,
      delta,
      weights,
      output + column * blockBytes,
      across,
      outputs,
      size,
      column + 1,
      size - 1 + padding - column,
      tapRows,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  column = size - 1;
  for (; column + 6 < outColumns || column + 4 == outColumns; column += 4)
    innerTile(
      maps,
      4,
      delta + column * blockBytes,
      weights,
      output + column * blockBytes,
      outputs,
      size,
      tapRows,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  for (; column + 3 <= outColumns; column += 3)
    innerTile(
      maps,
      3,
      delta + column * blockBytes,
      weights,
      output + column * blockBytes,
      outputs,
      size,
      tapRows,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  for (; column + 2 <= outColumns; column += 2)
    innerTile(
      maps,
      2,
      delta + column * blockBytes,
      weights,
      output + column * blockBytes,
      outputs,
      size,
      tapRows,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
  for (; column < outColumns; column++)
    innerTile(
      maps,
      1,
      delta + column * blockBytes,
      weights,
      output + column * blockBytes,
      outputs,
      size,
      tapRows,
      rowBytes,
      planeBytes,
      stepBytes,
      filterBytes,
      outPlaneBytes,
    );
}

/** Each code of its own (see forward). */
function rowOfTwo(
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  size: u32,
  padding: u32,
  outColumns: u32,
  tapRows: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
): void {
  slidingRow(
    2,
    delta,
    weights,
    output,
    outputs,
    size,
    padding,
    outColumns,
    tapRows,
    rowBytes,
    planeBytes,
    stepBytes,
    filterBytes,
    outPlaneBytes,
  );
}

function rowOfOne(
  delta: usize,
  weights: usize,
  output: usize,
  outputs: u32,
  size: u32,
  padding: u32,
  outColumns: u32,
  tapRows: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
  filterBytes: usize,
  outPlaneBytes: usize,
): void {
  slidingRow(
    1,
    delta,
    weights,
    output,
    outputs,
    size,
    padding,
    outColumns,
    tapRows,
    rowBytes,
    planeBytes,
    stepBytes,
    filterBytes,
    outPlaneBytes,
  );
}

/** Eight lanes, stride 1; size at most `unrolled`, outColumns ≥ size − 1 and padding < size. */
function sliding(
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
  const rowBytes = outColumns * blockBytes;
  const planeBytes = outRows * rowBytes;
  const outPlaneBytes = rows * columns * blockBytes;
  const step = realBytes(maps);
  const filterBytes = size * size * step;
  const mapsAtOnce = max(1, cached / (size * rowBytes));
  clear(output, inputs * rows * columns * 8);
  for (let row: u32 = 0; row < rows; row++) {
    const v = row + padding;
    const low: u32 = v >= outRows ? v - outRows + 1 : 0;
    const tapRows = min(size - 1, v) + 1 - low;
    for (let j: u32 = 0; j < maps; j += mapsAtOnce) {
      const outputs = min(mapsAtOnce, maps - j);
      for (let i: u32 = 0; i < inputs; i += 2)
        for (let half: usize = 0; half < blockBytes; half += vectorBytes) {
          const y = delta + j * planeBytes + (v - low) * rowBytes + half;
          const w = weights + i * filterBytes + low * size * step + realBytes(j);
          const out = output + i * outPlaneBytes + row * columns * blockBytes - padding * blockBytes + half;
          if (i + 1 < inputs)
            rowOfTwo(
              y,
              w,
              out,
              outputs,
              size,
              padding,
              outColumns,
              tapRows,
              rowBytes,
              planeBytes,
              step,
              filterBytes,
              outPlaneBytes,
            );
          else
            rowOfOne(
              y,
              w,
              out,
              outputs,
              size,
              padding,
              outColumns,
              tapRows,
              rowBytes,
              planeBytes,
              step,
              filterBytes,
              outPlaneBytes,
            );
        }
    }
  }
}

/** The smallest tap k of padded position v whose output pixel (v − k)/stride exists: k ≡ v modulo stride. */
// @ts-ignore: decorator
@inline
function firstTap(v: u32, count: u32, stride: u32): u32 {
  const last = (count - 1) * stride;
  return v > last ? v - last : v % stride;
}

/** One pixel of one input map, any size, stride and padding: a whole block, or a single sample. */
// @ts-ignore: decorator
@inline
function anyPixel(
  lanes: u32,
  delta: usize,
  weights: usize,
  output: usize,
  maps: u32,
  outRows: u32,
  outColumns: u32,
  size: u32,
  stride: u32,
  v: u32,
  h: u32,
): void {
  const rowBytes = realBytes(outColumns * lanes);
  const firstRow = firstTap(v, outRows, stride);
  const firstColumn = firstTap(h, outColumns, stride);
  let low = zero(),
    high = zero();
  for (let j: u32 = 0; j < maps; j++)
    for (let ky = firstRow; ky < size && ky <= v; ky += stride)
      for (let kx = firstColumn; kx < size && kx <= h; kx += stride) {
        const y = delta + (j * outRows + (v - ky) / stride) * rowBytes + realBytes(((h - kx) / stride) * lanes);
        const k = broadcast(weights + realBytes((ky * size + kx) * maps + j));
        if (lanes == 1) low = multiplyAdd(low, readNarrow(y), k);
        else {
          low = multiplyAdd(low, read(y), k);
          high = multiplyAdd(high, read(y + vectorBytes), k);
        }
      }
  if (lanes == 1) writeNarrow(output, low);
  else {
    write(output, low);
    write(output + vectorBytes, high);
  }
}

function strided(
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
  stride: u32,
  padding: u32,
  lanes: u32,
): void {
  for (let i: u32 = 0; i < inputs; i++) {
    const w = weights + realBytes(i * size * size * maps);
    for (let row: u32 = 0; row < rows; row++)
      for (let column: u32 = 0; column < columns; column++) {
        const out = output + realBytes(((i * rows + row) * columns + column) * lanes);
        if (lanes == 1)
          anyPixel(1, delta, w, out, maps, outRows, outColumns, size, stride, row + padding, column + padding);
        else anyPixel(8, delta, w, out, maps, outRows, outColumns, size, stride, row + padding, column + padding);
      }
  }
}

export function convolutionBackward(
  delta: usize,
  weights: usize,
  input: usize,
  output: usize,
  inputs: u32,
  rows: u32,
  columns: u32,
  maps: u32,
  outRows: u32,
  outColumns: u32,
  size: u32,
  stride: u32,
  padding: u32,
  gate: u32,
  lanes: u32,
): void {
  const isPlain = stride == 1 && padding < size;
  if (lanes == 8 && outRows == 1 && outColumns == 1 && padding == 0 && rows == size && columns == size)
    return denseBackward(delta, weights, input, output, inputs * size * size, maps, gate, lanes);
  if (lanes == 8 && isPlain && size <= unrolled && outColumns + 1 >= size)
    sliding(delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, size, padding);
  else if (lanes == 1 && isPlain)
    backwardOfSample(delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, size, padding);
  else strided(delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, size, stride, padding, lanes);
  gateRun(gate, output, input, inputs * rows * columns * lanes);
}
