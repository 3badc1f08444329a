/** A training from its request to what came of it, on the calling thread. */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import {
  createMemory,
  createTrainer,
  deriveTraining,
  describeNetwork,
  engineVersion,
  planTraining,
  readSafetensors,
  request as requests,
  writeSafetensors,
  type DatasetFacts,
} from "../../engine/index.ts";
import { completeRequest } from "../../schemas/complete.ts";
import { jobRequest, type CompleteJobRequest } from "../../schemas/job.ts";
import { networkShape } from "../../schemas/network-shape.ts";
import { chooseKernels, loadKernels } from "../../services/shared/kernels.ts";
import { TimedSchedule } from "../../services/shared/timed-schedule.ts";
import { readSplit, type LabelledSamples } from "./collections.ts";
import type { Collection, Experiment } from "./experiments.ts";

export interface Outcome {
  name: string;
  engine: string;
  kernels: string;
  seed: number;
  epochs: number;
  parameters: number;
  seconds: number;
  diverged: string | null;
  /** Of the test split after each epoch; the last one is the result. */
  errorRates: number[];
  trainingLoss: number | null;
  /** α of the first learned combination, [maps][inputs], and exp(−Σ α ln α) of each map. */
  alpha: number[][] | null;
  effectiveInputs: number[] | null;
  weightsSha256: string;
}

/** Of the parameters alone, without what a checkpoint also holds. */
function digestOfWeights(checkpoint: Uint8Array): string {
  const tensors = new Map([...readSafetensors(checkpoint).tensors].filter(([name]) => name.startsWith("layers.")));
  return createHash("sha256").update(writeSafetensors({ tensors })).digest("hex");
}

export function statisticsOf({ shape, samples, labels }: LabelledSamples, classes: number): DatasetFacts["statistics"] {
  const plane = shape.height * shape.width;
  const sums = new Float64Array(shape.channels);
  const squares = new Float64Array(shape.channels);
  for (const [at, value] of samples.entries()) {
    const channel = Math.floor(at / plane) % shape.channels;
    sums[channel] += value;
    squares[channel] += value * value;
  }
  const each = samples.length / shape.channels;
  const mean = [...sums].map((sum) => sum / each);
  const std = mean.map((middle, channel) => Math.sqrt(squares[channel] / each - middle * middle));
  let minimum = 255;
  let maximum = 0;
  for (const value of samples) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  const train = new Array<number>(classes).fill(0);
  for (const label of labels) train[label]++;
  return { mean, std, minimum, maximum, classCounts: { train } };
}

/** Samples to learn from and to be tested on, as the engine takes them. */
export interface LabelledSplits {
  classes: number;
  train: LabelledSamples;
  test: LabelledSamples;
}

export interface TrainingOptions {
  request: CompleteJobRequest;
  /** `validation`: what the request holds out of the training split, and `train` then is without it. */
  splits: LabelledSplits & { validation?: LabelledSamples };
  /** Of the whole training split; by default that of `splits`. */
  statistics?: DatasetFacts["statistics"];
  /** As the setting KERNELS has it. */
  kernels: string;
  /** Of the processor: the schedule is fitted to them, as a worker fits it to those of its clock. */
  processorSeconds?: number;
  onEpoch: (epoch: number, errorRate: number) => void;
}

/** Seconds that this process has computed. */
export function processorSecondsNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export interface TrainingOutcome {
  kernels: string;
  seconds: number;
  diverged: string | null;
  /** Of the test split after each epoch; the last one is the result. */
  errorRates: number[];
  trainingLoss: number | null;
  /** A checkpoint. */
  weights: Uint8Array;
  epochs: number;
  /** With the weights of the best epoch, or of the last where nothing chooses: its accuracy where it was chosen. */
  best: { accuracy: number | null; outputs: Float32Array };
}

/** Trains on one thread and evaluates on the test split after each epoch. */
export function runTraining({
  request,
  splits,
  statistics = statisticsOf(splits.train, splits.classes),
  kernels,
  processorSeconds,
  onEpoch,
}: TrainingOptions): TrainingOutcome {
  const startedAt = processorSecondsNow();
  const held = splits.validation?.labels.length ?? 0;
  const spec = deriveTraining({
    request,
    dataset: {
      input: splits.train.shape,
      classes: splits.classes,
      dtype: "uint8",
      counts: { train: splits.train.labels.length + held, validation: 0, test: splits.test.labels.length },
      statistics,
    },
    mostThreads: 1,
    stopAtStep: null,
    rescheduled: [],
    pauseAfterEpoch: null,
  });
  const plan = planTraining(spec);
  const memory = createMemory(plan);
  for (const split of ["train", "validation", "test"] as const) {
    const own = splits[split];
    if (!own) continue;
    const { samplesAddress, labelsAddress } = plan.splits[split];
    new Uint8Array(memory.buffer, samplesAddress, own.samples.length).set(own.samples);
    new Int32Array(memory.buffer, labelsAddress, own.labels.length).set(own.labels);
  }
  const description = chooseKernels({ wanted: kernels, numerics: request.numerics });
  const trainer = createTrainer({ plan, memory, kernels: loadKernels(description, memory) });
  const timed =
    processorSeconds === undefined
      ? null
      : new TimedSchedule(
          { seconds: processorSeconds, endsAt: startedAt + processorSeconds },
          spec,
          processorSecondsNow,
        );
  const control = new Int32Array(memory.buffer, plan.controlAddress, 1);
  const started = performance.now();
  const errorRates: number[] = [];
  let trainingLoss: number | null = null;
  let diverged: string | null = null;
  let chosen: { accuracy: number; bytes: Uint8Array } | null = null;
  if (timed) Atomics.or(control, 0, requests.report);
  for (const report of trainer.run()) {
    if (timed) {
      const end = report.kind === "progress" ? timed.endFor(report, trainer.rescheduled.length) : null;
      if (end !== null) trainer.endAt(end);
      Atomics.or(control, 0, requests.report);
    }
    if (report.kind === "diverged") diverged = `step ${report.step}: ${report.detail}`;
    if (report.kind !== "epoch") continue;
    const errorRate = 1 - (report.validation?.accuracy ?? NaN);
    errorRates.push(errorRate);
    trainingLoss = report.loss;
    if (report.isBest && report.best) chosen = { accuracy: report.best.accuracy, bytes: trainer.checkpoint() };
    onEpoch(report.epoch, errorRate);
  }
  const seconds = (performance.now() - started) / 1000;
  const weights = trainer.checkpoint();
  if (chosen) trainer.load(chosen.bytes);
  const outputs = trainer.evaluate("test", { outputs: true }).outputs ?? new Float32Array(0);
  trainer.close();
  const best = { accuracy: chosen?.accuracy ?? null, outputs };
  return {
    kernels: description.name,
    seconds,
    diverged,
    errorRates,
    trainingLoss,
    weights,
    epochs: errorRates.length,
    best,
  };
}

export function runExperiment({
  experiment,
  seed,
  kernels,
}: {
  experiment: Experiment;
  seed: number;
  kernels: string;
}): Outcome {
  const request = completeRequest(jobRequest.parse({ ...experiment.request, seed }), 10);
  const splits = {
    classes: 10,
    train: readSplit(request.dataset as Collection, "train"),
    test: readSplit(request.dataset as Collection, "test"),
  };
  const {
    weights,
    best: _best,
    ...outcome
  } = runTraining({
    request,
    splits,
    kernels,
    // Not process.stderr: in a thread that never rests nothing of it would arrive before the end.
    onEpoch: (epoch, errorRate) =>
      writeSync(2, `${experiment.name}, seed ${seed}: epoch ${epoch}, test error ${(100 * errorRate).toFixed(2)} %\n`),
  });
  const input = splits.train.shape;
  const combination = describeNetwork({ network: request.network, input, weights }).find(({ alpha }) => alpha);
  return {
    name: experiment.name,
    engine: engineVersion,
    seed: request.seed,
    ...outcome,
    parameters: networkShape(request.network.layers, input, splits.classes).layers.reduce(
      (sum, layer) => sum + layer.parameters,
      0,
    ),
    alpha: combination?.alpha ?? null,
    effectiveInputs: combination?.effectiveInputs ?? null,
    weightsSha256: digestOfWeights(weights),
  };
}
