/**
 * Dense layers (Bouvrie §2): u = W x + b, its sensitivity (1) and its gradient (2). Vectors [unit][lane], weights
 * [input][unit].
 *
 * Eight lanes: weights are broadcast, a tile is four units × two halves of the lanes. One lane: weights are read as
 * vectors of units, so nothing is broadcast but the input.
 */
import { activateRun, gateRun } from "./activations";
import { blockBytes, realBytes, vectorBytes } from "./address";
import {
  addTree,
  broadcast,
  lanesBelow,
  multiplyAdd,
  read,
  readNarrow,
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
  let a0 = broadcast(bias),
    a1 = a0;
  let b0 = units > 1 ? broadcast(bias + realBytes(1)) : a0,
    b1 = b0;
  let c0 = units > 2 ? broadcast(bias + realBytes(2)) : a0,
    c1 = c0;
  let d0 = units > 3 ? broadcast(bias + realBytes(3)) : a0,
    d1 = d0;
  for (let i: u32 = 0; i < inputs; i++) {
    const x0 = read(input);
    const x1 = read(input + vectorBytes);
    let w = broadcast(weights);
    a0 = multiplyAdd(a0, x0, w);
    a1 = multiplyAdd(a1, x1, w);
    if (units > 1) {
      w = broadcast(weights + realBytes(1));
      b0 = multiplyAdd(b0, x0, w);
      b1 = multiplyAdd(b1, x1, w);
    }
    if (units > 2) {
      w = broadcast(weights + realBytes(2));
      c0 = multiplyAdd(c0, x0, w);
      c1 = multiplyAdd(c1, x1, w);
    }
    if (units > 3) {
      w = broadcast(weights + realBytes(3));
      d0 = multiplyAdd(d0, x0, w);
      d1 = multiplyAdd(d1, x1, w);
    }
    input += blockBytes;
    weights += stepBytes;
  }
  write(output, a0);
  write(output + vectorBytes, a1);
  if (units > 1) {
    write(output + 2 * vectorBytes, b0);
    write(output + 3 * vectorBytes, b1);
  }
  if (units > 2) {
    write(output + 4 * vectorBytes, c0);
    write(output + 5 * vectorBytes, c1);
  }
  if (units > 3) {
    write(output + 6 * vectorBytes, d0);
    write(output + 7 * vectorBytes, d1);
  }
}

/**
 * The tiles, each code of its own: a choice between them in one function would be folded into one tile that asks in
 * every iteration.
 */
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
  let a = read(bias);
  let b = vectors > 1 ? read(bias + vectorBytes) : a;
  let c = vectors > 2 ? read(bias + 2 * vectorBytes) : a;
  let d = vectors > 2 ? read(bias + 3 * vectorBytes) : a;
  let e = vectors > 4 ? read(bias + 4 * vectorBytes) : a;
  let f = vectors > 4 ? read(bias + 5 * vectorBytes) : a;
  let g = vectors > 4 ? read(bias + 6 * vectorBytes) : a;
  let h = vectors > 4 ? read(bias + 7 * vectorBytes) : a;
  for (let i: u32 = 0; i < inputs; i++) {
    const x = broadcast(input);
    a = multiplyAdd(a, x, read(weights));
    if (vectors > 1) b = multiplyAdd(b, x, read(weights + vectorBytes));
    if (vectors > 2) {
      c = multiplyAdd(c, x, read(weights + 2 * vectorBytes));
      d = multiplyAdd(d, x, read(weights + 3 * vectorBytes));
    }
    if (vectors > 4) {
      e = multiplyAdd(e, x, read(weights + 4 * vectorBytes));
      f = multiplyAdd(f, x, read(weights + 5 * vectorBytes));
      g = multiplyAdd(g, x, read(weights + 6 * vectorBytes));
      h = multiplyAdd(h, x, read(weights + 7 * vectorBytes));
    }
    input += realBytes(1);
    weights += stepBytes;
  }
  write(output, a);
  if (vectors > 1) write(output + vectorBytes, b);
  if (vectors > 2) {
    write(output + 2 * vectorBytes, c);
    write(output + 3 * vectorBytes, d);
  }
  if (vectors > 4) {
    write(output + 4 * vectorBytes, e);
    write(output + 5 * vectorBytes, f);
    write(output + 6 * vectorBytes, g);
    write(output + 7 * vectorBytes, h);
  }
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

export function denseForward(
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

/** One or four inputs of one block: as forward, but the weights of a tile lie a row apart. */
// @ts-ignore: decorator
@inline
function backwardTile(inputs: u32, delta: usize, weights: usize, output: usize, units: u32): void {
  const row = realBytes(units);
  const second = weights + row;
  const third = second + row;
  const fourth = third + row;
  let a0 = zero(),
    a1 = zero(),
    b0 = zero(),
    b1 = zero(),
    c0 = zero(),
    c1 = zero(),
    d0 = zero(),
    d1 = zero();
  for (let offset: usize = 0; offset < row; offset += realBytes(1)) {
    const x0 = read(delta);
    const x1 = read(delta + vectorBytes);
    let w = broadcast(weights + offset);
    a0 = multiplyAdd(a0, x0, w);
    a1 = multiplyAdd(a1, x1, w);
    if (inputs > 1) {
      w = broadcast(second + offset);
      b0 = multiplyAdd(b0, x0, w);
      b1 = multiplyAdd(b1, x1, w);
      w = broadcast(third + offset);
      c0 = multiplyAdd(c0, x0, w);
      c1 = multiplyAdd(c1, x1, w);
      w = broadcast(fourth + offset);
      d0 = multiplyAdd(d0, x0, w);
      d1 = multiplyAdd(d1, x1, w);
    }
    delta += blockBytes;
  }
  write(output, a0);
  write(output + vectorBytes, a1);
  if (inputs > 1) {
    write(output + 2 * vectorBytes, b0);
    write(output + 3 * vectorBytes, b1);
    write(output + 4 * vectorBytes, c0);
    write(output + 5 * vectorBytes, c1);
    write(output + 6 * vectorBytes, d0);
    write(output + 7 * vectorBytes, d1);
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

export function denseBackward(
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

/** Rows of inputs that one pass over the units touches: their gradients stay in the first cache. */
const rowsAtOnce: u32 = 16;

/**
 * Four units of `inputs` rows: δ of the four, turned so that a vector holds one sample's, stays in registers. The first
 * `done` units are in the sum already: they are computed again and left.
 */
function gradientFour(input: usize, delta: usize, gradient: usize, inputs: u32, stepBytes: usize, done: u32): void {
  const fresh = i32x4.ge_s(i32x4(0, 1, 2, 3), i32x4.splat(done));
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
  for (let i: u32 = 0; i < inputs; i++) {
    const before = read(gradient);
    let g = multiplyAdd(before, broadcast(input), s0);
    g = multiplyAdd(g, broadcast(input + realBytes(1)), s1);
    g = multiplyAdd(g, broadcast(input + realBytes(2)), s2);
    g = multiplyAdd(g, broadcast(input + realBytes(3)), s3);
    g = multiplyAdd(g, broadcast(input + realBytes(4)), s4);
    g = multiplyAdd(g, broadcast(input + realBytes(5)), s5);
    g = multiplyAdd(g, broadcast(input + realBytes(6)), s6);
    g = multiplyAdd(g, broadcast(input + realBytes(7)), s7);
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
  const a = read(delta),
    b = read(delta + blockBytes),
    c = read(delta + 2 * blockBytes),
    d = read(delta + 3 * blockBytes);
  const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5),
    lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7),
    highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const s0 = v128.shuffle<f32>(lowAB, lowCD, 0, 1, 4, 5),
    s1 = v128.shuffle<f32>(lowAB, lowCD, 2, 3, 6, 7);
  const s2 = v128.shuffle<f32>(highAB, highCD, 0, 1, 4, 5),
    s3 = v128.shuffle<f32>(highAB, highCD, 2, 3, 6, 7);
  const e = read(delta + 4 * blockBytes),
    f = read(delta + 5 * blockBytes),
    g = read(delta + 6 * blockBytes),
    h = read(delta + 7 * blockBytes);
  const lowEF = v128.shuffle<f32>(e, f, 0, 4, 1, 5),
    lowGH = v128.shuffle<f32>(g, h, 0, 4, 1, 5);
  const highEF = v128.shuffle<f32>(e, f, 2, 6, 3, 7),
    highGH = v128.shuffle<f32>(g, h, 2, 6, 3, 7);
  const t0 = v128.shuffle<f32>(lowEF, lowGH, 0, 1, 4, 5),
    t1 = v128.shuffle<f32>(lowEF, lowGH, 2, 3, 6, 7);
  const t2 = v128.shuffle<f32>(highEF, highGH, 0, 1, 4, 5),
    t3 = v128.shuffle<f32>(highEF, highGH, 2, 3, 6, 7);
  for (let i: u32 = 0; i < inputs; i++) {
    let x = broadcast(input);
    let low = multiplyAdd(read(gradient), x, s0);
    let high = multiplyAdd(read(gradient + vectorBytes), x, t0);
    x = broadcast(input + realBytes(1));
    low = multiplyAdd(low, x, s1);
    high = multiplyAdd(high, x, t1);
    x = broadcast(input + realBytes(2));
    low = multiplyAdd(low, x, s2);
    high = multiplyAdd(high, x, t2);
    x = broadcast(input + realBytes(3));
    write(gradient, multiplyAdd(low, x, s3));
    write(gradient + vectorBytes, multiplyAdd(high, x, t3));
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

export function denseGradient(
  input: usize,
  delta: usize,
  gradient: usize,
  biasGradient: usize,
  inputs: u32,
  units: u32,
  lanes: u32,
): void {
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
export function denseBatchGradient(
  blocks: usize,
  gradient: usize,
  scale: usize,
  count: u32,
  from: u32,
  rows: u32,
  units: u32,
): void {
  const factor = realAt(scale);
  for (let done: u32 = 0; done < rows; done += rowsAtOnce) {
    const some = min(rowsAtOnce, rows - done);
    const row = gradient + realBytes(done * units);
    const end = row + realBytes(some * units);
    memory.fill(row, 0, end - row);
    for (let block = blocks; block < blocks + realBytes(3 * count); block += realBytes(3)) {
      const lanes = load<u32>(block + realBytes(2));
      const input = load<u32>(block) + realBytes((from + done) * lanes);
      const delta = load<u32>(block + realBytes(1));
      if (lanes == 1) gradientSample(input, delta, row, some, units);
      else gradientBlock(input, delta, row, some, units);
    }
    for (let at = row; at < end; at += realBytes(1)) setReal(at, realAt(at) * factor);
  }
}
