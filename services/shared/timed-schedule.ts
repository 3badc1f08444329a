/**
 * Whether a schedule that has an end reaches it in the time allowed, by what batches take on this worker; where it does
 * not, with which batch it is to end instead. The clock is read here; what was decided is kept by the checkpoint, and a
 * training that goes on or is done again takes it from there.
 */
import type { TrainingReport, TrainingSpec } from "../../engine/index.ts";

export interface TimeLimit {
  /** All that the job is allowed, or what its sweep left it at the beginning of the attempt. */
  seconds: number;
  /** When they are over, by `secondsNow`. */
  endsAt: number;
}

/** A clock that all threads of the process share and that only goes forward. */
export const secondsNow = (): number => Number(process.hrtime.bigint()) / 1e9;

/** Of the time left: what batches take varies. */
const planned = 0.95;
/** A schedule is made longer again only where so much of all the time would be left over, and not for ever. */
const worthwhile = 0.04;
const mostChanges = 50;
/** A pass forward alone is about a third of a step. */
const forwardShare = 1 / 3;
/** Of the time allowed, for the measurements at the end: of a set too large for it they take longer. */
const mostForMeasuring = 0.25;

export interface Standing {
  /** Batches done. */
  step: number;
  /** The batch that the training ends with as it stands, and by its request. */
  end: number;
  steps: number;
  /** Seconds of a batch with its share of what comes between epochs; null while nobody knows. */
  perStep: number | null;
  /** Until the last batch must be done. */
  secondsLeft: number;
  secondsAllowed: number;
  /** How often the schedule was changed by now. */
  changes: number;
}

/** The batch that the training is to end with instead; null: it stays as it is. */
export function betterEnd(standing: Standing): number | null {
  const { step, end, steps, perStep, secondsLeft, secondsAllowed, changes } = standing;
  if (secondsLeft <= 0) return step + 1 < end ? step + 1 : null;
  if (perStep === null) return null;
  const within = (seconds: number): number => step + Math.max(1, Math.floor(seconds / perStep));
  const possible = Math.min(steps, within(planned * secondsLeft));
  if (end > within(secondsLeft)) return possible;
  const gained = (possible - end) * perStep;
  return changes < mostChanges && gained > worthwhile * secondsAllowed ? possible : null;
}

/** Seconds of a batch, and of what comes between two epochs (an evaluation, a checkpoint), from times of reports. */
export class StepTimes {
  readonly #memory: number;
  #last: { at: number; step: number; epoch: number } | null = null;
  #perStep: number | null = null;
  /** Seconds that were measured, and of these those within one epoch. */
  #measured = 0;
  #within = 0;
  #between = 0;

  /** `memory`: seconds over which a mean is taken. */
  constructor(memory: number) {
    this.#memory = memory;
  }

  get perStep(): number | null {
    return this.#perStep;
  }
  get between(): number {
    return this.#between;
  }
  get measured(): number {
    return this.#measured;
  }

  /** Batches are being trained, so many are done, at so many seconds of any clock. */
  hear({ step, epoch }: { step: number; epoch: number }, at: number): void {
    const last = this.#last;
    this.#last = { at, step, epoch };
    if (last === null || step === last.step) return;
    const seconds = at - last.at;
    const steps = step - last.step;
    const epochs = epoch - last.epoch;
    this.#measured += seconds;
    if (epochs === 0) this.#within += seconds;
    // Where no two reports lie within one epoch, what comes between epochs is part of each batch.
    if (epochs > 0 && this.#within > 0) {
      const rest = Math.max(0, seconds - steps * (this.#perStep ?? 0)) / epochs;
      this.#between = this.#between === 0 ? rest : (this.#between + rest) / 2;
      return;
    }
    const weight = Math.max(seconds / this.#measured, 1 - Math.exp(-seconds / this.#memory));
    this.#perStep = (this.#perStep ?? 0) + weight * (seconds / steps - (this.#perStep ?? 0));
  }
}

/** The schedule of one training, in its thread. */
export class TimedSchedule {
  readonly #limit: TimeLimit;
  /** What measuring every split with the model takes, in steps. */
  readonly #stepsToMeasure: number;
  readonly #stepsPerEpoch: number;
  readonly #steps: number;
  readonly #times: StepTimes;
  readonly #now: () => number;

  constructor(
    limit: TimeLimit,
    { counts, batchSize, epochs }: Pick<TrainingSpec, "counts" | "batchSize" | "epochs">,
    now = secondsNow,
  ) {
    this.#limit = limit;
    const samples = counts.train + counts.validation + counts.test;
    this.#stepsToMeasure = (forwardShare * samples) / batchSize;
    this.#stepsPerEpoch = Math.ceil(counts.train / batchSize);
    this.#steps = this.#stepsPerEpoch * epochs;
    this.#times = new StepTimes(Math.min(5, limit.seconds / 20));
    this.#now = now;
  }

  /** At a report from within an epoch: the batch that the training is to end with instead, or null. */
  endFor({ step, epoch, steps }: Pick<TrainingReport, "step" | "epoch" | "steps">, changes: number): number | null {
    const at = this.#now();
    const { seconds, endsAt } = this.#limit;
    const times = this.#times;
    times.hear({ step, epoch }, at);
    const { perStep, between, measured } = times;
    const known = perStep !== null && measured >= Math.min(5, seconds / 10);
    const measuring = Math.min(mostForMeasuring * seconds, this.#stepsToMeasure * (perStep ?? 0));
    return betterEnd({
      step,
      end: steps,
      steps: this.#steps,
      perStep: known ? perStep + between / this.#stepsPerEpoch : null,
      // The last evaluation too should end in time, and what is measured with the model.
      secondsLeft: endsAt - at - between - measuring,
      secondsAllowed: seconds,
      changes,
    });
  }
}
