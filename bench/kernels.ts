/**
 * Micro-benchmark of the kernels: GFLOP/s of each kernel in each implementation at the sizes of the networks A, B and C
 * and of D (RGB 32×32: 64, 128 and 256 maps of 3×3 with batch normalisation), as medians of interleaved rounds, with
 * the share of the core's peak (a loop of multiply-adds that never leaves the registers).
 *
 *     npm run build && node dist/bench/kernels.js                      everything
 *     node dist/bench/kernels.js --only native-x86-64-v4,assembly      some implementations
 *     node dist/bench/kernels.js --kernel "C c2" --lanes 8 --rounds 31 --best    the best round instead of the median,
 *                                                                                on a busy machine
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { createMemory } from "../engine/index.ts";
import {
  activationCodes,
  addressArguments,
  callWords,
  contract,
  dtypeCodes,
  opcodes,
  reduceCodes,
} from "../engine/kernels/kernels.ts";
import type { KernelArguments, KernelName, Kernels } from "../engine/kernels/kernels.ts";
import { everyKernels, loadKernels } from "../services/shared/kernels.ts";
import { measurePeak } from "./peak.ts";

interface Case {
  title: string;
  kernel: KernelName;
  /** Counts and codes. */
  given: Record<string, number>;
  /** Floats behind each address. */
  arrays: Record<string, number>;
  /** Multiplications and additions of one call. */
  flop: number;
}

interface Convolution {
  of: string;
  inputs: number;
  /** Without the padding. */
  rows: number;
  columns: number;
  maps: number;
  size: number;
  padding?: number;
  lanes: number;
  f: number;
  below: number | null;
}

/** Forward, backward (where there is a layer below) and gradient of one convolution. */
function convolution({ of, inputs, rows, columns, maps, size, padding = 0, lanes, f, below }: Convolution): Case[] {
  const [outRows, outColumns] = [rows + 2 * padding - size + 1, columns + 2 * padding - size + 1];
  const shape = { inputs, rows, columns, maps, size, stride: 1, padding, lanes };
  const x = inputs * rows * columns * lanes;
  const between = padding > 0 ? { padded: inputs * (rows + 2 * padding) * (columns + 2 * padding) * lanes } : {};
  const y = maps * outRows * outColumns * lanes;
  const weights = inputs * size * size * maps;
  const flop = 2 * y * inputs * size * size;
  return [
    {
      title: `${of} forward`,
      kernel: "convolutionForward",
      given: { ...shape, activation: f },
      arrays: { input: x, ...between, weights, bias: maps, output: y },
      flop,
    },
    ...(below === null
      ? []
      : [
          {
            title: `${of} backward`,
            kernel: "convolutionBackward" as const,
            given: { ...shape, outRows, outColumns, gate: below },
            arrays: { delta: y, weights, input: x, output: x },
            flop,
          },
        ]),
    {
      title: `${of} gradient`,
      kernel: "convolutionGradient",
      given: shape,
      arrays: { input: x, ...between, delta: y, gradient: weights, biasGradient: maps },
      flop,
    },
  ];
}

function dense({
  of,
  inputs,
  units,
  lanes,
  f,
}: {
  of: string;
  inputs: number;
  units: number;
  lanes: number;
  f: number;
}): Case[] {
  const [x, y, weights] = [inputs * lanes, units * lanes, inputs * units];
  const flop = 2 * inputs * units * lanes;
  return [
    {
      title: `${of} forward`,
      kernel: "denseForward",
      given: { inputs, units, activation: f, lanes },
      arrays: { input: x, weights, bias: units, output: y },
      flop,
    },
    {
      title: `${of} backward`,
      kernel: "denseBackward",
      given: { inputs, units, gate: f, lanes },
      arrays: { delta: y, weights, input: x, output: x },
      flop,
    },
    {
      title: `${of} gradient`,
      kernel: "denseGradient",
      given: { inputs, units, lanes },
      arrays: { input: x, delta: y, gradient: weights, biasGradient: units },
      flop,
    },
  ];
}

function subsampling({
  of,
  maps,
  rows,
  lanes,
  f,
  reduce,
  below,
}: {
  of: string;
  maps: number;
  rows: number;
  lanes: number;
  f: number;
  reduce: number;
  below: number;
}): Case[] {
  const x = maps * rows * rows * lanes;
  const shape = { maps, rows, columns: rows, blockRows: 2, blockColumns: 2, reduce, lanes };
  return [
    {
      title: `${of} forward`,
      kernel: "subsamplingForward",
      given: { ...shape, activation: f },
      arrays: { input: x, beta: maps, bias: maps, output: x / 4, down: x / 4, winners: x / 4 },
      flop: x,
    },
    {
      title: `${of} backward`,
      kernel: "subsamplingBackward",
      given: { ...shape, gate: below },
      arrays: { delta: x / 4, beta: maps, input: x, down: x / 4, winners: x / 4, output: x },
      flop: x,
    },
  ];
}

/** Batch normalisation of maps of rows × rows pixels. */
function normalisation({ of, maps, rows, lanes }: { of: string; maps: number; rows: number; lanes: number }): Case[] {
  const x = maps * rows * rows * lanes;
  const shape = { maps, positions: rows * rows, lanes };
  const arrays = { input: x, header: 32, moments: 2 * maps };
  return [
    {
      title: `${of} statistics`,
      kernel: "normalisationStatistics",
      given: shape,
      arrays: { input: x, header: 32, sums: 4 * maps },
      flop: 3 * x,
    },
    {
      title: `${of} forward`,
      kernel: "normalisationForward",
      given: { ...shape, activation: relu },
      arrays: { ...arrays, weight: maps, bias: maps, output: x },
      flop: 4 * x,
    },
    {
      title: `${of} backward statistics`,
      kernel: "normalisationBackwardStatistics",
      given: shape,
      arrays: { ...arrays, delta: x, sums: 4 * maps },
      flop: 5 * x,
    },
    {
      title: `${of} backward`,
      kernel: "normalisationBackward",
      given: { ...shape, gate: linear },
      arrays: { ...arrays, delta: x, means: 2 * maps, weight: maps, output: x },
      flop: 6 * x,
    },
  ];
}

const { linear, sigmoid, tanh, relu } = activationCodes;

/** The layers of network D, whose convolutions are 3×3 with padding 1. */
const layersOfD = (lanes: number): Case[] => [
  ...[
    { inputs: 3, maps: 64, rows: 32 },
    { inputs: 64, maps: 64, rows: 32 },
    { inputs: 64, maps: 128, rows: 16 },
    { inputs: 128, maps: 128, rows: 16 },
    { inputs: 128, maps: 256, rows: 8 },
  ].flatMap(({ inputs, maps, rows }) =>
    convolution({
      of: `D ${rows}² ${inputs}→${maps} 3×3p1`,
      inputs,
      rows,
      columns: rows,
      maps,
      size: 3,
      padding: 1,
      lanes,
      f: linear,
      below: inputs === 3 ? null : relu,
    }),
  ),
  ...normalisation({ of: "D 32² 64 normalisation", maps: 64, rows: 32, lanes }),
];

function cases(lanes: number): Case[] {
  return [
    ...convolution({
      of: "A c1 28² 1→6 5×5",
      inputs: 1,
      rows: 28,
      columns: 28,
      maps: 6,
      size: 5,
      lanes,
      f: sigmoid,
      below: null,
    }),
    ...subsampling({ of: "A s2 24² 6", maps: 6, rows: 24, lanes, f: linear, reduce: reduceCodes.mean, below: sigmoid }),
    ...convolution({
      of: "A c3 12² 6→12 5×5",
      inputs: 6,
      rows: 12,
      columns: 12,
      maps: 12,
      size: 5,
      lanes,
      f: sigmoid,
      below: linear,
    }),
    ...dense({ of: "A 192→10", inputs: 192, units: 10, lanes, f: sigmoid }),
    ...convolution({
      of: "B c1 32² 1→6 5×5",
      inputs: 1,
      rows: 32,
      columns: 32,
      maps: 6,
      size: 5,
      lanes,
      f: tanh,
      below: null,
    }),
    ...convolution({
      of: "B c3 14² 6→16 5×5",
      inputs: 6,
      rows: 14,
      columns: 14,
      maps: 16,
      size: 5,
      lanes,
      f: tanh,
      below: tanh,
    }),
    ...dense({ of: "B 400→120", inputs: 400, units: 120, lanes, f: tanh }),
    ...dense({ of: "B 120→84", inputs: 120, units: 84, lanes, f: tanh }),
    ...convolution({
      of: "C c1 28² 1→32 3×3",
      inputs: 1,
      rows: 28,
      columns: 28,
      maps: 32,
      size: 3,
      lanes,
      f: relu,
      below: null,
    }),
    ...convolution({
      of: "C c2 26² 32→64 3×3",
      inputs: 32,
      rows: 26,
      columns: 26,
      maps: 64,
      size: 3,
      lanes,
      f: relu,
      below: relu,
    }),
    ...subsampling({ of: "C max 24² 64", maps: 64, rows: 24, lanes, f: linear, reduce: reduceCodes.max, below: relu }),
    ...dense({ of: "C 9216→128", inputs: 9216, units: 128, lanes, f: relu }),
    ...layersOfD(lanes),
    {
      title: "gather 28²",
      kernel: "gather",
      given: { dtype: dtypeCodes.uint8, channels: 1, pixels: 784, lanes },
      arrays: { samples: 784 * 8, header: 32, mean: 1, factor: 1, output: 784 * lanes },
      flop: 2 * 784 * lanes,
    },
    ...(lanes === 1
      ? []
      : [
          {
            title: "sgd 61,706, momentum",
            kernel: "sgd" as const,
            given: { nesterov: 0, count: 61_706 },
            arrays: { parameters: 61_706, gradient: 61_706, velocity: 61_706, settings: 3 },
            flop: 6 * 61_706,
          },
          {
            title: "reduce 7 × 61,706",
            kernel: "reduce" as const,
            given: { shards: 7, stride: 61_720 * 4, count: 61_706 },
            arrays: { gradients: 7 * 61_720, output: 61_706, scale: 1 },
            flop: 7 * 61_706,
          },
        ]),
  ];
}

const memoryBytes = 64 * 1024 * 1024;
const memory = createMemory({ bytes: memoryBytes });
const floats = new Float32Array(memory.buffer);
const words = new Uint32Array(memory.buffer);
const repeats = 64;
/** Byte address of the recorded calls: behind the assembly module's constants, before the arrays. */
const program = 32_768;

/** Lays the arrays out, fills them with numbers around zero, and records the call `repeats` times. */
function record({ kernel, given, arrays }: Case): void {
  let next = 65_536;
  const addresses: Record<string, number> = {};
  for (const [name, count] of Object.entries(arrays)) {
    addresses[name] = next;
    if (!["samples", "header"].includes(name))
      for (let n = 0; n < count; n++) floats[next / 4 + n] = Math.sin(n * 12.9898 + next) * 0.1;
    else words.fill(name === "header" ? 0 : 0x40_20_60_10, next / 4, next / 4 + count);
    if (name === "header") words[next / 4] = 8;
    next += Math.ceil((count * 4) / 64) * 64 + 64;
  }
  const call = { ...given, ...addresses } as KernelArguments<KernelName> & Record<string, number>;
  const values = contract[kernel].map(
    (argument) => call[argument] ?? (addressArguments.has(argument) ? 0 : Number.NaN),
  );
  for (let n = 0; n < repeats; n++) words.set([opcodes[kernel], ...values], program / 4 + n * callWords);
}

const processorSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Seconds of processor time of one call: as many repetitions as fill a millisecond. */
function time(kernels: Kernels): number {
  for (let calls = 1; ; calls = Math.min(repeats, calls * 4)) {
    const start = processorSeconds();
    kernels.run(program, calls);
    const seconds = processorSeconds() - start;
    if (seconds > 0.001 || calls === repeats) return seconds / calls;
  }
}

/** The median, or on a busy machine the best round (--best). */
const typical = (values: number[], best: boolean): number =>
  values.toSorted((a, b) => a - b)[best ? 0 : Math.floor(values.length / 2)];

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    kernel: { type: "string", default: "" },
    rounds: { type: "string", default: "15" },
    lanes: { type: "string", default: "8,1" },
    best: { type: "boolean", default: false },
  },
});
const chosen = everyKernels().filter(({ name, kind }) =>
  options.only ? options.only.split(",").includes(name) : kind !== "reference",
);
const peaks = measurePeak();
const bound = chosen.map((description) => ({
  name: description.name,
  kernels: loadKernels(description, memory),
  peak: (peaks?.[description.fast ? "fused" : "strict"] ?? Number.NaN) * 1e9,
}));

console.log(`${cpus()[0]?.model ?? "unknown processor"}, Node ${process.version}, one thread\n`);
console.log(`| lanes | kernel | ${bound.map(({ name }) => name).join(" | ")} |`);
console.log(`|--|--|${bound.map(() => "--:|").join("")}`);
console.log(`| | peak of the core, GFLOP/s | ${bound.map(({ peak }) => (peak / 1e9).toFixed(0)).join(" | ")} |`);
for (const lanes of options.lanes.split(",").map(Number))
  for (const each of cases(lanes).filter(({ title, kernel }) => `${title} ${kernel}`.includes(options.kernel))) {
    record(each);
    const samples = bound.map((): number[] => []);
    for (let round = 0; round < Number(options.rounds); round++)
      for (const [index, { kernels }] of bound.entries()) samples[index].push(time(kernels));
    const cells = bound.map(({ peak }, index) => {
      const seconds = typical(samples[index], options.best);
      return `${(seconds * 1e6).toFixed(1)} µs, ${(each.flop / seconds / 1e9).toFixed(1)} (${((100 * each.flop) / seconds / peak).toFixed(0)} %)`;
    });
    console.log(`| ${lanes} | ${each.title} | ${cells.join(" | ")} |`);
  }
