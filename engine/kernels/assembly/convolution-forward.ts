/**
 * Bouvrie §3.1: x_j = f( Σ_{i∈M_j} x_i ∗ k_ij + b_j ), in cross-correlation orientation, 'valid', with a stride.
 * Maps [map][row][column][lanes], weights [input][ky][kx][map].
 *
 * A tile is two maps × up to four pixels × four lanes: eight sums, four inputs, one weight and one product fit the
 * sixteen registers. For a single sample the four lanes are four columns. One chain per element: bias, then i, ky, kx
 * ascending.
 */
import { activateRun } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import { Activation, ConvolutionForwardCall, ConvolutionPrepareCall } from "./contract";
import { forwardDense } from "./dense";
import { padMaps } from "./elementwise";
import { broadcast, multiplyAdd, read, readSome, registerGrid, registers, write, writeSome } from "./lanes";
import { addShortcut } from "./residual";

/** What every tile of a convolution has in common. */
interface ForwardWalk {
  inputs: u32;
  size: u32;
  stride: u32;
  outColumns: u32;
  /** From a row of the input to the next; from the row behind a filter's last to the next input. */
  rowBytes: usize;
  skipBytes: usize;
  /** From a tap's weights to the next tap's; from an output map to the next. */
  stepBytes: usize;
  planeBytes: usize;
}

/**
 * Eight lanes, stride 1: one half of the lanes of `pixels` (1 to 4) pixels of one or two maps, both known where this is
 * inlined. The inputs slide: each tap loads one new pixel, x[3]. Fewer pixels than four take the last places.
 *
 * The taps of a row stay a loop. Unrolled, V8 would load the inputs of several taps first, and they do not fit the
 * registers beside the sums.
 */
// @ts-ignore: decorator
@inline
function slidingTile(
  maps: u32,
  pixels: u32,
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  walk: ForwardWalk,
): void {
  const sum = registerGrid(2, 4);
  const x = registers(4);
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++) {
    const start = broadcast(bias + realBytes(m));
    unroll: for (let n: u32 = 0; n < 4; n++) if (pixels + n >= 4) sum[m][n] = start;
  }
  const tapBytes = walk.size * blockBytes;
  for (let i: u32 = 0; i < walk.inputs; i++) {
    for (let ky: u32 = 0; ky < walk.size; ky++) {
      unroll: for (let n: u32 = 0; n < 3; n++) if (pixels + n >= 4) x[n] = read(input + (pixels + n - 4) * blockBytes);
      let tap = input + (pixels - 1) * blockBytes;
      for (const end = tap + tapBytes; tap < end; tap += blockBytes) {
        x[3] = read(tap);
        unroll: for (let m: u32 = 0; m < min(maps, 2); m++) {
          const k = broadcast(weights + realBytes(m));
          unroll: for (let n: u32 = 0; n < 4; n++) if (pixels + n >= 4) sum[m][n] = multiplyAdd(sum[m][n], x[n], k);
        }
        unroll: for (let n: u32 = 0; n < 3; n++) if (pixels + n >= 4) x[n] = x[n + 1];
        weights += walk.stepBytes;
      }
      input += walk.rowBytes;
    }
    input += walk.skipBytes;
  }
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
    unroll: for (let n: u32 = 0; n < 4; n++)
      if (pixels + n >= 4) write(output + m * walk.planeBytes + (pixels + n - 4) * blockBytes, sum[m][n]);
}

/** One row of one or two maps, both halves of the lanes. */
// @ts-ignore: decorator
@inline
function slidingRow(maps: u32, input: usize, weights: usize, bias: usize, output: usize, walk: ForwardWalk): void {
  const { outColumns } = walk;
  const end = output + blockBytes;
  for (; output < end; output += vectorBytes, input += vectorBytes) {
    let column: u32 = 0;
    for (; column + 6 < outColumns || column + 4 == outColumns; column += 4)
      slidingTile(maps, 4, input + column * blockBytes, weights, bias, output + column * blockBytes, walk);
    for (; column + 3 <= outColumns; column += 3)
      slidingTile(maps, 3, input + column * blockBytes, weights, bias, output + column * blockBytes, walk);
    for (; column + 2 <= outColumns; column += 2)
      slidingTile(maps, 2, input + column * blockBytes, weights, bias, output + column * blockBytes, walk);
    for (; column < outColumns; column++)
      slidingTile(maps, 1, input + column * blockBytes, weights, bias, output + column * blockBytes, walk);
  }
}

/**
 * A function for each number of maps. If both calls stood in one function, the compiler would merge what they have in
 * common into one tile that tests the number of maps in every iteration.
 */
function slidingRowOfTwo(input: usize, weights: usize, bias: usize, output: usize, walk: ForwardWalk): void {
  slidingRow(2, input, weights, bias, output, walk);
}

function slidingRowOfOne(input: usize, weights: usize, bias: usize, output: usize, walk: ForwardWalk): void {
  slidingRow(1, input, weights, bias, output, walk);
}

/** How a tile of any size and stride finds its vectors: bytes from a tap, an input, a result to the next. */
interface Steps {
  tap: usize;
  vector: usize;
  result: usize;
}

/**
 * Any size and stride: `vectors` (1 to 4) vectors of one or two maps, both known where this is inlined: pixels of a
 * half block, or runs of four columns of a single sample (one column where `narrow`).
 */
// @ts-ignore: decorator
@inline
function anyTile(
  maps: u32,
  vectors: u32,
  narrow: bool,
  steps: Steps,
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  walk: ForwardWalk,
): void {
  const sum = registerGrid(2, 4);
  const x = registers(4);
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++) {
    const start = broadcast(bias + realBytes(m));
    unroll: for (let n: u32 = 0; n < min(vectors, 4); n++) sum[m][n] = start;
  }
  for (let i: u32 = 0; i < walk.inputs; i++) {
    for (let ky: u32 = 0; ky < walk.size; ky++) {
      let tap = input;
      for (let kx: u32 = 0; kx < walk.size; kx++) {
        unroll: for (let n: u32 = 0; n < min(vectors, 4); n++) x[n] = readSome(tap + n * steps.vector, narrow);
        unroll: for (let m: u32 = 0; m < min(maps, 2); m++) {
          const k = broadcast(weights + realBytes(m));
          unroll: for (let n: u32 = 0; n < min(vectors, 4); n++) sum[m][n] = multiplyAdd(sum[m][n], x[n], k);
        }
        tap += steps.tap;
        weights += walk.stepBytes;
      }
      input += walk.rowBytes;
    }
    input += walk.skipBytes;
  }
  unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
    unroll: for (let n: u32 = 0; n < min(vectors, 4); n++)
      writeSome(output + m * walk.planeBytes + n * steps.result, sum[m][n], narrow);
}

/** One row of eight lanes, any size and stride. */
// @ts-ignore: decorator
@inline
function blockRow(maps: u32, input: usize, weights: usize, bias: usize, output: usize, walk: ForwardWalk): void {
  const pixelStep = walk.stride * blockBytes;
  const steps: Steps = { tap: blockBytes, vector: pixelStep, result: blockBytes };
  const end = output + blockBytes;
  for (; output < end; output += vectorBytes, input += vectorBytes) {
    let column: u32 = 0;
    for (; column + 4 <= walk.outColumns; column += 4)
      anyTile(maps, 4, false, steps, input + column * pixelStep, weights, bias, output + column * blockBytes, walk);
    for (; column < walk.outColumns; column++)
      anyTile(maps, 1, false, steps, input + column * pixelStep, weights, bias, output + column * blockBytes, walk);
  }
}

/**
 * One row of a single sample. With stride 1 four columns a vector, the last one overlapping the one before: the same
 * chains, the same bits.
 */
// @ts-ignore: decorator
@inline
function sampleRow(maps: u32, input: usize, weights: usize, bias: usize, output: usize, walk: ForwardWalk): void {
  const { outColumns } = walk;
  const fours: Steps = { tap: realBytes(1), vector: vectorBytes, result: vectorBytes };
  const ones: Steps = { tap: realBytes(1), vector: realBytes(1), result: realBytes(1) };
  let column: u32 = 0;
  if (walk.stride == 1 && outColumns >= 4) {
    for (; column + 16 <= outColumns; column += 16)
      anyTile(maps, 4, false, fours, input + realBytes(column), weights, bias, output + realBytes(column), walk);
    for (; column + 8 <= outColumns; column += 8)
      anyTile(maps, 2, false, fours, input + realBytes(column), weights, bias, output + realBytes(column), walk);
    for (; column < outColumns; column += 4) {
      column = min(column, outColumns - 4);
      anyTile(maps, 1, false, fours, input + realBytes(column), weights, bias, output + realBytes(column), walk);
    }
  }
  for (; column < outColumns; column++)
    anyTile(
      maps,
      1,
      true,
      ones,
      input + realBytes(column * walk.stride),
      weights,
      bias,
      output + realBytes(column),
      walk,
    );
}

/** Padding, convolution, the shortcut of a residual block and f, one after the other. */
export function convolutionForward(call: ConvolutionForwardCall): void {
  const { input, padded, weights, bias, shortcut, output } = call;
  const { inputs, rows, columns, maps, size, stride, padding, activation, lanes } = call;
  if (padding > 0) padMaps(input, padded, inputs, rows, columns, padding, lanes);
  const seenRows = rows + 2 * padding;
  const seenColumns = columns + 2 * padding;
  const seen = padding > 0 ? padded : input;
  const f = shortcut == 0 ? activation : (Activation.linear as u32);
  forward(seen, weights, bias, output, inputs, seenRows, seenColumns, maps, size, stride, f, lanes);
  if (shortcut == 0) return;
  const pixels = ((seenRows - size) / stride + 1) * ((seenColumns - size) / stride + 1);
  addShortcut(output, shortcut, output, activation, maps * pixels * lanes);
}

/** Nothing: filters are used as they are. */
export function convolutionPrepare(call: ConvolutionPrepareCall): void {}

function forward(
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  rows: u32,
  columns: u32,
  maps: u32,
  size: u32,
  stride: u32,
  activation: u32,
  lanes: u32,
): void {
  if (rows == size && columns == size)
    return forwardDense(input, weights, bias, output, inputs * size * size, maps, activation, lanes);
  const outRows = (rows - size) / stride + 1;
  const outColumns = (columns - size) / stride + 1;
  const rowBytes = realBytes(columns * lanes);
  const outRowBytes = realBytes(outColumns * lanes);
  const skipBytes = (rows - size) * rowBytes;
  const planeBytes = outRows * outRowBytes;
  const stepBytes = realBytes(maps);
  const walk: ForwardWalk = { inputs, size, stride, outColumns, rowBytes, skipBytes, stepBytes, planeBytes };
  for (let map: u32 = 0; map < maps; map += 2) {
    const pair = map + 1 < maps;
    const w = weights + realBytes(map);
    const b = bias + realBytes(map);
    for (let row: u32 = 0; row < outRows; row++) {
      const x = input + row * stride * rowBytes;
      const y = output + map * planeBytes + row * outRowBytes;
      if (lanes == 8 && stride == 1) {
        if (pair) slidingRowOfTwo(x, w, b, y, walk);
        else slidingRowOfOne(x, w, b, y, walk);
      } else if (lanes == 8) {
        if (pair) blockRow(2, x, w, b, y, walk);
        else blockRow(1, x, w, b, y, walk);
      } else {
        if (pair) sampleRow(2, x, w, b, y, walk);
        else sampleRow(1, x, w, b, y, walk);
      }
    }
    activateRun(activation, output + map * planeBytes, (pair ? 2 : 1) * outRows * outColumns * lanes);
  }
}
