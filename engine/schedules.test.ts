import { describe, expect, it } from "vitest";
import { schedule as schema, type Rescheduling } from "../schemas/optimiser.ts";
import { learningRateAt } from "./schedules.ts";

/** The rates of a training of 4 epochs of 5 steps from η = 0.2, rounded to 12 digits. */
const rates = (schedule: unknown, steps: number[], rescheduled: readonly Rescheduling[] = []): number[] =>
  steps.map((step) =>
    Number(
      learningRateAt({
        schedule: schema.parse(schedule),
        learningRate: 0.2,
        step,
        stepsPerEpoch: 5,
        epochs: 4,
        rescheduled,
      }).toPrecision(12),
    ),
  );

describe("learningRateAt", () => {
  it("constant", () => expect(rates({ kind: "constant" }, [1, 20])).toEqual([0.2, 0.2]));
  it("step falls when an even number of epochs is complete", () =>
    expect(rates({ kind: "step", every: 2, factor: 0.5 }, [1, 5, 6, 10, 11, 15, 16, 20])).toEqual([
      0.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1,
    ]));
  it("exponential falls after each epoch", () =>
    expect(rates({ kind: "exponential", factor: 0.5 }, [1, 5, 6, 11, 16, 20])).toEqual([
      0.2, 0.2, 0.1, 0.05, 0.025, 0.025,
    ]));
  it("cosine begins at η, is half way in the middle, and ends at its minimum", () => {
    expect(rates({ kind: "cosine", minimum: 0.02 }, [1, 20])).toEqual([0.2, 0.02]);
    const [tenth, eleventh] = rates({ kind: "cosine", minimum: 0.02 }, [10, 11]);
    expect(tenth + eleventh).toBeCloseTo(0.22, 12); // mirror images around the middle, 9.5 of 19
  });
  it("one-cycle rises in a line, then falls along a cosine", () => {
    const cycle = { kind: "one-cycle", peak: 1, start: 0.1, end: 0.01, rise: 9 / 19 };
    expect(rates(cycle, [1, 4, 10, 15, 20])).toEqual([0.1, 0.4, 1, 0.505, 0.01]);
  });
  it("one-cycle takes η as its peak, and stands rise 0 and rise 1", () => {
    expect(rates({ kind: "one-cycle", rise: 0, end: 0 }, [1, 20])).toEqual([0.2, 0]);
    expect(rates({ kind: "one-cycle", rise: 1, start: 0.5 }, [1, 20])).toEqual([0.1, 0.2]);
  });
  it("warm-up multiplies by step/warmup and the schedule runs on underneath", () => {
    expect(rates({ kind: "constant", warmup: 4 }, [1, 2, 3, 4, 5])).toEqual([0.05, 0.1, 0.15, 0.2, 0.2]);
    expect(rates({ kind: "exponential", factor: 0.5, warmup: 10 }, [5, 6, 10])).toEqual([0.1, 0.06, 0.1]);
    expect(rates({ kind: "cosine", warmup: 3 }, [20])).toEqual([0]);
  });
  it("rescheduled, cosine and one-cycle go on from where they stand and end with the new last step", () => {
    const shorter = [{ step: 8, end: 14 }];
    const cosine = { kind: "cosine", minimum: 0.02 };
    const whole = rates(cosine, [1, 5, 8, 9]);
    expect(rates(cosine, [1, 5, 8, 9], shorter)).toEqual(whole);
    expect(rates(cosine, [14], shorter)).toEqual([0.02]);
    // Five steps from 8/19 of the way to its end.
    expect(rates(cosine, [10], shorter)).toEqual([
      Number((0.02 + (0.18 * (1 + Math.cos(Math.PI * (8 / 19 + 11 / 95)))) / 2).toPrecision(12)),
    ]);
    const cycle = { kind: "one-cycle", start: 0.5, end: 0.01 };
    expect(rates(cycle, [20], [...shorter, { step: 12, end: 20 }])).toEqual([0.002]);
    expect(rates(cycle, [13], [...shorter, { step: 12, end: 13 }])).toEqual([0.002]);
    expect(rates({ kind: "exponential", factor: 0.5 }, [13], shorter)).toEqual([0.05]);
  });
  it("a training of one step uses the first rate", () => {
    const once = (schedule: unknown): number =>
      learningRateAt({
        schedule: schema.parse(schedule),
        learningRate: 0.2,
        step: 1,
        stepsPerEpoch: 1,
        epochs: 1,
        rescheduled: [],
      });
    expect(once({ kind: "cosine" })).toBe(0.2);
    expect(once({ kind: "one-cycle", start: 0.5 })).toBeCloseTo(0.1, 15);
  });
});
