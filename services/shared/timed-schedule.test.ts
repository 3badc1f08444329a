import { describe, expect, test } from "vitest";
import { betterEnd, StepTimes, TimedSchedule, type Standing } from "./timed-schedule.ts";

/** Half of a thousand batches done in half of the hundred seconds. */
const standing = (changes: Partial<Standing> = {}): Standing => ({
  step: 500,
  end: 1000,
  steps: 1000,
  perStep: 0.1,
  secondsLeft: 50,
  secondsAllowed: 100,
  changes: 0,
  ...changes,
});

describe("the end of a schedule", () => {
  test("stays where the time suffices, or while nobody knows what a batch takes", () => {
    expect(betterEnd(standing())).toBeNull();
    expect(betterEnd(standing({ secondsLeft: 1000 }))).toBeNull();
    expect(betterEnd(standing({ perStep: null, secondsLeft: 0.5 }))).toBeNull();
  });

  test("comes nearer where it does not, with a little to spare", () => {
    expect(betterEnd(standing({ perStep: 0.2 }))).toBe(500 + 237);
    expect(betterEnd(standing({ perStep: 0.2, end: 737, changes: 1 }))).toBeNull();
  });

  test("is the next batch where the time is over, or one takes longer than is left", () => {
    expect(betterEnd(standing({ secondsLeft: -3 }))).toBe(501);
    expect(betterEnd(standing({ secondsLeft: -3, perStep: null }))).toBe(501);
    expect(betterEnd(standing({ secondsLeft: 0.01 }))).toBe(501);
    expect(betterEnd(standing({ secondsLeft: -3, end: 501 }))).toBeNull();
  });

  test("moves away again where much time would be left over, never beyond what was asked for, not for ever", () => {
    const soon = { end: 600, changes: 1 };
    expect(betterEnd(standing(soon))).toBe(500 + 475);
    expect(betterEnd(standing({ ...soon, secondsLeft: 1000 }))).toBe(1000);
    expect(betterEnd(standing({ ...soon, end: 940 }))).toBeNull();
    expect(betterEnd(standing({ ...soon, changes: 50 }))).toBeNull();
  });

  test("of any course of a worker lies ahead, and is met with time for the measurements that follow", () => {
    // What a batch takes, by its number.
    const courses: Record<string, (step: number) => number> = {
      "ten times slower than planned": () => 0.1,
      "slower and slower": (step) => 0.01 * (1 + step / 100),
      "busy for a while": (step) => (step < 300 ? 0.08 : 0.01),
      "busy at the end": (step) => (step < 3000 ? 0.01 : 0.07),
      restless: (step) => (step % 700 < 350 ? 0.005 : 0.04),
    };
    for (const [name, secondsOf] of Object.entries(courses)) {
      let now = 1000;
      const endsAt = now + 60;
      const spec = { counts: { train: 9990, validation: 0, test: 0 }, batchSize: 50, epochs: 30 };
      const schedule = new TimedSchedule({ seconds: 60, endsAt }, spec, () => now);
      let end = 6000;
      let changes = 0;
      let asked = now;
      let step = 0;
      while (step < end) {
        now += secondsOf(step) + (step > 0 && step % 200 === 0 ? 0.7 : 0);
        step++;
        if (now - asked < 0.5) continue;
        asked = now;
        const better = schedule.endFor({ step, epoch: Math.ceil(step / 200), steps: end }, changes);
        if (better === null) continue;
        expect(better, name).toBeGreaterThan(step);
        expect(better, name).toBeLessThanOrEqual(6000);
        end = better;
        changes++;
      }
      // Every sample once, forward only.
      now += (9990 / 50 / 3) * secondsOf(step - 1);
      expect(endsAt - now, name).toBeGreaterThan(-0.2);
      expect(endsAt - now, name).toBeLessThan(8);
      expect(changes, name).toBeLessThan(40);
    }
  });

  test("leaves most of the time to a training of a set that takes longer to measure than all of it", () => {
    let now = 5;
    const spec = { counts: { train: 90_000, validation: 0, test: 0 }, batchSize: 10, epochs: 3 };
    const schedule = new TimedSchedule({ seconds: 8, endsAt: now + 8 }, spec, () => now);
    let end: number | null = null;
    for (let step = 1; step <= 20 && end === null; step++) {
      now += 0.1;
      end = schedule.endFor({ step, epoch: 1, steps: 27_000 }, 0);
    }
    // A quarter of the time is kept for measuring; of the rest one second was needed to know what a batch takes.
    expect(end).toBeGreaterThan(45);
    expect(end).toBeLessThan(60);
  });
});

describe("what a batch takes", () => {
  test("is told apart from what comes between epochs", () => {
    const times = new StepTimes(3);
    let at = 7;
    for (let step = 1; step <= 100; step++) {
      at += 0.2 + (step % 20 === 1 ? 4 : 0);
      times.hear({ step, epoch: Math.ceil(step / 20) }, at);
    }
    expect(times.perStep).toBeCloseTo(0.2);
    expect(times.between).toBeCloseTo(4);
  });

  test("holds its share of that where epochs are shorter than the time between two reports", () => {
    const times = new StepTimes(3);
    for (let report = 1; report <= 50; report++) times.hear({ step: report * 30, epoch: report * 3 }, report * 0.6);
    expect(times.perStep).toBeCloseTo(0.02);
    expect(times.between).toBe(0);
  });
});
