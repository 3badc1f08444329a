/**
 * Bouvrie §3.1: ∂E/∂k_ij = Σ_{u,v} (δ_j)_{uv} (p_i)_{uv} and (3) ∂E/∂b_j = Σ_{u,v} (δ_j)_{uv}, added to what stands
 * there. input [input][row][column][lanes] (padded), δ [map][outRow][outColumn][lanes], gradient [input][ky][kx][map].
 *
 * A tile is a few adjacent taps × a few maps: every δ and every x that is loaded is used by several sums. One half of
 * the lanes at a time runs over the whole map and stays in registers. Partial sums a lane (or, for a single sample, a
 * column mod 8), then the tree.
 */
import { blockBytes, realBytes, vectorBytes } from "./address";
import {
  add,
  addTree,
  broadcast,
  lanesBelow,
  multiply,
  multiplyAdd,
  read,
  readNarrow,
  select,
  write,
  writeNarrow,
  zero,
} from "./lanes";

/**
 * Eight lanes, stride 1: `taps` ≤ 4 adjacent taps of one input and `maps` ≤ 4 maps, both known where this is inlined;
 * no more than eight sums, so that none of them leaves its register (a sum that is spilled waits for the memory in
 * every iteration). delta and input point at the first pixels.
 */
// @ts-ignore: decorator
@inline
function tile(
  taps: u32,
  maps: u32,
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
): void {
  let a0Low = zero(),
    a1Low = zero(),
    a2Low = zero(),
    a3Low = zero();
  let b0Low = zero(),
    b1Low = zero(),
    b2Low = zero(),
    b3Low = zero();
  let c0Low = zero(),
    c1Low = zero(),
    c2Low = zero(),
    c3Low = zero();
  let d0Low = zero(),
    d1Low = zero(),
    d2Low = zero(),
    d3Low = zero();
  for (let half: usize = 0; half < blockBytes; half += vectorBytes) {
    let y = delta + half;
    let row = input + half;
    let a0 = zero(),
      a1 = zero(),
      a2 = zero(),
      a3 = zero();
    let b0 = zero(),
      b1 = zero(),
      b2 = zero(),
      b3 = zero();
    let c0 = zero(),
      c1 = zero(),
      c2 = zero(),
      c3 = zero();
    let d0 = zero(),
      d1 = zero(),
      d2 = zero(),
      d3 = zero();
    for (let r: u32 = 0; r < outRows; r++) {
      let x = row;
      const end = y + outColumns * blockBytes;
      for (; y < end; y += blockBytes) {
        const x0 = read(x);
        const x1 = taps > 1 ? read(x + blockBytes) : x0;
        const x2 = taps > 2 ? read(x + 2 * blockBytes) : x0;
        const x3 = taps > 3 ? read(x + 3 * blockBytes) : x0;
        let d = read(y);
        a0 = multiplyAdd(a0, x0, d);
        if (taps > 1) a1 = multiplyAdd(a1, x1, d);
        if (taps > 2) a2 = multiplyAdd(a2, x2, d);
        if (taps > 3) a3 = multiplyAdd(a3, x3, d);
        if (maps > 1) {
          d = read(y + planeBytes);
          b0 = multiplyAdd(b0, x0, d);
          if (taps > 1) b1 = multiplyAdd(b1, x1, d);
          if (taps > 2) b2 = multiplyAdd(b2, x2, d);
          if (taps > 3) b3 = multiplyAdd(b3, x3, d);
        }
        if (maps > 2) {
          d = read(y + 2 * planeBytes);
          c0 = multiplyAdd(c0, x0, d);
          if (taps > 1) c1 = multiplyAdd(c1, x1, d);
          if (taps > 2) c2 = multiplyAdd(c2, x2, d);
          if (taps > 3) c3 = multiplyAdd(c3, x3, d);
        }
        if (maps > 3) {
          d = read(y + 3 * planeBytes);
          d0 = multiplyAdd(d0, x0, d);
          if (taps > 1) d1 = multiplyAdd(d1, x1, d);
          if (taps > 2) d2 = multiplyAdd(d2, x2, d);
          if (taps > 3) d3 = multiplyAdd(d3, x3, d);
        }
        x += blockBytes;
      }
      row += rowBytes;
    }
    if (half == 0) {
      a0Low = a0;
      a1Low = a1;
      a2Low = a2;
      a3Low = a3;
      b0Low = b0;
      b1Low = b1;
      b2Low = b2;
      b3Low = b3;
      c0Low = c0;
      c1Low = c1;
      c2Low = c2;
      c3Low = c3;
      d0Low = d0;
      d1Low = d1;
      d2Low = d2;
      d3Low = d3;
    } else {
      addTree(gradient, a0Low, a0);
      if (maps > 1) addTree(gradient + realBytes(1), b0Low, b0);
      if (maps > 2) addTree(gradient + realBytes(2), c0Low, c0);
      if (maps > 3) addTree(gradient + realBytes(3), d0Low, d0);
      if (taps > 1) addTree(gradient + stepBytes, a1Low, a1);
      if (taps > 1 && maps > 1) addTree(gradient + stepBytes + realBytes(1), b1Low, b1);
      if (taps > 1 && maps > 2) addTree(gradient + stepBytes + realBytes(2), c1Low, c1);
      if (taps > 1 && maps > 3) addTree(gradient + stepBytes + realBytes(3), d1Low, d1);
      if (taps > 2) addTree(gradient + 2 * stepBytes, a2Low, a2);
      if (taps > 2 && maps > 1) addTree(gradient + 2 * stepBytes + realBytes(1), b2Low, b2);
      if (taps > 2 && maps > 2) addTree(gradient + 2 * stepBytes + realBytes(2), c2Low, c2);
      if (taps > 2 && maps > 3) addTree(gradient + 2 * stepBytes + realBytes(3), d2Low, d2);
      if (taps > 3) addTree(gradient + 3 * stepBytes, a3Low, a3);
      if (taps > 3 && maps > 1) addTree(gradient + 3 * stepBytes + realBytes(1), b3Low, b3);
      if (taps > 3 && maps > 2) addTree(gradient + 3 * stepBytes + realBytes(2), c3Low, c3);
      if (taps > 3 && maps > 3) addTree(gradient + 3 * stepBytes + realBytes(3), d3Low, d3);
    }
  }
}

/** The tiles that are used, each code of its own. */
function tile3x2(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
): void {
  tile(3, 2, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes, stepBytes);
}

function tile2x4(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
): void {
  tile(2, 4, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes, stepBytes);
}

function tile1x4(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
): void {
  tile(1, 4, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes, stepBytes);
}

function tile2x2(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
): void {
  tile(2, 2, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes, stepBytes);
}

function tile3x1(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
): void {
  tile(3, 1, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes, stepBytes);
}

function tile1x1(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
): void {
  tile(1, 1, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes, stepBytes);
}

/** A row of the filters of one input and 4, 2 or 1 maps, cut into tiles of adjacent taps and maps. */
function filterRow(
  size: u32,
  maps: u32,
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
  stepBytes: usize,
): void {
  let tap: u32 = 0;
  if (size >= 3 && (size & 1) == 1) {
    if (maps == 1) tile3x1(input, delta, gradient, outRows, outColumns, rowBytes, planeBytes, stepBytes);
    else
      for (let map: u32 = 0; map < maps; map += 2)
        tile3x2(
          input,
          delta + map * planeBytes,
          gradient + realBytes(map),
          outRows,
          outColumns,
          rowBytes,
          planeBytes,
          stepBytes,
        );
    tap = 3;
  }
  if (maps == 4)
    for (; tap + 2 <= size; tap += 2)
      tile2x4(
        input + tap * blockBytes,
        delta,
        gradient + tap * stepBytes,
        outRows,
        outColumns,
        rowBytes,
        planeBytes,
        stepBytes,
      );
  else if (maps == 2)
    for (; tap + 2 <= size; tap += 2)
      tile2x2(
        input + tap * blockBytes,
        delta,
        gradient + tap * stepBytes,
        outRows,
        outColumns,
        rowBytes,
        planeBytes,
        stepBytes,
      );
  for (; tap < size; tap++) {
    const x = input + tap * blockBytes;
    const target = gradient + tap * stepBytes;
    if (maps == 4) tile1x4(x, delta, target, outRows, outColumns, rowBytes, planeBytes, stepBytes);
    else
      for (let map: u32 = 0; map < maps; map++)
        tile1x1(
          x,
          delta + map * planeBytes,
          target + realBytes(map),
          outRows,
          outColumns,
          rowBytes,
          planeBytes,
          stepBytes,
        );
  }
}

function sliding(
  size: u32,
  input: usize,
  delta: usize,
  gradient: usize,
  inputs: u32,
  rows: u32,
  columns: u32,
  maps: u32,
): void {
  const outRows = rows - size + 1;
  const outColumns = columns - size + 1;
  const rowBytes = columns * blockBytes;
  const planeBytes = outRows * outColumns * blockBytes;
  const step = realBytes(maps);
  let map: u32 = 0;
  while (map < maps) {
    const taken: u32 = map + 4 <= maps ? 4 : map + 2 <= maps ? 2 : 1;
    for (let i: u32 = 0; i < inputs; i++)
      for (let ky: u32 = 0; ky < size; ky++)
        filterRow(
          size,
          taken,
          input + (i * rows + ky) * rowBytes,
          delta + map * planeBytes,
          gradient + (i * size + ky) * size * step + realBytes(map),
          outRows,
          outColumns,
          rowBytes,
          planeBytes,
          step,
        );
    map += taken;
  }
}

/**
 * Eight lanes, one tap of one input, `maps` 1 or 4: the sums run over rows × columns positions, pixelStep and rowBytes
 * apart in the input.
 */
// @ts-ignore: decorator
@inline
function anyTile(
  maps: u32,
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  pixelStep: usize,
  rowBytes: usize,
  planeBytes: usize,
): void {
  const second = delta + planeBytes;
  const third = second + planeBytes;
  const fourth = third + planeBytes;
  let a0 = zero(),
    a1 = zero(),
    b0 = zero(),
    b1 = zero(),
    c0 = zero(),
    c1 = zero(),
    d0 = zero(),
    d1 = zero();
  let position: usize = 0;
  for (let r: u32 = 0; r < outRows; r++) {
    let x = input;
    for (let c: u32 = 0; c < outColumns; c++) {
      const x0 = read(x);
      const x1 = read(x + vectorBytes);
      a0 = multiplyAdd(a0, x0, read(delta + position));
      a1 = multiplyAdd(a1, x1, read(delta + position + vectorBytes));
      if (maps > 1) {
        b0 = multiplyAdd(b0, x0, read(second + position));
        b1 = multiplyAdd(b1, x1, read(second + position + vectorBytes));
        c0 = multiplyAdd(c0, x0, read(third + position));
        c1 = multiplyAdd(c1, x1, read(third + position + vectorBytes));
        d0 = multiplyAdd(d0, x0, read(fourth + position));
        d1 = multiplyAdd(d1, x1, read(fourth + position + vectorBytes));
      }
      position += blockBytes;
      x += pixelStep;
    }
    input += rowBytes;
  }
  addTree(gradient, a0, a1);
  if (maps > 1) {
    addTree(gradient + realBytes(1), b0, b1);
    addTree(gradient + realBytes(2), c0, c1);
    addTree(gradient + realBytes(3), d0, d1);
  }
}

function strided(
  input: usize,
  delta: usize,
  gradient: usize,
  inputs: u32,
  rows: u32,
  columns: u32,
  maps: u32,
  size: u32,
  stride: u32,
): void {
  const outRows = (rows - size) / stride + 1;
  const outColumns = (columns - size) / stride + 1;
  const rowBytes = stride * columns * blockBytes;
  const pixelStep = stride * blockBytes;
  const planeBytes = outRows * outColumns * blockBytes;
  for (let i: u32 = 0; i < inputs; i++)
    for (let ky: u32 = 0; ky < size; ky++)
      for (let kx: u32 = 0; kx < size; kx++) {
        const x = input + ((i * rows + ky) * columns + kx) * blockBytes;
        const target = gradient + realBytes(((i * size + ky) * size + kx) * maps);
        let map: u32 = 0;
        for (; map + 4 <= maps; map += 4)
          anyTile(
            4,
            x,
            delta + map * planeBytes,
            target + realBytes(map),
            outRows,
            outColumns,
            pixelStep,
            rowBytes,
            planeBytes,
          );
        for (; map < maps; map++)
          anyTile(
            1,
            x,
            delta + map * planeBytes,
            target + realBytes(map),
            outRows,
            outColumns,
            pixelStep,
            rowBytes,
            planeBytes,
          );
      }
}

/**
 * Eight lanes, an output of one pixel: four maps' δ, turned so that a vector holds one sample's, against every input
 * pixel.
 */
function onePixelFour(input: usize, delta: usize, gradient: usize, pixels: u32, stepBytes: usize): void {
  const a0 = read(delta),
    b0 = read(delta + blockBytes),
    c0 = read(delta + 2 * blockBytes),
    d0 = read(delta + 3 * blockBytes);
  const ab0 = v128.shuffle<f32>(a0, b0, 0, 4, 1, 5),
    cd0 = v128.shuffle<f32>(c0, d0, 0, 4, 1, 5);
  const ab2 = v128.shuffle<f32>(a0, b0, 2, 6, 3, 7),
    cd2 = v128.shuffle<f32>(c0, d0, 2, 6, 3, 7);
  const s0 = v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5),
    s1 = v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7);
  const s2 = v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5),
    s3 = v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7);
  delta += vectorBytes;
  const a4 = read(delta),
    b4 = read(delta + blockBytes),
    c4 = read(delta + 2 * blockBytes),
    d4 = read(delta + 3 * blockBytes);
  const ab4 = v128.shuffle<f32>(a4, b4, 0, 4, 1, 5),
    cd4 = v128.shuffle<f32>(c4, d4, 0, 4, 1, 5);
  const ab6 = v128.shuffle<f32>(a4, b4, 2, 6, 3, 7),
    cd6 = v128.shuffle<f32>(c4, d4, 2, 6, 3, 7);
  const s4 = v128.shuffle<f32>(ab4, cd4, 0, 1, 4, 5),
    s5 = v128.shuffle<f32>(ab4, cd4, 2, 3, 6, 7);
  const s6 = v128.shuffle<f32>(ab6, cd6, 0, 1, 4, 5),
    s7 = v128.shuffle<f32>(ab6, cd6, 2, 3, 6, 7);
  for (let n: u32 = 0; n < pixels; n++) {
    const evenSum = add(
      add(multiply(broadcast(input), s0), multiply(broadcast(input + realBytes(4)), s4)),
      add(multiply(broadcast(input + realBytes(2)), s2), multiply(broadcast(input + realBytes(6)), s6)),
    );
    const oddSum = add(
      add(multiply(broadcast(input + realBytes(1)), s1), multiply(broadcast(input + realBytes(5)), s5)),
      add(multiply(broadcast(input + realBytes(3)), s3), multiply(broadcast(input + realBytes(7)), s7)),
    );
    write(gradient, add(read(gradient), add(evenSum, oddSum)));
    input += blockBytes;
    gradient += stepBytes;
  }
}

/** Input pixels that one pass over the maps touches: their gradients stay in the first cache. */
const pixelsAtOnce: u32 = 16;

function onePixel(input: usize, delta: usize, gradient: usize, pixels: u32, maps: u32): void {
  const step = realBytes(maps);
  for (let n: u32 = 0; n < pixels; n += pixelsAtOnce) {
    const count = min(pixelsAtOnce, pixels - n);
    const x = input + n * blockBytes;
    const row = gradient + n * step;
    let map: u32 = 0;
    for (; map + 4 <= maps; map += 4) onePixelFour(x, delta + map * blockBytes, row + realBytes(map), count, step);
    for (; map < maps; map++)
      for (let k: u32 = 0; k < count; k++) {
        const y = delta + map * blockBytes;
        addTree(
          row + k * step + realBytes(map),
          multiply(read(x + k * blockBytes), read(y)),
          multiply(read(x + k * blockBytes + vectorBytes), read(y + vectorBytes)),
        );
      }
  }
}

/** A single sample, an output of one pixel: an outer product. */
function onePixelSample(input: usize, delta: usize, gradient: usize, pixels: u32, maps: u32): void {
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

/**
 * A single sample, stride 1: one tap of one input, `maps` ≤ 3 known where this is inlined (six sums, two x and six δ
 * fit the registers). Partial sum n takes the columns ≡ n modulo 8; what lies behind a row's end is masked on both
 * sides, so that it adds +0.
 */
// @ts-ignore: decorator
@inline
function sampleTile(
  maps: u32,
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
): void {
  const second = delta + planeBytes;
  const third = second + planeBytes;
  const whole = realBytes(outColumns & ~7);
  const rest = outColumns & 7;
  const lowRest = lanesBelow(0, rest);
  const highRest = lanesBelow(4, rest);
  let a0 = zero(),
    a1 = zero(),
    b0 = zero(),
    b1 = zero(),
    c0 = zero(),
    c1 = zero();
  let position: usize = 0;
  for (let r: u32 = 0; r < outRows; r++) {
    const end = position + whole;
    let x = input;
    for (; position < end; position += blockBytes, x += blockBytes) {
      const x0 = read(x);
      const x1 = read(x + vectorBytes);
      a0 = multiplyAdd(a0, x0, read(delta + position));
      a1 = multiplyAdd(a1, x1, read(delta + position + vectorBytes));
      if (maps > 1) {
        b0 = multiplyAdd(b0, x0, read(second + position));
        b1 = multiplyAdd(b1, x1, read(second + position + vectorBytes));
      }
      if (maps > 2) {
        c0 = multiplyAdd(c0, x0, read(third + position));
        c1 = multiplyAdd(c1, x1, read(third + position + vectorBytes));
      }
    }
    if (rest > 0) {
      const x0 = v128.and(lowRest, read(x));
      a0 = multiplyAdd(a0, x0, v128.and(lowRest, read(delta + position)));
      if (maps > 1) b0 = multiplyAdd(b0, x0, v128.and(lowRest, read(second + position)));
      if (maps > 2) c0 = multiplyAdd(c0, x0, v128.and(lowRest, read(third + position)));
      if (rest > 4) {
        const x1 = v128.and(highRest, read(x + vectorBytes));
        a1 = multiplyAdd(a1, x1, v128.and(highRest, read(delta + position + vectorBytes)));
        if (maps > 1) b1 = multiplyAdd(b1, x1, v128.and(highRest, read(second + position + vectorBytes)));
        if (maps > 2) c1 = multiplyAdd(c1, x1, v128.and(highRest, read(third + position + vectorBytes)));
      }
      position += realBytes(rest);
    }
    input += rowBytes;
  }
  addTree(gradient, a0, a1);
  if (maps > 1) addTree(gradient + realBytes(1), b0, b1);
  if (maps > 2) addTree(gradient + realBytes(2), c0, c1);
}

/** sampleTile of three maps whose rows are 8 to 12 columns: no loop within a row. */
function shortRows(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
): void {
  const second = delta + planeBytes;
  const third = second + planeBytes;
  const step = realBytes(outColumns);
  const end = outRows * step;
  const rest = outColumns - 8;
  const inside = lanesBelow(0, rest);
  let a0 = zero(),
    a1 = zero(),
    b0 = zero(),
    b1 = zero(),
    c0 = zero(),
    c1 = zero();
  for (let position: usize = 0; position < end; position += step, input += rowBytes) {
    const x0 = read(input);
    const x1 = read(input + vectorBytes);
    a0 = multiplyAdd(a0, x0, read(delta + position));
    a1 = multiplyAdd(a1, x1, read(delta + position + vectorBytes));
    b0 = multiplyAdd(b0, x0, read(second + position));
    b1 = multiplyAdd(b1, x1, read(second + position + vectorBytes));
    c0 = multiplyAdd(c0, x0, read(third + position));
    c1 = multiplyAdd(c1, x1, read(third + position + vectorBytes));
    if (rest > 0) {
      const x2 = v128.and(inside, read(input + blockBytes));
      a0 = multiplyAdd(a0, x2, v128.and(inside, read(delta + position + blockBytes)));
      b0 = multiplyAdd(b0, x2, v128.and(inside, read(second + position + blockBytes)));
      c0 = multiplyAdd(c0, x2, v128.and(inside, read(third + position + blockBytes)));
    }
  }
  addTree(gradient, a0, a1);
  addTree(gradient + realBytes(1), b0, b1);
  addTree(gradient + realBytes(2), c0, c1);
}

function sampleTile3(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
): void {
  sampleTile(3, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes);
}

function sampleTile2(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
): void {
  sampleTile(2, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes);
}

function sampleTile1(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  rowBytes: usize,
  planeBytes: usize,
): void {
  sampleTile(1, input, delta, gradient, outRows, outColumns, rowBytes, planeBytes);
}

/** Partial sum `lane` of a single sample with a stride. */
function partialOf(
  lane: u32,
  input: usize,
  delta: usize,
  outRows: u32,
  outColumns: u32,
  stride: u32,
  rowBytes: usize,
): v128 {
  let sum = zero();
  for (let r: u32 = 0; r < outRows; r++)
    for (let c = lane; c < outColumns; c += 8)
      sum = multiplyAdd(
        sum,
        readNarrow(input + r * stride * rowBytes + realBytes(c * stride)),
        readNarrow(delta + realBytes(r * outColumns + c)),
      );
  return sum;
}

/** A single sample, any stride: one tap of one input and one map, partial sum after partial sum. */
function sampleStrided(
  input: usize,
  delta: usize,
  gradient: usize,
  outRows: u32,
  outColumns: u32,
  stride: u32,
  rowBytes: usize,
): void {
  let low = zero(),
    high = zero();
  for (let lane: u32 = 0; lane < 4; lane++) {
    const here = lanesBelow(0 - lane, 1);
    low = select(
      here,
      v128.shuffle<f32>(partialOf(lane, input, delta, outRows, outColumns, stride, rowBytes), zero(), 0, 0, 0, 0),
      low,
    );
    high = select(
      here,
      v128.shuffle<f32>(partialOf(lane + 4, input, delta, outRows, outColumns, stride, rowBytes), zero(), 0, 0, 0, 0),
      high,
    );
  }
  addTree(gradient, low, high);
}

function sample(
  input: usize,
  delta: usize,
  gradient: usize,
  inputs: u32,
  rows: u32,
  columns: u32,
  maps: u32,
  size: u32,
  stride: u32,
): void {
  const outRows = (rows - size) / stride + 1;
  const outColumns = (columns - size) / stride + 1;
  const rowBytes = realBytes(columns);
  const planeBytes = realBytes(outRows * outColumns);
  for (let i: u32 = 0; i < inputs; i++)
    for (let ky: u32 = 0; ky < size; ky++)
      for (let kx: u32 = 0; kx < size; kx++) {
        const x = input + realBytes((i * rows + ky) * columns + kx);
        const target = gradient + realBytes(((i * size + ky) * size + kx) * maps);
        let map: u32 = 0;
        while (map < maps) {
          const y = delta + map * planeBytes;
          const rest = maps - map;
          const taken: u32 = stride > 1 || rest == 1 ? 1 : rest == 2 || rest == 4 ? 2 : 3;
          if (stride > 1) sampleStrided(x, y, target + realBytes(map), outRows, outColumns, stride, rowBytes);
          else if (taken == 3 && outColumns >= 8 && outColumns <= 12)
            shortRows(x, y, target + realBytes(map), outRows, outColumns, rowBytes, planeBytes);
          else if (taken == 3) sampleTile3(x, y, target + realBytes(map), outRows, outColumns, rowBytes, planeBytes);
          else if (taken == 2) sampleTile2(x, y, target + realBytes(map), outRows, outColumns, rowBytes, planeBytes);
          else sampleTile1(x, y, target + realBytes(map), outRows, outColumns, rowBytes, planeBytes);
          map += taken;
        }
      }
}

/** ∂E/∂b_j of `maps` 1 or 4 maps of eight lanes. */
// @ts-ignore: decorator
@inline
function biasTile(maps: u32, delta: usize, biasGradient: usize, planeBytes: usize): void {
  const second = planeBytes;
  const third = 2 * planeBytes;
  const fourth = 3 * planeBytes;
  let a0 = zero(),
    a1 = zero(),
    b0 = zero(),
    b1 = zero(),
    c0 = zero(),
    c1 = zero(),
    d0 = zero(),
    d1 = zero();
  const end = delta + planeBytes;
  for (let y = delta; y < end; y += blockBytes) {
    a0 = add(a0, read(y));
    a1 = add(a1, read(y + vectorBytes));
    if (maps > 1) {
      b0 = add(b0, read(y + second));
      b1 = add(b1, read(y + second + vectorBytes));
      c0 = add(c0, read(y + third));
      c1 = add(c1, read(y + third + vectorBytes));
      d0 = add(d0, read(y + fourth));
      d1 = add(d1, read(y + fourth + vectorBytes));
    }
  }
  addTree(biasGradient, a0, a1);
  if (maps > 1) {
    addTree(biasGradient + realBytes(1), b0, b1);
    addTree(biasGradient + realBytes(2), c0, c1);
    addTree(biasGradient + realBytes(3), d0, d1);
  }
}

function biasBlock(delta: usize, biasGradient: usize, maps: u32, planeBytes: usize): void {
  let map: u32 = 0;
  for (; map + 4 <= maps; map += 4) biasTile(4, delta + map * planeBytes, biasGradient + realBytes(map), planeBytes);
  for (; map < maps; map++) biasTile(1, delta + map * planeBytes, biasGradient + realBytes(map), planeBytes);
}

function biasSample(delta: usize, biasGradient: usize, maps: u32, outRows: u32, outColumns: u32): void {
  const rest = outColumns & 7;
  const lowRest = lanesBelow(0, rest);
  const highRest = lanesBelow(4, rest);
  for (let map: u32 = 0; map < maps; map++) {
    let low = zero(),
      high = zero();
    for (let r: u32 = 0; r < outRows; r++) {
      let column: u32 = 0;
      for (; column + 8 <= outColumns; column += 8, delta += blockBytes) {
        low = add(low, read(delta));
        high = add(high, read(delta + vectorBytes));
      }
      if (rest > 0) low = select(lowRest, add(low, read(delta)), low);
      if (rest > 4) high = select(highRest, add(high, read(delta + vectorBytes)), high);
      delta += realBytes(rest);
    }
    addTree(biasGradient + realBytes(map), low, high);
  }
}

export function convolutionGradient(
  input: usize,
  delta: usize,
  gradient: usize,
  biasGradient: usize,
  inputs: u32,
  rows: u32,
  columns: u32,
  maps: u32,
  size: u32,
  stride: u32,
  lanes: u32,
): void {
  const outRows = (rows - size) / stride + 1;
  const outColumns = (columns - size) / stride + 1;
  const isOnePixel = rows == size && columns == size;
  if (lanes == 1) {
    if (isOnePixel) onePixelSample(input, delta, gradient, inputs * size * size, maps);
    else sample(input, delta, gradient, inputs, rows, columns, maps, size, stride);
    if (biasGradient != 0) biasSample(delta, biasGradient, maps, outRows, outColumns);
    return;
  }
  if (isOnePixel) onePixel(input, delta, gradient, inputs * size * size, maps);
  else if (stride == 1) sliding(size, input, delta, gradient, inputs, rows, columns, maps);
  else strided(input, delta, gradient, inputs, rows, columns, maps, size, stride);
  if (biasGradient != 0) biasBlock(delta, biasGradient, maps, outRows * outColumns * blockBytes);
}
