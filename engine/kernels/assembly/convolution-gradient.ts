/**
 * Bouvrie §3.1: ∂E/∂k_ij = Σ_{u,v} (δ_j)_{uv} (p_i)_{uv} and (3) ∂E/∂b_j = Σ_{u,v} (δ_j)_{uv}, added to what stands there.
 * input [input][row][column][lanes] (padded), δ [map][outRow][outColumn][lanes], gradient [input][ky][kx][map].
 *
 * A tile is a row of the filter × two or three maps: every δ and every x that is loaded is used by several sums. One half of the lanes at a
 * time runs over the whole map and stays in registers. Partial sums a lane (or, for a single sample, a column mod 8), then the tree.
 */
import { blockBytes, realBytes, vectorBytes } from "./address";
import { add, addTree, broadcast, lanesBelow, multiply, multiplyAdd, read, readNarrow, select, write, writeNarrow, zero } from "./lanes";

/** Eight lanes, stride 1: taps (ky, 0 … 4) of one input and `maps` ≤ 2 maps. delta and input point at the first pixels. */
// @ts-ignore: decorator
@inline
function tile5(maps: u32, input: usize, delta: usize, gradient: usize, outRows: u32, outColumns: u32, rowBytes: usize, planeBytes: usize, stepBytes: usize): void {
  const second = maps > 1 ? planeBytes : 0;
  let a0Low = zero(), a1Low = zero(), a2Low = zero(), a3Low = zero(), a4Low = zero();
  let b0Low = zero(), b1Low = zero(), b2Low = zero(), b3Low = zero(), b4Low = zero();
  for (let half: usize = 0; half < blockBytes; half += vectorBytes) {
    let y = delta + half;
    let row = input + half;
    let a0 = zero(), a1 = zero(), a2 = zero(), a3 = zero(), a4 = zero();
    let b0 = zero(), b1 = zero(), b2 = zero(), b3 = zero(), b4 = zero();
    for (let r: u32 = 0; r < outRows; r++) {
      let x = row;
      const end = y + outColumns * blockBytes;
      for (; y < end; y += blockBytes) {
        const da = read(y);
        const db = maps > 1 ? read(y + second) : da;
        let v = read(x);
        a0 = multiplyAdd(a0, v, da);
        if (maps > 1) b0 = multiplyAdd(b0, v, db);
        v = read(x + blockBytes);
        a1 = multiplyAdd(a1, v, da);
        if (maps > 1) b1 = multiplyAdd(b1, v, db);
        v = read(x + 2 * blockBytes);
        a2 = multiplyAdd(a2, v, da);
        if (maps > 1) b2 = multiplyAdd(b2, v, db);
        v = read(x + 3 * blockBytes);
        a3 = multiplyAdd(a3, v, da);
        if (maps > 1) b3 = multiplyAdd(b3, v, db);
        v = read(x + 4 * blockBytes);
        a4 = multiplyAdd(a4, v, da);
        if (maps > 1) b4 = multiplyAdd(b4, v, db);
        x += blockBytes;
      }
      row += rowBytes;
    }
    if (half == 0) {
      a0Low = a0; a1Low = a1; a2Low = a2; a3Low = a3; a4Low = a4;
      b0Low = b0; b1Low = b1; b2Low = b2; b3Low = b3; b4Low = b4;
    } else {
      addTree(gradient, a0Low, a0);
      if (maps > 1) addTree(gradient + realBytes(1), b0Low, b0);
      addTree(gradient + stepBytes, a1Low, a1);
      if (maps > 1) addTree(gradient + stepBytes + realBytes(1), b1Low, b1);
      addTree(gradient + 2 * stepBytes, a2Low, a2);
      if (maps > 1) addTree(gradient + 2 * stepBytes + realBytes(1), b2Low, b2);
      addTree(gradient + 3 * stepBytes, a3Low, a3);
      if (maps > 1) addTree(gradient + 3 * stepBytes + realBytes(1), b3Low, b3);
      addTree(gradient + 4 * stepBytes, a4Low, a4);
      if (maps > 1) addTree(gradient + 4 * stepBytes + realBytes(1), b4Low, b4);
    }
  }
}

/** Eight lanes, stride 1: taps (ky, 0 … 2) of one input and `maps` ≤ 3 maps. delta and input point at the first pixels. */
// @ts-ignore: decorator
@inline
function tile3(maps: u32, input: usize, delta: usize, gradient: usize, outRows: u32, outColumns: u32, rowBytes: usize, planeBytes: usize, stepBytes: usize): void {
  const second = maps > 1 ? planeBytes : 0;
  const third = maps > 2 ? 2 * planeBytes : 0;
  let a0Low = zero(), a1Low = zero(), a2Low = zero();
  let b0Low = zero(), b1Low = zero(), b2Low = zero();
  let c0Low = zero(), c1Low = zero(), c2Low = zero();
  for (let half: usize = 0; half < blockBytes; half += vectorBytes) {
    let y = delta + half;
    let row = input + half;
    let a0 = zero(), a1 = zero(), a2 = zero();
    let b0 = zero(), b1 = zero(), b2 = zero();
    let c0 = zero(), c1 = zero(), c2 = zero();
    for (let r: u32 = 0; r < outRows; r++) {
      let x = row;
      const end = y + outColumns * blockBytes;
      for (; y < end; y += blockBytes) {
        const da = read(y);
        const db = maps > 1 ? read(y + second) : da;
        const dc = maps > 2 ? read(y + third) : da;
        let v = read(x);
        a0 = multiplyAdd(a0, v, da);
        if (maps > 1) b0 = multiplyAdd(b0, v, db);
        if (maps > 2) c0 = multiplyAdd(c0, v, dc);
        v = read(x + blockBytes);
        a1 = multiplyAdd(a1, v, da);
        if (maps > 1) b1 = multiplyAdd(b1, v, db);
        if (maps > 2) c1 = multiplyAdd(c1, v, dc);
        v = read(x + 2 * blockBytes);
        a2 = multiplyAdd(a2, v, da);
        if (maps > 1) b2 = multiplyAdd(b2, v, db);
        if (maps > 2) c2 = multiplyAdd(c2, v, dc);
        x += blockBytes;
      }
      row += rowBytes;
    }
    if (half == 0) {
      a0Low = a0; a1Low = a1; a2Low = a2;
      b0Low = b0; b1Low = b1; b2Low = b2;
      c0Low = c0; c1Low = c1; c2Low = c2;
    } else {
      addTree(gradient, a0Low, a0);
      if (maps > 1) addTree(gradient + realBytes(1), b0Low, b0);
      if (maps > 2) addTree(gradient + realBytes(2), c0Low, c0);
      addTree(gradient + stepBytes, a1Low, a1);
      if (maps > 1) addTree(gradient + stepBytes + realBytes(1), b1Low, b1);
      if (maps > 2) addTree(gradient + stepBytes + realBytes(2), c1Low, c1);
      addTree(gradient + 2 * stepBytes, a2Low, a2);
      if (maps > 1) addTree(gradient + 2 * stepBytes + realBytes(1), b2Low, b2);
      if (maps > 2) addTree(gradient + 2 * stepBytes + realBytes(2), c2Low, c2);
    }
  }
}

function sliding5(input: usize, delta: usize, gradient: usize, inputs: u32, rows: u32, columns: u32, maps: u32): void {
  const outRows = rows - 4;
  const outColumns = columns - 4;
  const rowBytes = columns * blockBytes;
  const planeBytes = outRows * outColumns * blockBytes;
  const step = realBytes(maps);
  for (let map: u32 = 0; map < maps; map += 2)
    for (let i: u32 = 0; i < inputs; i++)
      for (let ky: u32 = 0; ky < 5; ky++) {
        const x = input + (i * rows + ky) * rowBytes;
        const target = gradient + (i * 5 + ky) * 5 * step + realBytes(map);
        if (map + 1 < maps) tile5(2, x, delta + map * planeBytes, target, outRows, outColumns, rowBytes, planeBytes, step);
        else tile5(1, x, delta + map * planeBytes, target, outRows, outColumns, rowBytes, planeBytes, step);
      }
}

function sliding3(input: usize, delta: usize, gradient: usize, inputs: u32, rows: u32, columns: u32, maps: u32): void {
  const outRows = rows - 2;
  const outColumns = columns - 2;
  const rowBytes = columns * blockBytes;
  const planeBytes = outRows * outColumns * blockBytes;
  const step = realBytes(maps);
  let map: u32 = 0;
  while (map < maps) {
    const rest = maps - map;
    const taken: u32 = rest == 4 || rest == 2 ? 2 : rest == 1 ? 1 : 3;
    for (let i: u32 = 0; i < inputs; i++)
      for (let ky: u32 = 0; ky < 3; ky++) {
        const x = input + (i * rows + ky) * rowBytes;
        const y = delta + map * planeBytes;
        const target = gradient + (i * 3 + ky) * 3 * step + realBytes(map);
        if (taken == 3) tile3(3, x, y, target, outRows, outColumns, rowBytes, planeBytes, step);
        else if (taken == 2) tile3(2, x, y, target, outRows, outColumns, rowBytes, planeBytes, step);
        else tile3(1, x, y, target, outRows, outColumns, rowBytes, planeBytes, step);
      }
    map += taken;
  }
}

/** Eight lanes, one tap of one input, `maps` 1 or 4: the sums run over rows × columns positions, pixelStep and rowBytes apart in the input. */
// @ts-ignore: decorator
@inline
function anyTile(maps: u32, input: usize, delta: usize, gradient: usize, outRows: u32, outColumns: u32, pixelStep: usize, rowBytes: usize, planeBytes: usize): void {
  const second = delta + planeBytes;
  const third = second + planeBytes;
  const fourth = third + planeBytes;
  let a0 = zero(), a1 = zero(), b0 = zero(), b1 = zero(), c0 = zero(), c1 = zero(), d0 = zero(), d1 = zero();
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

function strided(input: usize, delta: usize, gradient: usize, inputs: u32, rows: u32, columns: u32, maps: u32, size: u32, stride: u32): void {
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
        for (; map + 4 <= maps; map += 4) anyTile(4, x, delta + map * planeBytes, target + realBytes(map), outRows, outColumns, pixelStep, rowBytes, planeBytes);
        for (; map < maps; map++) anyTile(1, x, delta + map * planeBytes, target + realBytes(map), outRows, outColumns, pixelStep, rowBytes, planeBytes);
      }
}

/** Eight lanes, an output of one pixel: four maps' δ, turned so that a vector holds one sample's, against every input pixel. */
function onePixelFour(input: usize, delta: usize, gradient: usize, pixels: u32, stepBytes: usize): void {
  const a0 = read(delta), b0 = read(delta + blockBytes), c0 = read(delta + 2 * blockBytes), d0 = read(delta + 3 * blockBytes);
  const ab0 = v128.shuffle<f32>(a0, b0, 0, 4, 1, 5), cd0 = v128.shuffle<f32>(c0, d0, 0, 4, 1, 5);
  const ab2 = v128.shuffle<f32>(a0, b0, 2, 6, 3, 7), cd2 = v128.shuffle<f32>(c0, d0, 2, 6, 3, 7);
  const s0 = v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5), s1 = v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7);
  const s2 = v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5), s3 = v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7);
  delta += vectorBytes;
  const a4 = read(delta), b4 = read(delta + blockBytes), c4 = read(delta + 2 * blockBytes), d4 = read(delta + 3 * blockBytes);
  const ab4 = v128.shuffle<f32>(a4, b4, 0, 4, 1, 5), cd4 = v128.shuffle<f32>(c4, d4, 0, 4, 1, 5);
  const ab6 = v128.shuffle<f32>(a4, b4, 2, 6, 3, 7), cd6 = v128.shuffle<f32>(c4, d4, 2, 6, 3, 7);
  const s4 = v128.shuffle<f32>(ab4, cd4, 0, 1, 4, 5), s5 = v128.shuffle<f32>(ab4, cd4, 2, 3, 6, 7);
  const s6 = v128.shuffle<f32>(ab6, cd6, 0, 1, 4, 5), s7 = v128.shuffle<f32>(ab6, cd6, 2, 3, 6, 7);
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
        addTree(row + k * step + realBytes(map), multiply(read(x + k * blockBytes), read(y)), multiply(read(x + k * blockBytes + vectorBytes), read(y + vectorBytes)));
      }
  }
}

/** A single sample, an output of one pixel: an outer product. */
function onePixelSample(input: usize, delta: usize, gradient: usize, pixels: u32, maps: u32): void {
  for (let n: u32 = 0; n < pixels; n++) {
    const x = broadcast(input + realBytes(n));
    let map: u32 = 0;
    for (; map + 4 <= maps; map += 4) write(gradient + realBytes(map), multiplyAdd(read(gradient + realBytes(map)), x, read(delta + realBytes(map))));
    for (; map < maps; map++) writeNarrow(gradient + realBytes(map), multiplyAdd(readNarrow(gradient + realBytes(map)), x, readNarrow(delta + realBytes(map))));
    gradient += realBytes(maps);
  }
}

/** A single sample, stride 1: one tap of one input, `maps` 1 or 4. Partial sum n takes the columns ≡ n modulo 8. */
// @ts-ignore: decorator
@inline
function sampleTile(maps: u32, input: usize, delta: usize, gradient: usize, outRows: u32, outColumns: u32, rowBytes: usize, planeBytes: usize): void {
  const second = delta + planeBytes;
  const third = second + planeBytes;
  const fourth = third + planeBytes;
  const whole = realBytes(outColumns & ~7);
  const rest = outColumns & 7;
  const lowRest = lanesBelow(0, rest);
  const highRest = lanesBelow(4, rest);
  let a0 = zero(), a1 = zero(), b0 = zero(), b1 = zero(), c0 = zero(), c1 = zero(), d0 = zero(), d1 = zero();
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
        c0 = multiplyAdd(c0, x0, read(third + position));
        c1 = multiplyAdd(c1, x1, read(third + position + vectorBytes));
        d0 = multiplyAdd(d0, x0, read(fourth + position));
        d1 = multiplyAdd(d1, x1, read(fourth + position + vectorBytes));
      }
    }
    if (rest > 0) {
      const x0 = read(x);
      a0 = select(lowRest, multiplyAdd(a0, x0, read(delta + position)), a0);
      if (maps > 1) {
        b0 = select(lowRest, multiplyAdd(b0, x0, read(second + position)), b0);
        c0 = select(lowRest, multiplyAdd(c0, x0, read(third + position)), c0);
        d0 = select(lowRest, multiplyAdd(d0, x0, read(fourth + position)), d0);
      }
      if (rest > 4) {
        const x1 = read(x + vectorBytes);
        a1 = select(highRest, multiplyAdd(a1, x1, read(delta + position + vectorBytes)), a1);
        if (maps > 1) {
          b1 = select(highRest, multiplyAdd(b1, x1, read(second + position + vectorBytes)), b1);
          c1 = select(highRest, multiplyAdd(c1, x1, read(third + position + vectorBytes)), c1);
          d1 = select(highRest, multiplyAdd(d1, x1, read(fourth + position + vectorBytes)), d1);
        }
      }
      position += realBytes(rest);
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

/** Partial sum `lane` of a single sample with a stride. */
function partialOf(lane: u32, input: usize, delta: usize, outRows: u32, outColumns: u32, stride: u32, rowBytes: usize): v128 {
  let sum = zero();
  for (let r: u32 = 0; r < outRows; r++)
    for (let c = lane; c < outColumns; c += 8)
      sum = multiplyAdd(sum, readNarrow(input + r * stride * rowBytes + realBytes(c * stride)), readNarrow(delta + realBytes(r * outColumns + c)));
  return sum;
}

/** A single sample, any stride: one tap of one input and one map, partial sum after partial sum. */
function sampleStrided(input: usize, delta: usize, gradient: usize, outRows: u32, outColumns: u32, stride: u32, rowBytes: usize): void {
  let low = zero(), high = zero();
  for (let lane: u32 = 0; lane < 4; lane++) {
    const here = lanesBelow(0 - lane, 1);
    low = select(here, v128.shuffle<f32>(partialOf(lane, input, delta, outRows, outColumns, stride, rowBytes), zero(), 0, 0, 0, 0), low);
    high = select(here, v128.shuffle<f32>(partialOf(lane + 4, input, delta, outRows, outColumns, stride, rowBytes), zero(), 0, 0, 0, 0), high);
  }
  addTree(gradient, low, high);
}

function sample(input: usize, delta: usize, gradient: usize, inputs: u32, rows: u32, columns: u32, maps: u32, size: u32, stride: u32): void {
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
        if (stride == 1) for (; map + 4 <= maps; map += 4) sampleTile(4, x, delta + map * planeBytes, target + realBytes(map), outRows, outColumns, rowBytes, planeBytes);
        for (; map < maps; map++) {
          if (stride == 1) sampleTile(1, x, delta + map * planeBytes, target + realBytes(map), outRows, outColumns, rowBytes, planeBytes);
          else sampleStrided(x, delta + map * planeBytes, target + realBytes(map), outRows, outColumns, stride, rowBytes);
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
  let a0 = zero(), a1 = zero(), b0 = zero(), b1 = zero(), c0 = zero(), c1 = zero(), d0 = zero(), d1 = zero();
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
    let low = zero(), high = zero();
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

export function convolutionGradient(input: usize, delta: usize, gradient: usize, biasGradient: usize, inputs: u32, rows: u32, columns: u32, maps: u32, size: u32, stride: u32, lanes: u32): void {
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
  else if (stride == 1 && size == 5) sliding5(input, delta, gradient, inputs, rows, columns, maps);
  else if (stride == 1 && size == 3) sliding3(input, delta, gradient, inputs, rows, columns, maps);
  else strided(input, delta, gradient, inputs, rows, columns, maps, size, stride);
  if (biasGradient != 0) biasBlock(delta, biasGradient, maps, outRows * outColumns * blockBytes);
}
