/**
 * Bouvrie §3.1: x_j = f( Σ_{i∈M_j} x_i ∗ k_ij + b_j ), in cross-correlation orientation, 'valid', with a stride.
 * Maps [map][row][column][lanes], weights [input][ky][kx][map].
 *
 * A tile is two maps × up to four pixels × four lanes: eight sums, four inputs, one weight and one product fit the
 * sixteen registers. With stride 1 the inputs slide: each tap loads one new pixel. For a single sample the four lanes
 * are four columns. One chain per element: bias, then i, ky, kx ascending. Never packs weights, keeps nothing between
 * calls.
 */
import { activateRun } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import { denseForward } from "./dense";
import { broadcast, multiplyAdd, read, readSome, write, writeSome } from "./lanes";

/**
 * Eight lanes, stride 1: one half of the lanes of `pixels` pixels of one or two maps, both known where this is inlined.
 * The taps of a row are a loop, not unrolled: what V8 would load first for several taps does not fit the registers
 * beside the sums.
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
  inputs: u32,
  size: u32,
  rowBytes: usize,
  skipBytes: usize,
  stepBytes: usize,
  planeBytes: usize,
): void {
  let a0 = broadcast(bias),
    a1 = a0,
    a2 = a0,
    a3 = a0;
  let b0 = maps > 1 ? broadcast(bias + realBytes(1)) : a0,
    b1 = b0,
    b2 = b0,
    b3 = b0;
  const tapBytes = size * blockBytes;
  for (let i: u32 = 0; i < inputs; i++) {
    for (let ky: u32 = 0; ky < size; ky++) {
      let x0 = pixels > 1 ? read(input) : a0;
      let x1 = pixels > 2 ? read(input + blockBytes) : a0;
      let x2 = pixels > 3 ? read(input + 2 * blockBytes) : a0;
      let tap = input + (pixels - 1) * blockBytes;
      for (const end = tap + tapBytes; tap < end; tap += blockBytes) {
        const last = read(tap);
        const first = pixels > 1 ? x0 : last;
        const second = pixels > 2 ? x1 : last;
        const third = pixels > 3 ? x2 : last;
        let k = broadcast(weights);
        a0 = multiplyAdd(a0, first, k);
        if (pixels > 1) a1 = multiplyAdd(a1, second, k);
        if (pixels > 2) a2 = multiplyAdd(a2, third, k);
        if (pixels > 3) a3 = multiplyAdd(a3, last, k);
        if (maps > 1) {
          k = broadcast(weights + realBytes(1));
          b0 = multiplyAdd(b0, first, k);
          if (pixels > 1) b1 = multiplyAdd(b1, second, k);
          if (pixels > 2) b2 = multiplyAdd(b2, third, k);
          if (pixels > 3) b3 = multiplyAdd(b3, last, k);
        }
        x0 = second;
        x1 = third;
        x2 = last;
        weights += stepBytes;
      }
      input += rowBytes;
    }
    input += skipBytes;
  }
  write(output, a0);
  if (pixels > 1) write(output + blockBytes, a1);
  if (pixels > 2) write(output + 2 * blockBytes, a2);
  if (pixels > 3) write(output + 3 * blockBytes, a3);
  if (maps > 1) {
    output += planeBytes;
    write(output, b0);
    if (pixels > 1) write(output + blockBytes, b1);
    if (pixels > 2) write(output + 2 * blockBytes, b2);
    if (pixels > 3) write(output + 3 * blockBytes, b3);
  }
}

/** One row of one or two maps, both halves of the lanes. */
// @ts-ignore: decorator
@inline
function slidingRow(
  maps: u32,
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  size: u32,
  outColumns: u32,
  rowBytes: usize,
  skipBytes: usize,
  stepBytes: usize,
  planeBytes: usize,
): void {
  const end = output + blockBytes;
  for (; output < end; output += vectorBytes, input += vectorBytes) {
    let column: u32 = 0;
    for (; column + 6 < outColumns || column + 4 == outColumns; column += 4)
      slidingTile(
        maps,
        4,
        input + column * blockBytes,
        weights,
        bias,
        output + column * blockBytes,
        inputs,
        size,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
    for (; column + 3 <= outColumns; column += 3)
      slidingTile(
        maps,
        3,
        input + column * blockBytes,
        weights,
        bias,
        output + column * blockBytes,
        inputs,
        size,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
    for (; column + 2 <= outColumns; column += 2)
      slidingTile(
        maps,
        2,
        input + column * blockBytes,
        weights,
        bias,
        output + column * blockBytes,
        inputs,
        size,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
    for (; column < outColumns; column++)
      slidingTile(
        maps,
        1,
        input + column * blockBytes,
        weights,
        bias,
        output + column * blockBytes,
        inputs,
        size,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
  }
}

/** Each code of its own: a choice between them in one function is folded into one tile that asks in every iteration. */
function rowOfTwo(
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  size: u32,
  outColumns: u32,
  rowBytes: usize,
  skipBytes: usize,
  stepBytes: usize,
  planeBytes: usize,
): void {
  slidingRow(2, input, weights, bias, output, inputs, size, outColumns, rowBytes, skipBytes, stepBytes, planeBytes);
}

function rowOfOne(
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  size: u32,
  outColumns: u32,
  rowBytes: usize,
  skipBytes: usize,
  stepBytes: usize,
  planeBytes: usize,
): void {
  slidingRow(1, input, weights, bias, output, inputs, size, outColumns, rowBytes, skipBytes, stepBytes, planeBytes);
}

/** All of a convolution of eight lanes with stride 1. */
function sliding(
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  rows: u32,
  columns: u32,
  maps: u32,
  size: u32,
  activation: u32,
): void {
  const outRows = rows - size + 1;
  const outColumns = columns - size + 1;
  const rowBytes = columns * blockBytes;
  const outRowBytes = outColumns * blockBytes;
  const skipBytes = (rows - size) * rowBytes;
  const planeBytes = outRows * outRowBytes;
  const step = realBytes(maps);
  for (let map: u32 = 0; map < maps; map += 2) {
    const pair = map + 1 < maps;
    for (let row: u32 = 0; row < outRows; row++) {
      const x = input + row * rowBytes;
      const y = output + map * planeBytes + row * outRowBytes;
      if (pair)
        rowOfTwo(
          x,
          weights + realBytes(map),
          bias + realBytes(map),
          y,
          inputs,
          size,
          outColumns,
          rowBytes,
          skipBytes,
          step,
          planeBytes,
        );
      else
        rowOfOne(
          x,
          weights + realBytes(map),
          bias + realBytes(map),
          y,
          inputs,
          size,
          outColumns,
          rowBytes,
          skipBytes,
          step,
          planeBytes,
        );
    }
    activateRun(activation, output + map * planeBytes, (pair ? 2 : 1) * outRows * outColumns * 8);
  }
}

/**
 * Any size and stride: `vectors` vectors of one or two maps. Vectors lie vectorStep apart in the input and resultStep
 * apart in the output, taps tapStep apart: pixels of a half block, or runs of four columns of a single sample (one
 * column where `narrow`).
 */
// @ts-ignore: decorator
@inline
function anyTile(
  maps: u32,
  vectors: u32,
  narrow: bool,
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  size: u32,
  tapStep: usize,
  vectorStep: usize,
  resultStep: usize,
  rowBytes: usize,
  skipBytes: usize,
  stepBytes: usize,
  planeBytes: usize,
): void {
  let a0 = broadcast(bias),
    a1 = a0,
    a2 = a0,
    a3 = a0;
  let b0 = maps > 1 ? broadcast(bias + realBytes(1)) : a0,
    b1 = b0,
    b2 = b0,
    b3 = b0;
  for (let i: u32 = 0; i < inputs; i++) {
    for (let ky: u32 = 0; ky < size; ky++) {
      let tap = input;
      for (let kx: u32 = 0; kx < size; kx++) {
        const x0 = readSome(tap, narrow);
        const x1 = vectors > 1 ? readSome(tap + vectorStep, narrow) : x0;
        const x2 = vectors > 2 ? readSome(tap + 2 * vectorStep, narrow) : x0;
        const x3 = vectors > 3 ? readSome(tap + 3 * vectorStep, narrow) : x0;
        let k = broadcast(weights);
        a0 = multiplyAdd(a0, x0, k);
        if (vectors > 1) a1 = multiplyAdd(a1, x1, k);
        if (vectors > 2) a2 = multiplyAdd(a2, x2, k);
        if (vectors > 3) a3 = multiplyAdd(a3, x3, k);
        if (maps > 1) {
          k = broadcast(weights + realBytes(1));
          b0 = multiplyAdd(b0, x0, k);
          if (vectors > 1) b1 = multiplyAdd(b1, x1, k);
          if (vectors > 2) b2 = multiplyAdd(b2, x2, k);
          if (vectors > 3) b3 = multiplyAdd(b3, x3, k);
        }
        tap += tapStep;
        weights += stepBytes;
      }
      input += rowBytes;
    }
    input += skipBytes;
  }
  writeSome(output, a0, narrow);
  if (vectors > 1) writeSome(output + resultStep, a1, narrow);
  if (vectors > 2) writeSome(output + 2 * resultStep, a2, narrow);
  if (vectors > 3) writeSome(output + 3 * resultStep, a3, narrow);
  if (maps > 1) {
    output += planeBytes;
    writeSome(output, b0, narrow);
    if (vectors > 1) writeSome(output + resultStep, b1, narrow);
    if (vectors > 2) writeSome(output + 2 * resultStep, b2, narrow);
    if (vectors > 3) writeSome(output + 3 * resultStep, b3, narrow);
  }
}

/** One row of eight lanes, any size and stride. */
// @ts-ignore: decorator
@inline
function blockRow(
  maps: u32,
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  size: u32,
  stride: u32,
  outColumns: u32,
  rowBytes: usize,
  skipBytes: usize,
  stepBytes: usize,
  planeBytes: usize,
): void {
  const pixelStep = stride * blockBytes;
  const end = output + blockBytes;
  for (; output < end; output += vectorBytes, input += vectorBytes) {
    let column: u32 = 0;
    for (; column + 4 <= outColumns; column += 4)
      anyTile(
        maps,
        4,
        false,
        input + column * pixelStep,
        weights,
        bias,
        output + column * blockBytes,
        inputs,
        size,
        blockBytes,
        pixelStep,
        blockBytes,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
    for (; column < outColumns; column++)
      anyTile(
        maps,
        1,
        false,
        input + column * pixelStep,
        weights,
        bias,
        output + column * blockBytes,
        inputs,
        size,
        blockBytes,
        pixelStep,
        blockBytes,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
  }
}

/**
 * One row of a single sample. With stride 1 four columns a vector, the last one overlapping the one before: the same
 * chains, the same bits.
 */
// @ts-ignore: decorator
@inline
function sampleRow(
  maps: u32,
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  size: u32,
  stride: u32,
  outColumns: u32,
  rowBytes: usize,
  skipBytes: usize,
  stepBytes: usize,
  planeBytes: usize,
): void {
  const one = realBytes(1);
  let column: u32 = 0;
  if (stride == 1 && outColumns >= 4) {
    for (; column + 16 <= outColumns; column += 16)
      anyTile(
        maps,
        4,
        false,
        input + realBytes(column),
        weights,
        bias,
        output + realBytes(column),
        inputs,
        size,
        one,
        vectorBytes,
        vectorBytes,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
    for (; column + 8 <= outColumns; column += 8)
      anyTile(
        maps,
        2,
        false,
        input + realBytes(column),
        weights,
        bias,
        output + realBytes(column),
        inputs,
        size,
        one,
        vectorBytes,
        vectorBytes,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
    for (; column < outColumns; column += 4) {
      column = min(column, outColumns - 4);
      anyTile(
        maps,
        1,
        false,
        input + realBytes(column),
        weights,
        bias,
        output + realBytes(column),
        inputs,
        size,
        one,
        vectorBytes,
        vectorBytes,
        rowBytes,
        skipBytes,
        stepBytes,
        planeBytes,
      );
    }
  }
  for (; column < outColumns; column++)
    anyTile(
      maps,
      1,
      true,
      input + realBytes(column * stride),
      weights,
      bias,
      output + realBytes(column),
      inputs,
      size,
      one,
      one,
      one,
      rowBytes,
      skipBytes,
      stepBytes,
      planeBytes,
    );
}

/** Any size and stride, eight lanes or one. */
function strided(
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
  const outRows = (rows - size) / stride + 1;
  const outColumns = (columns - size) / stride + 1;
  const rowBytes = realBytes(columns * lanes);
  const outRowBytes = realBytes(outColumns * lanes);
  const skipBytes = (rows - size) * rowBytes;
  const planeBytes = outRows * outRowBytes;
  const step = realBytes(maps);
  for (let map: u32 = 0; map < maps; map += 2) {
    const pair = map + 1 < maps;
    const w = weights + realBytes(map);
    const b = bias + realBytes(map);
    for (let row: u32 = 0; row < outRows; row++) {
      const x = input + row * stride * rowBytes;
      const y = output + map * planeBytes + row * outRowBytes;
      if (lanes == 8) {
        if (pair) blockRow(2, x, w, b, y, inputs, size, stride, outColumns, rowBytes, skipBytes, step, planeBytes);
        else blockRow(1, x, w, b, y, inputs, size, stride, outColumns, rowBytes, skipBytes, step, planeBytes);
      } else {
        if (pair) sampleRow(2, x, w, b, y, inputs, size, stride, outColumns, rowBytes, skipBytes, step, planeBytes);
        else sampleRow(1, x, w, b, y, inputs, size, stride, outColumns, rowBytes, skipBytes, step, planeBytes);
      }
    }
    activateRun(activation, output + map * planeBytes, (pair ? 2 : 1) * outRows * outColumns * lanes);
  }
}

export function convolutionForward(
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
    denseForward(input, weights, bias, output, inputs * size * size, maps, activation, lanes);
  else if (lanes == 8 && stride == 1)
    sliding(input, weights, bias, output, inputs, rows, columns, maps, size, activation);
  else strided(input, weights, bias, output, inputs, rows, columns, maps, size, stride, activation, lanes);
}
