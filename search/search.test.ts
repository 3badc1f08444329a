import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completeSweepRequest, type CompleteSweepRequest } from "../schemas/sweep.ts";
import { planOf, type Plan } from "./plan.ts";
import { Search, type Decision, type Moment } from "./search.ts";
import type { Outcome, Place } from "./trials.ts";

const planFor = (options: {
  search: CompleteSweepRequest["search"];
  epochs?: number;
  parallel?: number;
  metric?: "accuracy" | "loss";
  stopWhen?: { maxSeconds?: number; accuracy?: number };
}): Plan =>
  planOf(
    completeSweepRequest.parse({
      base: { dataset: "mnist", epochs: options.epochs ?? 9 },
      space: { "/optimiser/learningRate": { log: [0.001, 1] } },
      search: options.search,
      parallel: options.parallel ?? 3,
      objective: { metric: options.metric ?? "accuracy" },
      stopWhen: options.stopWhen ?? {},
    }),
  );

/** What a trial's training in a rung comes to: fixed beforehand, whenever it runs. */
type Fate = (place: Place) => Outcome;

const moment: Moment = { elapsedSeconds: 0, paused: false };
const keyOf = ({ trial, rung }: Place): string => `${trial}/${rung}`;

interface Run {
  decision: Decision;
  outcomes: Outcome[];
  started: Place[];
}

/**
 * A coordinator and its workers: `choose` says which running trial ends next and when the coordinator is killed. Holds
 * on the way what must always hold.
 */
function run(options: {
  plan: Plan;
  fate: Fate;
  choose: (count: number) => number;
  crash?: () => boolean;
  onDecision?: (decision: Decision, outcomes: readonly Outcome[], started: readonly Place[]) => void;
}): Run {
  const { plan, fate, choose, crash = () => false, onDecision } = options;
  let search = new Search({ plan });
  const outcomes: Outcome[] = [];
  const started: Place[] = [];
  const running: Place[] = [];
  const told = new Set<string>();
  const hopeless = new Set<number>();
  const end = (outcome: Outcome): void => {
    outcomes.push(outcome);
    expect(search.ended(outcome)).toBe(true);
    expect(search.ended({ ...outcome, value: 0.5 })).toBe(false);
  };
  for (let turn = 0; turn < 20 * plan.trials + 100; turn++) {
    if (crash()) {
      search = new Search({ plan, outcomes: outcomes.toReversed(), started: started.toReversed() });
    }
    const decision = search.next(moment);
    expect(search.next(moment)).toEqual(decision);
    expect(new Search({ plan, outcomes, started }).next(moment)).toEqual(decision);
    const ended = [...decision.stop, ...decision.conclude];
    expect(decision.start.filter(({ trial }) => ended.includes(trial))).toEqual([]);
    expect(decision.stop.filter((trial) => decision.conclude.includes(trial))).toEqual([]);
    for (const trial of search.hopeless()) hopeless.add(trial);
    onDecision?.(decision, outcomes, started);
    if (decision.finished) {
      expect(running).toEqual([]);
      expect(decision.finished.best).toEqual(search.best());
      expect(hopeless.has(decision.finished.best?.trial ?? -1), "who wins was not given up").toBe(false);
      return { decision, outcomes, started };
    }
    for (const place of [...decision.start, ...decision.carried]) {
      expect(told.has(keyOf(place)), `${keyOf(place)} is chosen once`).toBe(false);
      told.add(keyOf(place));
      expect(hopeless.has(place.trial), "who goes on was not given up").toBe(false);
      const before = outcomes.find((each) => each.trial === place.trial && each.rung === place.rung - 1);
      if (place.rung > 0) expect(before).toMatchObject({ status: "succeeded" });
      if ("from" in place)
        expect(place.from).toEqual(before === undefined ? null : { rung: before.rung, epochs: before.epochs });
    }
    for (const outcome of decision.carried) end(outcome);
    for (const { trial, rung } of decision.start) {
      search.started({ trial, rung });
      started.push({ trial, rung });
      running.push({ trial, rung });
    }
    expect(running.length).toBeLessThanOrEqual(plan.request.parallel);
    for (const trial of ended) {
      const at = running.findIndex((place) => place.trial === trial);
      const [place] = running.splice(at, 1);
      end({ ...fate(place), status: "stopped", complete: false });
    }
    if (running.length > 0) end(fate(...(running.splice(choose(running.length), 1) as [Place])));
    else if (decision.carried.length === 0) expect(ended, "something goes on").not.toEqual([]);
  }
  throw new Error("the sweep does not end");
}

/** Few different values, so that many are equal; none, and none that is finite, among them. */
const figure = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 12 }).map((n) => n / 12) },
  { weight: 1, arbitrary: fc.constantFrom(null, NaN, Infinity) },
);

interface Scene {
  plan: Plan;
  fate: Fate;
}

const scene = (kind: "halving" | "asha" | "random", stop = false): fc.Arbitrary<Scene> =>
  fc
    .record({
      trials: fc.integer({ min: 1, max: 30 }),
      reduction: fc.integer({ min: 2, max: 4 }),
      firstEpochs: fc.integer({ min: 1, max: 2 }),
      epochs: fc.integer({ min: 2, max: 20 }),
      parallel: fc.integer({ min: 1, max: 12 }),
      metric: fc.constantFrom("accuracy" as const, "loss" as const),
      accuracy: stop ? fc.constantFrom(0.5, 0.75, 1) : fc.constant(undefined),
      figures: fc.array(figure, { minLength: 40, maxLength: 40 }),
      failures: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 17, maxLength: 17 }),
      early: fc.array(fc.boolean(), { minLength: 13, maxLength: 13 }),
    })
    .map(({ trials, reduction, firstEpochs, epochs, parallel, metric, accuracy, figures, failures, early }) => {
      const search = kind === "random" ? { kind, trials } : { kind, trials, reduction, firstEpochs };
      const plan = planFor({ search, epochs, parallel, metric, stopWhen: accuracy === undefined ? {} : { accuracy } });
      const fate: Fate = ({ trial, rung }) => ({
        trial,
        rung,
        status: failures[(trial + 5 * rung) % 17] === 0 ? "failed" : "succeeded",
        value: figures[(3 * trial + 11 * rung) % 40],
        accuracy: figures[(3 * trial + 11 * rung) % 40],
        epochs: plan.rungs[rung].epochs ?? epochs,
        complete: early[(trial + rung) % 13] && trial % 3 === 0,
      });
      return { plan, fate };
    });

const usable = ({ status, value }: Outcome): boolean =>
  status === "succeeded" && value !== null && Number.isFinite(value);

/** The best first, as plainly as can be. */
const ranked = (outcomes: readonly Outcome[], metric: "accuracy" | "loss"): Outcome[] =>
  outcomes
    .filter(usable)
    .toSorted((one, other) =>
      one.value === other.value
        ? one.trial - other.trial
        : (one.value! < other.value! ? -1 : 1) * (metric === "loss" ? 1 : -1),
    );

/** Successive halving with everything known beforehand: the outcomes rung by rung. */
function halved({ plan, fate }: Scene): Outcome[][] {
  const { metric } = plan.request.objective;
  const found: Outcome[][] = [];
  let members = Array.from({ length: plan.trials }, (_, trial) => trial);
  const carried = new Map<number, Outcome>();
  for (const { rung, trials } of plan.rungs) {
    if (rung > 0)
      members = ranked(found[rung - 1], metric)
        .slice(0, trials)
        .map(({ trial }) => trial);
    found.push(
      members.map((trial) => {
        const outcome = carried.has(trial) ? { ...carried.get(trial)!, rung } : fate({ trial, rung });
        if (outcome.complete && outcome.status === "succeeded") carried.set(trial, outcome);
        return outcome;
      }),
    );
  }
  return found;
}

const choices = fc.infiniteStream(fc.nat({ max: 1 << 20 }));
const crashes = fc.infiniteStream(fc.integer({ min: 0, max: 7 }));
const chooserOf =
  (stream: Iterator<number>) =>
  (count: number): number =>
    (stream.next().value as number) % count;

describe("halving", () => {
  it("makes the rungs of successive halving and its winner, whatever the order, the workers and the crashes", () => {
    fc.assert(
      fc.property(scene("halving"), choices, crashes, (each, order, killed) => {
        const expected = halved(each);
        const { outcomes, decision } = run({
          ...each,
          choose: chooserOf(order),
          crash: () => killed.next().value === 0,
        });
        const sorted = (list: readonly Outcome[]): string[] => list.map(keyOf).toSorted();
        expect(sorted(outcomes)).toEqual(sorted(expected.flat()));
        const { metric } = each.plan.request.objective;
        const latest = new Map(expected.flat().map((outcome) => [outcome.trial, outcome]));
        const top = ranked([...latest.values()], metric);
        const best = top
          .filter(({ value }) => value === top[0].value)
          .toSorted((one, other) => other.rung - one.rung || one.trial - other.trial)[0];
        expect(decision.finished).toEqual({ reason: "trials", best: best ?? null });
      }),
      { numRuns: 400 },
    );
  });

  it("loses no trial: each has an outcome in the first rung, and the counts add up", () => {
    fc.assert(
      fc.property(scene("halving"), choices, (each, order) => {
        const { outcomes, started } = run({ ...each, choose: chooserOf(order) });
        const begun = outcomes.filter(({ rung }) => rung === 0).map(({ trial }) => trial);
        expect(begun.toSorted((one, other) => one - other)).toEqual(
          Array.from({ length: each.plan.trials }, (_, trial) => trial),
        );
        const { total, ...others } = new Search({ plan: each.plan, outcomes, started }).counts(true);
        expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBe(total);
        expect(others).toMatchObject({ queued: 0, running: 0 });
      }),
    );
  });

  it.each([
    { first: 1, whole: 27, rungs: [[27, 1], [9, 3], [3, 9], [1, 27]] }, // prettier-ignore
    { first: 1, whole: 10, rungs: [[27, 1], [9, 3], [3, 9], [1, 10]] }, // prettier-ignore
    { first: 1, whole: 4, rungs: [[27, 1], [9, 3], [3, 4]] }, // prettier-ignore
    { first: 2, whole: 100, rungs: [[27, 2], [9, 6], [3, 18], [1, 100]] }, // prettier-ignore
    { first: 5, whole: 5, rungs: [[27, 5]] },
  ])("trains 27 trials for $whole epochs at most, from $first on, in $rungs", ({ first, whole, rungs }) => {
    const plan = planFor({ search: { kind: "halving", trials: 27, reduction: 3, firstEpochs: first }, epochs: whole });
    expect(plan.rungs.map(({ trials, epochs }) => [trials, epochs])).toEqual(rungs);
  });
});

describe("an accuracy that is enough", () => {
  it.each(["halving", "random"] as const)("ends %s with the same winner in whatever order results come", (kind) => {
    fc.assert(
      fc.property(scene(kind, true), choices, choices, crashes, (each, one, other, killed) => {
        const alone = planOf({ ...each.plan.request, parallel: 1 });
        const enough = each.plan.request.stopWhen.accuracy!;
        const ways = [
          run({
            ...each,
            choose: chooserOf(one),
            // Nothing is begun that could not count.
            onDecision: ({ start }, outcomes) => {
              const found = outcomes.filter((outcome) => usable(outcome) && outcome.accuracy! >= enough);
              for (const { trial, rung } of start)
                for (const goal of found) expect([goal.rung, trial < goal.trial]).toEqual([rung, true]);
            },
          }),
          run({ ...each, choose: chooserOf(other), crash: () => killed.next().value === 0 }),
          run({ ...each, plan: alone, choose: () => 0 }),
        ].map(({ decision }) => decision.finished);
        expect(ways[1]).toEqual(ways[0]);
        expect(ways[2]).toEqual(ways[0]);
      }),
      { numRuns: 300 },
    );
  });

  it("ends asha as soon as it is there", () => {
    fc.assert(
      fc.property(scene("asha", true), choices, (each, order) => {
        const enough = each.plan.request.stopWhen.accuracy!;
        run({
          ...each,
          choose: chooserOf(order),
          onDecision: ({ start }, outcomes) => {
            if (outcomes.some((outcome) => usable(outcome) && outcome.accuracy! >= enough)) expect(start).toEqual([]);
          },
        });
      }),
    );
  });
});

describe("asha", () => {
  it("promotes only trials that are among the best of their rung's outcomes at that moment", () => {
    fc.assert(
      fc.property(scene("asha"), choices, crashes, (each, order, killed) => {
        const { plan } = each;
        const { reduction } = plan.request.search as { reduction: number };
        const { metric } = plan.request.objective;
        const earned = (outcomes: readonly Outcome[], started: readonly Place[]): string[] =>
          plan.rungs
            .slice(1)
            .toReversed()
            .flatMap(({ rung }) => {
              const below = outcomes.filter((outcome) => outcome.rung === rung - 1);
              return ranked(below, metric)
                .slice(0, Math.floor(below.length / reduction))
                .filter(({ trial }) => ![...started, ...outcomes].some((at) => at.trial === trial && at.rung >= rung))
                .map(({ trial }) => keyOf({ trial, rung }));
            });
        const { outcomes, started } = run({
          ...each,
          choose: chooserOf(order),
          crash: () => killed.next().value === 0,
          onDecision: ({ start, carried }, known, begun) => {
            const promoted = [...start, ...carried].filter(({ rung }) => rung > 0).map(keyOf);
            const right = earned(known, begun);
            expect(right).toEqual(expect.arrayContaining(promoted));
            if (start.some(({ rung }) => rung === 0)) expect(promoted.toSorted()).toEqual(right.toSorted());
            // The highest rung first, in it the best first.
            const carriedOver = new Set(carried.map(keyOf));
            const trained = start.filter(({ rung }) => rung > 0).map(keyOf);
            expect(trained).toEqual(right.filter((key) => !carriedOver.has(key)).slice(0, trained.length));
          },
        });
        expect(earned(outcomes, started)).toEqual([]);
        expect(outcomes.filter(({ rung }) => rung === 0)).toHaveLength(plan.trials);
      }),
      { numRuns: 300 },
    );
  });

  it("waits for nobody: while trials are left or earned, every worker is busy", () => {
    fc.assert(
      fc.property(scene("asha"), choices, (each, order) => {
        const { plan } = each;
        run({
          ...each,
          choose: chooserOf(order),
          onDecision: ({ start, carried }, outcomes, started) => {
            const open = started.filter((at) => !outcomes.some((other) => keyOf(other) === keyOf(at))).length;
            const begun = new Set(started.map(({ trial }) => trial)).size;
            if (begun < plan.trials && carried.length === 0)
              expect(open + start.length).toBe(
                Math.min(
                  plan.request.parallel,
                  open + start.filter(({ rung }) => rung > 0).length + plan.trials - begun,
                ),
              );
          },
        });
      }),
    );
  });
});

describe("time and pauses", () => {
  const plan = planFor({
    search: { kind: "halving", trials: 9, reduction: 3, firstEpochs: 1 },
    stopWhen: { maxSeconds: 60 },
  });
  const outcome = (trial: number, value: number | null): Outcome => ({
    trial,
    rung: 0,
    status: value === null ? "failed" : "succeeded",
    value,
    accuracy: value,
    epochs: 1,
    complete: false,
  });

  it("starts nothing while paused, and goes on afterwards", () => {
    const search = new Search({ plan });
    expect(search.next({ elapsedSeconds: 0, paused: true })).toEqual({
      start: [],
      carried: [],
      stop: [],
      conclude: [],
      finished: null,
    });
    expect(search.next(moment).start.map(({ trial }) => trial)).toEqual([0, 1, 2]);
  });

  it("ends what runs when the time is up, and finishes with the best there is", () => {
    const search = new Search({ plan, outcomes: [outcome(0, 0.4), outcome(1, 0.9), outcome(2, null)] });
    search.started({ trial: 3, rung: 0 });
    const late = { elapsedSeconds: 60, paused: false };
    expect(search.next(late)).toEqual({ start: [], carried: [], stop: [], conclude: [3], finished: null });
    search.ended({ ...outcome(3, 0.5), status: "stopped" });
    expect(search.next(late).finished).toEqual({ reason: "maxSeconds", best: outcome(1, 0.9) });
    expect([0, 1, 2, 3, 4].map((trial) => search.statusOf(trial, true))).toEqual([
      "stopped",
      "stopped",
      "failed",
      "stopped",
      "stopped",
    ]);
  });

  it("says that the time was up where all that ran was ended by it", () => {
    const late = { elapsedSeconds: 61, paused: false };
    const search = new Search({
      plan: planFor({ search: { kind: "random", trials: 1 }, stopWhen: { maxSeconds: 60 } }),
    });
    search.started({ trial: 0, rung: 0 });
    expect(search.next(late)).toMatchObject({ conclude: [0], finished: null });
    search.ended({ ...outcome(0, 0.5), status: "stopped" });
    expect(search.next(late).finished).toMatchObject({ reason: "maxSeconds", best: { trial: 0 } });
  });

  it("says where trials stand on the way", () => {
    const search = new Search({ plan, outcomes: [outcome(0, 0.4), outcome(1, null)] });
    search.started({ trial: 2, rung: 0 });
    expect(search.counts(false)).toEqual({ total: 9, queued: 7, running: 1, stopped: 0, succeeded: 0, failed: 1 });
    for (let trial = 2; trial < 9; trial++) search.ended(outcome(trial, trial / 10));
    expect(search.counts(false)).toEqual({ total: 9, queued: 3, running: 0, stopped: 5, succeeded: 0, failed: 1 });
    expect(search.next(moment).start).toMatchObject([
      { trial: 6, rung: 1, epochs: 3, from: { rung: 0, epochs: 1 } },
      { trial: 7, rung: 1 },
      { trial: 8, rung: 1 },
    ]);
  });

  it("carries over what has nothing more to train, and fills the room all the same", () => {
    const outcomes = Array.from({ length: 9 }, (_, trial) => ({
      ...outcome(trial, trial / 10),
      complete: trial === 6,
    }));
    const narrow = planOf({ ...plan.request, parallel: 1 });
    const search = new Search({ plan: narrow, outcomes });
    const { start, carried } = search.next(moment);
    expect(carried).toEqual([{ ...outcomes[6], rung: 1 }]);
    expect(start.map(({ trial }) => trial)).toEqual([7]);
    expect(search.statusOf(6, false)).toBe("succeeded");
  });

  it("has no winner where every trial failed", () => {
    const search = new Search({ plan, outcomes: Array.from({ length: 9 }, (_, trial) => outcome(trial, null)) });
    expect(search.next(moment).finished).toEqual({ reason: "trials", best: null });
  });

  it("refuses a place that the plan does not have", () => {
    const search = new Search({ plan });
    expect(() => search.ended(outcome(9, 0.5))).toThrow("there is no trial 9 in rung 0");
    expect(() => search.started({ trial: 0, rung: 3 })).toThrow("rungs from 0 to 2");
  });
});

describe("ten thousand trials", () => {
  it.each([
    { kind: "random" as const, trials: 10_000 },
    { kind: "halving" as const, trials: 10_000, reduction: 3, firstEpochs: 1 },
    { kind: "asha" as const, trials: 10_000, reduction: 3, firstEpochs: 1 },
  ])("are decided by $kind one outcome at a time", (search) => {
    const plan = planFor({ search, epochs: 81, parallel: 8 });
    const deciding = new Search({ plan });
    const running: Place[] = [];
    let trainings = 0;
    for (;;) {
      const { start, finished } = deciding.next(moment);
      if (finished) break;
      for (const { trial, rung } of start) {
        deciding.started({ trial, rung });
        running.push({ trial, rung });
      }
      const [place] = running.splice(trainings % running.length, 1);
      const value = ((place.trial * 7919) % 10_007) / 10_007;
      deciding.ended({ ...place, status: "succeeded", value, accuracy: value, epochs: 1, complete: false });
      trainings++;
    }
    expect(trainings).toBeGreaterThanOrEqual(10_000);
    expect(deciding.best()!.value).toBe(10_006 / 10_007);
  });
});
