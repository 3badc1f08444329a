import { describe, expect, it } from "vitest";
import { network } from "./network.ts";
import { networkShape } from "./network-shape.ts";
import { compareWeights, weightedLayers } from "./weights.ts";

const input = { channels: 6, height: 7, width: 5 };
const weighted = (layers: readonly object[], shape = input) => {
  const parsed = network.parse({ layers }).layers;
  return weightedLayers(parsed, networkShape(parsed, shape, null).layers);
};
const compared = (own: readonly object[], others: readonly object[], shape = input, sameClasses = true) =>
  compareWeights(weighted(own), weighted(others, shape), { sameClasses }).map(({ layer, differs }) => [
    layer.path,
    differs,
  ]);

const filters = { kind: "convolution", maps: 4, size: 3 };
const output = { kind: "dense", units: 3, activation: "softmax" };
const block = (inner: object, fields: object = {}) => ({ kind: "residual", layers: [inner], ...fields });

describe("layers with weights", () => {
  it("are named and carry their block's multiplier; those without are left out", () => {
    const layers = [
      { kind: "dropout" },
      { kind: "subsampling", factor: 1, trainable: false },
      block({ ...filters, padding: 1, learningRate: 0.5 }, { learningRate: 0.25 }),
      { ...output, learningRate: 0 },
    ];
    expect(weighted(layers).map(({ path, name, learningRate }) => [path, name, learningRate])).toEqual([
      ["layers.2.layers.0", "layer 0 of block 2 (convolution)", 0.125],
      ["layers.2.shortcut", "the projection of block 2", 0.25],
      ["layers.3", "layer 3 (dense)", 0],
    ]);
  });
});

describe("compared with another network's", () => {
  it("match by kind and shape, wherever the maps are as many, and say what differs", () => {
    expect(compared([filters, output], [filters, { ...output, units: 5 }])).toEqual([
      ["layers.0", null],
      ["layers.1", "its weight is 3×60, the model's 5×60"],
    ]);
    // Filters fit pictures of another size; what follows them does not.
    expect(compared([filters, output], [filters, output], { ...input, height: 9 })).toEqual([
      ["layers.0", null],
      ["layers.1", "its weight is 3×60, the model's 3×84"],
    ]);
    expect(compared([filters, output], [output])).toEqual([
      ["layers.0", "the model has a dense at this place"],
      ["layers.1", "the model has no layer with weights at this place"],
    ]);
  });

  it("match inside residual blocks, projections too", () => {
    const same = { ...filters, padding: 1 };
    expect(compared([block(same), output], [block(same), { ...output, units: 2 }])).toEqual([
      ["layers.0.layers.0", null],
      ["layers.0.shortcut", null],
      ["layers.1", "its weight is 3×140, the model's 2×140"],
    ]);
    expect(compared([block(same)], [same])[0]).toEqual([
      "layers.0.layers.0",
      "the model has no layer with weights at this place",
    ]);
  });

  it("do not match where their units stand for other classes", () => {
    const layers = [filters, output, { kind: "dropout" }, { kind: "batch-normalisation", activation: "softmax" }];
    expect(compared(layers, layers, input, false)).toEqual([
      ["layers.0", null],
      ["layers.1", "its classes are others than the model's"],
      ["layers.3", "its classes are others than the model's"],
    ]);
  });

  it("do not match where filters stand for other maps: a learned combination, another table", () => {
    expect(compared([filters], [{ ...filters, inputs: { learned: {} } }])).toEqual([
      ["layers.0", "its mix is missing, the model's 4×6"],
    ]);
    const table = (last: number) => ({ ...filters, inputs: [[0], [1], [2], [last]] });
    expect(compared([table(3)], [table(3)])).toEqual([["layers.0", null]]);
    expect(compared([table(3)], [table(4)])).toEqual([["layers.0", "it connects other maps than the model's"]]);
    expect(compared([table(3)], [filters])).toEqual([["layers.0", "it connects other maps than the model's"]]);
  });
});
