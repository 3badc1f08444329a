/** Where a training stands, what it reports of that, and when it ends. Plain data: a checkpoint keeps the position. */
import type { Split } from "../schemas/dataset.ts";
import type { Rescheduling } from "../schemas/optimiser.ts";
import type { Best, Evaluated, TrainingPosition, TrainingReport, TrainingSpec } from "./training.ts";

/** Exact in a checkpoint, because JSON keeps doubles. */
export interface Position {
  /** The epoch under way, from 1. */
  epoch: number;
  /** Steps done, over all epochs. */
  step: number;
  /** Steps done in this epoch. */
  inEpoch: number;
  /** Sums over this epoch so far. */
  lossSum: number;
  correct: number;
  samples: number;
  best: Best | null;
  epochsSinceBest: number;
  rescheduled: Rescheduling[];
}

export const atTheBeginning = (rescheduled: readonly Rescheduling[]): Position => ({
  epoch: 1,
  step: 0,
  inEpoch: 0,
  lossSum: 0,
  correct: 0,
  samples: 0,
  best: null,
  epochsSinceBest: 0,
  rescheduled: [...rescheduled],
});

export function openNextEpoch(position: Position): void {
  Object.assign(position, { epoch: position.epoch + 1, inEpoch: 0, lossSum: 0, correct: 0, samples: 0 });
}

export function reportOf(
  { epoch, step, samples, lossSum, correct }: Position,
  { steps, epochs, trained, rows }: Pick<TrainingPosition, "steps" | "epochs" | "rows"> & { trained: number },
): TrainingPosition {
  return {
    epoch,
    step,
    steps,
    epochs,
    samples: trained,
    loss: samples > 0 ? lossSum / samples : null,
    accuracy: samples > 0 ? correct / samples : null,
    rows,
  };
}

type StopReason = Extract<TrainingReport, { kind: "finished" }>["reason"];

/** Of two equally accurate epochs the one that is surer of it: on a small split many are all right. */
const isBetter = (one: Evaluated, best: Best): boolean =>
  one.accuracy > best.accuracy || (one.accuracy === best.accuracy && one.loss < best.loss);

/** Takes an epoch's evaluation into account: the best so far, the report, and whether the training ends here. */
export function reviewEpoch(options: {
  position: Position;
  spec: TrainingSpec;
  /** Null where no split is evaluated. */
  validation: (Evaluated & { split: Split }) | null;
  gradientNorm: number;
  learningRate: number;
  /** Steps of all epochs, and where the training is to end. */
  steps: number;
  end: number;
  report: () => TrainingPosition;
}): { stops: StopReason | null; report: TrainingReport } {
  const { position, spec, validation, gradientNorm, learningRate } = options;
  const decides = validation !== null && spec.judge?.decides === true;
  const isBest = decides && (position.best === null || isBetter(validation, position.best));
  if (isBest) {
    const { accuracy, loss } = validation;
    position.best = { epoch: position.epoch, step: position.step, accuracy, loss };
    position.epochsSinceBest = 0;
  } else if (decides) position.epochsSinceBest++;
  return {
    stops: stopReason(options, decides ? validation : null),
    report: {
      kind: "epoch",
      validation,
      isBest,
      best: decides ? position.best : null,
      epochsSinceBest: decides ? position.epochsSinceBest : null,
      gradientNorm,
      learningRate,
      ...options.report(),
    },
  };
}

function stopReason(
  { position, spec, steps, end }: Pick<Parameters<typeof reviewEpoch>[0], "position" | "spec" | "steps" | "end">,
  decisive: Evaluated | null,
): StopReason | null {
  const { targetAccuracy, patience } = spec;
  if (decisive && targetAccuracy !== null && decisive.accuracy >= targetAccuracy) return "validationAccuracy";
  if (decisive && patience !== null && position.epochsSinceBest >= patience) return "patience";
  if (position.step < end) return null;
  return end === steps ? "epochs" : "rescheduled";
}
