/**
 * Cases for every kernel of the contract: seeded contents of memory and arguments over a grid of sizes (0, 1, a lane
 * less, a lane more, several iterations, every tail, never square). A kernel without cases here fails the oracle test.
 */
import type { KernelName } from "../../engine/kernels/kernels.ts";
import {
  activationCodes,
  dtypeCodes,
  gateSquared,
  headerCount,
  headerInts,
  headerResults,
  headerRows,
  headerSamples,
  lossCodes,
  penaltyCodes,
  preparedFloats,
  reduceCodes,
} from "../../engine/kernels/kernels.ts";

export type ElementType = "real" | "double" | "int" | "word" | "byte" | "float32";

/** What stands at an address before the call; `values` are exact in float32 where the type is real. */
export interface Contents {
  type: ElementType;
  values: ArrayLike<number>;
}

/** One call: an array for each address that is not absent, a number for every other argument. */
export interface KernelCase {
  arrays: Record<string, Contents>;
  /** Arguments that are the array of another. */
  places?: Record<string, string>;
  numbers: Record<string, number>;
  /** Arrays of words that the call only reads; a name stands for the address of the array of that name. */
  tables?: Record<string, (number | string)[]>;
}

/** A generator of numbers that is the same on every machine: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const draw = seeded(20260);
/** Reals in −1 … 1, now and then exactly zero. */
const reals = (count: number, scale = 1): Contents => ({
  type: "real",
  values: Float32Array.from({ length: count }, () => (draw() < 0.04 ? 0 : scale * (2 * draw() - 1))),
});
const positive = (count: number, low = 0.01, high = 1): Contents => ({
  type: "real",
  values: Float32Array.from({ length: count }, () => low + (high - low) * draw()),
});
const fixed = (...values: number[]): Contents => ({ type: "real", values: Float32Array.from(values) });
const doubles = (...values: number[]): Contents => ({ type: "double", values });
const ints = (values: number[]): Contents => ({ type: "int", values });
const whole = (limit: number): number => Math.floor(draw() * limit);
const shuffled = (count: number): number[] => Array.from({ length: count }, (_, n) => n).sort(() => draw() - 0.5);

const counts = [0, 1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 33, 100];
const bothLanes = [1, 8];
const activations = Object.values(activationCodes);
const gates = activations.flatMap((code) => [code, code + gateSquared]);
const cycle = <Item>(items: readonly Item[], n: number): Item => items[n % items.length];

function header(count: number, rows = 8): Contents {
  const values = new Array<number>(headerInts).fill(0);
  values[headerCount] = count;
  const results = shuffled(8);
  for (let lane = 0; lane < 8; lane++) {
    values[headerRows + lane] = whole(rows);
    values[headerSamples + lane] = lane < count ? whole(rows) : 0;
    values[headerResults + lane] = results[lane]!;
  }
  return ints(values);
}

interface Convolution {
  inputs: number;
  rows: number;
  columns: number;
  maps: number;
  size: number;
  stride: number;
}

/**
 * Every count of output columns from 1 to 12, one or two tiles of maps, odd heights; maps that the first cache does not
 * hold at once, or that fill one and a half of the widest vectors; strides; filters as large as the input.
 */
const convolutions: Convolution[] = [
  ...[5, 3].flatMap((size) =>
    Array.from({ length: 12 }, (_, n) => ({
      inputs: 1 + (n % 3),
      rows: size + 1 + (n % 4),
      columns: size + n,
      maps: 1 + ((n + 1) % 5),
      size,
      stride: 1,
    })),
  ),
  { inputs: 2, rows: 7, columns: 25, maps: 3, size: 5, stride: 1 },
  { inputs: 1, rows: 4, columns: 23, maps: 2, size: 3, stride: 1 },
  { inputs: 2, rows: 9, columns: 11, maps: 8, size: 3, stride: 1 },
  { inputs: 3, rows: 5, columns: 43, maps: 11, size: 3, stride: 1 },
  { inputs: 4, rows: 5, columns: 5, maps: 7, size: 5, stride: 1 },
  { inputs: 3, rows: 3, columns: 3, maps: 9, size: 3, stride: 1 },
  { inputs: 17, rows: 1, columns: 1, maps: 6, size: 1, stride: 1 },
  { inputs: 3, rows: 7, columns: 5, maps: 5, size: 1, stride: 1 },
  { inputs: 2, rows: 7, columns: 9, maps: 3, size: 2, stride: 1 },
  { inputs: 2, rows: 8, columns: 13, maps: 5, size: 4, stride: 1 },
  { inputs: 1, rows: 9, columns: 10, maps: 2, size: 7, stride: 1 },
  { inputs: 2, rows: 9, columns: 16, maps: 17, size: 7, stride: 1 },
  { inputs: 2, rows: 6, columns: 17, maps: 12, size: 5, stride: 1 },
  { inputs: 1, rows: 5, columns: 6, maps: 13, size: 3, stride: 1 },
  { inputs: 2, rows: 9, columns: 14, maps: 27, size: 3, stride: 2 },
  { inputs: 2, rows: 11, columns: 8, maps: 3, size: 3, stride: 2 },
  { inputs: 1, rows: 12, columns: 21, maps: 5, size: 5, stride: 2 },
  { inputs: 3, rows: 10, columns: 31, maps: 4, size: 4, stride: 3 },
  { inputs: 2, rows: 5, columns: 7, maps: 2, size: 2, stride: 3 },
  // Enough maps for Winograd, in fast numerics: whole tiles, and some that reach over the edges.
  { inputs: 9, rows: 10, columns: 14, maps: 8, size: 3, stride: 1 },
  { inputs: 8, rows: 13, columns: 17, maps: 11, size: 3, stride: 1 },
  { inputs: 17, rows: 9, columns: 8, maps: 9, size: 3, stride: 1 },
  { inputs: 12, rows: 6, columns: 35, maps: 19, size: 3, stride: 1 },
  { inputs: 33, rows: 18, columns: 14, maps: 10, size: 3, stride: 1 },
  { inputs: 11, rows: 15, columns: 17, maps: 16, size: 3, stride: 1 },
  { inputs: 8, rows: 22, columns: 13, maps: 24, size: 3, stride: 1 },
  { inputs: 8, rows: 20, columns: 36, maps: 9, size: 3, stride: 1 },
  // So many tiles of so many maps that they go in several groups, forward and backward; δ in two panels of maps.
  { inputs: 43, rows: 23, columns: 27, maps: 9, size: 3, stride: 1 },
  { inputs: 9, rows: 23, columns: 27, maps: 43, size: 3, stride: 1 },
  { inputs: 0, rows: 7, columns: 5, maps: 2, size: 3, stride: 1 },
  { inputs: 2, rows: 7, columns: 5, maps: 0, size: 3, stride: 1 },
];

const outputSide = (side: number, { size, stride }: { size: number; stride: number }): number =>
  Math.floor((side - size) / stride) + 1;
/** Of a convolution: none, and whatever fits its size. */
const paddings = [0, 1, 2, 3, 5];

interface Padded {
  /** Of the unpadded input. */
  numbers: Convolution & { padding: number; lanes: number };
  outRows: number;
  outColumns: number;
  /** Elements of the unpadded input, of the padded one, of the output. */
  x: number;
  padded: number;
  y: number;
}

/** Each with each padding that leaves an input. */
const eachConvolution = (make: (convolution: Padded, n: number) => KernelCase): KernelCase[] =>
  convolutions.flatMap((convolution, n) =>
    paddings.flatMap((padding) => {
      const { inputs, maps } = convolution;
      const rows = convolution.rows - 2 * padding;
      const columns = convolution.columns - 2 * padding;
      if (rows < 1 || columns < 1) return [];
      const [outRows, outColumns] = [convolution.rows, convolution.columns].map((side) =>
        outputSide(side, convolution),
      );
      return bothLanes.map((lanes) =>
        make(
          {
            numbers: { ...convolution, rows, columns, padding, lanes },
            outRows,
            outColumns,
            x: inputs * rows * columns * lanes,
            padded: inputs * convolution.rows * convolution.columns * lanes,
            y: maps * outRows * outColumns * lanes,
          },
          n + padding + lanes,
        ),
      );
    }),
  );

/** Maps between zeros, as a forward call leaves them. */
function between(values: ArrayLike<number>, { inputs, rows, columns, padding, lanes }: Padded["numbers"]): Contents {
  const pitch = (columns + 2 * padding) * lanes;
  const padded = new Float32Array(inputs * (rows + 2 * padding) * pitch);
  for (let row = 0; row < inputs * rows; row++) {
    const to = row + (2 * Math.floor(row / rows) + 1) * padding;
    for (let at = 0; at < columns * lanes; at++)
      padded[to * pitch + padding * lanes + at] = values[row * columns * lanes + at];
  }
  return { type: "real", values: padded };
}

/** Arrays in which an implementation may leave what it likes. */
export const ownArrays: ReadonlySet<string> = new Set(["padded", "prepared"]);

const denseSizes = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 17, 19, 24, 27, 31, 32, 33, 45, 60].map((units, n) => ({
    inputs: cycle([1, 2, 5, 9, 17, 33], n),
    units,
  })),
  { inputs: 0, units: 5 },
  { inputs: 4, units: 0 },
];
const eachDense = (
  make: (size: { inputs: number; units: number }, lanes: number, n: number) => KernelCase,
): KernelCase[] => denseSizes.flatMap((size, n) => bothLanes.map((lanes) => make(size, lanes, n)));

/** Several blocks, given as the lanes of each; large enough, too, for what goes a few inputs or units at a time. */
const eachRunOfBlocks = (
  make: (blocks: number[], size: { inputs: number; units: number }, n: number) => KernelCase,
): KernelCase[] =>
  [...denseSizes, { inputs: 64, units: 3 }, { inputs: 150, units: 37 }, { inputs: 131, units: 141 }].flatMap(
    (size, n) =>
      [[], [8], [1], [8, 8, 1], [1, 1, 1], new Array<number>(cycle([3, 18, 40], n)).fill(8)].map((blocks) =>
        make(blocks, size, n + blocks.length),
      ),
  );
/** An array of so many elements a lane for each block. */
const ofBlocks = (blocks: number[], sizes: Record<string, number>): Record<string, Contents> =>
  Object.fromEntries(
    blocks.flatMap((lanes, block) =>
      Object.entries(sizes).map(([name, size]) => [`${name} ${block}`, reals(size * lanes)]),
    ),
  );
/** The table of blocks, of which each row is these addresses (0: absent) and the lanes. */
const tableOf = (blocks: number[], names: (string | 0)[]): NonNullable<KernelCase["tables"]> => ({
  blocks: blocks.flatMap((lanes, block) => [...names.map((name) => (name === 0 ? 0 : `${name} ${block}`)), lanes]),
});

const subsamplings = [
  { maps: 1, rows: 7, columns: 5, blockRows: 2, blockColumns: 2 },
  { maps: 3, rows: 4, columns: 8, blockRows: 2, blockColumns: 2 },
  { maps: 2, rows: 6, columns: 10, blockRows: 2, blockColumns: 2 },
  { maps: 2, rows: 5, columns: 19, blockRows: 2, blockColumns: 2 },
  { maps: 2, rows: 9, columns: 7, blockRows: 3, blockColumns: 3 },
  { maps: 1, rows: 3, columns: 5, blockRows: 1, blockColumns: 1 },
  { maps: 2, rows: 9, columns: 14, blockRows: 4, blockColumns: 4 },
  { maps: 2, rows: 2, columns: 1, blockRows: 2, blockColumns: 2 },
  { maps: 2, rows: 7, columns: 5, blockRows: 7, blockColumns: 5 },
  { maps: 1, rows: 3, columns: 19, blockRows: 3, blockColumns: 19 },
  { maps: 2, rows: 9, columns: 11, blockRows: 2, blockColumns: 3 },
  { maps: 2, rows: 5, columns: 9, blockRows: 3, blockColumns: 2 },
  { maps: 0, rows: 4, columns: 6, blockRows: 2, blockColumns: 2 },
];
const eachSubsampling = (
  make: (size: (typeof subsamplings)[number], reduce: number, lanes: number, n: number) => KernelCase,
): KernelCase[] =>
  subsamplings.flatMap((size, n) =>
    Object.values(reduceCodes).flatMap((reduce) =>
      bothLanes.map((lanes) => make(size, reduce, lanes, n + reduce + lanes)),
    ),
  );

/** d of each block's maximum and which pixel it is, now and then none. */
function maxima(size: (typeof subsamplings)[number], lanes: number): Record<"down" | "winners", Contents> {
  const down = reals(outputsOf(size, lanes));
  const pixels = size.blockRows * size.blockColumns;
  return { down, winners: ints(Array.from(down.values, () => (draw() < 0.05 ? -1 : Math.floor(draw() * pixels)))) };
}

const outputsOf = (
  { maps, rows, columns, blockRows, blockColumns }: (typeof subsamplings)[number],
  lanes: number,
): number => maps * Math.floor(rows / blockRows) * Math.floor(columns / blockColumns) * lanes;

/** [maps, positions]; count is the samples in the block. */
const normalisations = [
  [1, 1],
  [2, 5],
  [3, 8],
  [1, 9],
  [2, 35],
  [0, 4],
].flatMap(([maps, positions]) =>
  [...[0, 1, 3, 8].map((count) => ({ lanes: 8, count })), ...[0, 1].map((count) => ({ lanes: 1, count }))].map(
    (block) => ({ maps: maps, positions: positions, ...block }),
  ),
);

function losses(
  make: (
    size: { kind: number; softmax: number; activation: number; units: number; lanes: number; count: number },
    n: number,
  ) => KernelCase,
): KernelCase[] {
  const heads = [
    { kind: lossCodes["cross-entropy"], softmax: 1, activation: 0 },
    { kind: lossCodes["squared-error"], softmax: 1, activation: 0 },
    ...activations.map((activation) => ({ kind: lossCodes["squared-error"], softmax: 0, activation })),
  ];
  const blocks = [
    { lanes: 8, count: 8 },
    { lanes: 8, count: 3 },
    { lanes: 8, count: 5 },
    { lanes: 8, count: 0 },
    { lanes: 1, count: 1 },
    { lanes: 1, count: 0 },
  ];
  return heads.flatMap((head, h) =>
    blocks.flatMap((block, b) => [1, 2, 10, 13].map((units, n) => make({ ...head, ...block, units }, h + b + n))),
  );
}

/** Softmax of random logits, a lane at a time, exact in float32. */
function softmaxOf(logits: Contents, units: number, lanes: number): Contents {
  const values = new Float32Array(units * lanes);
  for (let lane = 0; lane < lanes; lane++) {
    const powers = Array.from({ length: units }, (_, unit) => Math.exp(logits.values[unit * lanes + lane]));
    const sum = powers.reduce((total, power) => total + power, 0);
    powers.forEach((power, unit) => {
      values[unit * lanes + lane] = power / sum;
    });
  }
  return { type: "real", values };
}

const dropouts = [1, 2, 5, 8, 13, 35].flatMap((units) => bothLanes.map((lanes) => ({ units, lanes })));
const combinations = [
  { inputs: 1, area: 1, maps: 1 },
  { inputs: 3, area: 9, maps: 2 },
  { inputs: 6, area: 25, maps: 5 },
  { inputs: 4, area: 6, maps: 9 },
  { inputs: 2, area: 4, maps: 0 },
].flatMap((size) => [0, 1].map((shared) => ({ ...size, shared })));

/** α as softmax of random c, [maps][inputs], with its logarithm. */
function alphas(maps: number, inputs: number): { alpha: Contents; logAlpha: Contents } {
  const mix = reals(maps * inputs, 3);
  const log = Array.from(mix.values, (c, n) => {
    const row = Array.from(mix.values).slice(Math.floor(n / inputs) * inputs, (Math.floor(n / inputs) + 1) * inputs);
    return c - Math.log(row.reduce((sum, other) => sum + Math.exp(other), 0));
  });
  return {
    alpha: { type: "real", values: Float32Array.from(log, Math.exp) },
    logAlpha: { type: "real", values: Float32Array.from(log) },
  };
}

const flat = (make: (count: number, n: number) => KernelCase): KernelCase[] => counts.map(make);

export const cases: Record<KernelName, () => KernelCase[]> = {
  clear: () => flat((count) => ({ arrays: { output: reals(count) }, numbers: { count } })),
  square: () => flat((count) => ({ arrays: { input: reals(count), output: reals(count) }, numbers: { count } })),

  gather: () =>
    Object.values(dtypeCodes).flatMap((dtype) =>
      [
        [1, 1],
        [2, 3],
        [1, 4],
        [3, 5],
        [2, 35],
      ].flatMap(([channels, pixels]) =>
        [
          { lanes: 8, count: 8 },
          { lanes: 8, count: 3 },
          { lanes: 8, count: 6 },
          { lanes: 8, count: 0 },
          { lanes: 1, count: 1 },
          { lanes: 1, count: 0 },
        ].map(({ lanes, count }) => {
          const size = 6 * channels * pixels;
          const samples: Contents =
            dtype === dtypeCodes.uint8
              ? { type: "byte", values: Array.from({ length: size }, () => whole(256)) }
              : { type: dtype === dtypeCodes.float32 ? "float32" : "real", values: reals(size).values };
          return {
            arrays: {
              samples,
              header: header(count, 6),
              mean: reals(channels),
              factor: positive(channels),
              output: reals(channels * pixels * lanes),
            },
            numbers: { dtype, channels: channels, pixels: pixels, lanes },
          };
        }),
      ),
    ),

  pad: () =>
    [
      [1, 7, 5, 2],
      [3, 2, 9, 1],
      [2, 3, 4, 0],
      [0, 3, 4, 1],
    ].flatMap(([maps, rows, columns, padding]) =>
      bothLanes.map((lanes) => ({
        arrays: {
          input: reals(maps * rows * columns * lanes),
          output: reals(maps * (rows + 2 * padding) * (columns + 2 * padding) * lanes),
        },
        numbers: { maps: maps, rows: rows, columns: columns, padding: padding, lanes },
      })),
    ),

  /** With a shortcut and without, filters not prepared. */
  convolutionForward: () =>
    eachConvolution(({ numbers, x, padded, y }, n) => {
      const { inputs, size, maps, padding } = numbers;
      return {
        arrays: {
          input: reals(x),
          ...(padding > 0 ? { padded: { type: "real", values: new Float32Array(padded) } } : {}),
          // As in a network: what f is given is around 1.
          weights: reals(inputs * size * size * maps, 1 / Math.sqrt(inputs * size * size + 1)),
          bias: reals(maps),
          ...(n % 4 < 2 ? { shortcut: reals(y) } : {}),
          output: reals(y),
        },
        numbers: { ...numbers, activation: cycle(activations, n) },
      };
    }),

  convolutionPrepare: () =>
    [
      [8, 8],
      [9, 11],
      [17, 16],
      [5, 12],
      [12, 7],
    ].map(([inputs, maps]) => ({
      arrays: {
        weights: reals(inputs * 9 * maps),
        prepared: { type: "real", values: new Float32Array(preparedFloats({ inputs, maps })) },
      },
      numbers: { inputs, maps },
    })),

  convolutionBackward: () =>
    eachConvolution(({ numbers, outRows, outColumns, x, y }, n) => {
      const { inputs, size, maps } = numbers;
      return {
        arrays: {
          delta: reals(y),
          weights: reals(inputs * size * size * maps),
          input: reals(x),
          output: reals(x),
        },
        numbers: { ...numbers, outRows, outColumns, gate: cycle(gates, n) },
      };
    }),

  convolutionGradient: () =>
    eachConvolution(({ numbers, x, y }, n) => {
      const { inputs, size, maps, padding } = numbers;
      const input = reals(x);
      return {
        arrays: {
          input,
          ...(padding > 0 ? { padded: between(input.values, numbers) } : {}),
          delta: reals(y),
          gradient: reals(inputs * size * size * maps),
          ...(n % 4 === 3 ? {} : { biasGradient: reals(maps) }),
        },
        numbers: { ...numbers },
      };
    }),

  denseForward: () =>
    eachDense(({ inputs, units }, lanes, n) => ({
      arrays: {
        input: reals(inputs * lanes),
        weights: reals(inputs * units),
        bias: reals(units),
        output: reals(units * lanes),
      },
      numbers: { inputs, units, activation: cycle(activations, n + lanes), lanes },
    })),

  denseBackward: () =>
    eachDense(({ inputs, units }, lanes, n) => ({
      arrays: {
        delta: reals(units * lanes),
        weights: reals(inputs * units),
        input: reals(inputs * lanes),
        output: reals(inputs * lanes),
      },
      numbers: { inputs, units, gate: cycle(gates, n + lanes), lanes },
    })),

  denseGradient: () =>
    eachDense(({ inputs, units }, lanes, n) => ({
      arrays: {
        input: reals(inputs * lanes),
        delta: reals(units * lanes),
        gradient: reals(inputs * units),
        ...(n % 3 === 2 ? {} : { biasGradient: reals(units) }),
      },
      numbers: { inputs, units, lanes },
    })),

  denseBlocksForward: () =>
    eachRunOfBlocks((blocks, { inputs, units }, n) => ({
      arrays: {
        ...ofBlocks(blocks, { input: inputs, output: units }),
        weights: reals(inputs * units),
        bias: reals(units),
      },
      tables: tableOf(blocks, ["input", "output", 0, 0]),
      numbers: { count: blocks.length, inputs, units, activation: cycle(activations, n) },
    })),

  denseBlocksBackward: () =>
    eachRunOfBlocks((blocks, { inputs, units }, n) => ({
      arrays: {
        ...ofBlocks(blocks, { input: inputs, delta: units, below: inputs }),
        weights: reals(inputs * units),
      },
      tables: tableOf(blocks, ["input", 0, "delta", "below"]),
      numbers: { count: blocks.length, inputs, units, gate: cycle(gates, n) },
    })),

  denseBlocksGradient: () =>
    eachRunOfBlocks((blocks, { inputs, units }) => {
      const from = Math.floor(inputs / 3);
      return {
        arrays: {
          ...ofBlocks(blocks, { input: inputs, delta: units }),
          gradient: reals((inputs - from) * units),
          scale: fixed(0.02),
        },
        tables: tableOf(blocks, ["input", 0, "delta", 0]),
        numbers: { count: blocks.length, from, rows: inputs - from, units },
      };
    }),

  subsamplingForward: () =>
    eachSubsampling((size, reduce, lanes, n) => ({
      arrays: {
        input: reals(size.maps * size.rows * size.columns * lanes),
        beta: reals(size.maps),
        bias: reals(size.maps),
        output: reals(outputsOf(size, lanes)),
        ...(n % 3 === 2 ? {} : { down: reals(outputsOf(size, lanes)) }),
        ...(n % 4 === 1 ? {} : { winners: ints(new Array<number>(outputsOf(size, lanes)).fill(7)) }),
      },
      numbers: { ...size, reduce, activation: cycle(activations, n), lanes },
    })),

  subsamplingBackward: () =>
    // A maximum takes some of the gates upon itself.
    gates.flatMap((gate, turn) =>
      eachSubsampling((size, reduce, lanes, n) => {
        const x = reals(size.maps * size.rows * size.columns * lanes);
        return {
          arrays: {
            delta: reals(outputsOf(size, lanes)),
            beta: reals(size.maps),
            ...(reduce === reduceCodes.max ? maxima(size, lanes) : { input: x }),
            output: reals(size.maps * size.rows * size.columns * lanes),
          },
          numbers: { ...size, reduce, gate: reduce === reduceCodes.max ? gate : cycle(gates, n + turn), lanes },
        };
      }),
    ),

  subsamplingGradient: () =>
    [
      [1, 1],
      [2, 3],
      [1, 4],
      [3, 8],
      [2, 9],
      [2, 35],
      [0, 5],
    ].flatMap(([maps, positions]) =>
      bothLanes.map((lanes) => ({
        arrays: {
          delta: reals(maps * positions * lanes),
          down: reals(maps * positions * lanes),
          betaGradient: reals(maps),
          biasGradient: reals(maps),
        },
        numbers: { maps: maps, positions: positions, lanes },
      })),
    ),

  dropoutForward: () =>
    dropouts.map(({ units, lanes }, n) => ({
      arrays: {
        input: reals(units * lanes),
        output: reals(units * lanes),
        header: header(lanes),
        key: { type: "word", values: [whole(2 ** 32)] },
        factor: fixed(1.6),
      },
      numbers: { threshold: cycle([0, 1610612736, 3221225472, 4294967295], n), units, lanes },
    })),

  dropoutBackward: () =>
    dropouts.map(({ units, lanes }, n) => ({
      arrays: {
        delta: reals(units * lanes),
        input: reals(units * lanes),
        output: reals(units * lanes),
        header: header(lanes),
        key: { type: "word", values: [whole(2 ** 32)] },
        factor: fixed(1.6),
      },
      numbers: { threshold: cycle([0, 1610612736, 3221225472, 4294967295], n), units, gate: cycle(gates, n), lanes },
    })),

  normalisationStatistics: () =>
    normalisations.map(({ maps, positions, lanes, count }) => ({
      arrays: {
        input: reals(maps * positions * lanes, 3),
        header: header(count),
        sums: doubles(...Array.from({ length: 2 * maps }, draw)),
      },
      numbers: { maps, positions, lanes },
    })),

  normalisationMoments: () =>
    [
      [1, 1],
      [3, 2],
      [2, 5],
      [0, 1],
    ].flatMap(([maps, shards]) =>
      [true, false].map((tracks) => ({
        arrays: {
          sums: doubles(...Array.from({ length: shards * 8 }, (_, n) => (n % 2 === 0 ? draw() * 4 - 2 : 5 + draw()))),
          moments: reals(2 * maps),
          ...(tracks ? { runningMean: reals(maps), runningVariance: positive(maps) } : {}),
          settings: doubles(shards === 1 ? 1 : 7, 0.1, 1e-5),
        },
        numbers: { maps: maps, shards: shards, stride: 64 },
      })),
    ),

  normalisationForward: () =>
    normalisations.map(({ maps, positions, lanes, count }, n) => ({
      arrays: {
        input: reals(maps * positions * lanes),
        header: header(count),
        moments: positive(2 * maps),
        weight: reals(maps),
        bias: reals(maps),
        ...(n % 2 === 1 ? { shortcut: reals(maps * positions * lanes) } : {}),
        output: reals(maps * positions * lanes),
      },
      numbers: { maps, positions, activation: cycle(activations, n), lanes },
    })),

  normalisationBackwardStatistics: () =>
    normalisations.map(({ maps, positions, lanes, count }) => ({
      arrays: {
        delta: reals(maps * positions * lanes),
        input: reals(maps * positions * lanes),
        header: header(count),
        moments: positive(2 * maps),
        sums: doubles(...Array.from({ length: 2 * maps }, draw)),
      },
      numbers: { maps, positions, lanes },
    })),

  normalisationBackwardMoments: () =>
    [
      [1, 1],
      [3, 2],
      [2, 5],
      [0, 1],
    ].map(([maps, shards]) => ({
      arrays: {
        sums: doubles(...Array.from({ length: shards * 8 }, () => draw() * 4 - 2)),
        means: reals(2 * maps),
        weightGradient: reals(maps),
        biasGradient: reals(maps),
        settings: doubles(50),
      },
      numbers: { maps: maps, shards: shards, stride: 64 },
    })),

  normalisationBackward: () =>
    normalisations.flatMap(({ maps, positions, lanes, count }, n) =>
      [true, false].map((inPlace) => ({
        arrays: {
          delta: reals(maps * positions * lanes),
          input: reals(maps * positions * lanes),
          header: header(count),
          moments: positive(2 * maps),
          means: reals(2 * maps),
          weight: reals(maps),
          ...(inPlace ? {} : { output: reals(maps * positions * lanes) }),
        },
        ...(inPlace ? { places: { output: "delta" } } : {}),
        numbers: { maps, positions, gate: cycle(gates, n), lanes },
      })),
    ),

  residualForward: () =>
    counts.flatMap((count, n) =>
      activations.map((activation) => ({
        arrays: { input: reals(count, 1 + (n % 3)), shortcut: reals(count), output: reals(count) },
        numbers: { activation, count },
      })),
    ),

  residualBackward: () =>
    [
      [1, 7, 5, 1],
      [3, 4, 9, 1],
      [2, 1, 1, 1],
      [0, 3, 5, 1],
      [2, 7, 5, 2],
      [3, 6, 11, 2],
      [1, 8, 7, 3],
      [2, 1, 1, 2],
    ].flatMap(([maps, rows, columns, stride]) =>
      bothLanes.flatMap((lanes) =>
        gates.map((gate) => {
          const seen = maps * Math.ceil(rows / stride) * Math.ceil(columns / stride) * lanes;
          const all = maps * rows * columns * lanes;
          return {
            arrays: { delta: reals(seen), input: reals(all), output: reals(all) },
            numbers: { gate, maps, rows, columns, stride, lanes },
          };
        }),
      ),
    ),

  softmax: () =>
    [1, 2, 3, 10, 26].flatMap((units) =>
      bothLanes.map((lanes) => ({
        arrays: { input: reals(units * lanes, units === 3 ? 200 : 6), output: reals(units * lanes) },
        numbers: { units, lanes },
      })),
    ),

  loss: () =>
    losses(({ kind, softmax, activation, units, lanes, count }, n) => {
      const logits = reals(units * lanes, 5);
      const output = softmax === 1 ? softmaxOf(logits, units, lanes) : reals(units * lanes);
      return {
        arrays: {
          output,
          ...(softmax === 1 ? { logits } : {}),
          ...(n % 4 === 3 ? {} : { delta: reals(units * lanes) }),
          labels: ints(Array.from({ length: 8 }, () => whole(units))),
          header: header(count),
          targets: softmax === 1 ? fixed(0, 1) : fixed(-1, 1),
          totals: doubles(3.25, 2),
        },
        numbers: { kind, softmax, activation, units, lanes },
      };
    }),

  lossCurvature: () =>
    // Outputs near each other, and some where one unit takes all.
    losses(({ kind, softmax, activation, units, lanes, count }, n) => ({
      arrays: {
        output: softmaxOf(reals(units * lanes, cycle([1, 20], n)), units, lanes),
        delta: reals(units * lanes),
        header: header(count),
      },
      numbers: { kind, softmax, activation, units, lanes },
    })),

  scatter: () =>
    [1, 3, 10].flatMap((units) =>
      [
        { lanes: 8, count: 8 },
        { lanes: 8, count: 3 },
        { lanes: 8, count: 0 },
        { lanes: 1, count: 1 },
      ].map(({ lanes, count }) => ({
        arrays: { output: reals(units * lanes), header: header(count), results: reals(8 * units) },
        numbers: { units, lanes },
      })),
    ),

  combinationAlpha: () =>
    [
      [1, 1],
      [2, 3],
      [5, 6],
      [9, 4],
      [0, 3],
    ].map(([maps, inputs]) => ({
      arrays: { mix: reals(maps * inputs, 8), alpha: reals(maps * inputs), logAlpha: reals(maps * inputs) },
      numbers: { maps: maps, inputs: inputs },
    })),

  combinationWeights: () =>
    combinations.map(({ inputs, area, maps, shared }) => ({
      arrays: {
        filters: reals(inputs * area * (shared ? 1 : maps)),
        alpha: alphas(maps, inputs).alpha,
        weights: reals(inputs * area * maps),
      },
      numbers: { inputs, area, maps, shared },
    })),

  combinationGradient: () =>
    combinations.map(({ inputs, area, maps, shared }) => {
      const filters = inputs * area * (shared ? 1 : maps);
      return {
        arrays: {
          gradient: reals(inputs * area * maps),
          filters: reals(filters),
          alpha: alphas(maps, inputs).alpha,
          filterGradient: reals(filters),
          mixGradient: reals(maps * inputs),
          work: reals(maps * inputs),
        },
        numbers: { inputs, area, maps, shared },
      };
    }),

  combinationPenalty: () =>
    Object.values(penaltyCodes).flatMap((penalty) =>
      [
        [1, 1],
        [2, 3],
        [5, 6],
        [0, 4],
      ].map(([maps, inputs]) => ({
        arrays: {
          ...alphas(maps, inputs),
          mixGradient: reals(maps * inputs),
          strength: fixed(0.375),
          omega: doubles(9),
        },
        numbers: { penalty, maps: maps, inputs: inputs },
      })),
    ),

  mask: () =>
    [
      [1, 1, 1],
      [3, 9, 2],
      [6, 25, 16],
      [2, 4, 0],
    ].map(([inputs, area, maps]) => ({
      arrays: {
        gradient: reals(inputs * area * maps),
        mask: { type: "byte", values: Array.from({ length: inputs * maps }, () => whole(2)) },
      },
      numbers: { inputs: inputs, area: area, maps: maps },
    })),

  reduce: () =>
    counts.flatMap((count) =>
      [1, 2, 5].map((shards) => ({
        arrays: { gradients: reals(shards * 128), output: reals(count), scale: fixed(0.02) },
        numbers: { shards, stride: 128, count },
      })),
    ),

  squaredNorm: () => flat((count) => ({ arrays: { gradient: reals(count), partial: doubles(7) }, numbers: { count } })),
  scale: () => flat((count) => ({ arrays: { gradient: reals(count), scale: fixed(0.3) }, numbers: { count } })),

  sgd: () =>
    counts.flatMap((count) =>
      [0, 1].flatMap((nesterov) =>
        [true, false].map((hasVelocity) => ({
          arrays: {
            parameters: reals(count),
            gradient: reals(count),
            ...(hasVelocity ? { velocity: reals(count) } : {}),
            settings: fixed(0.05, 0.9, count % 2 === 0 ? 0 : 0.01),
          },
          numbers: { nesterov, count },
        })),
      ),
    ),

  adam: () =>
    flat((count) => ({
      arrays: {
        parameters: reals(count),
        gradient: reals(count),
        first: reals(count),
        second: positive(count),
        settings: fixed(0.002, 0.9, 0.1, 0.999, 0.001, 1.5, 1e-8, 0.01),
      },
      numbers: { count },
    })),

  levenbergMarquardt: () =>
    flat((count) => ({
      arrays: {
        parameters: reals(count),
        gradient: reals(count),
        curvature: positive(count),
        settings: fixed(0.05, 0.02, 0.001),
      },
      numbers: { count },
    })),
};
