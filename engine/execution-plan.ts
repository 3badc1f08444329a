/**
 * A training, planned down to the last address: regions, slots, programs. Every thread makes the same plan from the
 * same spec (execution.ts runs it).
 */
import type { Split } from "../schemas/dataset.ts";
import { cutBatch, cutForward } from "./batches.ts";
import type { Cut } from "./batches.ts";
import type { StepKind } from "./commands.ts";
import { dtypeCodes } from "./kernels/kernels.ts";
import type { RealBytes } from "./kernels/kernels.ts";
import { learns } from "./layer.ts";
import { MemoryPlan } from "./memory.ts";
import { planNetwork } from "./network.ts";
import type { NetworkPlan } from "./network.ts";
import { planMoved } from "./optimiser.ts";
import type { Moved, PlannedOptimiser } from "./optimiser.ts";
import { recordEvaluation, recordTrainingPass } from "./passes.ts";
import type { PassOptions, PassPhase, Source } from "./passes.ts";
import { Program } from "./program.ts";
import { eachSplit, evaluationSamples, planRegions, sourceOf } from "./regions.ts";
import type { Regions } from "./regions.ts";
import { planOptimiser } from "./registry.ts";
import { SlotPlanner } from "./slots.ts";
import type { Placement } from "./slots.ts";
import type { TrainingSpec } from "./training.ts";
import { UpdatePlanner, dealOut, shardGradientsOf } from "./update.ts";
import type { UpdatePhases } from "./update.ts";

/** A pass over a batch of a given size: what each shard runs first, the phases, and the update. */
export interface BatchPrograms extends Placement {
  cut: Cut;
  /** By shard: clears sums. */
  begin: Program[];
  phases: PassPhase[];
  update: UpdatePhases;
  /** The same with the gradient's norm, where the step moves weights. */
  normUpdate: UpdatePhases | null;
}

/** What trains. */
export interface TrainingPart {
  optimiser: PlannedOptimiser;
  moved: Moved[];
  update: UpdatePlanner;
  totals: (shard: number) => number;
  /** What each kind of step runs; null where it never happens. */
  steps: Record<StepKind, BatchPrograms | null>;
  /** After every change of the weights, side by side: effective filters. */
  prepare: Program[];
  /** The same of layers that are frozen, once. */
  prepareFrozen: Program;
  /** Before second derivatives: squared weights. */
  prepareCurvature: Program;
}

/** What evaluates. */
export interface EvaluationPart {
  totals: (shard: number) => number;
  splits: Record<Split, SplitPrograms | null>;
}

/** The groups of a split's evaluation, each with what it runs in each round. */
export interface SplitPrograms extends Placement {
  cut: Cut;
  /** By group. */
  programs: readonly Program[];
}

export interface ExecutionPlan {
  spec: TrainingSpec;
  memory: MemoryPlan;
  network: NetworkPlan;
  regions: Regions;
  training: TrainingPart;
  evaluation: EvaluationPart;
  /** All of them, to be installed. */
  programs: Program[];
}

interface Options {
  /** With the samples of a batch that the splits really have. */
  spec: TrainingSpec;
  memory: MemoryPlan;
  network: NetworkPlan;
  regions: Regions;
}

/** Plans everything. Throws EngineError before any memory exists. */
export function planExecution(
  wanted: TrainingSpec,
  realBytes: RealBytes = 4,
  { inspects, explains = false }: { inspects: boolean; explains?: boolean } = { inspects: false },
): ExecutionPlan {
  const memory = new MemoryPlan(realBytes);
  const batchSize = Math.max(1, Math.min(wanted.batchSize, wanted.counts.train));
  const spec = { ...wanted, batchSize };
  const regions = planRegions(spec, memory);
  const network = planNetwork({
    network: spec.network,
    input: spec.input,
    classes: spec.classes,
    memory,
    shards: Math.max(cutBatch(batchSize).shards, cutBatch(lastBatchOf(spec)).shards),
    batchSize,
    averageScale: regions.averageScale,
    explains,
  });
  const options = { spec, memory, network, regions };
  const training = planTrainingPart(options, inspects);
  const evaluation = planEvaluationPart(options);
  const programs = [
    ...Object.values(training.steps).flatMap((step) => (step ? programsOf(step) : [])),
    ...training.prepare,
    training.prepareFrozen,
    training.prepareCurvature,
    ...Object.values(evaluation.splits).flatMap((split) => split?.programs ?? []),
  ];
  for (const program of programs) program.reserve(memory);
  return { ...options, training, evaluation, programs };
}

/** Samples of the smaller last batch of an epoch; 0 where all are whole. */
const lastBatchOf = ({ counts, batchSize }: TrainingSpec): number => counts.train % batchSize;

function planTrainingPart(options: Options, inspects: boolean): TrainingPart {
  const { spec, memory, network, regions } = options;
  const { threads, batchSize } = spec;
  const optimiser = planOptimiser(spec.optimiser);
  const moved = planMoved({ memory, tensors: network.tensors, optimiser });
  const update = new UpdatePlanner({
    memory,
    plan: network,
    moved,
    optimiser,
    threads,
    clips: spec.optimiser.clipNorm !== null,
    averageScale: regions.averageScale,
  });
  const curvature = optimiser.curvature !== undefined;
  const slots = new SlotPlanner({ memory, plan: network, threads, purpose: "training", curvature });
  const record = (samples: number, pass: PassOptions["pass"], inspecting = false): BatchPrograms =>
    recordBatch({ ...options, slots, update, samples, pass, inspecting });
  const last = lastBatchOf(spec);
  const prepare = dealOut(network.layers.filter(learns), threads, (program, layer) => layer.prepare?.(program));
  const prepareFrozen = new Program();
  const prepareCurvature = new Program();
  for (const [index, layer] of network.layers.entries()) {
    if (!learns(layer)) layer.prepare?.(prepareFrozen);
    if (curvature && network.trains[index]) layer.prepareCurvature?.(prepareCurvature);
  }
  return {
    optimiser,
    moved,
    update,
    totals: (shard) => slots.totals(shard),
    steps: {
      whole: record(batchSize, "gradient"),
      last: last > 0 ? record(last, "gradient") : null,
      curvature: curvature ? record(batchSize, "curvature") : null,
      forward: inspects ? record(batchSize, "forward", true) : null,
      gradient: inspects ? record(batchSize, "gradient", true) : null,
    },
    prepare,
    prepareFrozen,
    prepareCurvature,
  };
}

interface BatchOptions extends Options {
  slots: SlotPlanner;
  update: UpdatePlanner;
  samples: number;
  pass: PassOptions["pass"];
  /** Moves nothing, and outputs go to `results`. */
  inspecting: boolean;
}

function recordBatch(options: BatchOptions): BatchPrograms {
  const { spec, memory, network, regions, slots, update, samples, pass, inspecting } = options;
  const cut = cutBatch(samples);
  const planned = slots.plan(cut);
  const { groups } = planned;
  const phases = recordTrainingPass({
    plan: network,
    groups: groups.map((group) => group.slots),
    shards: cut.shards,
    source: trainingSource(options),
    loss: spec.loss,
    pass,
    results: inspecting ? regions.results : 0,
  });
  const moves = pass === "gradient" && !inspecting;
  const updateOf = (withNorm: boolean): UpdatePhases => update.record({ cut, groups, withNorm, pass, moves });
  return {
    cut,
    ...planned,
    begin: Array.from({ length: cut.shards }, (_, shard) =>
      recordBeginning({ network, shard, totals: slots.totals(shard), realBytes: memory.realBytes, pass }),
    ),
    phases,
    update: updateOf(false),
    normUpdate: moves ? updateOf(true) : null,
  };
}

/** Second derivatives want the samples as they are; everything else takes them from the ring where they are distorted. */
function trainingSource({ spec, memory, regions, pass }: BatchOptions): Source {
  const source = sourceOf(regions, "train", spec, memory.realBytes);
  return regions.staging && pass !== "curvature"
    ? { ...source, samples: regions.staging.samples, dtype: dtypeCodes.float32 }
    : source;
}

/** Clears what a shard adds to. */
function recordBeginning(options: {
  network: NetworkPlan;
  shard: number;
  totals: number;
  realBytes: number;
  pass: PassOptions["pass"];
}): Program {
  const { network, shard, totals, realBytes, pass } = options;
  const program = new Program().call("clear", { output: totals, count: 16 / realBytes });
  for (const layer of network.layers) {
    for (const { address, stride, size } of shardGradientsOf(layer, pass === "curvature" ? "curvature" : "gradient"))
      program.call("clear", { output: address + shard * stride, count: size });
    layer.meetings?.forward.clear(program, shard);
    layer.meetings?.backward.clear(program, shard);
  }
  return program;
}

function planEvaluationPart({ spec, memory, network, regions }: Options): EvaluationPart {
  const { threads, loss } = spec;
  const slots = new SlotPlanner({ memory, plan: network, threads, purpose: "evaluation", curvature: false });
  return {
    totals: (shard) => slots.totals(shard),
    splits: eachSplit((split) => {
      const { count } = regions.splits[split];
      if (count === 0) return null;
      const source = sourceOf(regions, split, spec, memory.realBytes);
      const cut = cutForward(Math.min(count, evaluationSamples));
      const planned = slots.plan(cut);
      const programs = planned.groups.map(({ slots: group }) =>
        recordEvaluation({ plan: network, slots: group, source, loss, results: regions.results }),
      );
      return { cut, ...planned, programs };
    }),
  };
}

const programsOf = ({ begin, phases, update, normUpdate }: BatchPrograms): Program[] => [
  ...begin,
  ...phases.flatMap(({ programs, spare, join }) => [...programs, ...spare, ...(join ? [join] : [])]),
  ...[update, normUpdate].flatMap((each) => each?.phases.flatMap((phase) => phase.programs) ?? []),
];
