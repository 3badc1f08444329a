import { describe, expect, it } from "vitest";
import { completeRequest, contradictions, withPreset } from "../schemas/complete.ts";
import { jobRequest } from "../schemas/job.ts";
import { networkShape } from "../schemas/network-shape.ts";
import { sweepRequest, type SweepRequestInput } from "../schemas/sweep.ts";
import { complete, parametersOf, planOf, type Completed, type Plan } from "./plan.ts";
import type { Problem } from "./pointer.ts";
import { explain, trialRequest } from "./requests.ts";

const dataset = { shape: { channels: 1, height: 28, width: 28 }, classes: 7, samples: 60_000 };

const completed = (body: SweepRequestInput, validation = 1000): Completed | { problems: Problem[] } =>
  complete({
    request: sweepRequest.parse(body),
    expand: withPreset,
    dataset: { ...dataset, measured: { validation, test: 0 } },
    pace: { secondsPerEpoch: null, slots: 2 },
  });

function planned(body: SweepRequestInput): Plan {
  const found = completed(body);
  if ("problems" in found) throw new Error(JSON.stringify(found.problems));
  return planOf(found.request);
}

/** As the api checks a job, without its dataset's record. */
function check(body: unknown): Problem[] {
  const read = jobRequest.safeParse(body);
  if (!read.success)
    return read.error.issues.map(({ path, message }) => ({
      pointer: path.map((each) => `/${String(each)}`).join(""),
      detail: message,
    }));
  const request = completeRequest(read.data, dataset.classes);
  const { problems } = networkShape(request.network.layers, dataset.shape, dataset.classes);
  return [
    ...contradictions(request),
    ...problems.map(({ pointer, detail }) => ({ pointer: `/network${pointer}`, detail })),
  ];
}

function problemsOf(plan: Plan, trial = 0): Problem[] {
  const { body, problems } = trialRequest({ plan, trial, expand: withPreset, classes: dataset.classes });
  return problems ?? explain({ plan, trial, found: check(body), ofBase: check(withPreset(plan.request.base)) });
}

const bodyOf = (plan: Plan, trial = 0): ReturnType<typeof completeRequest> =>
  completeRequest(
    jobRequest.parse(trialRequest({ plan, trial, expand: withPreset, classes: dataset.classes }).body),
    dataset.classes,
  );

const base = { dataset: "mnist", network: "lenet-5" } as const;
const random = { kind: "random", trials: 3 } as const;

describe("a trial's request", () => {
  it("is the base with the drawn values at their pointers", () => {
    const plan = planned({
      base,
      space: {
        "/optimiser/learningRate": { log: [0.001, 0.3] },
        "/batchSize": { integers: [10, 90] },
        "/network/layers/0/activation": { choices: ["tanh", "relu"] },
        "/augmentation/shift": { integers: [1, 3] },
      },
      search: random,
    });
    const plain = completeRequest(jobRequest.parse(withPreset(base)), dataset.classes);
    for (const trial of [0, 1, 2]) {
      expect(problemsOf(plan, trial)).toEqual([]);
      const parameters = parametersOf(plan, trial);
      const [first, ...others] = plain.network.layers;
      const activation = parameters["/network/layers/0/activation"];
      expect(bodyOf(plan, trial)).toEqual({
        ...plain,
        batchSize: parameters["/batchSize"],
        optimiser: { ...plain.optimiser, learningRate: parameters["/optimiser/learningRate"] },
        augmentation: { ...plain.augmentation, shift: parameters["/augmentation/shift"] },
        // The initialiser follows the activation: defaults come in after the values.
        network: {
          layers: [{ ...first, activation, initialiser: activation === "relu" ? "he" : "glorot" }, ...others],
        },
      });
    }
  });

  it("lets a preset's settings follow the preset, and the peak of a cycle the rate", () => {
    const presets = planned({
      base: { dataset: "mnist" },
      space: { "/network": { choices: ["toolbox"] } },
      search: random,
    });
    expect(bodyOf(presets)).toMatchObject({ loss: "squared-error", epochs: 1, normalisation: "unit" });
    const cycle = planned({
      base: { ...base, network: "fast-mnist" },
      space: { "/optimiser/learningRate": { choices: [0.5] } },
      search: random,
    });
    expect(bodyOf(cycle).schedule).toMatchObject({ kind: "one-cycle", peak: 0.5 });
  });

  it("may name a field that the base leaves to its default, even where the default comes last", () => {
    const plan = planned({
      base: { ...base, network: "fast-mnist" },
      space: {
        "/schedule/peak": { choices: [0.25] },
        "/network/layers/0/initialiser": { choices: ["lecun"] },
        "/stopWhen/patience": { choices: [3] },
        "/loss": { choices: ["squared-error"] },
      },
      search: random,
    });
    const request = bodyOf(plan);
    expect(request).toMatchObject({ schedule: { peak: 0.25 }, stopWhen: { patience: 3 }, loss: "squared-error" });
    expect(request.network.layers[0].initialiser).toBe("lecun");
  });

  it("has the epochs of a whole training where there are rungs, whatever its preset says", () => {
    const plan = planned({
      base,
      space: { "/network": { choices: ["toolbox", "fast-mnist"] } },
      search: { kind: "halving", trials: 9 },
    });
    expect(plan.rungs.at(-1)).toEqual({ rung: 2, trials: 1, epochs: 4 });
    for (const trial of [0, 1, 2, 3]) expect(bodyOf(plan, trial).epochs).toBe(4);
  });
});

describe("refused, with both pointers:", () => {
  const space = (pointer: string, values: unknown[]): SweepRequestInput => ({
    base,
    space: { [pointer]: { choices: values } },
    search: random,
  });

  it.each([
    ["/optimizer", "/space/~1optimizer", "/optimizer names nothing in the job request: the job request has name,"],
    [
      "/optimiser/beta1",
      "/space/~1optimiser~1beta1",
      "/optimiser/beta1 names nothing in the job request: /optimiser has kind, learningRate",
    ],
    ["/network/layers/7/maps", "/space/~1network~1layers~17~1maps", "/network/layers is a list of 7, counted from 0"],
    ["/network/layers/01/maps", "/space/~1network~1layers~101~1maps", "/network/layers is a list of 7"],
    ["/network/layers/-/maps", "/space/~1network~1layers~1-~1maps", "/network/layers is a list of 7"],
    ["/augmentation/elastic/alpha", "/space/~1augmentation~1elastic~1alpha", "/augmentation/elastic is null"],
    ["/epochs/x", "/space/~1epochs~1x", "/epochs is a number, with nothing inside"],
    ["/optimiser/__proto__/x", "/space/~1optimiser~1__proto__~1x", "/optimiser has kind"],
  ])("%s, which names nothing", (pointer, at, sentence) => {
    const [problem, ...others] = problemsOf(planned(space(pointer, [1])));
    expect(others).toEqual([]);
    expect(problem.pointer).toBe(at);
    expect(problem.detail).toContain(sentence);
    expect(problem.detail).toContain(pointer);
  });

  it("a value that the job's check refuses, at its own place or at another one", () => {
    expect(problemsOf(planned(space("/optimiser/learningRate", [5000])))).toEqual([
      {
        pointer: "/space/~1optimiser~1learningRate",
        detail: expect.stringMatching(
          /^with 5000 at \/optimiser\/learningRate, as in trial 0, a job is refused at \/optimiser\/learningRate: /,
        ) as string,
      },
    ]);
    expect(problemsOf(planned(space("/network/layers/0/maps", [17])))).toEqual([
      {
        pointer: "/space",
        detail: expect.stringMatching(
          /^with 17 at \/network\/layers\/0\/maps, as in trial 0, a job is refused at \/network\/layers\/2\/inputs: LeNet-5's table/,
        ) as string,
      },
    ]);
  });

  it("a place within a request whose network is left to the rule", () => {
    const plan = planned({ ...space("/optimiser/momentum", [0.5]), base: { dataset: "mnist" } });
    expect(problemsOf(plan)).toEqual([
      { pointer: "/space/~1optimiser~1momentum", detail: expect.stringMatching(/network is "auto"/) as string },
    ]);
  });

  it("a base that is itself refused", () => {
    const plan = planned({ ...space("/batchSize", [8]), base: { ...base, loss: "cross-entropy", network: "toolbox" } });
    expect(problemsOf(plan)).toEqual([{ pointer: "/base/loss", detail: expect.stringContaining("softmax") as string }]);
    const layers = [{ kind: "dense" as const, units: 3, activation: "softmax" as const }];
    const misfit = planned({ ...space("/batchSize", [8]), base: { dataset: "mnist", network: { layers } } });
    expect(problemsOf(misfit)[0].pointer).toBe("/base/network/layers/0/units");
  });

  it.each([
    ["/dataset", "figures of different datasets cannot be compared"],
    ["/metadata/x", "it changes nothing in a training"],
    ["/checkpoints/keepLast", "it changes nothing in a training"],
  ])("%s, which is not searched", (pointer, why) => {
    expect(completed(space(pointer, [1]))).toEqual({
      problems: [{ pointer: `/space/${pointer.replaceAll("/", "~1")}`, detail: `${pointer} is not searched: ${why}` }],
    });
  });

  it("epochs that the search itself chooses, a grid of too many trials, a first rung longer than the whole", () => {
    const halving = { kind: "halving", trials: 9, firstEpochs: 5 } as const;
    expect(completed({ ...space("/epochs", [1, 2]), search: halving })).toMatchObject({
      problems: [
        { pointer: "/space/~1epochs", detail: expect.stringContaining("/base/epochs") as string },
        { pointer: "/search/firstEpochs", detail: expect.stringContaining("(/base/epochs, 4)") as string },
      ],
    });
    const wide = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`/p${n}`, { uniform: [0, 1] }]));
    expect(completed({ base, space: wide as never, search: { kind: "grid", points: 10 } })).toMatchObject({
      problems: [
        { pointer: "/search/points", detail: expect.stringContaining("this grid has 1000000000 trials") as string },
      ],
    });
  });
});

describe("an objective", () => {
  const body = { base, space: { "/batchSize": { choices: [32, 64] } }, search: random } satisfies SweepRequestInput;
  it("on a split without samples is refused with the remedy", () => {
    expect(completed(body, 0)).toEqual({
      problems: [
        {
          pointer: "/objective/split",
          detail: expect.stringMatching(/^there are no validation samples .*"validation":\{"fraction":0.1\}/) as string,
        },
      ],
    });
    expect(completed({ ...body, objective: { split: "test" } })).toMatchObject({
      problems: [{ pointer: "/objective/split" }],
    });
  });
});

describe("said besides", () => {
  const warningsOf = (body: SweepRequestInput): string => {
    const found = complete({
      request: sweepRequest.parse(body),
      expand: withPreset,
      dataset: { ...dataset, measured: { validation: 1000, test: 1000 } },
      pace: { secondsPerEpoch: null, slots: 2 },
    });
    return (found as Completed).warnings.join("\n");
  };
  const usual = { base, space: { "/batchSize": { choices: [32, 64] } } } satisfies SweepRequestInput;
  it("that the test split decides, that nothing is stopped early, that draws repeat", () => {
    expect(warningsOf({ ...usual, search: { kind: "grid" } })).toBe("");
    expect(warningsOf({ ...usual, search: { kind: "grid" }, objective: { split: "test" } })).toContain("test split");
    expect(warningsOf({ ...usual, search: { kind: "asha", trials: 2 } })).toContain("No trial is stopped early");
    expect(warningsOf({ ...usual, search: random })).toContain("The space holds 2 different trials; of 3 drawn ones");
  });
  it("how halving goes", () => {
    const { reasons } = completed({ ...usual, search: { kind: "halving", trials: 9 } }) as Completed;
    expect(reasons).toEqual([
      "9 trials train 1 epoch; then go on, when all of a rung have ended, the best 3 to 3, the best one to 4. Each follows the schedule of a training of 4 epochs and goes on from its checkpoint.",
    ]);
  });
});
