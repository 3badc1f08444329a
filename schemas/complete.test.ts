import { describe, expect, it } from "vitest";
import { completeRequest, contradictions, withPreset } from "./complete.ts";
import { completeJobRequest, jobRequest } from "./job.ts";
import { presetName } from "./network.ts";

const complete = (body: unknown) => completeRequest(jobRequest.parse(withPreset(body)));

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
