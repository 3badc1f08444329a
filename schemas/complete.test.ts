import { describe, expect, it } from "vitest";
import { completeRequest, contradictions, withPreset } from "./complete.ts";
import { completeJobRequest, jobRequest } from "./job.ts";
import { presetName } from "./network.ts";
import { describeMisfit, presetNetwork } from "./presets.ts";
import { networkShape } from "./network-shape.ts";

const complete = (body: unknown, classes = 10) => completeRequest(jobRequest.parse(withPreset(body)), classes);

describe("withPreset", () => {
  it.each(presetName.options)("makes %s a complete request that reads back as itself", (network) => {
    const request = complete({ dataset: "mnist", network });
    expect(completeJobRequest.parse(request)).toEqual(request);
    expect(contradictions(request)).toEqual([]);
    expect(complete(request)).toEqual(request);
  });
  it("lets the fields that are given win, each as a whole", () => {
    const request = complete({
      dataset: "mnist",
      network: "lenet-5",
      epochs: 7,
      optimiser: { kind: "sgd", learningRate: 0.5 },
    });
    expect(request.epochs).toBe(7);
    expect(request.optimiser).toMatchObject({ learningRate: 0.5, momentum: 0 });
    expect(request.schedule.kind).toBe("cosine");
  });
  it.each([null, 5, "x", [], { network: "nonsense" }, { network: "__proto__" }, { network: "constructor" }])(
    "leaves %j alone",
    (body) => expect(withPreset(body)).toBe(body),
  );
});

describe("presets", () => {
  it.each(presetName.options)("%s takes the classes and channels of the dataset, and other sizes", (network) => {
    for (const input of [
      { channels: 3, height: 32, width: 32 },
      { channels: 1, height: 31, width: 28 },
    ]) {
      const { layers } = complete({ dataset: "pets", network }, 3).network;
      const { problems, layers: shapes } = networkShape(layers, input, 3);
      expect(problems).toEqual([]);
      expect(shapes.at(-1)?.output).toEqual({ channels: 3, height: 1, width: 1 });
    }
  });
  it("say what would work where they do not", () => {
    const small = { channels: 1, height: 20, width: 17 };
    expect(networkShape(presetNetwork("lenet-5", 2).layers, small, 2).problems).not.toEqual([]);
    expect(describeMisfit("lenet-5", small, 2)).toBe(
      "'lenet-5' needs samples of at least 28×28; these are 20×17: take 'toolbox' or 'fast-mnist', " +
        'upload the pictures with a larger `size`, or write {"layers": […]} with smaller filters',
    );
    expect(describeMisfit("toolbox", { channels: 3, height: 7, width: 5 }, 2)).toMatch(
      /^'toolbox' needs samples of at least 16×16; these are 7×5: upload/,
    );
  });
});

describe("completeRequest", () => {
  const layers = (activation: string) => [
    { kind: "convolution", maps: 2, size: 3, activation: "relu" },
    { kind: "subsampling", factor: 2 },
    { kind: "dense", units: 10, activation },
  ];
  it("takes the loss from the output", () => {
    expect(complete({ dataset: "d", network: { layers: layers("softmax") } }).loss).toBe("cross-entropy");
    expect(complete({ dataset: "d", network: { layers: layers("sigmoid") } }).loss).toBe("squared-error");
    expect(complete({ dataset: "d", network: { layers: layers("softmax") }, loss: "squared-error" }).loss).toBe(
      "squared-error",
    );
  });
  it("names the initialiser of every layer with weights and of no other", () => {
    const { network } = complete({ dataset: "d", network: { layers: layers("tanh") } });
    expect(network.layers.map((layer) => layer.initialiser)).toEqual(["he", undefined, "glorot"]);
  });
  it("gives a one-cycle schedule the learning rate as its peak", () => {
    const request = complete({
      dataset: "d",
      network: { layers: layers("tanh") },
      optimiser: { kind: "sgd", learningRate: 0.3 },
      schedule: { kind: "one-cycle" },
    });
    expect(request.schedule).toMatchObject({ peak: 0.3 });
  });
  it("sees a cross-entropy without softmax", () => {
    expect(
      contradictions(complete({ dataset: "d", network: { layers: layers("tanh") }, loss: "cross-entropy" }))[0]
        ?.pointer,
    ).toBe("/loss");
  });
});
