/** How fast a training goes and how long it will take: from a clock that only goes forward. */
import type { TrainingReport } from "../../../engine/index.ts";
import type { Progress } from "../../../schemas/progress.ts";
import { finite } from "../../shared/finite.ts";

/** Seconds over which the rate is averaged. */
const memory = 5;
/** A rate needs this long to mean something. */
const leastSeconds = 0.2;

export class Pace {
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #before: number;
  #first: { at: number; step: number } | null = null;
  #last: { at: number; samples: number } | null = null;
  #rate: number | null = null;
  #measured = 0;
  #validation: Progress["validation"] = null;
  #best: Progress["best"] = null;
  #sinceBest: number | null = null;

  /**
   * `before`: seconds of training in earlier attempts, up to the checkpoint this one starts from. `now`: milliseconds.
   */
  constructor(options: { before: number; earlier: Progress | null; now?: () => number }) {
    this.#before = options.before;
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
    this.#validation = options.earlier?.validation ?? null;
    this.#best = options.earlier?.best ?? null;
    this.#sinceBest = options.earlier?.epochsSinceBest ?? null;
  }

  /** Seconds of training over all attempts. */
  get elapsedSeconds(): number {
    return this.#before + (this.#now() - this.#startedAt) / 1000;
  }

  /**
   * Samples a second: the mean at first, then smoothed. What came before the first report (threads, compilation, the
   * samples' way into memory) is no part of it.
   */
  get rate(): number | null {
    return this.#rate;
  }

  #measure(samples: number): void {
    const at = this.#now();
    if (!this.#last) {
      this.#last = { at, samples };
      return;
    }
    const seconds = (at - this.#last.at) / 1000;
    if (seconds < leastSeconds) return;
    const rate = (samples - this.#last.samples) / seconds;
    this.#measured += seconds;
    const weight = Math.max(seconds / this.#measured, 1 - Math.exp(-seconds / memory));
    this.#rate = (this.#rate ?? 0) + weight * (rate - (this.#rate ?? 0));
    this.#last = { at, samples };
  }

  /** Seconds left, by the mean of this attempt with its evaluations: steadier than the rate of the moment. */
  #remaining(step: number, steps: number): number | null {
    const at = this.#now();
    this.#first ??= { at, step };
    const done = step - this.#first.step;
    const seconds = (at - this.#first.at) / 1000;
    return done <= 0 || seconds < leastSeconds ? null : ((steps - step) * seconds) / done;
  }

  progress(report: TrainingReport): Progress {
    this.#measure(report.samples);
    if (report.kind === "epoch") {
      const { validation, best } = report;
      this.#validation = validation && {
        split: validation.split,
        loss: finite(validation.loss),
        accuracy: validation.accuracy,
      };
      this.#best = best && { epoch: best.epoch, accuracy: best.accuracy };
      this.#sinceBest = report.epochsSinceBest;
    }
    const over = report.kind === "finished";
    return {
      fraction: over ? 1 : Math.min(1, report.steps === 0 ? 0 : report.step / report.steps),
      epoch: report.epoch,
      epochs: report.epochs,
      step: report.step,
      steps: report.steps,
      samplesPerSecond: this.#rate,
      elapsedSeconds: this.elapsedSeconds,
      remainingSeconds: over ? 0 : this.#remaining(report.step, report.steps),
      loss: finite(report.loss),
      accuracy: finite(report.accuracy),
      validation: this.#validation,
      best: this.#best,
      epochsSinceBest: this.#sinceBest,
      updatedAt: new Date().toISOString(),
    };
  }
}

/**
 * Which progress becomes an event: one a second at most, and then one for each five-hundredth of the way or quarter of
 * a minute.
 */
export class ProgressEvents {
  #at = Number.NEGATIVE_INFINITY;
  #fraction = -1;

  due(progress: Progress, now = performance.now()): boolean {
    const seconds = (now - this.#at) / 1000;
    if (seconds < 1 || (progress.fraction - this.#fraction < 1 / 500 && seconds < 15)) return false;
    this.#at = now;
    this.#fraction = progress.fraction;
    return true;
  }
}
