import { describe, expect, it } from "vitest";
import { completeRequest, contradictions, withPreset } from "../schemas/complete.ts";
import { jobRequest, type JobRequestInput } from "../schemas/job.ts";
import { presetName } from "../schemas/network.ts";
import { space as spaceSchema, sweepRequest, type SweepRequestInput } from "../schemas/sweep.ts";
import { chooseSearch } from "./automatic-search.ts";
import { chooseSpace, type DatasetFacts } from "./automatic-space.ts";
import { complete, planOf, type Completed } from "./plan.ts";
import { trialRequest } from "./requests.ts";
import { longestPath, rungsOf } from "./rungs.ts";

const measured = { validation: 10, test: 10 };
const mnist: DatasetFacts = { shape: { channels: 1, height: 28, width: 28 }, classes: 10, samples: 60_000, measured };
const few: DatasetFacts = { shape: { channels: 3, height: 36, width: 24 }, classes: 2, samples: 40, measured };

const chosen = (body: Partial<JobRequestInput>, dataset = mnist): ReturnType<typeof chooseSpace> =>
  chooseSpace({ base: jobRequest.parse(withPreset({ dataset: "d", network: "lenet-5", ...body })), dataset });

describe("a space of its own choice", () => {
  it.each(presetName.options)("holds for %s nothing that a job would refuse, and says why each is there", (network) => {
    for (const dataset of [mnist, few]) {
      const { space, reasons } = chosen({ network }, dataset);
      expect(spaceSchema.parse(space)).toEqual(space);
      for (const pointer of Object.keys(space))
        expect(reasons.filter((each) => each.includes(pointer))).toHaveLength(1);
      const request = sweepRequest.parse({
        base: { dataset: "d", network },
        space,
        search: { kind: "random", trials: 50 },
      });
      const plan = planOf({ ...request, space, search: { kind: "random", trials: 50 } });
      for (let trial = 0; trial < 50; trial++) {
        const { body } = trialRequest({ plan, trial, expand: withPreset, classes: dataset.classes });
        expect(contradictions(completeRequest(jobRequest.parse(body), dataset.classes))).toEqual([]);
      }
    }
  });

  it("is about the rate that is in force, around the base's", () => {
    expect(chosen({}).space["/optimiser/learningRate"]).toEqual({ log: [0.002, 0.1] });
    expect(chosen({ schedule: { kind: "one-cycle", peak: 0.4 } }).space).toMatchObject({
      "/schedule/peak": { log: [0.04, 2] },
    });
    expect(chosen({ schedule: { kind: "cosine", minimum: 0.015 } }).space["/optimiser/learningRate"]).toEqual({
      log: [0.015, 0.1],
    });
  });

  it("follows the data: shifts and weight decay where samples are few, batches that leave an epoch its steps", () => {
    expect(Object.keys(chosen({}).space)).toEqual(["/optimiser/learningRate", "/batchSize", "/optimiser/weightDecay"]);
    expect(chosen({}).space["/batchSize"]).toEqual({ choices: [25, 50, 100] });
    expect(chosen({ batchSize: 8 }, { ...mnist, samples: 200 }).space).toMatchObject({
      "/augmentation/shift": { integers: [0, 2] },
    });
    expect(chosen({}, few).space["/batchSize"]).toBeUndefined();
  });

  it("takes in what the network has: dropout, momentum that is not there", () => {
    const layers = [
      { kind: "convolution", maps: 4, size: 5, activation: "relu" },
      { kind: "dropout", rate: 0.3 },
      { kind: "dense", units: 10, activation: "softmax" },
    ] as const;
    const { space } = chosen({ network: { layers: [...layers] }, optimiser: { kind: "sgd" } });
    expect(space).toMatchObject({
      "/network/layers/1/rate": { uniform: [0, 0.6] },
      "/optimiser/momentum": { choices: [0, 0.9] },
    });
  });

  it("is part of a complete request, with its reasons", () => {
    const body: SweepRequestInput = {
      base: { dataset: "d", network: "lenet-5" },
      space: "auto",
      stopWhen: { maxSeconds: 600 },
    };
    const found = complete({
      request: sweepRequest.parse(body),
      expand: withPreset,
      dataset: mnist,
      pace: { secondsPerEpoch: 3, slots: 2 },
    }) as Completed;
    expect(found.request.space).toEqual(chosen({}).space);
    expect(found.request.search.kind).toBe("halving");
    expect(found.reasons.length).toBeGreaterThan(3);
    const nothing = complete({
      request: sweepRequest.parse({ ...body, base: { dataset: "d" } }),
      expand: withPreset,
      dataset: mnist,
      pace: { secondsPerEpoch: null, slots: 1 },
    });
    expect(nothing).toMatchObject({ problems: [{ pointer: "/space" }] });
  });
});

describe("a search of its own choice", () => {
  const pace = { secondsPerEpoch: 2, slots: 2, parallel: 4, epochs: 9 };
  it("is halving, as large as fits into the seconds", () => {
    expect(chooseSearch({ ...pace, maxSeconds: null }).search).toEqual({
      kind: "halving",
      trials: 27,
      reduction: 3,
      firstEpochs: 1,
    });
    let last = 0;
    for (const maxSeconds of [40, 100, 200, 600]) {
      const { search } = chooseSearch({ ...pace, maxSeconds });
      if (search.kind !== "halving") throw new Error(search.kind);
      expect(longestPath(rungsOf(search, 9), 2) * 2).toBeLessThanOrEqual(0.8 * maxSeconds);
      expect(search.trials).toBeGreaterThan(last);
      last = search.trials;
    }
  });
  it("says when nothing fits, and goes for early results where nobody knows the pace", () => {
    const { search, reasons } = chooseSearch({ ...pace, maxSeconds: 5 });
    expect(search).toMatchObject({ kind: "halving", trials: 3 });
    expect(reasons[0]).toContain("more than fits into 5 s");
    expect(chooseSearch({ ...pace, secondsPerEpoch: null, maxSeconds: 60 }).search.kind).toBe("asha");
  });
  it("ends with the whole training, in rungs that triple", () => {
    for (const epochs of [1, 2, 3, 10, 30, 100, 250]) {
      const { search } = chooseSearch({ ...pace, epochs, maxSeconds: null });
      if (search.kind !== "halving") throw new Error(search.kind);
      const rungs = rungsOf(search, epochs);
      expect(rungs.at(-1)!.epochs).toBe(epochs);
      for (const { rung, epochs: trained } of rungs.slice(1))
        expect(trained! / rungs[rung - 1].epochs!).toBeLessThanOrEqual(3);
    }
  });
});
