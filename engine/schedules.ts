/**
 * The learning rate at a step: η of (2), as a function of the step's place in the whole training and of nothing else,
 * so a resumed run needs no state. t = step − 1 counts from 0, T = stepsPerEpoch · epochs steps in all, e = ⌊t /
 * stepsPerEpoch⌋ epochs are complete.
 *
 * - constant: η
 * - step: η · factor^⌊e / every⌋
 * - exponential: η · factor^e
 * - cosine: minimum + (η − minimum)(1 + cos(π t/(T−1)))/2 (Loshchilov & Hutter 2017, one period, no restarts)
 * - one-cycle: start·peak rising in a straight line to peak at t = rise·(T−1), then half a cosine down to end·peak
 *   (Smith & Topin 2018)
 *
 * Rescheduled after step s to end with step E (a training that runs out of time), cosine and one-cycle go on from where
 * they stand: their share of the way, t/(T−1) until then, grows in a straight line from what it is at t = s to 1 at
 * t = E − 1. The rate has no jump, and its last step is the schedule's last. The other schedules know no end.
 *
 * Warm-up multiplies whatever the schedule says by step/warmup while step < warmup: the rate grows from (but never
 * equals) zero, and the schedule runs on underneath, so its last step stays its last step. Multipliers of single layers
 * are applied by the layers' owners.
 */
import type { Rescheduling, Schedule } from "../schemas/optimiser.ts";
import { cos, pow } from "./elementary.ts";

const pi = 3.141592653589793;

/** From 1 down to 0 along half a cosine, for progress 0 … 1. */
const cosineFall = (progress: number): number => (1 + cos(pi * progress)) / 2;

function oneCycle(options: { peak: number; start: number; end: number; rise: number; progress: number }): number {
  const { peak, start, end, rise, progress } = options;
  if (progress < rise) return peak * (start + (1 - start) * (progress / rise));
  const fallen = rise < 1 ? (progress - rise) / (1 - rise) : 0;
  return peak * (end + (1 - end) * cosineFall(fallen));
}

/** How far a schedule has come after so many steps: 0 at the first, 1 at the last. */
function progressAt(taken: number, steps: number, rescheduled: readonly Rescheduling[]): number {
  let from = 0;
  let reached = 0;
  let last = steps - 1;
  const at = (step: number): number => Math.min(reached + (1 - reached) * ((step - from) / (last - from)), 1);
  for (const { step, end } of rescheduled) {
    if (step > taken) break;
    if (last > from) reached = at(step);
    from = step;
    last = end - 1;
  }
  if (last > from) return at(taken);
  return from > 0 ? 1 : 0;
}

function scheduled(options: {
  schedule: Schedule;
  learningRate: number;
  taken: number;
  stepsPerEpoch: number;
  epochs: number;
  rescheduled: readonly Rescheduling[];
}): number {
  const { schedule, learningRate, taken, stepsPerEpoch, epochs, rescheduled } = options;
  const complete = Math.floor(taken / stepsPerEpoch);
  const progress = progressAt(taken, stepsPerEpoch * epochs, rescheduled);
  switch (schedule.kind) {
    case "constant":
      return learningRate;
    case "step":
      return learningRate * pow(schedule.factor, Math.floor(complete / schedule.every));
    case "exponential":
      return learningRate * pow(schedule.factor, complete);
    case "cosine":
      return schedule.minimum + (learningRate - schedule.minimum) * cosineFall(progress);
    case "one-cycle":
      return oneCycle({
        peak: schedule.peak ?? learningRate,
        start: schedule.start,
        end: schedule.end,
        rise: schedule.rise,
        progress,
      });
  }
}

/** η for step `step`, counted from 1 over the whole training. `stepsPerEpoch` counts the last, smaller batch too. */
export function learningRateAt(options: {
  schedule: Schedule;
  learningRate: number;
  step: number;
  stepsPerEpoch: number;
  epochs: number;
  rescheduled: readonly Rescheduling[];
}): number {
  const { schedule, step } = options;
  const rate = scheduled({ ...options, taken: step - 1 });
  return step < schedule.warmup ? rate * (step / schedule.warmup) : rate;
}
