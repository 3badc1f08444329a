/**
 * A training as the engine takes it, derived from a job's request and the facts of its dataset. The one place where
 * the two meet: what runs a job, what plans its memory and what repeats an experiment all come here.
 */
import type { Dtype, Split } from "../schemas/dataset.ts";
import type { CompleteJobRequest } from "../schemas/job.ts";
import type { Shape } from "../schemas/shape.ts";
import type { Rescheduling } from "../schemas/optimiser.ts";
import { judgeOf, splitsOf } from "../schemas/validation.ts";
import { fitNormalisation } from "./normalisation.ts";
import type { SplitStatistics } from "./normalisation.ts";
import type { TrainingSpec } from "./training.ts";

/** What a training needs to know of its data before it sees any. */
export interface DatasetFacts {
  input: Shape;
  classes: number;
  dtype: Dtype;
  /** The dataset's own splits, before anything is held out. */
  counts: Record<Split, number>;
  /** Of the whole training split, so that a model's normalisation is the dataset's. */
  statistics: SplitStatistics & { classCounts: { train: readonly number[] } };
}

/** What of a request decides the bits, or the threads. */
export type TrainingRequest = Pick<
  CompleteJobRequest,
  | "network"
  | "loss"
  | "optimiser"
  | "schedule"
  | "epochs"
  | "batchSize"
  | "shuffle"
  | "sampling"
  | "seed"
  | "numerics"
  | "normalisation"
  | "augmentation"
  | "stopWhen"
  | "validation"
  | "threads"
>;

export interface DerivationOptions {
  request: TrainingRequest;
  dataset: DatasetFacts;
  /** Threads that whoever trains can give; the request asks for as many or fewer. Never changes the bits. */
  mostThreads: number;
  /** Where a reproduction ends, whatever else would have ended it; null for a job. */
  stopAtStep: number | null;
  /** How the schedule of the training that it does again was fitted to the time left; none for a job. */
  rescheduled: readonly Rescheduling[];
  /** The epoch after which it is interrupted, to go on another time; null: it is not. */
  pauseAfterEpoch: number | null;
}

export function deriveTraining({
  request,
  dataset,
  mostThreads,
  stopAtStep,
  rescheduled,
  pauseAfterEpoch,
}: DerivationOptions): TrainingSpec {
  const { network, loss, optimiser, schedule, epochs, batchSize, shuffle, sampling, seed, numerics, augmentation } =
    request;
  const { input, classes, dtype, statistics } = dataset;
  const counts = splitsOf(request.validation, {
    splits: dataset.counts,
    trainingCounts: statistics.classCounts.train,
  });
  const { validationAccuracy, patience } = request.stopWhen;
  const reproduces = stopAtStep !== null;
  return {
    network,
    loss,
    optimiser,
    schedule,
    epochs,
    batchSize,
    shuffle,
    sampling,
    seed,
    numerics,
    augmentation,
    input,
    classes,
    dtype,
    counts,
    judge: judgeOf(request.validation, counts),
    normalisation: fitNormalisation(request.normalisation, dtype, statistics),
    background: statistics.minimum,
    targetAccuracy: reproduces ? null : validationAccuracy,
    patience: reproduces ? null : patience,
    stopAtStep,
    rescheduled,
    pauseAfterEpoch,
    threads: Math.min(request.threads, mostThreads),
  };
}
