/**
 * A training, planned down to the last address: regions, units, programs. Every thread makes the same plan from the same spec and runs its part of it;
 * what a thread does between barriers is `kernels.run` over programs recorded here, and the writing of block headers.
 *
 * Regions and who writes them (docs/ARCHITECTURE.md, "Who may write what"): samples, labels, order and settings by thread 0, before the others need them;
 * activations of thread t by thread t; gradients of shard s by the thread that works s; tensors and optimiser state by the owner of the run.
 */
import { sizeOf } from "../schemas/shape.ts";
import type { Split } from "../schemas/dataset.ts";
import { createAugmenter } from "./augmentation.ts";
import { cutBatch, shardsOf, threadOf } from "./batches.ts";
import type { Cut } from "./batches.ts";
import { dtypeCodes, headerCount, headerResults, headerRows, headerSamples } from "./kernels/kernels.ts";
import type { Kernels, RealBytes } from "./kernels/kernels.ts";
import { MemoryPlan, Views } from "./memory.ts";
import { planNetwork, recordEvaluation, recordTrainingPass, writeConstants } from "./network.ts";
import type { NetworkPlan, PassOptions, Phase, Source } from "./network.ts";
import { planMoved } from "./optimisers.ts";
import type { Moved } from "./optimisers.ts";
import { Team, controlInts } from "./parallel.ts";
import { Program } from "./program.ts";
import type { SplitRegion, TrainingSpec } from "./training.ts";
import { lanesFor, unitPlanner } from "./units.ts";
import type { PlannedUnit } from "./units.ts";
import { gradientNorm, planUpdate, shardGradientsOf } from "./update.ts";
import type { UpdatePhases, UpdatePlanner } from "./update.ts";

/** Samples that one evaluation command takes through the network: their outputs fit a bounded region. */
export const evaluationSamples = 8192;

/** A pass over a batch of a given size: what each unit runs first, the phases, and the update. */
interface BatchPrograms {
  cut: Cut;
  units: PlannedUnit[];
  /** By shard: clears sums. */
  begin: Program[];
  phases: Phase[];
  update: UpdatePhases;
  normUpdate: UpdatePhases | null;
}

export interface ExecutionPlan {
  spec: TrainingSpec;
  memory: MemoryPlan;
  network: NetworkPlan;
  moved: Moved[];
  splits: Record<Split, SplitRegion>;
  control: number;
  /** uint32: the epoch's order of the training split. */
  order: number;
  averageScale: number;
  results: number;
  update: UpdatePlanner;
  totals: (shard: number) => number;
  evaluationTotals: (shard: number) => number;
  /** float32 [8][C][H][W] a thread, where samples are distorted. */
  staging: number[];
  full: BatchPrograms;
  tail: BatchPrograms | null;
  curvature: BatchPrograms | null;
  /** A whole batch that moves nothing, forward only and with gradients; outputs go to `results`. Planned for inspection only. */
  inspection: { forward: BatchPrograms; gradient: BatchPrograms } | null;
  prepare: Program[];
  prepareCurvature: Program;
  evaluation: Record<Split, { units: PlannedUnit[]; programs: Program[] } | null>;
  programs: Program[];
}

const splitNames: readonly Split[] = ["train", "validation", "test"];

export const augments = ({ augmentation }: TrainingSpec): boolean =>
  augmentation.shift > 0 || augmentation.rotate > 0 || augmentation.scale > 0 || augmentation.flip || (augmentation.elastic !== null && augmentation.elastic.alpha > 0);

function planSplits(spec: TrainingSpec, memory: MemoryPlan): Record<Split, SplitRegion> {
  const elementBytes = spec.dtype === "uint8" ? 1 : memory.realBytes === 8 ? 8 : 4;
  const regions = splitNames.map((split) => {
    const count = spec.counts[split];
    const samplesBytes = count * sizeOf(spec.input) * elementBytes;
    const region: SplitRegion = {
      count,
      samplesBytes,
      samplesAddress: memory.reserve({ what: `the samples of the ${split} split`, element: "byte", count: samplesBytes }),
      labelsAddress: memory.reserve({ what: `the labels of the ${split} split`, element: "int", count }),
    };
    return [split, region] as const;
  });
  return Object.fromEntries(regions) as Record<Split, SplitRegion>;
}

/** Samples as the kernels read them: bytes, or the reals of this memory. */
const dtypeOf = (spec: TrainingSpec, memory: MemoryPlan): number => (spec.dtype === "uint8" ? dtypeCodes.uint8 : memory.realBytes === 8 ? dtypeCodes.real : dtypeCodes.float32);

/** Plans everything. Throws EngineError before any memory exists. */
export function planExecution(spec: TrainingSpec, realBytes: RealBytes = 4, { inspects } = { inspects: false }): ExecutionPlan {
  const memory = new MemoryPlan(realBytes);
  const { threads, optimiser, batchSize: wanted } = spec;
  const batchSize = Math.max(1, Math.min(wanted, spec.counts.train));
  const control = memory.reserve({ what: "control words", element: "int", count: controlInts });
  const splits = planSplits(spec, memory);
  const order = memory.reserve({ what: "the order of an epoch", element: "int", count: spec.counts.train });
  const averageScale = memory.reserve({ what: "1 / samples", element: "real", count: 1 });
  const network = planNetwork({ network: spec.network, input: spec.input, classes: spec.classes, memory, shards: shardsOf(batchSize), batchSize, averageScale });
  const moved = planMoved({ memory, tensors: network.tensors, optimiser });
  const update = planUpdate({ memory, plan: network, moved, optimiser, threads, averageScale });
  const most = Math.max(...splitNames.map((split) => spec.counts[split]));
  const results = memory.reserve({ what: "the outputs of an evaluation", element: "real", count: Math.min(most, evaluationSamples) * spec.classes });
  const usesCurvature = optimiser.kind === "diagonal-levenberg-marquardt";
  const units = unitPlanner({ memory, plan: network, lanes: lanesFor(batchSize), threads, purpose: "training", curvature: usesCurvature });
  const evaluationUnits = unitPlanner({ memory, plan: network, lanes: 8, threads, purpose: "evaluation", curvature: false });

  const staged = augments(spec);
  const staging = staged ? Array.from({ length: threads }, (_, thread) => memory.reserve({ what: `distorted samples of thread ${thread}`, element: "byte", count: 8 * sizeOf(spec.input) * 4 })) : [];
  const source: Source = { samples: splits.train.samplesAddress, dtype: dtypeOf(spec, memory), labels: splits.train.labelsAddress };
  const sourceOf = (thread: number, pass: PassOptions["pass"]): Source => (staged && pass !== "curvature" ? { ...source, samples: staging[thread]!, dtype: dtypeCodes.float32 } : source);

  const record = (samples: number, pass: PassOptions["pass"], inspecting = false): BatchPrograms => {
    const cut = cutBatch(samples);
    const planned = units.plan(cut);
    const begin = Array.from({ length: cut.shards }, (_, shard) => {
      const program = new Program().call("clear", { output: units.totals(shard), count: 16 / realBytes });
      for (const layer of network.layers) {
        for (const { address, stride, size } of shardGradientsOf(layer, pass === "curvature" ? "curvature" : "gradient")) program.call("clear", { output: address + shard * stride, count: size });
        layer.meetings?.forward.clear(program, shard);
        layer.meetings?.backward.clear(program, shard);
      }
      return program;
    });
    const phases = recordTrainingPass({ plan: network, units: planned, shards: cut.shards, sourceOf: (unit) => sourceOf(planned.find((each) => each === unit)!.thread, pass), loss: spec.loss, pass, results: inspecting ? results : 0 });
    const updateOf = (withNorm: boolean): UpdatePhases => update.record(cut, planned, { withNorm, pass, moves: pass === "gradient" && !inspecting });
    return { cut, units: planned, begin, phases, update: updateOf(false), normUpdate: pass === "gradient" && !inspecting ? updateOf(true) : null };
  };
  const full = record(batchSize, "gradient");
  const rest = spec.counts.train % batchSize;
  const tail = rest > 0 ? record(rest, "gradient") : null;
  const curvature = usesCurvature ? record(batchSize, "curvature") : null;

  const inspection = inspects ? { forward: record(batchSize, "forward", true), gradient: record(batchSize, "gradient", true) } : null;

  const prepare = Array.from({ length: threads }, () => new Program());
  const prepareCurvature = new Program();
  for (const [index, layer] of network.layers.entries()) {
    layer.prepare?.(prepare[index % threads]!);
    if (usesCurvature) layer.prepareCurvature?.(prepareCurvature);
  }
  const evaluationOf = (split: Split): { units: PlannedUnit[]; programs: Program[] } | null => {
    const region = splits[split];
    if (region.count === 0) return null;
    const planned = evaluationUnits.plan(cutBatch(Math.min(region.count, evaluationSamples)));
    const from = { samples: region.samplesAddress, dtype: dtypeOf(spec, memory), labels: region.labelsAddress };
    return { units: planned, programs: planned.map((unit) => recordEvaluation({ plan: network, unit, source: from, loss: spec.loss, results })) };
  };
  const evaluation = Object.fromEntries(splitNames.map((split) => [split, evaluationOf(split)])) as ExecutionPlan["evaluation"];

  const programs = [
    ...[full, tail, curvature, inspection?.forward, inspection?.gradient].flatMap((each) => (each ? programsOf(each) : [])),
    ...prepare,
    prepareCurvature,
    ...splitNames.flatMap((split) => evaluation[split]?.programs ?? []),
  ];
  for (const program of programs) program.reserve(memory);
  return {
    spec: { ...spec, batchSize }, memory, network, moved, splits, control, order, averageScale, results, update, totals: units.totals, evaluationTotals: evaluationUnits.totals,
    staging, full, tail, curvature, inspection, prepare, prepareCurvature, evaluation, programs,
  };
}

const programsOf = ({ begin, phases, update, normUpdate }: BatchPrograms): Program[] => [
  ...begin,
  ...phases.flatMap((phase) => (phase.kind === "units" ? phase.programs : [phase.program])),
  ...[update, normUpdate].flatMap((each) => each?.phases.flatMap((phase) => phase.programs) ?? []),
];

export interface StepArguments {
  /** 0: a whole batch, 1: the smaller last one, 2: second derivatives, 3 and 4: inspection, forward and gradient. */
  kind: 0 | 1 | 2 | 3 | 4;
  /** Place of the batch's first sample in the order. */
  start: number;
  epoch: number;
  withNorm: boolean;
}

/** One thread's part of a batch, picked out once so that a step looks nothing up. */
interface Work {
  cut: Cut;
  begin: Program[];
  phases: { unit: PlannedUnit; program: Program }[][];
  join: (Program | null)[];
  update: UpdatePhases;
  normUpdate: UpdatePhases | null;
}

function workOf({ cut, units, begin, phases, update, normUpdate }: BatchPrograms, thread: number, threads: number): Work {
  return {
    cut,
    begin: begin.filter((_, shard) => threadOf(shard, cut.shards, threads) === thread),
    phases: phases.map((phase) => (phase.kind === "join" ? [] : units.flatMap((unit, at) => (unit.thread === thread ? [{ unit, program: phase.programs[at]! }] : [])))),
    join: phases.map((phase) => (phase.kind === "join" && thread === 0 ? phase.program : null)),
    update,
    normUpdate,
  };
}

/** One thread's hold on an execution. */
export class Execution {
  readonly plan: ExecutionPlan;
  readonly views: Views;
  readonly team: Team;
  private readonly kernels: Kernels;
  private readonly order: Uint32Array;
  /** By kind of step. */
  private readonly work: readonly (Work | null)[];
  private readonly prepares: boolean;
  private readonly distort: ((sample: number, lane: number, epoch: number) => void) | null;

  constructor({ plan, buffer, kernels, thread }: { plan: ExecutionPlan; buffer: ArrayBufferLike; kernels: Kernels; thread: number }) {
    this.plan = plan;
    this.kernels = kernels;
    this.views = new Views(buffer, plan.memory.realBytes);
    this.team = new Team({ words: this.views.ints.subarray(plan.control / 4, plan.control / 4 + controlInts), thread, threads: plan.spec.threads });
    this.order = this.views.words.subarray(plan.order / 4, plan.order / 4 + plan.spec.counts.train);
    this.distort = this.distorter(thread);
    const { full, tail, curvature, inspection } = plan;
    this.work = [full, tail, curvature, inspection?.forward, inspection?.gradient].map((batch) => (batch ? workOf(batch, thread, plan.spec.threads) : null));
    this.prepares = plan.prepare.some((program) => program.calls > 0);
  }

  /** Thread 0, once: programs and constants into the memory. */
  install(): void {
    for (const program of this.plan.programs) program.install(this.views);
    writeConstants(this.plan.network, this.views, this.plan.spec.normalisation);
  }

  private distorter(thread: number): Execution["distort"] {
    const { spec, splits, staging } = this.plan;
    if (staging.length === 0) return null;
    const size = sizeOf(spec.input);
    const { samplesAddress, samplesBytes } = splits.train;
    const input = spec.dtype === "uint8" ? this.views.bytes.subarray(samplesAddress, samplesAddress + samplesBytes) : this.views.floats.subarray(samplesAddress / 4, (samplesAddress + samplesBytes) / 4);
    const output = this.views.floats.subarray(staging[thread]! / 4, staging[thread]! / 4 + 8 * size);
    const augmenter = createAugmenter({ augmentation: spec.augmentation, shape: spec.input, seed: spec.seed, fill: new Array<number>(spec.input.channels).fill(spec.background) });
    return (sample, lane, epoch) => augmenter.apply({ input, inputOffset: sample * size, output, outputOffset: lane * size, epoch, sample });
  }

  /** Writes the header of a block and, where samples are distorted, distorts them. */
  private openBlock(unit: PlannedUnit, { first, count }: { first: number; count: number }, { start, epoch }: { start: number; epoch: number }, staged: boolean): void {
    const { ints } = this.views;
    const header = unit.header / 4;
    ints[header + headerCount] = count;
    for (let lane = 0; lane < count; lane++) {
      const sample = this.order[start + first + lane]!;
      ints[header + headerRows + lane] = staged ? lane : sample;
      ints[header + headerSamples + lane] = sample;
      ints[header + headerResults + lane] = first + lane;
      if (staged) this.distort!(sample, lane, epoch);
    }
  }

  /**
   * This thread's part of a step: passes, then — unless the loss is no longer finite — the update. Returns the batch's summed loss and correct answers,
   * which every thread reads alike. The end of the last phase is not awaited: the next command does that.
   */
  runStep(step: StepArguments): { loss: number; correct: number } {
    const { plan, team, kernels } = this;
    const work = this.work[step.kind]!;
    const staged = this.distort !== null && step.kind !== 2;
    for (const program of work.begin) program.run(kernels);
    for (let phase = 0; phase < work.phases.length; phase++) {
      work.join[phase]?.run(kernels);
      for (const { unit, program } of work.phases[phase]!) {
        for (const block of unit.blocks) {
          if (phase === 0) this.openBlock(unit, work.cut.blocks[block]!, step, staged);
          program.run(kernels);
        }
      }
      team.barrier();
    }
    const sums = this.sumTotals(plan.totals, work.cut.shards);
    if (Number.isFinite(sums.loss)) this.runUpdate(step.withNorm ? work.normUpdate! : work.update, step.kind < 2);
    return sums;
  }

  private runUpdate({ phases }: UpdatePhases, prepares: boolean): void {
    const { plan, team, kernels } = this;
    for (const [index, phase] of phases.entries()) {
      if (index > 0) team.barrier();
      if (phase.clips) this.writeClipScale();
      phase.programs[team.thread]!.run(kernels);
    }
    if (prepares && this.prepares) {
      team.barrier();
      plan.prepare[team.thread]!.run(kernels);
    }
  }

  /** The gradient is shortened to `clipNorm`, as PyTorch does it: factor = min(1, clipNorm / (norm + 1e-6)). */
  private writeClipScale(): void {
    const { plan, views, team } = this;
    const norm = gradientNorm(views, plan.update);
    views.reals(plan.update.clipScale(team.thread), 1)[0] = Math.min(1, plan.spec.optimiser.clipNorm! / (norm + 1e-6));
  }

  /** Thread 0 with all others at rest: effective filters after the weights came from elsewhere. */
  prepareAll(): void {
    for (const program of this.plan.prepare) program.run(this.kernels);
  }

  prepareCurvature(): void {
    this.plan.prepareCurvature.run(this.kernels);
  }

  /** This thread's part of an evaluation of samples first … first + count of a split; outputs go to `results`. */
  runEvaluation(split: Split, first: number, count: number): void {
    const { units, programs } = this.plan.evaluation[split]!;
    const { ints } = this.views;
    for (const [at, unit] of units.entries()) {
      if (unit.thread !== this.team.thread) continue;
      this.views.doubles.fill(0, unit.totals / 8, unit.totals / 8 + 2);
      for (const block of unit.blocks) {
        const from = block * 8;
        const present = Math.min(8, count - from);
        if (present <= 0) break;
        const header = unit.header / 4;
        ints[header + headerCount] = present;
        for (let lane = 0; lane < present; lane++) {
          ints[header + headerRows + lane] = first + from + lane;
          ints[header + headerSamples + lane] = first + from + lane;
          ints[header + headerResults + lane] = from + lane;
        }
        programs[at]!.run(this.kernels);
      }
    }
    this.team.barrier();
  }

  evaluationSums(split: Split): { loss: number; correct: number } {
    return this.sumTotals(this.plan.evaluationTotals, this.plan.evaluation[split]!.units.length);
  }

  private sumTotals(totals: (shard: number) => number, shards: number): { loss: number; correct: number } {
    let loss = 0;
    let correct = 0;
    for (let shard = 0; shard < shards; shard++) {
      const at = totals(shard) / 8;
      loss += this.views.doubles[at]!;
      correct += this.views.doubles[at + 1]!;
    }
    return { loss, correct };
  }
}
