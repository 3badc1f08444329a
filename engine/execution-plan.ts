/**
 * A training, planned down to the last address: regions, units, programs. Every thread makes the same plan from the
 * same spec (execution.ts runs it).
 *
 * Regions and who writes them (docs/ARCHITECTURE.md, "Who may write what"): samples, labels, order and settings by
 * thread 0, before the others need them; activations of thread t by thread t; gradients of shard s by the thread that
 * works s; tensors and optimiser state by the owner of the run; a distorted sample by the thread that took it
 * (staging.ts).
 */
import { sizeOf } from "../schemas/shape.ts";
import type { Split } from "../schemas/dataset.ts";
import { isIdentity } from "./augmentation.ts";
import { cutBatch, cutForward } from "./batches.ts";
import type { Cut } from "./batches.ts";
import { dtypeCodes } from "./kernels/kernels.ts";
import type { RealBytes } from "./kernels/kernels.ts";
import { MemoryPlan } from "./memory.ts";
import { planNetwork, recordEvaluation, recordTrainingPass } from "./network.ts";
import type { NetworkPlan, PassOptions, Phase, Source } from "./network.ts";
import { planMoved } from "./optimisers.ts";
import type { Moved } from "./optimisers.ts";
import { claimInts, controlInts } from "./parallel.ts";
import { Program } from "./program.ts";
import type { SplitRegion, TrainingSpec } from "./training.ts";
import { unitPlanner } from "./units.ts";
import type { PlannedUnit } from "./units.ts";
import { planUpdate, shardGradientsOf } from "./update.ts";
import type { UpdatePhases, UpdatePlanner } from "./update.ts";

/** Samples that one evaluation command takes through the network: their outputs fit a bounded region. */
export const evaluationSamples = 8192;

/** A pass over a batch of a given size: what each unit runs first, the phases, and the update. */
export interface BatchPrograms {
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
  /** Where samples are distorted: float32 [2][batch][C][H][W], and the claims on them. */
  staging: { samples: number; claims: number } | null;
  full: BatchPrograms;
  tail: BatchPrograms | null;
  curvature: BatchPrograms | null;
  /**
   * A whole batch that moves nothing, forward only and with gradients; outputs go to `results`. Planned for inspection
   * only.
   */
  inspection: { forward: BatchPrograms; gradient: BatchPrograms } | null;
  prepare: Program[];
  prepareCurvature: Program;
  evaluation: Record<Split, { units: PlannedUnit[]; programs: Program[] } | null>;
  programs: Program[];
}

const splitNames: readonly Split[] = ["train", "validation", "test"];

function planSplits(spec: TrainingSpec, memory: MemoryPlan): Record<Split, SplitRegion> {
  const elementBytes = spec.dtype === "uint8" ? 1 : memory.realBytes === 8 ? 8 : 4;
  const regions = splitNames.map((split) => {
    const count = spec.counts[split];
    const samplesBytes = count * sizeOf(spec.input) * elementBytes;
    const region: SplitRegion = {
      count,
      samplesBytes,
      samplesAddress: memory.reserve({
        what: `the samples of the ${split} split`,
        element: "byte",
        count: samplesBytes,
      }),
      labelsAddress: memory.reserve({ what: `the labels of the ${split} split`, element: "int", count }),
    };
    return [split, region] as const;
  });
  return Object.fromEntries(regions) as Record<Split, SplitRegion>;
}

function planStaging(
  { augmentation, input }: TrainingSpec,
  batchSize: number,
  memory: MemoryPlan,
): ExecutionPlan["staging"] {
  if (isIdentity(augmentation)) return null;
  return {
    samples: memory.reserve({ what: "distorted samples", element: "byte", count: 2 * batchSize * sizeOf(input) * 4 }),
    claims: memory.reserve({ what: "claims on distorted samples", element: "int", count: claimInts(batchSize) }),
  };
}

/** Samples as the kernels read them: bytes, or the reals of this memory. */
const dtypeOf = (spec: TrainingSpec, memory: MemoryPlan): number =>
  spec.dtype === "uint8" ? dtypeCodes.uint8 : memory.realBytes === 8 ? dtypeCodes.real : dtypeCodes.float32;

/** Plans everything. Throws EngineError before any memory exists. */
export function planExecution(
  spec: TrainingSpec,
  realBytes: RealBytes = 4,
  { inspects } = { inspects: false },
): ExecutionPlan {
  const memory = new MemoryPlan(realBytes);
  const { threads, optimiser, batchSize: wanted } = spec;
  const batchSize = Math.max(1, Math.min(wanted, spec.counts.train));
  const control = memory.reserve({ what: "control words", element: "int", count: controlInts });
  const splits = planSplits(spec, memory);
  const order = memory.reserve({ what: "the order of an epoch", element: "int", count: spec.counts.train });
  const averageScale = memory.reserve({ what: "1 / samples", element: "real", count: 1 });
  const rest = spec.counts.train % batchSize;
  const shards = Math.max(cutBatch(batchSize).shards, cutBatch(rest).shards);
  const network = planNetwork({
    network: spec.network,
    input: spec.input,
    classes: spec.classes,
    memory,
    shards,
    batchSize,
    averageScale,
  });
  const moved = planMoved({ memory, tensors: network.tensors, optimiser });
  const update = planUpdate({ memory, plan: network, moved, optimiser, threads, averageScale });
  const most = Math.max(...splitNames.map((split) => spec.counts[split]));
  const results = memory.reserve({
    what: "the outputs of an evaluation",
    element: "real",
    count: Math.min(most, evaluationSamples) * spec.classes,
  });
  const usesCurvature = optimiser.kind === "diagonal-levenberg-marquardt";
  const units = unitPlanner({ memory, plan: network, threads, purpose: "training", curvature: usesCurvature });
  const evaluationUnits = unitPlanner({ memory, plan: network, threads, purpose: "evaluation", curvature: false });

  const staging = planStaging(spec, batchSize, memory);
  const source: Source = {
    samples: splits.train.samplesAddress,
    dtype: dtypeOf(spec, memory),
    labels: splits.train.labelsAddress,
  };
  const sourceOf = (pass: PassOptions["pass"]): Source =>
    staging && pass !== "curvature" ? { ...source, samples: staging.samples, dtype: dtypeCodes.float32 } : source;

  const record = (samples: number, pass: PassOptions["pass"], inspecting = false): BatchPrograms => {
    const cut = cutBatch(samples);
    const planned = units.plan(cut);
    const begin = Array.from({ length: cut.shards }, (_, shard) => {
      const program = new Program().call("clear", { output: units.totals(shard), count: 16 / realBytes });
      for (const layer of network.layers) {
        for (const { address, stride, size } of shardGradientsOf(
          layer,
          pass === "curvature" ? "curvature" : "gradient",
        ))
          program.call("clear", { output: address + shard * stride, count: size });
        layer.meetings?.forward.clear(program, shard);
        layer.meetings?.backward.clear(program, shard);
      }
      return program;
    });
    const phases = recordTrainingPass({
      plan: network,
      units: planned,
      shards: cut.shards,
      source: sourceOf(pass),
      loss: spec.loss,
      pass,
      results: inspecting ? results : 0,
    });
    const updateOf = (withNorm: boolean): UpdatePhases =>
      update.record(cut, planned, { withNorm, pass, moves: pass === "gradient" && !inspecting });
    return {
      cut,
      units: planned,
      begin,
      phases,
      update: updateOf(false),
      normUpdate: pass === "gradient" && !inspecting ? updateOf(true) : null,
    };
  };
  const full = record(batchSize, "gradient");
  const tail = rest > 0 ? record(rest, "gradient") : null;
  const curvature = usesCurvature ? record(batchSize, "curvature") : null;

  const inspection = inspects
    ? { forward: record(batchSize, "forward", true), gradient: record(batchSize, "gradient", true) }
    : null;

  const prepare = Array.from({ length: threads }, () => new Program());
  const prepareCurvature = new Program();
  for (const [index, layer] of network.layers.entries()) {
    layer.prepare?.(prepare[index % threads]);
    if (usesCurvature) layer.prepareCurvature?.(prepareCurvature);
  }
  const evaluationOf = (split: Split): { units: PlannedUnit[]; programs: Program[] } | null => {
    const region = splits[split];
    if (region.count === 0) return null;
    const planned = evaluationUnits.plan(cutForward(Math.min(region.count, evaluationSamples)));
    const from = { samples: region.samplesAddress, dtype: dtypeOf(spec, memory), labels: region.labelsAddress };
    return {
      units: planned,
      programs: planned.map((unit) =>
        recordEvaluation({ plan: network, unit, source: from, loss: spec.loss, results }),
      ),
    };
  };
  const evaluation = Object.fromEntries(
    splitNames.map((split) => [split, evaluationOf(split)]),
  ) as ExecutionPlan["evaluation"];

  const programs = [
    ...[full, tail, curvature, inspection?.forward, inspection?.gradient].flatMap((each) =>
      each ? programsOf(each) : [],
    ),
    ...prepare,
    prepareCurvature,
    ...splitNames.flatMap((split) => evaluation[split]?.programs ?? []),
  ];
  for (const program of programs) program.reserve(memory);
  return {
    spec: { ...spec, batchSize },
    memory,
    network,
    moved,
    splits,
    control,
    order,
    averageScale,
    results,
    update,
    totals: units.totals,
    evaluationTotals: evaluationUnits.totals,
    staging,
    full,
    tail,
    curvature,
    inspection,
    prepare,
    prepareCurvature,
    evaluation,
    programs,
  };
}

const programsOf = ({ begin, phases, update, normUpdate }: BatchPrograms): Program[] => [
  ...begin,
  ...phases.flatMap((phase) => (phase.kind === "units" ? phase.programs : [phase.program])),
  ...[update, normUpdate].flatMap((each) => each?.phases.flatMap((phase) => phase.programs) ?? []),
];
