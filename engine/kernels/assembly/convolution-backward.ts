/**
 * Bouvrie §3.2's 'full' convolution: δ_i = f′(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full'), the sensitivity of the layer
 * below. δ [map][outRow][outColumn][lanes], weights [input][ky][kx][map], output [input][row][column][lanes].
 *
 * Input pixel v (counted in the padded input) takes δ[v − kx] for each tap kx inside δ: rows are clipped, and columns
 * fall into a left edge (taps kx ≤ v), an interior (all taps) and a right edge (taps reaching back into δ), so no zero
 * is ever multiplied. One chain per element: 0, then j, ky, kx ascending; the gate last. δ goes through the first cache
 * a few maps at a time; the sums wait in the output.
 *
 * Tiles are eight sums, two input maps × four pixels or two × two of each edge, and their taps are unrolled. In code
 * without a branch V8 does all loads first and computes as late as it can. So each tap stands behind a condition, even
 * one that always holds: otherwise the loads of several taps would push sums out of their registers.
 */
import { gateRun } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import { ConvolutionBackwardCall } from "./contract";
import { backwardOfSample } from "./convolution-backward-sample";
import { backwardDense } from "./dense";
import { broadcast, multiplyAdd, read, readNarrow, registerGrid, registers, write, writeNarrow, zero } from "./lanes";

/** The largest filter whose taps are unrolled. */
const unrolled: u32 = 5;
/** Bytes of δ that stay in the first cache (of 32 KB) beside weights and sums. */
const cached: u32 = 24576;

/** How the tiles of a row walk δ and the weights. */
interface BackwardWalk {
  /** Maps of δ that go through at once, and rows of the filters that meet δ. */
  outputs: u32;
  tapRows: u32;
  size: u32;
  padding: u32;
  outColumns: u32;
  /** From a row, a map of δ to the next; from a tap's weights, a filter to the next; from a map of the output to the next. */
  rowBytes: usize;
  planeBytes: usize;
  stepBytes: usize;
  filterBytes: usize;
  outPlaneBytes: usize;
}

/**
 * Eight lanes, stride 1: one half of the lanes of `pixels` (1 to 4) inner pixels of one or two input maps, both known
 * where this is inlined. delta points at what tap kx = 0 of the first pixel meets in δ_0. Tap t of pixel n meets
 * x[4 + n − t], where x[4] lies at the first pixel.
 */
// @ts-ignore: decorator
@inline
function innerTile(maps: u32, pixels: u32, delta: usize, weights: usize, output: usize, walk: BackwardWalk): void {
  const sum = registerGrid(2, 4);
  const x = registers(8);
  const k = registers(2);
  unroll: for (let n: u32 = 0; n < min(pixels, 4); n++)
    unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
      sum[m][n] = read(output + m * walk.outPlaneBytes + n * blockBytes);
  for (let j: u32 = 0; j < walk.outputs; j++) {
    let y = delta;
    let w = weights;
    for (let ky: u32 = 0; ky < walk.tapRows; ky++) {
      unroll: for (let n: u32 = 1; n < min(pixels, 4); n++) x[4 + n] = read(y + n * blockBytes);
      unroll: for (let t: u32 = 0; t < min(walk.size, 5); t++) {
        x[4 - t] = read(y - t * blockBytes);
        unroll: for (let m: u32 = 0; m < min(maps, 2); m++) k[m] = broadcast(w + m * walk.filterBytes);
        unroll: for (let n: u32 = 0; n < min(pixels, 4); n++)
          unroll: for (let m: u32 = 0; m < min(maps, 2); m++) sum[m][n] = multiplyAdd(sum[m][n], x[4 + n - t], k[m]);
        w += walk.stepBytes;
      }
      y -= walk.rowBytes;
    }
    delta += walk.planeBytes;
    weights += realBytes(1);
  }
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
    unroll: for (let n: u32 = 0; n < min(pixels, 4); n++)
      write(output + m * walk.outPlaneBytes + n * blockBytes, sum[m][n]);
}

/**
 * The same for `pixels` (1 or 2) columns of the left edge and as many of the right edge, `across` bytes further on. The
 * first left column takes the first `left` taps and the next one more; the first right column takes the last `right`
 * taps and the next one less. delta points at the first column of δ_0. z[c] is
 * column c of a row of δ, counted from its end.
 */
// @ts-ignore: decorator
@inline
function edgeTile(
  maps: u32,
  pixels: u32,
  left: u32,
  right: u32,
  across: usize,
  delta: usize,
  weights: usize,
  output: usize,
  walk: BackwardWalk,
): void {
  const atLeft = registerGrid(2, 2);
  const atRight = registerGrid(2, 2);
  const x = registers(2);
  const z = registers(4);
  const k = registers(2);
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
    unroll: for (let e: u32 = 0; e < min(pixels, 2); e++) {
      const place = output + m * walk.outPlaneBytes + e * blockBytes;
      atLeft[m][e] = read(place);
      atRight[m][e] = read(place + across);
    }
  const skipped = (walk.size - right) * walk.stepBytes;
  for (let j: u32 = 0; j < walk.outputs; j++) {
    let y = delta;
    let row = weights;
    for (let ky: u32 = 0; ky < walk.tapRows; ky++) {
      const end = y + walk.rowBytes;
      let w = row + skipped;
      unroll: for (let c: u32 = 0; c < min(right, 4); c++) {
        z[c] = read(end - (c + 1) * blockBytes);
        unroll: for (let m: u32 = 0; m < min(maps, 2); m++) k[m] = broadcast(w + m * walk.filterBytes);
        unroll: for (let e: u32 = 0; e < min(pixels, 2); e++)
          if (e <= c)
            unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
              atRight[m][e] = multiplyAdd(atRight[m][e], z[c - e], k[m]);
        w += walk.stepBytes;
      }
      w = row;
      unroll: for (let c: u32 = min(left, 4); c > 0; c--)
        // Of two columns the first takes three taps at most.
        if (pixels == 1 || c < 4) {
          unroll: for (let e: u32 = 0; e < min(pixels, 2); e++) x[e] = read(y + (c - 1 + e) * blockBytes);
          unroll: for (let m: u32 = 0; m < min(maps, 2); m++) k[m] = broadcast(w + m * walk.filterBytes);
          unroll: for (let e: u32 = 0; e < min(pixels, 2); e++)
            unroll: for (let m: u32 = 0; m < min(maps, 2); m++) atLeft[m][e] = multiplyAdd(atLeft[m][e], x[e], k[m]);
          w += walk.stepBytes;
        }
      if (pixels > 1)
        unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
          atLeft[m][1] = multiplyAdd(atLeft[m][1], x[0], broadcast(w + m * walk.filterBytes));
      row += walk.size * walk.stepBytes;
      y -= walk.rowBytes;
    }
    delta += walk.planeBytes;
    weights += realBytes(1);
  }
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
    unroll: for (let e: u32 = 0; e < min(pixels, 2); e++) {
      const place = output + m * walk.outPlaneBytes + e * blockBytes;
      write(place, atLeft[m][e]);
      write(place + across, atRight[m][e]);
    }
}

/**
 * One row of one or two input maps, one half of the lanes. `output` points at padded column 0, which is not there if
 * padding > 0.
 */
// @ts-ignore: decorator
@inline
function slidingRow(maps: u32, delta: usize, weights: usize, output: usize, walk: BackwardWalk): void {
  const { size, padding, outColumns } = walk;
  const across = (outColumns - padding) * blockBytes;
  const last = size - 1 + padding;
  let column = padding;
  for (; column + 2 < size; column += 2)
    edgeTile(maps, 2, column + 1, last - column, across, delta, weights, output + column * blockBytes, walk);
  for (; column + 1 < size; column++)
    edgeTile(maps, 1, column + 1, last - column, across, delta, weights, output + column * blockBytes, walk);
  column = size - 1;
  for (; column + 6 < outColumns || column + 4 == outColumns; column += 4)
    innerTile(maps, 4, delta + column * blockBytes, weights, output + column * blockBytes, walk);
  for (; column + 3 <= outColumns; column += 3)
    innerTile(maps, 3, delta + column * blockBytes, weights, output + column * blockBytes, walk);
  for (; column + 2 <= outColumns; column += 2)
    innerTile(maps, 2, delta + column * blockBytes, weights, output + column * blockBytes, walk);
  for (; column < outColumns; column++)
    innerTile(maps, 1, delta + column * blockBytes, weights, output + column * blockBytes, walk);
}

/** A function for each number of maps, as in convolution-forward.ts. */
function slidingRowOfTwo(delta: usize, weights: usize, output: usize, walk: BackwardWalk): void {
  slidingRow(2, delta, weights, output, walk);
}

function slidingRowOfOne(delta: usize, weights: usize, output: usize, walk: BackwardWalk): void {
  slidingRow(1, delta, weights, output, walk);
}

/** Eight lanes, stride 1; size at most `unrolled`, outColumns ≥ size − 1 and padding < size. */
function sliding(call: ConvolutionBackwardCall): void {
  const { delta, weights, output, inputs, rows, columns, maps, outRows, outColumns, size, padding } = call;
  const rowBytes = outColumns * blockBytes;
  const planeBytes = outRows * rowBytes;
  const outPlaneBytes = rows * columns * blockBytes;
  const stepBytes = realBytes(maps);
  const filterBytes = size * size * stepBytes;
  const mapsAtOnce = max(1, cached / (size * rowBytes));
  memory.fill(output, 0, inputs * outPlaneBytes);
  for (let row: u32 = 0; row < rows; row++) {
    const v = row + padding;
    const low: u32 = v >= outRows ? v - outRows + 1 : 0;
    const tapRows = min(size - 1, v) + 1 - low;
    for (let j: u32 = 0; j < maps; j += mapsAtOnce) {
      const walk: BackwardWalk = {
        outputs: min(mapsAtOnce, maps - j),
        tapRows,
        size,
        padding,
        outColumns,
        rowBytes,
        planeBytes,
        stepBytes,
        filterBytes,
        outPlaneBytes,
      };
      for (let i: u32 = 0; i < inputs; i += 2)
        for (let half: usize = 0; half < blockBytes; half += vectorBytes) {
          const y = delta + j * planeBytes + (v - low) * rowBytes + half;
          const w = weights + i * filterBytes + low * size * stepBytes + realBytes(j);
          const out = output + i * outPlaneBytes + (row * columns - padding) * blockBytes + half;
          if (i + 1 < inputs) slidingRowOfTwo(y, w, out, walk);
          else slidingRowOfOne(y, w, out, walk);
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

/** Pixel (v, h), counted in the padded input, of one input map, any size, stride and padding. */
// @ts-ignore: decorator
@inline
function anyPixel(lanes: u32, v: u32, h: u32, weights: usize, output: usize, call: ConvolutionBackwardCall): void {
  const { delta, maps, outRows, outColumns, size, stride } = call;
  const rowBytes = realBytes(outColumns * lanes);
  const firstRow = firstTap(v, outRows, stride);
  const firstColumn = firstTap(h, outColumns, stride);
  let low = zero();
  let high = zero();
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

function strided(call: ConvolutionBackwardCall): void {
  const { weights, output, inputs, rows, columns, maps, size, padding, lanes } = call;
  for (let i: u32 = 0; i < inputs; i++) {
    const w = weights + realBytes(i * size * size * maps);
    for (let row: u32 = 0; row < rows; row++)
      for (let column: u32 = 0; column < columns; column++) {
        const out = output + realBytes(((i * rows + row) * columns + column) * lanes);
        if (lanes == 1) anyPixel(1, row + padding, column + padding, w, out, call);
        else anyPixel(8, row + padding, column + padding, w, out, call);
      }
  }
}

export function convolutionBackward(call: ConvolutionBackwardCall): void {
  const { input, output, inputs, rows, columns, outRows, outColumns, size, padding, gate, lanes } = call;
  const isPlain = call.stride == 1 && padding < size;
  if (lanes == 8 && outRows == 1 && outColumns == 1 && padding == 0 && rows == size && columns == size)
    return backwardDense(call.delta, call.weights, input, output, inputs * size * size, call.maps, gate, lanes);
  if (lanes == 8 && isPlain && size <= unrolled && outColumns + 1 >= size) sliding(call);
  else if (lanes == 1 && isPlain) backwardOfSample(call);
  else strided(call);
  gateRun(gate, output, input, inputs * rows * columns * lanes);
}
