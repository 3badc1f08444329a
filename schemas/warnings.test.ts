import { describe, expect, it } from "vitest";
import { completeRequest, withPreset } from "./complete.ts";
import { jobRequest } from "./job.ts";
import { presetName } from "./network.ts";
import { networkShape } from "./network-shape.ts";
import { afterDivergence, warningsOf } from "./warnings.ts";
import { weightedLayers } from "./weights.ts";

const classes = ["cat", "dog", "emu"];
const complete = (body: object) =>
  completeRequest(jobRequest.parse(withPreset({ dataset: "pets", ...body })), classes.length);
const input = { channels: 1, height: 32, width: 30 };
const warnings = (body: object, trainingCounts = [40, 40, 40], taken: readonly string[] = []) => {
  const request = complete(body);
  const { layers: specs } = request.network;
  const weighted = weightedLayers(specs, networkShape(specs, input, null).layers);
  return warningsOf({ request, classes, trainingCounts, weighted, taken });
};
const layers = (options: { activation?: string; reduce?: string; output?: string }) => ({
  layers: [
    { kind: "convolution", maps: 3, size: 3, activation: options.activation ?? "relu" },
    { kind: "subsampling", factor: 2, ...(options.reduce && { reduce: options.reduce }) },
    { kind: "dense", units: 3, activation: options.output ?? "softmax" },
  ],
});

describe("warnings", () => {
  it.each([...presetName.options, layers({}), { layers: [{ kind: "dense", units: 3, activation: "softmax" }] }])(
    "are silent about %j",
    (network) => expect(warnings({ network })).toEqual([]),
  );
  it("tell of a network without activation, unless a maximum bends it", () => {
    expect(warnings({ network: layers({ activation: "linear" }) })).toEqual([
      expect.stringMatching(/^no layer before the last has an activation/),
    ]);
    expect(warnings({ network: layers({ activation: "linear", reduce: "max" }) })).toEqual([]);
  });
  it.each(["linear", "relu"])("tell of squared error at outputs that are %s", (output) =>
    expect(warnings({ network: layers({ output }) })).toEqual([
      expect.stringMatching(new RegExp(`^squared error .* "${output}", which have no bounds`)),
    ]),
  );
  it("tell of frozen layers that no model gave their weights, and of a network that cannot learn", () => {
    const frozen = layers({}).layers.map((layer, at) => (at < 2 ? { ...layer, learningRate: 0 } : layer));
    expect(warnings({ network: { layers: frozen } })).toEqual([
      expect.stringMatching(/^layer 0 \(convolution\) is frozen .* drawn from the seed/),
    ]);
    expect(warnings({ network: { layers: frozen } }, [40, 40, 40], ["layers.0"])).toEqual([]);
    const all = frozen.map((layer) => ({ ...layer, learningRate: 0 }));
    expect(warnings({ network: { layers: all } }, [40, 40, 40], ["layers.0", "layers.2"])).toEqual([
      expect.stringMatching(/^every layer is frozen/),
    ]);
  });
  it("tell of a batch above the set", () => {
    expect(warnings({ network: layers({}), batchSize: 121 })).toEqual([
      expect.stringMatching(/^a batch of 121 is more than the 120 training samples.*`batchSize` of 30/),
    ]);
    expect(warnings({ network: layers({}), batchSize: 120 })).toEqual([]);
  });
  it("tell of sums before a large rate, momentum counted", () => {
    const network = layers({ reduce: "sum" });
    const says = [expect.stringMatching(/^layer 1 adds up blocks of 2×2 pixels.* 4 times/)];
    expect(warnings({ network, optimiser: { kind: "sgd", learningRate: 0.1 } })).toEqual(says);
    expect(warnings({ network, optimiser: { kind: "sgd", learningRate: 0.02, momentum: 0.9 } })).toEqual(says);
    expect(warnings({ network, optimiser: { kind: "sgd", learningRate: 0.02 } })).toEqual([]);
    expect(warnings({ network, optimiser: { kind: "sgd", learningRate: 0.1, clipNorm: 1 } })).toEqual([]);
  });
  it("tell of a class that is almost empty", () => {
    expect(warnings({ network: layers({}) }, [1, 60, 60])).toEqual([
      "class 'cat' has 1 training sample, less than a tenth of the mean of 40: the model may never answer it",
    ]);
    expect(warnings({ network: layers({}) }, [0, 2, 60])).toEqual([
      expect.stringMatching(/^class 'cat' \(and 1 more like it\) has 0 training samples/),
    ]);
    expect(warnings({ network: layers({}) }, [5, 30, 40])).toEqual([]);
  });
});

describe("what to try after a divergence", () => {
  it("names what the request has not done already", () => {
    const optimiser = { kind: "sgd", learningRate: 0.3 };
    expect(afterDivergence(complete({ network: layers({ reduce: "sum" }), optimiser, normalisation: "none" }))).toBe(
      'Try a learning rate of 0.03, `"clipNorm":1` in the optimiser, `"reduce":"mean"` in the subsampling layers or ' +
        '`"normalisation":"standardise"`.',
    );
    expect(afterDivergence(complete({ network: layers({}), optimiser: { ...optimiser, clipNorm: 2 } }))).toBe(
      "Try a learning rate of 0.03.",
    );
  });
});
