/**
 * Bouvrie §3.1: ∂E/∂k_ij = Σ_{u,v} (δ_j)_{uv} (p_i)_{uv} and (3) ∂E/∂b_j = Σ_{u,v} (δ_j)_{uv}, added to what stands
 * there, of eight lanes (a single sample: convolution-gradient-sample.ts). input [input][row][column][lanes] (padded),
 * δ [map][outRow][outColumn][lanes], gradient [input][ky][kx][map].
 *
 * A tile is a few adjacent taps × a few maps: every δ and every x that is loaded is used by several sums. One half of
 * the lanes at a time runs over the whole map and stays in registers. Partial sums a lane, then the tree.
 */
import { blockBytes, realBytes, vectorBytes } from "./address";
import { ConvolutionGradientCall } from "./contract";
import { gradientOfSample } from "./convolution-gradient-sample";
import type { SeenGradient } from "./convolution-gradient-sample";
import {
  add,
  addresses,
  addTree,
  broadcast,
  multiply,
  multiplyAdd,
  interleaveHigh,
  interleaveLow,
  joinHigh,
  joinLow,
  read,
  registerGrid,
  registers,
  write,
} from "./lanes";

/** How a tile walks δ and the input, and where its sums go: the output's counts; bytes from a pixel, a row, a map, … on. */
interface GradientWalk {
  outRows: u32;
  outColumns: u32;
  pixelBytes: usize;
  rowBytes: usize;
  planeBytes: usize;
  stepBytes: usize;
}

/**
 * Stride 1: `taps` ≤ 4 adjacent taps of one input and `maps` ≤ 4 maps, both known where this is inlined; no more than
 * eight sums, so that none of them leaves its register (a sum that is spilled waits for the memory in every iteration).
 * delta and input point at the first pixels.
 */
// @ts-ignore: decorator
@inline
function tile(taps: u32, maps: u32, input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  const low = registerGrid(4, 4);
  for (let half: usize = 0; half < blockBytes; half += vectorBytes) {
    let y = delta + half;
    let row = input + half;
    const sum = registerGrid(4, 4);
    const x = registers(4);
    for (let r: u32 = 0; r < walk.outRows; r++) {
      let at = row;
      const end = y + walk.outColumns * blockBytes;
      for (; y < end; y += blockBytes) {
        unroll: for (let t: u32 = 0; t < min(taps, 4); t++) x[t] = read(at + t * blockBytes);
        unroll: for (let m: u32 = 0; m < min(maps, 4); m++) {
          const d = read(y + m * walk.planeBytes);
          unroll: for (let t: u32 = 0; t < min(taps, 4); t++) sum[m][t] = multiplyAdd(sum[m][t], x[t], d);
        }
        at += blockBytes;
      }
      row += walk.rowBytes;
    }
    if (half == 0) {
      unroll: for (let m: u32 = 0; m < min(maps, 4); m++)
        unroll: for (let t: u32 = 0; t < min(taps, 4); t++) low[m][t] = sum[m][t];
    } else {
      unroll: for (let t: u32 = 0; t < min(taps, 4); t++)
        unroll: for (let m: u32 = 0; m < min(maps, 4); m++)
          addTree(gradient + t * walk.stepBytes + realBytes(m), low[m][t], sum[m][t]);
    }
  }
}

/** The tiles that are used, a function each, as in convolution-forward.ts. */
function tile3x2(input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  tile(3, 2, input, delta, gradient, walk);
}

function tile2x4(input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  tile(2, 4, input, delta, gradient, walk);
}

function tile1x4(input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  tile(1, 4, input, delta, gradient, walk);
}

function tile2x2(input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  tile(2, 2, input, delta, gradient, walk);
}

function tile3x1(input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  tile(3, 1, input, delta, gradient, walk);
}

function tile1x1(input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  tile(1, 1, input, delta, gradient, walk);
}

/** A row of the filters of one input and 4, 2 or 1 maps, cut into tiles of adjacent taps and maps. */
function filterRow(size: u32, maps: u32, input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  let tap: u32 = 0;
  if (size >= 3 && (size & 1) == 1) {
    if (maps == 1) tile3x1(input, delta, gradient, walk);
    else
      for (let map: u32 = 0; map < maps; map += 2)
        tile3x2(input, delta + map * walk.planeBytes, gradient + realBytes(map), walk);
    tap = 3;
  }
  if (maps == 4)
    for (; tap + 2 <= size; tap += 2) tile2x4(input + tap * blockBytes, delta, gradient + tap * walk.stepBytes, walk);
  else if (maps == 2)
    for (; tap + 2 <= size; tap += 2) tile2x2(input + tap * blockBytes, delta, gradient + tap * walk.stepBytes, walk);
  for (; tap < size; tap++) {
    const x = input + tap * blockBytes;
    const target = gradient + tap * walk.stepBytes;
    if (maps == 4) tile1x4(x, delta, target, walk);
    else
      for (let map: u32 = 0; map < maps; map++)
        tile1x1(x, delta + map * walk.planeBytes, target + realBytes(map), walk);
  }
}

function sliding(call: SeenGradient, walk: GradientWalk): void {
  const { input, delta, gradient, inputs, rows, maps, size } = call;
  let map: u32 = 0;
  while (map < maps) {
    const taken: u32 = map + 4 <= maps ? 4 : map + 2 <= maps ? 2 : 1;
    const y = delta + map * walk.planeBytes;
    for (let i: u32 = 0; i < inputs; i++)
      for (let ky: u32 = 0; ky < size; ky++) {
        const target = gradient + (i * size + ky) * size * walk.stepBytes + realBytes(map);
        filterRow(size, taken, input + (i * rows + ky) * walk.rowBytes, y, target, walk);
      }
    map += taken;
  }
}

/** Any stride: one tap of one input, `maps` 1 or 4. */
// @ts-ignore: decorator
@inline
function anyTile(maps: u32, input: usize, delta: usize, gradient: usize, walk: GradientWalk): void {
  const low = registers(4);
  const high = registers(4);
  const plane = addresses(4);
  unroll: for (let m: u32 = 0; m < min(maps, 4); m++) plane[m] = delta + m * walk.planeBytes;
  let position: usize = 0;
  for (let r: u32 = 0; r < walk.outRows; r++) {
    let x = input;
    for (let c: u32 = 0; c < walk.outColumns; c++) {
      const x0 = read(x);
      const x1 = read(x + vectorBytes);
      unroll: for (let m: u32 = 0; m < min(maps, 4); m++) {
        low[m] = multiplyAdd(low[m], x0, read(plane[m] + position));
        high[m] = multiplyAdd(high[m], x1, read(plane[m] + position + vectorBytes));
      }
      position += blockBytes;
      x += walk.pixelBytes;
    }
    input += walk.rowBytes;
  }
  unroll: for (let m: u32 = 0; m < min(maps, 4); m++) addTree(gradient + realBytes(m), low[m], high[m]);
}

function strided(call: SeenGradient, walk: GradientWalk): void {
  const { input, delta, gradient, inputs, rows, columns, maps, size } = call;
  for (let i: u32 = 0; i < inputs; i++)
    for (let ky: u32 = 0; ky < size; ky++)
      for (let kx: u32 = 0; kx < size; kx++) {
        const x = input + ((i * rows + ky) * columns + kx) * blockBytes;
        const target = gradient + realBytes(((i * size + ky) * size + kx) * maps);
        let map: u32 = 0;
        for (; map + 4 <= maps; map += 4) anyTile(4, x, delta + map * walk.planeBytes, target + realBytes(map), walk);
        for (; map < maps; map++) anyTile(1, x, delta + map * walk.planeBytes, target + realBytes(map), walk);
      }
}

/**
 * An output of one pixel: four maps' δ, turned so that a vector holds one sample's, against every input pixel. The
 * tree of the contract is a sum of vectors.
 */
function onePixelFour(input: usize, delta: usize, gradient: usize, pixels: u32, stepBytes: usize): void {
  const d = registers(4);
  const s = registers(8);
  unroll: for (let half: u32 = 0; half < 2; half++) {
    unroll: for (let n: u32 = 0; n < 4; n++) d[n] = read(delta + n * blockBytes + half * vectorBytes);
    const ab = interleaveLow(d[0], d[1]);
    const cd = interleaveLow(d[2], d[3]);
    const AB = interleaveHigh(d[0], d[1]);
    const CD = interleaveHigh(d[2], d[3]);
    s[4 * half] = joinLow(ab, cd);
    s[4 * half + 1] = joinHigh(ab, cd);
    s[4 * half + 2] = joinLow(AB, CD);
    s[4 * half + 3] = joinHigh(AB, CD);
  }
  const p = registers(8);
  for (let n: u32 = 0; n < pixels; n++) {
    unroll: for (let lane: u32 = 0; lane < 8; lane++) p[lane] = multiply(broadcast(input + realBytes(lane)), s[lane]);
    const even = add(add(p[0], p[4]), add(p[2], p[6]));
    const odd = add(add(p[1], p[5]), add(p[3], p[7]));
    write(gradient, add(read(gradient), add(even, odd)));
    input += blockBytes;
    gradient += stepBytes;
  }
}

/** Input pixels that one pass over the maps touches: their gradients stay in the first cache. */
const pixelsAtOnce: u32 = 16;

function onePixel(call: SeenGradient): void {
  const { input, delta, gradient, maps } = call;
  const pixels = call.inputs * call.size * call.size;
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

/** ∂E/∂b_j of `maps` 1 or 4 maps. */
// @ts-ignore: decorator
@inline
function biasTile(maps: u32, delta: usize, biasGradient: usize, planeBytes: usize): void {
  const low = registers(4);
  const high = registers(4);
  const end = delta + planeBytes;
  for (let y = delta; y < end; y += blockBytes)
    unroll: for (let m: u32 = 0; m < min(maps, 4); m++) {
      low[m] = add(low[m], read(y + m * planeBytes));
      high[m] = add(high[m], read(y + m * planeBytes + vectorBytes));
    }
  unroll: for (let m: u32 = 0; m < min(maps, 4); m++) addTree(biasGradient + realBytes(m), low[m], high[m]);
}

function addBiases(delta: usize, biasGradient: usize, maps: u32, planeBytes: usize): void {
  let map: u32 = 0;
  for (; map + 4 <= maps; map += 4) biasTile(4, delta + map * planeBytes, biasGradient + realBytes(map), planeBytes);
  for (; map < maps; map++) biasTile(1, delta + map * planeBytes, biasGradient + realBytes(map), planeBytes);
}

/** Over the padded input, where there is one. */
export function convolutionGradient(call: ConvolutionGradientCall): void {
  const { padded, delta, gradient, biasGradient, inputs, maps, size, stride, padding, lanes } = call;
  const input = padding > 0 ? padded : call.input;
  const rows = call.rows + 2 * padding;
  const columns = call.columns + 2 * padding;
  const seen: SeenGradient = { input, delta, gradient, biasGradient, inputs, rows, columns, maps, size, stride };
  if (lanes == 1) gradientOfSample(seen);
  else gradientOfBlock(seen);
}

function gradientOfBlock(call: SeenGradient): void {
  const { rows, columns, maps, size, stride, biasGradient } = call;
  const outRows = (rows - size) / stride + 1;
  const outColumns = (columns - size) / stride + 1;
  const walk: GradientWalk = {
    outRows,
    outColumns,
    pixelBytes: stride * blockBytes,
    rowBytes: stride * columns * blockBytes,
    planeBytes: outRows * outColumns * blockBytes,
    stepBytes: realBytes(maps),
  };
  if (rows == size && columns == size) onePixel(call);
  else if (stride == 1) sliding(call, walk);
  else strided(call, walk);
  if (biasGradient != 0) addBiases(call.delta, biasGradient, maps, walk.planeBytes);
}
