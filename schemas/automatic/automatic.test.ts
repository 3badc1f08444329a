import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nameOfKernels } from "../../engine/kernels/instantiate.ts";
import { completeRequest, contradictions } from "../complete.ts";
import { completeJobRequest, jobRequest, type CompleteJobRequest } from "../job.ts";
import { networkShape } from "../network-shape.ts";
import { splitsOf, validationProblems } from "../validation.ts";
import { expectedSpeed, withAutomatic, workOf, type AutomaticFacts } from "./index.ts";

const fast = (threads: number): number => threads * 50e9;
const digits: AutomaticFacts = {
  shape: { channels: 1, height: 28, width: 28 },
  classes: "0 1 2 3 4 5 6 7 8 9".split(" "),
  trainingCounts: new Array<number>(10).fill(6000),
  splits: { train: 60_000, validation: 0, test: 10_000 },
  initialNetwork: null,
  speedOf: fast,
};
const facts = (changes: Partial<AutomaticFacts> & { counts?: number[] }): AutomaticFacts => {
  const { counts = changes.trainingCounts ?? digits.trainingCounts, ...rest } = changes;
  const train = counts.reduce((sum, count) => sum + count, 0);
  return {
    ...digits,
    classes: counts.map((_, at) => `class-${"abcdefghij"[at % 10]}`),
    splits: { ...digits.splits, train },
    ...rest,
    trainingCounts: counts,
  };
};

interface Made {
  request: CompleteJobRequest;
  reasons: string[];
  warnings: string[];
}
function made(asked: object, of: AutomaticFacts): Made {
  const { body, reasons, warnings } = withAutomatic({ dataset: "pets", ...asked }, of);
  return { request: completeRequest(jobRequest.parse(body), of.classes.length), reasons, warnings };
}
/** The worker fits the schedule to the time: so many times what should fit is asked for. */
const room = 1.5;
const secondsOf = ({ request }: Made, of: AutomaticFacts): number => {
  const work = workOf(request.network.layers, of.shape);
  return (request.epochs * splitsOf(request.validation, of).train * work) / of.speedOf(request.threads);
};

const anything: fc.Arbitrary<AutomaticFacts> = fc
  .record({
    shape: fc.oneof(
      fc.record({
        channels: fc.integer({ min: 1, max: 4 }),
        height: fc.integer({ min: 1, max: 200 }),
        width: fc.integer({ min: 1, max: 200 }),
      }),
      fc.record({ channels: fc.constant(1), height: fc.constant(1), width: fc.integer({ min: 1, max: 4096 }) }),
      fc.constant({ channels: 1, height: 7, width: 5 }),
      fc.constant({ channels: 3, height: 4096, width: 3 }),
    ),
    classes: fc.integer({ min: 2, max: 1000 }),
    samples: fc.oneof(fc.integer({ min: 2, max: 200 }), fc.integer({ min: 2, max: 1_000_000 })),
    unevenness: fc.double({ min: 0, max: 3, noNaN: true }),
    validation: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5000 })),
    test: fc.integer({ min: 0, max: 5000 }),
    speed: fc.double({ min: 1e8, max: 1e12, noNaN: true }),
  })
  .map(({ shape, classes, samples, unevenness, validation, test: tested, speed }) => {
    const weights = Array.from({ length: classes }, (_, at) => Math.exp((-unevenness * at) / classes));
    const sum = weights.reduce((all, each) => all + each, 0);
    const trainingCounts = weights.map((weight) => Math.floor((samples * weight) / sum));
    trainingCounts[0] += samples - trainingCounts.reduce((all, each) => all + each, 0);
    return {
      shape,
      classes: Array.from({ length: classes }, (_, at) => `kind ${at}`),
      trainingCounts,
      splits: { train: samples, validation, test: tested },
      initialNetwork: null,
      speedOf: (threads: number) => threads * speed,
    };
  });
const limits = fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined });

describe("whatever the dataset", () => {
  test("the request is complete, is accepted, and reads back as itself", () => {
    fc.assert(
      fc.property(anything, limits, (of, maxSeconds) => {
        const { request } = made(maxSeconds === undefined ? {} : { stopWhen: { maxSeconds } }, of);
        expect(completeJobRequest.parse(request)).toEqual(request);
        expect(contradictions(request)).toEqual([]);
        expect(networkShape(request.network.layers, of.shape, of.classes.length).problems).toEqual([]);
        expect(validationProblems(request, of)).toEqual([]);
        expect(withAutomatic(request, of).body).toBe(request);
        expect(made(request, of).request).toEqual(request);
      }),
      { numRuns: 300 },
    );
  });

  test("each choice has a reason that names it", () => {
    fc.assert(
      fc.property(anything, (of) => {
        const { reasons } = made({}, of);
        const named = [/network/, /optimiser/, /learning rate/, /epoch/, /batch/, /held out|validation split/];
        for (const what of [...named, /drawn|taken once/, /distorted|Training samples are/, /standardised/])
          expect(reasons.filter((reason) => what.test(reason))).not.toEqual([]);
        for (const reason of reasons) expect(reason).toMatch(/^[A-Z0-9].*[.}]$/);
        expect(reasons.join(" ")).not.toMatch(/NaN|undefined|Infinity/);
      }),
    );
  });

  test("a limit of seconds is asked to be filled: no more than half as much again, where fewer epochs can keep it", () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 20, max: 3600 }), (of, maxSeconds) => {
        const found = made({ stopWhen: { maxSeconds } }, of);
        if (found.request.epochs > 1) expect(secondsOf(found, of)).toBeLessThanOrEqual(room * maxSeconds);
      }),
    );
  });
});

describe("what the user gives", () => {
  test("wins, and has no reason", () => {
    const given = {
      epochs: 3,
      batchSize: 17,
      optimiser: { kind: "adam", learningRate: 0.002 },
      schedule: { kind: "constant" },
      normalisation: "unit",
      sampling: "balanced",
      validation: null,
    };
    const { request, reasons } = made(given, digits);
    expect(request).toMatchObject(given);
    expect(request.stopWhen.patience).toBeNull();
    expect(reasons).toHaveLength(2);
    expect(reasons[0]).toMatch(/^The network has/);
    expect(reasons[1]).toMatch(/^Samples are not distorted: in 3 epochs/);
  });
  test("wins entry by entry in augmentation and stopWhen", () => {
    const asked = { augmentation: { flip: true, shift: 0 }, stopWhen: { maxSeconds: 600 } };
    const { request } = made(asked, facts({ counts: [300, 300] }));
    expect(request.augmentation).toMatchObject({ flip: true, shift: 0, rotate: 8 });
    expect(request.stopWhen).toMatchObject({ maxSeconds: 600, patience: 50 });
  });
  test("a network of one's own is left alone, and so is what is no request", () => {
    const bodies = [
      { dataset: "pets", network: "toolbox" },
      { dataset: 5 },
      { dataset: "pets", epochs: "x" },
      null,
      [],
      7,
    ];
    for (const body of bodies) expect(withAutomatic(body, digits)).toEqual({ body, reasons: [], warnings: [] });
    expect(withAutomatic({ dataset: "pets", network: "auto" }, digits).body).toEqual(
      withAutomatic({ dataset: "pets" }, digits).body,
    );
  });
});

describe("the data", () => {
  test("digits are not mirrored, pictures in colour are, unless their names are signs or directions", () => {
    const colour = { channels: 3, height: 32, width: 33 };
    const flips = (of: Partial<AutomaticFacts>): boolean =>
      made({}, facts({ counts: [200, 200], ...of })).request.augmentation.flip;
    expect(flips({ shape: colour, classes: ["cat", "dog"] })).toBe(true);
    expect(flips({ shape: colour, classes: ["A", "B"] })).toBe(false);
    expect(flips({ shape: colour, classes: ["turn left", "turn right"] })).toBe(false);
    expect(flips({ shape: colour, classes: ["seven", "eight"] })).toBe(false);
    expect(flips({ classes: ["cat", "dog"] })).toBe(false);
  });
  test("very uneven classes are drawn equally often, and the rare one is named", () => {
    const lopsided = (...counts: number[]): Made => made({}, facts({ counts, classes: ["shirt", "tie"] }));
    const { request, reasons, warnings } = lopsided(7800, 200);
    expect(request.sampling).toBe("balanced");
    expect(reasons.join("\n")).toMatch(/'shirt' has 7,800 training samples, 'tie' 200/);
    expect(warnings.join("\n")).toMatch(/class 'tie' has 200 training samples.*more samples of the rare one/);
    const less = lopsided(3800, 200);
    expect(less.request.sampling).toBe("natural");
    expect(less.reasons.join("\n")).toMatch(/'tie' 200,.*"sampling":"balanced" finds more of 'tie'/);
    expect(less.warnings.join("\n")).toMatch(/class 'tie' has 200 training samples/);
    expect(made({}, facts({ counts: [300, 100] })).request.sampling).toBe("natural");
  });
  test("few samples are said to be few, with what more would do", () => {
    expect(made({}, facts({ counts: [20, 20] })).warnings).toEqual([
      expect.stringMatching(/^20 training samples a class are few.*more samples would do more than any setting/),
    ]);
    expect(made({}, digits).warnings).toEqual([]);
  });
  test("nothing is held out beside a validation split of its own, or where there is one sample a class", () => {
    const own = made({}, { ...digits, splits: { ...digits.splits, validation: 500 } });
    expect(own.request.validation).toBeNull();
    expect(own.request.stopWhen.patience).not.toBeNull();
    const single = made({}, facts({ counts: [1, 1] }));
    expect(single.request).toMatchObject({ validation: null, stopWhen: { patience: null } });
    expect(made({}, digits).request.validation).toEqual({ fraction: 0.083 });
  });
});

describe("the time", () => {
  const widthOf = ({ request }: Made): number => {
    const [first] = request.network.layers;
    return first.kind === "convolution" ? first.maps : 0;
  };
  test("makes the network larger, then the training longer", () => {
    const seconds = [5, 20, 60, 300, 3600];
    const all = seconds.map((maxSeconds) => made({ stopWhen: { maxSeconds } }, digits));
    const costs = all.map((each) => secondsOf(each, digits));
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
    expect(widthOf(all[4])).toBeGreaterThan(widthOf(all[1]));
    for (const [at, cost] of costs.entries()) expect(cost).toBeLessThan(room * seconds[at]);
  });
  test("is filled: more epochs are asked for than should fit, which the reasons say, and distortions go by those that fit", () => {
    const { request, reasons } = made({ stopWhen: { maxSeconds: 60 } }, digits);
    const within = Number(/about (\d+) should fit into the time/.exec(reasons.join("\n"))?.[1]);
    expect(request.epochs).toBeGreaterThan(within);
    expect(reasons.join("\n")).toMatch(/with the last step that there is time for/);
    const undistorted = reasons.some((reason) => reason.startsWith("Samples are not distorted"));
    expect([within < 6, request.epochs >= 6, undistorted]).toEqual([true, true, true]);
    const ample = made({ stopWhen: { maxSeconds: 40 } }, facts({ counts: [30, 30] }));
    expect([ample, made({}, digits)].map((each) => each.reasons.join("\n"))).toEqual([
      expect.stringMatching(/over all 100 epochs.*\n.*as many as help such a set/),
      expect.stringMatching(/over all \d epochs/),
    ]);
  });
  test("is what workers have reported", () => {
    const slow = made({}, { ...digits, speedOf: (threads) => threads * 1e9 });
    expect(secondsOf(slow, digits)).toBeLessThan(secondsOf(made({}, digits), digits));
  });
  test("is expected of every kind of kernels by the name that it has", () => {
    const speedOfKernels = (source: Parameters<typeof nameOfKernels>[0]): number =>
      expectedSpeed(nameOfKernels(source), 2);
    const unknown = expectedSpeed("something new", 2);
    expect(unknown).toBeGreaterThan(0);
    expect(speedOfKernels({ kind: "assembly", fast: false })).toBeGreaterThan(unknown);
    const addon = readFileSync(new URL("../../engine/kernels/native/addon.c", import.meta.url), "utf8");
    const levels = [...addon.matchAll(/\{"([a-z0-9-]+)", run_/g)].map(([, level]) => level);
    expect(levels).toEqual(
      expect.arrayContaining(["x86-64-v4-512", "x86-64-v4", "x86-64-v3", "x86-64-v2", "arm-neon"]),
    );
    const native = (level: string): number => speedOfKernels({ kind: "native", level, fast: false });
    for (const level of levels)
      expect(native(level)).toBeGreaterThan(speedOfKernels({ kind: "assembly", fast: false }));
    const bySpeed = ["x86-64-v4", "x86-64-v3", "x86-64-v2"].map(native);
    expect(bySpeed).toEqual([...new Set(bySpeed)].sort((one, other) => other - one));
    expect(native("x86-64-v4-512")).toBe(native("x86-64-v4"));
  });
  test("too little of it is said", () => {
    const { request, reasons } = made({ stopWhen: { maxSeconds: 1 } }, { ...digits, speedOf: () => 1e9 });
    expect(request.epochs).toBe(1);
    expect(reasons[0]).toMatch(/the smallest there is.*not enough time to train it well/);
  });
});

test("a row of numbers gets dense layers, and the network of an initial model stays", () => {
  const row = facts({ shape: { channels: 1, height: 1, width: 30 }, counts: [400, 400, 400] });
  expect(new Set(made({}, row).request.network.layers.map(({ kind }) => kind))).toEqual(
    new Set(["dense", "batch-normalisation", "dropout"]),
  );
  const initialNetwork = made({}, row).request.network;
  const { request, reasons } = made({ epochs: 2 }, { ...row, initialNetwork });
  expect(request.network).toEqual(initialNetwork);
  expect(reasons[0]).toMatch(/that of the initial model/);
});
