/**
 * Dense layers (Bouvrie §2): u = W x + b, its sensitivity (1) and its gradient (2). Vectors [unit][lane], weights
 * [input][unit].
 *
 * Eight lanes: weights are broadcast, a tile is four units × two halves of the lanes. One lane: weights are read as
 * vectors of units, so nothing is broadcast but the input.
 */
import {
  DenseForwardCall,
  DenseBackwardCall,
  DenseGradientCall,
  DenseBlocksForwardCall,
  DenseBlocksBackwardCall,
  DenseBlocksGradientCall,
} from "./contract";
import { activateRun, gateRun } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import {
  addresses,
  addTree,
  broadcast,
  interleaveHigh,
  interleaveLow,
  joinHigh,
  joinLow,
  lanesBelow,
  multiplyAdd,
  read,
  readNarrow,
  registerGrid,
  registers,
  realAt,
  select,
  setReal,
  tree,
  write,
  writeNarrow,
  zero,
} from "./lanes";

/**
 * Up to four units of one block, their number known where this is inlined. Eight sums, two inputs and four weights fit
 * the registers even if all that an iteration loads is loaded first; with five units sums are spilled, and then each
 * waits for the memory in every iteration.
 */
// @ts-ignore: decorator
@inline
function forwardTile(
  units: u32,
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  stepBytes: usize,
): void {
  const low = registers(4);
  const high = registers(4);
  unroll: for (let u: u32 = 0; u < min(units, 4); u++) {
    low[u] = broadcast(bias + realBytes(u));
    high[u] = low[u];
  }
  for (let i: u32 = 0; i < inputs; i++) {
    const x0 = read(input);
    const x1 = read(input + vectorBytes);
    unroll: for (let u: u32 = 0; u < min(units, 4); u++) {
      const w = broadcast(weights + realBytes(u));
      low[u] = multiplyAdd(low[u], x0, w);
      high[u] = multiplyAdd(high[u], x1, w);
    }
    input += blockBytes;
    weights += stepBytes;
  }
  unroll: for (let u: u32 = 0; u < min(units, 4); u++) {
    write(output + u * blockBytes, low[u]);
    write(output + u * blockBytes + vectorBytes, high[u]);
  }
}

/** A function for each number of units, as in convolution-forward.ts. */
function forward4(input: usize, weights: usize, bias: usize, output: usize, inputs: u32, stepBytes: usize): void {
  forwardTile(4, input, weights, bias, output, inputs, stepBytes);
}

function forward3(input: usize, weights: usize, bias: usize, output: usize, inputs: u32, stepBytes: usize): void {
  forwardTile(3, input, weights, bias, output, inputs, stepBytes);
}

function forward2(input: usize, weights: usize, bias: usize, output: usize, inputs: u32, stepBytes: usize): void {
  forwardTile(2, input, weights, bias, output, inputs, stepBytes);
}

function forward1(input: usize, weights: usize, bias: usize, output: usize, inputs: u32, stepBytes: usize): void {
  forwardTile(1, input, weights, bias, output, inputs, stepBytes);
}

function forwardBlock(input: usize, weights: usize, bias: usize, output: usize, inputs: u32, units: u32): void {
  const step = realBytes(units);
  let unit: u32 = 0;
  for (; unit + 4 <= units; unit += 4)
    forward4(input, weights + realBytes(unit), bias + realBytes(unit), output + unit * blockBytes, inputs, step);
  const rest = units - unit;
  weights += realBytes(unit);
  bias += realBytes(unit);
  output += unit * blockBytes;
  if (rest == 3) forward3(input, weights, bias, output, inputs, step);
  else if (rest == 2) forward2(input, weights, bias, output, inputs, step);
  else if (rest == 1) forward1(input, weights, bias, output, inputs, step);
}

/** `vectors` × 4 units of one sample. */
// @ts-ignore: decorator
@inline
function forwardVectors(
  vectors: u32,
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  stepBytes: usize,
): void {
  const sum = registers(8);
  unroll: for (let v: u32 = 0; v < min(vectors, 8); v++) sum[v] = read(bias + v * vectorBytes);
  for (let i: u32 = 0; i < inputs; i++) {
    const x = broadcast(input);
    unroll: for (let v: u32 = 0; v < min(vectors, 8); v++)
      sum[v] = multiplyAdd(sum[v], x, read(weights + v * vectorBytes));
    input += realBytes(1);
    weights += stepBytes;
  }
  unroll: for (let v: u32 = 0; v < min(vectors, 8); v++) write(output + v * vectorBytes, sum[v]);
}

/** One sample. The last vector may overlap the one before it: the same chains, the same bits, written twice. */
function forwardSample(input: usize, weights: usize, bias: usize, output: usize, inputs: u32, units: u32): void {
  const step = realBytes(units);
  let unit: u32 = 0;
  for (; unit + 32 <= units; unit += 32)
    forwardVectors(8, input, weights + realBytes(unit), bias + realBytes(unit), output + realBytes(unit), inputs, step);
  for (; unit + 16 <= units; unit += 16)
    forwardVectors(4, input, weights + realBytes(unit), bias + realBytes(unit), output + realBytes(unit), inputs, step);
  for (; unit + 8 <= units; unit += 8)
    forwardVectors(2, input, weights + realBytes(unit), bias + realBytes(unit), output + realBytes(unit), inputs, step);
  if (unit == units) return;
  if (units >= 4) {
    if (unit + 4 < units && units >= 8) unit = units - 8;
    else unit = units - 4;
    if (units - unit == 8)
      forwardVectors(
        2,
        input,
        weights + realBytes(unit),
        bias + realBytes(unit),
        output + realBytes(unit),
        inputs,
        step,
      );
    else {
      if (units < 8) forwardVectors(1, input, weights, bias, output, inputs, step);
      forwardVectors(
        1,
        input,
        weights + realBytes(unit),
        bias + realBytes(unit),
        output + realBytes(unit),
        inputs,
        step,
      );
    }
    return;
  }
  for (; unit < units; unit++) {
    let sum = readNarrow(bias + realBytes(unit));
    for (let i: u32 = 0; i < inputs; i++)
      sum = multiplyAdd(sum, readNarrow(input + realBytes(i)), readNarrow(weights + realBytes(i * units + unit)));
    writeNarrow(output + realBytes(unit), sum);
  }
}

/** Where a table of blocks says what: bytes from a block's place, and from one block to the next. */
const outputPlace: usize = 4;
const deltaPlace: usize = 8;
const belowPlace: usize = 12;
const lanesPlace: usize = 16;
const blockPlaces: usize = 20;

export function forwardDense(
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  inputs: u32,
  units: u32,
  activation: u32,
  lanes: u32,
): void {
  if (lanes == 1) forwardSample(input, weights, bias, output, inputs, units);
  else forwardBlock(input, weights, bias, output, inputs, units);
  activateRun(activation, output, units * lanes);
}

export function denseForward(call: DenseForwardCall): void {
  forwardDense(call.input, call.weights, call.bias, call.output, call.inputs, call.units, call.activation, call.lanes);
}

/**
 * Block by block: the weights come from memory as fast as four floats a vector use them.
 */
export function denseBlocksForward(call: DenseBlocksForwardCall): void {
  const { blocks, weights, bias, count, inputs, units, activation } = call;
  const end = blocks + count * blockPlaces;
  for (let block = blocks; block < end; block += blockPlaces) {
    const lanes = load<u32>(block + lanesPlace);
    forwardDense(load<u32>(block), weights, bias, load<u32>(block + outputPlace), inputs, units, activation, lanes);
  }
}

/** One or four inputs of one block: as forward, but the weights of a tile lie a row apart. */
// @ts-ignore: decorator
@inline
function backwardTile(inputs: u32, delta: usize, weights: usize, output: usize, units: u32): void {
  const row = realBytes(units);
  const low = registers(4);
  const high = registers(4);
  const from = addresses(4);
  unroll: for (let i: u32 = 0; i < min(inputs, 4); i++) from[i] = weights + i * row;
  for (let offset: usize = 0; offset < row; offset += realBytes(1)) {
    const x0 = read(delta);
    const x1 = read(delta + vectorBytes);
    unroll: for (let i: u32 = 0; i < min(inputs, 4); i++) {
      const w = broadcast(from[i] + offset);
      low[i] = multiplyAdd(low[i], x0, w);
      high[i] = multiplyAdd(high[i], x1, w);
    }
    delta += blockBytes;
  }
  unroll: for (let i: u32 = 0; i < min(inputs, 4); i++) {
    write(output + i * blockBytes, low[i]);
    write(output + i * blockBytes + vectorBytes, high[i]);
  }
}

function backward4(delta: usize, weights: usize, output: usize, units: u32): void {
  backwardTile(4, delta, weights, output, units);
}

function backward1(delta: usize, weights: usize, output: usize, units: u32): void {
  backwardTile(1, delta, weights, output, units);
}

function backwardBlock(delta: usize, weights: usize, output: usize, inputs: u32, units: u32): void {
  let i: u32 = 0;
  for (; i + 4 <= inputs; i += 4) backward4(delta, weights + realBytes(i * units), output + i * blockBytes, units);
  for (; i < inputs; i++) backward1(delta, weights + realBytes(i * units), output + i * blockBytes, units);
}

/** One sample: rows of the weights times δ, eight partial sums by unit mod 8. */
function backwardSample(delta: usize, weights: usize, output: usize, inputs: u32, units: u32): void {
  const whole = realBytes(units & ~7);
  const rest = units & 7;
  const lowRest = lanesBelow(0, rest);
  const highRest = lanesBelow(4, rest);
  for (let i: u32 = 0; i < inputs; i++) {
    let low = zero(),
      high = zero();
    for (let offset: usize = 0; offset < whole; offset += blockBytes) {
      low = multiplyAdd(low, read(delta + offset), read(weights + offset));
      high = multiplyAdd(high, read(delta + offset + vectorBytes), read(weights + offset + vectorBytes));
    }
    if (rest > 0) low = select(lowRest, multiplyAdd(low, read(delta + whole), read(weights + whole)), low);
    if (rest > 4)
      high = select(
        highRest,
        multiplyAdd(high, read(delta + whole + vectorBytes), read(weights + whole + vectorBytes)),
        high,
      );
    setReal(output + realBytes(i), tree(low, high));
    weights += realBytes(units);
  }
}

export function backwardDense(
  delta: usize,
  weights: usize,
  input: usize,
  output: usize,
  inputs: u32,
  units: u32,
  gate: u32,
  lanes: u32,
): void {
  if (lanes == 1) backwardSample(delta, weights, output, inputs, units);
  else backwardBlock(delta, weights, output, inputs, units);
  gateRun(gate, output, input, inputs * lanes);
}

export function denseBackward(call: DenseBackwardCall): void {
  backwardDense(call.delta, call.weights, call.input, call.output, call.inputs, call.units, call.gate, call.lanes);
}

/** Inputs that all blocks go through before the next, so that the second cache keeps their weights. */
const inputsAtOnce: u32 = 64;

export function denseBlocksBackward(call: DenseBlocksBackwardCall): void {
  const { blocks, weights, count, inputs, units, gate } = call;
  const end = blocks + count * blockPlaces;
  for (let from: u32 = 0; from < inputs; from += inputsAtOnce) {
    const some = min(inputsAtOnce, inputs - from);
    const rows = weights + realBytes(from * units);
    for (let block = blocks; block < end; block += blockPlaces) {
      const lanes = load<u32>(block + lanesPlace);
      const place = realBytes(from * lanes);
      const input = load<u32>(block) + place;
      const below = load<u32>(block + belowPlace) + place;
      backwardDense(load<u32>(block + deltaPlace), rows, input, below, some, units, gate, lanes);
    }
  }
}

/** Rows of inputs that one pass over the units touches: their gradients stay in the first cache. */
const rowsAtOnce: u32 = 16;

/**
 * Four units of `inputs` rows: δ of the four, turned so that a vector holds one sample's, stays in registers. The first
 * `done` units are in the sum already: they are computed again and left.
 */
function gradientFour(input: usize, delta: usize, gradient: usize, inputs: u32, stepBytes: usize, done: u32): void {
  const fresh = i32x4.ge_s(i32x4(0, 1, 2, 3), i32x4.splat(done));
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
  for (let i: u32 = 0; i < inputs; i++) {
    const before = read(gradient);
    let g = before;
    unroll: for (let lane: u32 = 0; lane < 8; lane++) g = multiplyAdd(g, broadcast(input + realBytes(lane)), s[lane]);
    write(gradient, done > 0 ? select(fresh, g, before) : g);
    input += blockBytes;
    gradient += stepBytes;
  }
}

/**
 * Eight units of `inputs` rows, half of the lanes: every x that is broadcast is used twice. The caller sends the first
 * half before the second, so the chains keep their order.
 */
function gradientEight(input: usize, delta: usize, gradient: usize, inputs: u32, stepBytes: usize): void {
  const d = registers(4);
  const s = registerGrid(2, 4);
  unroll: for (let half: u32 = 0; half < 2; half++) {
    unroll: for (let n: u32 = 0; n < 4; n++) d[n] = read(delta + (4 * half + n) * blockBytes);
    const ab = interleaveLow(d[0], d[1]);
    const cd = interleaveLow(d[2], d[3]);
    const AB = interleaveHigh(d[0], d[1]);
    const CD = interleaveHigh(d[2], d[3]);
    s[half][0] = joinLow(ab, cd);
    s[half][1] = joinHigh(ab, cd);
    s[half][2] = joinLow(AB, CD);
    s[half][3] = joinHigh(AB, CD);
  }
  for (let i: u32 = 0; i < inputs; i++) {
    let low = read(gradient);
    let high = read(gradient + vectorBytes);
    unroll: for (let lane: u32 = 0; lane < 4; lane++) {
      const x = broadcast(input + realBytes(lane));
      low = multiplyAdd(low, x, s[0][lane]);
      high = multiplyAdd(high, x, s[1][lane]);
    }
    write(gradient, low);
    write(gradient + vectorBytes, high);
    input += blockBytes;
    gradient += stepBytes;
  }
}

/** One unit of `inputs` rows: a tail. */
function gradientOne(input: usize, delta: usize, gradient: usize, inputs: u32, stepBytes: usize): void {
  for (let i: u32 = 0; i < inputs; i++) {
    let g = readNarrow(gradient);
    for (let lane: usize = 0; lane < blockBytes; lane += realBytes(1))
      g = multiplyAdd(g, readNarrow(input + lane), readNarrow(delta + lane));
    writeNarrow(gradient, g);
    input += blockBytes;
    gradient += stepBytes;
  }
}

function gradientBlock(input: usize, delta: usize, gradient: usize, inputs: u32, units: u32): void {
  const step = realBytes(units);
  for (let i: u32 = 0; i < inputs; i += rowsAtOnce) {
    const rows = min(rowsAtOnce, inputs - i);
    const x = input + i * blockBytes;
    const row = gradient + i * step;
    let unit: u32 = 0;
    for (; unit + 8 <= units; unit += 8) {
      gradientEight(x, delta + unit * blockBytes, row + realBytes(unit), rows, step);
      gradientEight(x + vectorBytes, delta + unit * blockBytes + vectorBytes, row + realBytes(unit), rows, step);
    }
    for (; unit + 4 <= units; unit += 4)
      gradientFour(x, delta + unit * blockBytes, row + realBytes(unit), rows, step, 0);
    if (unit < units && units >= 4)
      gradientFour(x, delta + (units - 4) * blockBytes, row + realBytes(units - 4), rows, step, unit + 4 - units);
    else for (; unit < units; unit++) gradientOne(x, delta + unit * blockBytes, row + realBytes(unit), rows, step);
  }
}

function gradientSample(input: usize, delta: usize, gradient: usize, inputs: u32, units: u32): void {
  for (let i: u32 = 0; i < inputs; i++) {
    const x = broadcast(input + realBytes(i));
    const row = gradient + realBytes(i * units);
    let unit: u32 = 0;
    for (; unit + 4 <= units; unit += 4)
      write(row + realBytes(unit), multiplyAdd(read(row + realBytes(unit)), x, read(delta + realBytes(unit))));
    for (; unit < units; unit++)
      writeNarrow(
        row + realBytes(unit),
        multiplyAdd(readNarrow(row + realBytes(unit)), x, readNarrow(delta + realBytes(unit))),
      );
  }
}

export function denseGradient(call: DenseGradientCall): void {
  const { input, delta, gradient, biasGradient, inputs, units, lanes } = call;
  if (lanes == 1) gradientSample(input, delta, gradient, inputs, units);
  else gradientBlock(input, delta, gradient, inputs, units);
  if (biasGradient == 0) return;
  for (let unit: u32 = 0; unit < units; unit++) {
    const target = biasGradient + realBytes(unit);
    if (lanes == 1) setReal(target, realAt(target) + realAt(delta + realBytes(unit)));
    else addTree(target, read(delta + unit * blockBytes), read(delta + unit * blockBytes + vectorBytes));
  }
}

/**
 * A few rows at a time go through all blocks: their gradients stay in the first cache from the clearing to the scale.
 */
export function denseBlocksGradient(call: DenseBlocksGradientCall): void {
  const { blocks, gradient, scale, count, from, rows, units } = call;
  const factor = realAt(scale);
  for (let done: u32 = 0; done < rows; done += rowsAtOnce) {
    const some = min(rowsAtOnce, rows - done);
    const row = gradient + realBytes(done * units);
    const end = row + realBytes(some * units);
    memory.fill(row, 0, end - row);
    for (let block = blocks; block < blocks + count * blockPlaces; block += blockPlaces) {
      const lanes = load<u32>(block + lanesPlace);
      const input = load<u32>(block) + realBytes((from + done) * lanes);
      const delta = load<u32>(block + deltaPlace);
      if (lanes == 1) gradientSample(input, delta, row, some, units);
      else gradientBlock(input, delta, row, some, units);
    }
    for (let at = row; at < end; at += realBytes(1)) setReal(at, realAt(at) * factor);
  }
}
