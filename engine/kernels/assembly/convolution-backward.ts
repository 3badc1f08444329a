/**
 * Bouvrie §3.2's 'full' convolution: δ_i = f′(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full'), the sensitivity of the layer below.
 * δ [map][outRow][outColumn][lanes], weights [input][ky][kx][map], output [input][row][column][lanes].
 *
 * Input pixel v (counted in the padded input) takes δ[v − kx] for each tap kx inside δ: rows are clipped, and columns fall into a left
 * edge (taps kx ≤ v), an interior (all taps) and a right edge (taps reaching back into δ). The edges are triangles known when the
 * code is compiled, so no zero is ever multiplied. One chain per element: 0, then j, ky, kx ascending; the gate last.
 */
import { gateRun } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import { backwardOfSample } from "./convolution-backward-sample";
import { denseBackward } from "./dense";
import { broadcast, multiplyAdd, read, readNarrow, write, writeNarrow, zero } from "./lanes";

const left: u32 = 1;
const right: u32 = 2;

/**
 * Eight lanes, stride 1: one half of the lanes of the `pixels` of the left or the right edge of one or two input maps. size (3 or 5), edge, maps and pixels are
 * known where this is inlined. delta points at δ_0's row of the first tap row, column of the first pixel; pixels n with first ≤ n < limit are stored.
 */
// @ts-ignore: decorator
@inline
function edgeTile(size: u32, edge: u32, maps: u32, pixels: u32, delta: usize, weights: usize, output: usize, outputs: u32, tapRows: u32, rowBytes: usize, planeBytes: usize, stepBytes: usize, filterBytes: usize, outPlaneBytes: usize, first: u32, limit: u32): void {
  let a0 = zero(), a1 = zero(), a2 = zero(), a3 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero(), b3 = zero();
  for (let j: u32 = 0; j < outputs; j++) {
    let y = delta;
    let wa = weights;
    let wb = weights + filterBytes;
    for (let ky: u32 = 0; ky < tapRows; ky++) {
      const x0 = edge != right ? read(y) : a0;
      const x1 = edge != right && pixels > 1 ? read(y + blockBytes) : a0;
      const x2 = edge != right && pixels > 2 ? read(y + 2 * blockBytes) : a0;
      const x3 = edge != right && pixels > 3 ? read(y + 3 * blockBytes) : a0;
      let k = broadcast(wa);
      if (edge != right) a0 = multiplyAdd(a0, x0, k);
      if (edge != right && pixels > 1) a1 = multiplyAdd(a1, x1, k);
      if (edge != right && pixels > 2) a2 = multiplyAdd(a2, x2, k);
      if (edge != right && pixels > 3) a3 = multiplyAdd(a3, x3, k);
      if (maps > 1) {
        k = broadcast(wb);
        if (edge != right) b0 = multiplyAdd(b0, x0, k);
        if (edge != right && pixels > 1) b1 = multiplyAdd(b1, x1, k);
        if (edge != right && pixels > 2) b2 = multiplyAdd(b2, x2, k);
        if (edge != right && pixels > 3) b3 = multiplyAdd(b3, x3, k);
      }
      wa += stepBytes;
      wb += stepBytes;
      const z1 = edge != left ? read(y - blockBytes) : a0;
      k = broadcast(wa);
      if (edge != left) a0 = multiplyAdd(a0, z1, k);
      if (edge != right && pixels > 1) a1 = multiplyAdd(a1, x0, k);
      if (edge != right && pixels > 2) a2 = multiplyAdd(a2, x1, k);
      if (edge != right && pixels > 3) a3 = multiplyAdd(a3, x2, k);
      if (maps > 1) {
        k = broadcast(wb);
        if (edge != left) b0 = multiplyAdd(b0, z1, k);
        if (edge != right && pixels > 1) b1 = multiplyAdd(b1, x0, k);
        if (edge != right && pixels > 2) b2 = multiplyAdd(b2, x1, k);
        if (edge != right && pixels > 3) b3 = multiplyAdd(b3, x2, k);
      }
      wa += stepBytes;
      wb += stepBytes;
      const z2 = edge != left ? read(y - 2 * blockBytes) : a0;
      k = broadcast(wa);
      if (edge != left) a0 = multiplyAdd(a0, z2, k);
      if (edge != left && pixels > 1) a1 = multiplyAdd(a1, z1, k);
      if (edge != right && pixels > 2) a2 = multiplyAdd(a2, x0, k);
      if (edge != right && pixels > 3) a3 = multiplyAdd(a3, x1, k);
      if (maps > 1) {
        k = broadcast(wb);
        if (edge != left) b0 = multiplyAdd(b0, z2, k);
        if (edge != left && pixels > 1) b1 = multiplyAdd(b1, z1, k);
        if (edge != right && pixels > 2) b2 = multiplyAdd(b2, x0, k);
        if (edge != right && pixels > 3) b3 = multiplyAdd(b3, x1, k);
      }
      wa += stepBytes;
      wb += stepBytes;
      if (size > 3) {
        const z3 = edge != left ? read(y - 3 * blockBytes) : a0;
        k = broadcast(wa);
        if (edge != left) a0 = multiplyAdd(a0, z3, k);
        if (edge != left && pixels > 1) a1 = multiplyAdd(a1, z2, k);
        if (edge != left && pixels > 2) a2 = multiplyAdd(a2, z1, k);
        if (edge != right && pixels > 3) a3 = multiplyAdd(a3, x0, k);
        if (maps > 1) {
          k = broadcast(wb);
          if (edge != left) b0 = multiplyAdd(b0, z3, k);
          if (edge != left && pixels > 1) b1 = multiplyAdd(b1, z2, k);
          if (edge != left && pixels > 2) b2 = multiplyAdd(b2, z1, k);
          if (edge != right && pixels > 3) b3 = multiplyAdd(b3, x0, k);
        }
        wa += stepBytes;
        wb += stepBytes;
        const z4 = edge != left ? read(y - 4 * blockBytes) : a0;
        k = broadcast(wa);
        if (edge != left) a0 = multiplyAdd(a0, z4, k);
        if (edge != left && pixels > 1) a1 = multiplyAdd(a1, z3, k);
        if (edge != left && pixels > 2) a2 = multiplyAdd(a2, z2, k);
        if (edge != left && pixels > 3) a3 = multiplyAdd(a3, z1, k);
        if (maps > 1) {
          k = broadcast(wb);
          if (edge != left) b0 = multiplyAdd(b0, z4, k);
          if (edge != left && pixels > 1) b1 = multiplyAdd(b1, z3, k);
          if (edge != left && pixels > 2) b2 = multiplyAdd(b2, z2, k);
          if (edge != left && pixels > 3) b3 = multiplyAdd(b3, z1, k);
        }
        wa += stepBytes;
        wb += stepBytes;
      }
      y -= rowBytes;
    }
    delta += planeBytes;
    weights += realBytes(1);
  }
  if (first == 0 && limit > 0) write(output, a0);
  if (pixels > 1 && (first < 2 && limit > 1)) write(output + blockBytes, a1);
  if (pixels > 2 && (first < 3 && limit > 2)) write(output + 2 * blockBytes, a2);
  if (pixels > 3 && (first < 4 && limit > 3)) write(output + 3 * blockBytes, a3);
  if (maps > 1) {
    output += outPlaneBytes;
    if (first == 0 && limit > 0) write(output, b0);
    if (pixels > 1 && (first < 2 && limit > 1)) write(output + blockBytes, b1);
    if (pixels > 2 && (first < 3 && limit > 2)) write(output + 2 * blockBytes, b2);
    if (pixels > 3 && (first < 4 && limit > 3)) write(output + 3 * blockBytes, b3);
  }
}

/** Eight lanes, stride 1: one half of the lanes of `pixels` inner pixels of one or two input maps, both known where this is inlined; taps as in forward. */
// @ts-ignore: decorator
@inline
function innerTile(maps: u32, pixels: u32, delta: usize, weights: usize, output: usize, outputs: u32, size: u32, tapRows: u32, rowBytes: usize, planeBytes: usize, stepBytes: usize, filterBytes: usize, outPlaneBytes: usize): void {
  let a0 = zero(), a1 = zero(), a2 = zero(), a3 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero(), b3 = zero();
  const tapBytes = size * stepBytes;
  for (let j: u32 = 0; j < outputs; j++) {
    let y = delta;
    let w = weights;
    for (let ky: u32 = 0; ky < tapRows; ky++) {
      let x1 = pixels > 1 ? read(y + blockBytes) : a0;
      let x2 = pixels > 2 ? read(y + 2 * blockBytes) : a0;
      let x3 = pixels > 3 ? read(y + 3 * blockBytes) : a0;
      let tap = y;
      for (const end = w + tapBytes; w < end; w += stepBytes) {
        const x0 = read(tap);
        let k = broadcast(w);
        a0 = multiplyAdd(a0, x0, k);
        if (pixels > 1) a1 = multiplyAdd(a1, x1, k);
        if (pixels > 2) a2 = multiplyAdd(a2, x2, k);
        if (pixels > 3) a3 = multiplyAdd(a3, x3, k);
        if (maps > 1) {
          k = broadcast(w + filterBytes);
          b0 = multiplyAdd(b0, x0, k);
          if (pixels > 1) b1 = multiplyAdd(b1, x1, k);
          if (pixels > 2) b2 = multiplyAdd(b2, x2, k);
          if (pixels > 3) b3 = multiplyAdd(b3, x3, k);
        }
        x3 = x2;
        x2 = x1;
        x1 = x0;
        tap -= blockBytes;
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
  if (maps > 1) {
    output += outPlaneBytes;
    write(output, b0);
    if (pixels > 1) write(output + blockBytes, b1);
    if (pixels > 2) write(output + 2 * blockBytes, b2);
    if (pixels > 3) write(output + 3 * blockBytes, b3);
  }
}

/** The inner pixels of a row, one half of the lanes. */
// @ts-ignore: decorator
@inline
function innerRow(maps: u32, delta: usize, weights: usize, output: usize, outputs: u32, size: u32, tapRows: u32, outColumns: u32, rowBytes: usize, planeBytes: usize, stepBytes: usize, filterBytes: usize, outPlaneBytes: usize): void {
  let column = size - 1;
  for (; column + 6 < outColumns || column + 4 == outColumns; column += 4)
    innerTile(maps, 4, delta + column * blockBytes, weights, output + column * blockBytes, outputs, size, tapRows, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes);
  for (; column + 3 <= outColumns; column += 3)
    innerTile(maps, 3, delta + column * blockBytes, weights, output + column * blockBytes, outputs, size, tapRows, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes);
  for (; column + 2 <= outColumns; column += 2)
    innerTile(maps, 2, delta + column * blockBytes, weights, output + column * blockBytes, outputs, size, tapRows, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes);
  for (; column < outColumns; column++)
    innerTile(maps, 1, delta + column * blockBytes, weights, output + column * blockBytes, outputs, size, tapRows, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes);
}

/** Each code of its own (see forward). */
function innerOfTwo(delta: usize, weights: usize, output: usize, outputs: u32, size: u32, tapRows: u32, outColumns: u32, rowBytes: usize, planeBytes: usize, stepBytes: usize, filterBytes: usize, outPlaneBytes: usize): void {
  innerRow(2, delta, weights, output, outputs, size, tapRows, outColumns, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes);
}

function innerOfOne(delta: usize, weights: usize, output: usize, outputs: u32, size: u32, tapRows: u32, outColumns: u32, rowBytes: usize, planeBytes: usize, stepBytes: usize, filterBytes: usize, outPlaneBytes: usize): void {
  innerRow(1, delta, weights, output, outputs, size, tapRows, outColumns, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes);
}

/** One row of one or two input maps, both halves of the lanes. `output` points at padded column 0, which is not there if padding > 0. */
// @ts-ignore: decorator
@inline
function slidingRow(size: u32, maps: u32, delta: usize, weights: usize, output: usize, outputs: u32, outColumns: u32, padding: u32, tapRows: u32, rowBytes: usize, planeBytes: usize, stepBytes: usize, filterBytes: usize, outPlaneBytes: usize): void {
  const edgePixels = size - 1;
  const end = output + blockBytes;
  for (; output < end; output += vectorBytes, delta += vectorBytes) {
    if (padding < edgePixels)
      edgeTile(size, left, maps, edgePixels, delta, weights, output, outputs, tapRows, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes, padding, edgePixels);
    if (maps == 2) innerOfTwo(delta, weights, output, outputs, size, tapRows, outColumns, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes);
    else innerOfOne(delta, weights, output, outputs, size, tapRows, outColumns, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes);
    if (padding < edgePixels)
      edgeTile(size, right, maps, edgePixels, delta + outColumns * blockBytes, weights, output + outColumns * blockBytes, outputs, tapRows, rowBytes, planeBytes, stepBytes, filterBytes, outPlaneBytes, 0, edgePixels - padding);
  }
}

/** Eight lanes, stride 1, a size known where this is inlined; outColumns ≥ size − 1 and padding < size. */
// @ts-ignore: decorator
@inline
function sliding(size: u32, delta: usize, weights: usize, output: usize, inputs: u32, rows: u32, columns: u32, maps: u32, outRows: u32, outColumns: u32, padding: u32): void {
  const rowBytes = outColumns * blockBytes;
  const planeBytes = outRows * rowBytes;
  const outPlaneBytes = rows * columns * blockBytes;
  const step = realBytes(maps);
  const filterBytes = size * size * step;
  for (let i: u32 = 0; i < inputs; i += 2) {
    for (let row: u32 = 0; row < rows; row++) {
      const v = row + padding;
      const low: u32 = v >= outRows ? v - outRows + 1 : 0;
      const high = min(size - 1, v);
      const y = delta + (v - low) * rowBytes;
      const w = weights + i * filterBytes + low * size * step;
      const out = output + i * outPlaneBytes + row * columns * blockBytes - padding * blockBytes;
      if (i + 1 < inputs) slidingRow(size, 2, y, w, out, maps, outColumns, padding, high + 1 - low, rowBytes, planeBytes, step, filterBytes, outPlaneBytes);
      else slidingRow(size, 1, y, w, out, maps, outColumns, padding, high + 1 - low, rowBytes, planeBytes, step, filterBytes, outPlaneBytes);
    }
  }
}

function sliding5(delta: usize, weights: usize, output: usize, inputs: u32, rows: u32, columns: u32, maps: u32, outRows: u32, outColumns: u32, padding: u32): void {
  sliding(5, delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, padding);
}

function sliding3(delta: usize, weights: usize, output: usize, inputs: u32, rows: u32, columns: u32, maps: u32, outRows: u32, outColumns: u32, padding: u32): void {
  sliding(3, delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, padding);
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
function anyPixel(lanes: u32, delta: usize, weights: usize, output: usize, maps: u32, outRows: u32, outColumns: u32, size: u32, stride: u32, v: u32, h: u32): void {
  const rowBytes = realBytes(outColumns * lanes);
  const firstRow = firstTap(v, outRows, stride);
  const firstColumn = firstTap(h, outColumns, stride);
  let low = zero(), high = zero();
  for (let j: u32 = 0; j < maps; j++)
    for (let ky = firstRow; ky < size && ky <= v; ky += stride)
      for (let kx = firstColumn; kx < size && kx <= h; kx += stride) {
        const y = delta + (j * outRows + (v - ky) / stride) * rowBytes + realBytes((h - kx) / stride * lanes);
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

function strided(delta: usize, weights: usize, output: usize, inputs: u32, rows: u32, columns: u32, maps: u32, outRows: u32, outColumns: u32, size: u32, stride: u32, padding: u32, lanes: u32): void {
  for (let i: u32 = 0; i < inputs; i++) {
    const w = weights + realBytes(i * size * size * maps);
    for (let row: u32 = 0; row < rows; row++)
      for (let column: u32 = 0; column < columns; column++) {
        const out = output + realBytes(((i * rows + row) * columns + column) * lanes);
        if (lanes == 1) anyPixel(1, delta, w, out, maps, outRows, outColumns, size, stride, row + padding, column + padding);
        else anyPixel(8, delta, w, out, maps, outRows, outColumns, size, stride, row + padding, column + padding);
      }
  }
}

export function convolutionBackward(delta: usize, weights: usize, input: usize, output: usize, inputs: u32, rows: u32, columns: u32, maps: u32, outRows: u32, outColumns: u32, size: u32, stride: u32, padding: u32, gate: u32, lanes: u32): void {
  const isPlain = stride == 1 && padding < size;
  if (lanes == 8 && outRows == 1 && outColumns == 1 && padding == 0 && rows == size && columns == size) return denseBackward(delta, weights, input, output, inputs * size * size, maps, gate, lanes);
  if (lanes == 8 && isPlain && size == 5 && outColumns >= 4) sliding5(delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, padding);
  else if (lanes == 8 && isPlain && size == 3 && outColumns >= 2) sliding3(delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, padding);
  else if (lanes == 1 && isPlain) backwardOfSample(delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, size, padding);
  else strided(delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, size, stride, padding, lanes);
  gateRun(gate, output, input, inputs * rows * columns * lanes);
}
