/**
 * Where a training step, or a prediction, goes: processor time of each kernel at each shape on one thread, its part of
 * the whole, GFLOP/s by direct count and the share of the core's peak (bench/peak.c). Each recorded call counts with
 * its best round, so a busy machine changes little; what the caches hold from call to call is that of real work.
 *
 *     npm run build && node dist/bench/profile.js --network D
 *     node dist/bench/profile.js --network E --mode inference --numerics fast
 *     node dist/bench/profile.js --network C --numerics fast --kernels assembly --rounds 20 --least 0
 */
import { parseArgs } from "node:util";
import {
  createMemory,
  createPredictor,
  createTrainer,
  planPrediction,
  planTraining,
  request,
  type Kernels,
} from "../engine/index.ts";
import { callBytes, contract, addressArguments, kernelNames, type KernelName } from "../engine/kernels/kernels.ts";
import type { Numerics } from "../schemas/job.ts";
import { sizeOf } from "../schemas/shape.ts";
import { classes, flopsPerSample, networks, type Mode, type NetworkName } from "./cases.ts";
import { findKernels } from "./engine-kernels.ts";
import { endlessTraining, initialWeights, plainNormalisation } from "./initial-weights.ts";
import { measurePeak } from "./peak.ts";
import { pictures } from "./protocol.ts";

const { values: options } = parseArgs({
  options: {
    network: { type: "string", default: "D" },
    mode: { type: "string", default: "training" },
    numerics: { type: "string", default: "reproducible" },
    kernels: { type: "string", default: "native" },
    batch: { type: "string", default: "64" },
    rounds: { type: "string", default: "10" },
    /** Per cent of the whole below which kernels are put together. */
    least: { type: "string", default: "0.5" },
  },
});
const name = options.network as NetworkName;
const mode = options.mode as Mode;
const numerics = options.numerics as Numerics;
const batch = Number(options.batch);
const definition = networks[name];
if (!definition) throw new Error(`--network ${name} is none of ${Object.keys(networks).join(", ")}`);

interface Timed {
  calls: number;
  /** The best round, µs. */
  best: number;
}

const spent = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** The same kernels, each recorded call timed by itself. */
function timing(inner: Kernels, timed: Map<number, Timed>): Kernels {
  return {
    name: inner.name,
    run(program, calls) {
      for (let at = program; at < program + calls * callBytes; at += callBytes) {
        const start = spent();
        inner.run(at, 1);
        const took = spent() - start;
        const known = timed.get(at);
        timed.set(at, { calls: (known?.calls ?? 0) + 1, best: Math.min(took, known?.best ?? Infinity) });
      }
    },
  };
}

/** Multiplications and additions of a call, of the kernels that do most of them. */
function flopOf(kernel: KernelName, given: Record<string, number>): number {
  const { inputs, maps, size, stride, rows, columns, lanes, units, count, padding = 0 } = given;
  const outSide = (side: number): number => Math.floor((side + 2 * padding - size) / stride) + 1;
  switch (kernel) {
    case "convolutionForward":
    case "convolutionGradient":
      return 2 * inputs * maps * size * size * outSide(rows) * outSide(columns) * lanes;
    case "convolutionBackward":
      return 2 * inputs * maps * size * size * given.outRows * given.outColumns * lanes;
    case "denseForward":
    case "denseBackward":
    case "denseGradient":
      return 2 * inputs * units * lanes;
    case "denseBlocksForward":
    case "denseBlocksBackward":
      return 2 * inputs * units * Math.min(batch, 8 * count);
    case "denseBlocksGradient":
      return 2 * rows * units * batch;
    default:
      return 0;
  }
}

interface Line {
  title: string;
  flop: number;
  /** Calls, and µs, of all rounds. */
  calls: number;
  time: number;
}

function linesOf(timed: ReadonlyMap<number, Timed>, words: Uint32Array): Line[] {
  const lines = new Map<string, Line>();
  for (const [at, { calls, best }] of timed) {
    const kernel = kernelNames[words[at / 4]];
    const given = contract[kernel]
      .map((argument, index): [string, number] => [argument, words[at / 4 + 1 + index]])
      .filter(([argument]) => !addressArguments.has(argument) && argument !== "from");
    const title = [kernel, ...given.map(([argument, value]) => `${argument} ${value}`)].join(", ");
    const line = lines.get(title) ?? { title, flop: flopOf(kernel, Object.fromEntries(given)), calls: 0, time: 0 };
    lines.set(title, { ...line, calls: line.calls + calls, time: line.time + best * calls });
  }
  return [...lines.values()].sort((a, b) => b.time - a.time);
}

const timed = new Map<number, Timed>();
const rounds = Number(options.rounds);

interface Profiled {
  memory: WebAssembly.Memory;
  kernels: string;
  /** A training step, or a prediction of a batch. */
  work: () => void;
}

function training(): Profiled {
  const plan = planTraining(endlessTraining({ definition, batch, threads: 1 }, numerics, batch));
  const memory = createMemory(plan);
  const { train } = plan.splits;
  const made = pictures(batch, sizeOf(definition.input));
  new Uint8Array(memory.buffer, train.samplesAddress, made.samples.length).set(
    made.samples.map((value) => Math.round(value * 255)),
  );
  new Int32Array(memory.buffer, train.labelsAddress, batch).set(made.labels);
  const inner = findKernels(options.kernels, numerics)(memory);
  const run = createTrainer({ plan, memory, kernels: timing(inner, timed) }).run();
  // One step an epoch, and a report after each.
  const work = (): void => {
    Atomics.or(new Int32Array(memory.buffer, plan.controlAddress, 1), 0, request.report);
    for (;;) {
      const { value, done } = run.next();
      if (done || value.kind === "progress") break;
    }
  };
  return { memory, kernels: inner.name, work };
}

function inference(): Profiled {
  const { network, input } = definition;
  const plan = planPrediction({
    network,
    input,
    classes,
    normalisation: plainNormalisation(input, 1),
    batch,
    numerics,
  });
  const memory = createMemory(plan);
  const inner = findKernels(options.kernels, numerics)(memory);
  const weights = initialWeights({ definition, network: name, mode, batch, threads: 1 });
  const predictor = createPredictor({ plan, memory, kernels: timing(inner, timed), weights });
  const { samples } = pictures(batch, sizeOf(input));
  return { memory, kernels: inner.name, work: () => void predictor.predict(samples, batch) };
}

const { memory, kernels, work } = mode === "training" ? training() : inference();
// The first warms up.
work();
timed.clear();
for (let round = 0; round < rounds; round++) work();

const lines = linesOf(timed, new Uint32Array(memory.buffer));
const peaks = measurePeak();
const peak = peaks?.[kernels.endsWith("-fast") || kernels.endsWith("-relaxed") ? "fused" : "strict"] ?? Number.NaN;
const total = lines.reduce((sum, { time }) => sum + time, 0);
const isLarge = ({ time }: Line): boolean => time >= (total * Number(options.least)) / 100;
const rest = lines.filter((line) => !isLarge(line)).reduce((sum, { time }) => sum + time, 0);
const share = (time: number): string => `${((100 * time) / total).toFixed(1)} %`;
const speed = (flop: number, time: number): string =>
  flop > 0 ? `${(flop / time / 1e3).toFixed(0)} (${((100 * flop) / time / 1e3 / peak).toFixed(0)} %)` : "–";

console.log(`network ${name}, ${mode}, batch ${batch}, ${kernels}, peak of the core ${peak} GFLOP/s\n`);
console.log("| kernel | calls | µs a call | of the whole | GFLOP/s (of the peak) |\n|--|--:|--:|--:|--:|");
for (const line of lines.filter(isLarge)) {
  const { title, flop, calls, time } = line;
  console.log(
    `| ${title} | ${calls / rounds} | ${(time / calls).toFixed(0)} | ${share(time)} | ${speed(flop, time / calls)} |`,
  );
}
console.log(`| all others | | | ${share(rest)} | |`);
const flop = batch * flopsPerSample({ network: name, mode });
console.log(
  `| all, ${((batch * rounds * 1e6) / total).toFixed(0)} samples/s | 1 | ${(total / rounds).toFixed(0)} | 100 % | ${speed(flop, total / rounds)} |`,
);
