import { describe, expect, test } from "vitest";
import type { KernelArguments, KernelName, RealBytes } from "../kernels.ts";
import {
  activationCodes,
  callBytes,
  contract,
  dtypeCodes,
  gateSquared,
  lossCodes,
  opcodes,
  penaltyCodes,
  reduceCodes,
} from "../kernels.ts";
import { createReference } from "./reference.ts";

/** A memory whose arrays are placed one after the other, and a way to run one call on it. */
function createBench(realBytes: RealBytes = 8) {
  const buffer = new ArrayBuffer(1 << 20);
  let end = callBytes;
  const place = <View>(
    values: ArrayLike<number>,
    create: (address: number) => View & { set(values: ArrayLike<number>): void },
    bytes: number,
  ): { address: number; view: View } => {
    const address = end;
    const view = create(address);
    view.set(values);
    end += Math.ceil((values.length * bytes + 1) / 64) * 64;
    return { address, view };
  };
  const kernels = createReference({ buffer, realBytes });
  return {
    reals: (values: ArrayLike<number>) =>
      place<Float32Array | Float64Array>(
        values,
        (address) =>
          realBytes === 8
            ? new Float64Array(buffer, address, values.length)
            : new Float32Array(buffer, address, values.length),
        realBytes,
      ),
    doubles: (values: ArrayLike<number>) =>
      place(values, (address) => new Float64Array(buffer, address, values.length), 8),
    ints: (values: ArrayLike<number>) => place(values, (address) => new Int32Array(buffer, address, values.length), 4),
    bytes: (values: ArrayLike<number>) => place(values, (address) => new Uint8Array(buffer, address, values.length), 1),
    run<Name extends KernelName>(name: Name, call: KernelArguments<Name>) {
      const words = new Uint32Array(buffer, 0, callBytes / 4);
      words.set([opcodes[name], ...contract[name].map((argument) => (call as Record<string, number>)[argument])]);
      kernels.run(0, 1);
    },
  };
}

const zeros = (count: number) => new Array<number>(count).fill(0);
const header = (count: number) => {
  const ints = zeros(32);
  ints[0] = count;
  for (let lane = 0; lane < 8; lane++) for (const part of [1, 9, 17]) ints[part + lane] = lane;
  return ints;
};

/** True two-dimensional convolution, 'valid', as the notes write it: the filter turned by 180°. */
function conv2(image: number[], rows: number, columns: number, filter: number[], size: number): number[] {
  const output: number[] = [];
  for (let r = 0; r + size <= rows; r++)
    for (let c = 0; c + size <= columns; c++) {
      let sum = 0;
      for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++)
          sum += image[(r + size - 1 - y) * columns + c + size - 1 - x] * filter[y * size + x];
      output.push(sum);
    }
  return output;
}

describe("the oracle's convolution", () => {
  const image = Array.from({ length: 35 }, (_, n) => ((n * 7) % 11) - 5);
  const unpadded = { padded: 0, padding: 0 };
  const notesFilter = [1, -2, 3, 0, 5, -1, 2, 4, -3];

  test("on 7×5 equals the notes' true convolution of the filter turned by 180°", () => {
    const bench = createBench();
    const output = bench.reals(zeros(15));
    bench.run("convolutionForward", {
      input: bench.reals(image).address,
      ...unpadded,
      prepared: 0,
      shortcut: 0,
      weights: bench.reals([...notesFilter].reverse()).address,
      bias: bench.reals([0.5]).address,
      output: output.address,
      inputs: 1,
      rows: 7,
      columns: 5,
      maps: 1,
      size: 3,
      stride: 1,
      activation: activationCodes.linear,
      lanes: 1,
    });
    expect([...output.view]).toEqual(conv2(image, 7, 5, notesFilter, 3).map((value) => value + 0.5));
  });

  test("steps by its stride, adds inputs, keeps maps apart and applies f", () => {
    const bench = createBench();
    const output = bench.reals(zeros(2 * 3 * 2));
    const two = [...image, ...image.map((value) => -value)];
    // Filters [input][ky][kx][map]: map 0 sums the corners of both inputs (cancelling), map 1 copies the second input.
    const weights = zeros(2 * 4 * 2);
    for (const i of [0, 1]) {
      weights[(i * 4 + 0) * 2] = 1;
      weights[(i * 4 + 3) * 2] = 1;
    }
    weights[4 * 2 + 1] = 1;
    bench.run("convolutionForward", {
      input: bench.reals(two).address,
      ...unpadded,
      prepared: 0,
      shortcut: 0,
      weights: bench.reals(weights).address,
      bias: bench.reals([2, 0]).address,
      output: output.address,
      inputs: 2,
      rows: 7,
      columns: 5,
      maps: 2,
      size: 2,
      stride: 2,
      activation: activationCodes.relu,
      lanes: 1,
    });
    const copied = [0, 2, 10, 12, 20, 22].map((n) => Math.max(0, -image[n]));
    expect([...output.view].map((value) => value + 0)).toEqual([2, 2, 2, 2, 2, 2, ...copied]);
  });

  test("backward is its transpose, and the gradient its derivative by the filter", () => {
    const bench = createBench();
    const delta = Array.from({ length: 15 }, (_, n) => ((n * 5) % 7) - 3);
    const filter = [...notesFilter].reverse();
    const input = bench.reals(image);
    const weights = bench.reals(filter);
    const deltas = bench.reals(delta);
    const below = bench.reals(zeros(35));
    bench.run("convolutionBackward", {
      delta: deltas.address,
      weights: weights.address,
      input: input.address,
      output: below.address,
      inputs: 1,
      rows: 7,
      columns: 5,
      maps: 1,
      outRows: 5,
      outColumns: 3,
      size: 3,
      stride: 1,
      padding: 0,
      gate: activationCodes.linear,
      lanes: 1,
    });
    const gradient = bench.reals([...zeros(9)]);
    const biasGradient = bench.reals([100]);
    bench.run("convolutionGradient", {
      input: input.address,
      ...unpadded,
      delta: deltas.address,
      gradient: gradient.address,
      biasGradient: biasGradient.address,
      inputs: 1,
      rows: 7,
      columns: 5,
      maps: 1,
      size: 3,
      stride: 1,
      lanes: 1,
    });
    // ⟨δ, W x⟩ = ⟨Wᵀδ, x⟩ = ⟨gradient, w⟩ for a map without bias.
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Array.from(a).reduce((sum, value, n) => sum + value * b[n], 0);
    const forward = dot(delta, conv2(image, 7, 5, notesFilter, 3));
    expect(dot(below.view, image)).toBe(forward);
    expect(dot(gradient.view, filter)).toBe(forward);
    expect(below.view[0]).toBe(delta[0] * filter[0]);
    expect(biasGradient.view[0]).toBe(100 + delta.reduce((sum, value) => sum + value, 0));
  });

  test("backward through padding and stride drops what fell on the border, and gates by the input", () => {
    const bench = createBench();
    const below = bench.reals(zeros(4));
    // 2×2 padded by 1 to 4×4, size 2, stride 2: the corners of the four patches' filters meet the four pixels.
    bench.run("convolutionBackward", {
      delta: bench.reals([1, 2, 3, 4]).address,
      weights: bench.reals([10, 20, 30, 40]).address,
      input: bench.reals([0.5, 0.5, 0, 0.5]).address,
      output: below.address,
      inputs: 1,
      rows: 2,
      columns: 2,
      maps: 1,
      outRows: 2,
      outColumns: 2,
      size: 2,
      stride: 2,
      padding: 1,
      gate: activationCodes.sigmoid + gateSquared,
      lanes: 1,
    });
    expect([...below.view]).toEqual([40 / 16, 60 / 16, 0, 40 / 16]);
  });
});

describe("the oracle's other layers", () => {
  test("dense: W x + b, Wᵀδ, δ xᵀ", () => {
    const bench = createBench();
    const weights = bench.reals([1, 2, 3, 4, 5, 6]);
    const input = bench.reals([1, -1]);
    const output = bench.reals(zeros(3));
    bench.run("denseForward", {
      input: input.address,
      weights: weights.address,
      bias: bench.reals([10, 0, 0]).address,
      output: output.address,
      inputs: 2,
      units: 3,
      activation: activationCodes["leaky-relu"],
      lanes: 1,
    });
    expect([...output.view]).toEqual([7, -0.03, -0.03]);
    const delta = bench.reals([1, 0, -1]);
    const below = bench.reals(zeros(2));
    bench.run("denseBackward", {
      delta: delta.address,
      weights: weights.address,
      input: input.address,
      output: below.address,
      inputs: 2,
      units: 3,
      gate: activationCodes.linear,
      lanes: 1,
    });
    expect([...below.view]).toEqual([-2, -2]);
    const gradient = bench.reals([1, 1, 1, 1, 1, 1]);
    const biasGradient = bench.reals(zeros(3));
    bench.run("denseGradient", {
      input: input.address,
      delta: delta.address,
      gradient: gradient.address,
      biasGradient: biasGradient.address,
      inputs: 2,
      units: 3,
      lanes: 1,
    });
    expect([...gradient.view]).toEqual([2, 1, 0, 0, 1, 2]);
    expect([...biasGradient.view]).toEqual([1, 0, -1]);
  });

  test.each([
    [reduceCodes.sum, [16, 20], [2, 2, 4, 4, 0, 2, 2, 4, 4, 0, 0, 0, 0, 0, 0]],
    [reduceCodes.mean, [4, 5], [0.5, 0.5, 1, 1, 0, 0.5, 0.5, 1, 1, 0, 0, 0, 0, 0, 0]],
    [reduceCodes.max, [7, 8], [0, 0, 0, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0]],
  ])("subsampling %d drops odd edges; the first maximum takes all", (reduce, downs, spread) => {
    const isMaximum = reduce === reduceCodes.max;
    const bench = createBench();
    const input = bench.reals([1, 1, 2, 2, 9, 7, 7, 8, 8, 9, 9, 9, 9, 9, 9]);
    const beta = bench.reals([2]);
    const output = bench.reals(zeros(2));
    const down = bench.reals(zeros(2));
    const winners = bench.ints([9, 9]);
    bench.run("subsamplingForward", {
      input: input.address,
      beta: beta.address,
      bias: bench.reals([1]).address,
      output: output.address,
      down: down.address,
      winners: winners.address,
      maps: 1,
      rows: 3,
      columns: 5,
      blockRows: 2,
      blockColumns: 2,
      reduce,
      activation: activationCodes.linear,
      lanes: 1,
    });
    expect([...down.view]).toEqual(downs);
    expect([...winners.view]).toEqual(isMaximum ? [2, 2] : [9, 9]);
    expect([...output.view]).toEqual(downs.map((d) => 2 * d + 1));
    const below = bench.reals(zeros(15).fill(3));
    bench.run("subsamplingBackward", {
      delta: bench.reals([1, 2]).address,
      beta: beta.address,
      input: input.address,
      down: down.address,
      winners: winners.address,
      output: below.address,
      maps: 1,
      rows: 3,
      columns: 5,
      blockRows: 2,
      blockColumns: 2,
      reduce,
      gate: activationCodes.linear,
      lanes: 1,
    });
    expect([...below.view]).toEqual(spread);
  });

  test("dropout draws the same numbers forward and backward, and none of lanes' samples are alike", () => {
    const bench = createBench();
    const head = bench.ints(header(8)).address;
    const common = {
      header: head,
      key: bench.ints([12345]).address,
      factor: bench.reals([2]).address,
      threshold: 2 ** 31,
      units: 200,
      lanes: 8,
    };
    const ones = bench.reals(zeros(1600).fill(1));
    const output = bench.reals(zeros(1600));
    const below = bench.reals(zeros(1600));
    bench.run("dropoutForward", { ...common, input: ones.address, output: output.address });
    bench.run("dropoutBackward", {
      ...common,
      delta: ones.address,
      input: output.address,
      output: below.address,
      gate: activationCodes.linear,
    });
    expect([...below.view]).toEqual([...output.view]);
    const kept = [...output.view].filter((value) => value === 2).length;
    expect(kept).toBeGreaterThan(700);
    expect(kept).toBeLessThan(900);
    const columns = new Set(
      Array.from({ length: 8 }, (_, lane) => [...output.view].filter((_value, n) => n % 8 === lane).join()),
    );
    expect(columns.size).toBe(8);
  });

  test("batch normalisation ignores lanes without a sample", () => {
    const bench = createBench();
    const input = bench.reals([1, 3, 99, 99, 99, 99, 99, 99, 5, 7, 99, 99, 99, 99, 99, 99]);
    const head = bench.ints(header(2)).address;
    const sums = bench.doubles([0, 0]);
    const moments = bench.reals([0, 0]);
    const running = bench.reals([0]);
    const runningVariance = bench.reals([1]);
    bench.run("normalisationStatistics", {
      input: input.address,
      header: head,
      sums: sums.address,
      maps: 1,
      positions: 2,
      lanes: 8,
    });
    expect([...sums.view]).toEqual([16, 84]);
    bench.run("normalisationMoments", {
      sums: sums.address,
      moments: moments.address,
      runningMean: running.address,
      runningVariance: runningVariance.address,
      settings: bench.doubles([4, 0.5, 0]).address,
      maps: 1,
      shards: 1,
      stride: 16,
    });
    expect([...moments.view]).toEqual([4, 1 / Math.sqrt(5)]);
    expect([running.view[0], runningVariance.view[0]]).toEqual([2, 1 + 0.5 * (20 / 3 - 1)]);
    const output = bench.reals(zeros(16).fill(7));
    bench.run("normalisationForward", {
      input: input.address,
      header: head,
      moments: moments.address,
      weight: bench.reals([Math.sqrt(5)]).address,
      bias: bench.reals([4]).address,
      shortcut: 0,
      output: output.address,
      maps: 1,
      positions: 2,
      activation: activationCodes.linear,
      lanes: 8,
    });
    expect([...output.view].map((value) => Math.round(value * 1e9) / 1e9)).toEqual([
      1, 3, 0, 0, 0, 0, 0, 0, 5, 7, 0, 0, 0, 0, 0, 0,
    ]);
  });
});

describe("the oracle's outputs", () => {
  test("softmax and cross-entropy: δ = y − t, loss = −ln y_t", () => {
    const bench = createBench();
    const logits = bench.reals([0, Math.log(2), Math.log(5)]);
    const output = bench.reals(zeros(3));
    bench.run("softmax", { input: logits.address, output: output.address, units: 3, lanes: 1 });
    [1 / 8, 2 / 8, 5 / 8].forEach((value, unit) => expect(output.view[unit]).toBeCloseTo(value, 14));
    const delta = bench.reals(zeros(3));
    const totals = bench.doubles([10, 1]);
    bench.run("loss", {
      output: output.address,
      logits: logits.address,
      delta: delta.address,
      labels: bench.ints([1]).address,
      header: bench.ints(header(1)).address,
      targets: bench.reals([0, 1]).address,
      totals: totals.address,
      kind: lossCodes["cross-entropy"],
      softmax: 1,
      activation: 0,
      units: 3,
      lanes: 1,
    });
    [1 / 8, -6 / 8, 5 / 8].forEach((value, unit) => expect(delta.view[unit]).toBeCloseTo(value, 14));
    expect(totals.view[0]).toBeCloseTo(10 + Math.log(4), 14);
    expect(totals.view[1]).toBe(1);
  });

  test("squared error with one-of-C targets, lanes without a sample silent, and the curvature", () => {
    const bench = createBench();
    const output = bench.reals([0.5, ...zeros(7).fill(9), 0.25, ...zeros(7).fill(9)]);
    const delta = bench.reals(zeros(16).fill(9));
    const totals = bench.doubles([0, 0]);
    const head = bench.ints(header(1)).address;
    bench.run("loss", {
      output: output.address,
      logits: 0,
      delta: delta.address,
      labels: bench.ints([0]).address,
      header: head,
      targets: bench.reals([0, 1]).address,
      totals: totals.address,
      kind: lossCodes["squared-error"],
      softmax: 0,
      activation: activationCodes.sigmoid,
      units: 2,
      lanes: 8,
    });
    expect([...totals.view]).toEqual([0.5 * (0.25 + 0.0625), 1]);
    expect([...delta.view]).toEqual([-0.125, ...zeros(7), 0.25 * 0.1875, ...zeros(7)]);
    bench.run("lossCurvature", {
      output: output.address,
      delta: delta.address,
      header: head,
      kind: lossCodes["squared-error"],
      softmax: 0,
      activation: activationCodes.sigmoid,
      units: 2,
      lanes: 8,
    });
    expect([...delta.view]).toEqual([0.0625, ...zeros(7), 0.1875 ** 2, ...zeros(7)]);
  });

  test("the curvature of a softmax: squared error over its whole Jacobian, cross-entropy y(1 − y)", () => {
    const bench = createBench();
    const [y, h] = [[1 / 8, 2 / 8, 5 / 8], bench.reals(zeros(3))];
    const shared = {
      output: bench.reals(y).address,
      delta: h.address,
      header: bench.ints(header(1)).address,
      softmax: 1,
      activation: 0,
      units: 3,
      lanes: 1,
    };
    bench.run("lossCurvature", { ...shared, kind: lossCodes["squared-error"] });
    expect([...h.view]).toEqual([(1 * (49 + 4 + 25)) / 4096, (4 * (36 + 1 + 25)) / 4096, (25 * (9 + 1 + 4)) / 4096]);
    bench.run("lossCurvature", { ...shared, kind: lossCodes["cross-entropy"] });
    expect([...h.view]).toEqual([7 / 64, 12 / 64, 15 / 64]);
  });

  test("gather normalises the header's rows, scatter returns to the results' rows", () => {
    const bench = createBench();
    const head = bench.ints(header(2));
    head.view.set([2, 0], 1);
    head.view.set([1, 0], 17);
    const samples = bench.bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const output = bench.reals(zeros(32).fill(9));
    bench.run("gather", {
      samples: samples.address,
      header: head.address,
      mean: bench.reals([1, 0]).address,
      factor: bench.reals([2, 0.5]).address,
      output: output.address,
      dtype: dtypeCodes.uint8,
      channels: 2,
      pixels: 2,
      lanes: 8,
    });
    const lanes = (n: number) => [...output.view.subarray(n * 8, n * 8 + 3)];
    expect([lanes(0), lanes(1), lanes(2), lanes(3)]).toEqual([
      [14, -2, 0],
      [16, 0, 0],
      [5, 1, 0],
      [5.5, 1.5, 0],
    ]);
    const results = bench.reals(zeros(8));
    bench.run("scatter", {
      output: output.address,
      header: head.address,
      results: results.address,
      units: 4,
      lanes: 8,
    });
    expect([...results.view]).toEqual([-2, 0, 1, 1.5, 14, 16, 5, 5.5]);
  });
});

describe("the oracle's learning", () => {
  test("learned combinations: softmax's Jacobian, and an l1 penalty that is zero on the simplex", () => {
    const bench = createBench();
    const alpha = bench.reals(zeros(2));
    const logAlpha = bench.reals(zeros(2));
    bench.run("combinationAlpha", {
      mix: bench.reals([0, Math.log(3)]).address,
      alpha: alpha.address,
      logAlpha: logAlpha.address,
      maps: 1,
      inputs: 2,
    });
    expect(alpha.view[0]).toBeCloseTo(0.25, 15);
    expect(logAlpha.view[1]).toBeCloseTo(Math.log(0.75), 15);
    const mixGradient = bench.reals(zeros(2));
    const omega = bench.doubles([9]);
    const penalise = (penalty: number) =>
      bench.run("combinationPenalty", {
        alpha: alpha.address,
        logAlpha: logAlpha.address,
        mixGradient: mixGradient.address,
        strength: bench.reals([2]).address,
        omega: omega.address,
        penalty,
        maps: 1,
        inputs: 2,
      });
    penalise(penaltyCodes.l1);
    expect(mixGradient.view[0]).toBeCloseTo(0, 15);
    expect(omega.view[0]).toBeCloseTo(2, 15);
    penalise(penaltyCodes.concentration);
    expect(mixGradient.view[0]).toBeCloseTo(2 * (-2 / 16 + 0.25 * (2 / 16 + 18 / 16)), 14);
    const filters = bench.reals([2, 3]);
    const filterGradient = bench.reals(zeros(2));
    bench.run("combinationGradient", {
      gradient: bench.reals([1, 4]).address,
      filters: filters.address,
      alpha: alpha.address,
      filterGradient: filterGradient.address,
      mixGradient: mixGradient.address,
      work: bench.reals(zeros(2)).address,
      inputs: 2,
      area: 1,
      maps: 1,
      shared: 0,
    });
    expect(filterGradient.view[1]).toBeCloseTo(3, 14);
    expect(mixGradient.view[0]).toBeCloseTo(0.25 * (2 - (0.5 + 9)), 14);
  });

  test("the update rules by hand", () => {
    const bench = createBench();
    const gradient = bench.reals([2]);
    const velocity = bench.reals([1]);
    const parameters = bench.reals([10]);
    const sgd = {
      parameters: parameters.address,
      gradient: gradient.address,
      settings: bench.reals([0.5, 0.25, 0.125]).address,
      count: 1,
    };
    bench.run("sgd", { ...sgd, velocity: 0, nesterov: 0 });
    expect(parameters.view[0]).toBe(10 - 0.5 * 3.25);
    parameters.view[0] = 10;
    bench.run("sgd", { ...sgd, velocity: velocity.address, nesterov: 1 });
    expect(velocity.view[0]).toBe(3.5);
    expect(parameters.view[0]).toBe(10 - 0.5 * (3.25 + 0.25 * 3.5));
    parameters.view[0] = 10;
    bench.run("levenbergMarquardt", { ...sgd, curvature: bench.reals([0.75]).address });
    expect(parameters.view[0]).toBe(10 - (0.5 / (0.25 + 0.75)) * 3.25);
    const first = bench.reals([1]);
    const second = bench.reals([8]);
    parameters.view[0] = 10;
    bench.run("adam", {
      parameters: parameters.address,
      gradient: gradient.address,
      first: first.address,
      second: second.address,
      settings: bench.reals([0.5, 0.5, 0.5, 0.5, 0.5, 2, 0.25, 0.2]).address,
      count: 1,
    });
    expect([first.view[0], second.view[0]]).toEqual([2.5, 12]);
    expect(parameters.view[0]).toBe(10 - (0.5 * 2.5) / (Math.sqrt(12) * 2 + 0.25));
  });

  test("reduce adds shards and scales; squaredNorm adds squares", () => {
    const bench = createBench(4);
    const gradients = bench.reals(zeros(32).map((_, n) => n));
    const output = bench.reals(zeros(2));
    bench.run("reduce", {
      gradients: gradients.address,
      output: output.address,
      scale: bench.reals([0.5]).address,
      shards: 2,
      stride: 64,
      count: 2,
    });
    expect([...output.view]).toEqual([8, 9]);
    const partial = bench.doubles([0]);
    bench.run("squaredNorm", { gradient: output.address, partial: partial.address, count: 2 });
    expect(partial.view[0]).toBe(145);
  });

  test("an unknown opcode is refused with its address", () => {
    const buffer = new ArrayBuffer(callBytes);
    new Uint32Array(buffer)[0] = 999;
    expect(() => createReference({ buffer, realBytes: 4 }).run(0, 1)).toThrow(/byte 0 has opcode 999/);
  });
});
