import { describe, expect, it } from "vitest";
import { activationKind, initialiserKind } from "../schemas/layer.ts";
import { initialiserOf } from "../schemas/shape.ts";
import { fansOf, fillMix, fillWeights } from "./initialisers.ts";

const count = 40_000;
function filled(
  kind: "lecun" | "glorot" | "he" | "toolbox" | undefined,
  options: { activation?: "relu" | "tanh"; seed?: number; layer?: number } = {},
): Float64Array {
  const into = new Float64Array(count);
  fillWeights({
    into,
    kind,
    activation: options.activation ?? "tanh",
    fanIn: 75,
    fanOut: 125,
    seed: options.seed ?? 1,
    layer: options.layer ?? 0,
  });
  return into;
}
const variance = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value * value, 0) / values.length;
const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const reach = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe("fillWeights", () => {
  it("has the spread its source asks for", () => {
    expect(variance(filled("lecun")) * 75).toBeCloseTo(1, 1);
    expect(variance(filled("glorot")) * 100).toBeCloseTo(1, 1);
    expect((variance(filled("he")) * 75) / 2).toBeCloseTo(1, 1);
    for (const kind of initialiserKind.options) expect(Math.abs(mean(filled(kind)))).toBeLessThan(0.002);
  });
  it("keeps uniform kinds within their bounds and lets the normal one beyond", () => {
    expect(reach(filled("glorot"))).toBeLessThanOrEqual(Math.sqrt(6 / 200));
    expect(reach(filled("glorot"))).toBeGreaterThan(Math.sqrt(6 / 200) * 0.999);
    expect(reach(filled("lecun"))).toBeLessThanOrEqual(Math.sqrt(3 / 75));
    expect(reach(filled("he"))).toBeGreaterThan(3 * Math.sqrt(2 / 75));
  });
  it("has a default for every activation", () => {
    for (const activation of activationKind.options)
      expect(initialiserKind.options).toContain(initialiserOf[activation]);
    expect(filled(undefined, { activation: "relu" })).toEqual(filled("he"));
  });
  it("differs by seed and layer, and repeats otherwise", () => {
    expect(filled("lecun")).toEqual(filled("lecun"));
    expect(filled("lecun", { seed: 2 })).not.toEqual(filled("lecun"));
    expect(filled("lecun", { layer: 2 })).not.toEqual(filled("lecun"));
  });
  it("gives float32 the rounding of float64, and a longer tensor the same beginning", () => {
    const narrow = new Float32Array(35);
    fillWeights({ into: narrow, kind: "he", activation: "relu", fanIn: 75, fanOut: 125, seed: 1, layer: 0 });
    expect([...narrow]).toEqual([...filled("he").subarray(0, 35)].map(Math.fround));
  });
});

describe("fansOf", () => {
  it("counts connected pairs, but every input for the toolbox", () => {
    const lenet = { inputs: 6, outputs: 16, area: 25, pairs: 60 };
    expect(fansOf({ kind: "glorot", ...lenet })).toEqual({ fanIn: 93.75, fanOut: 250 });
    expect(fansOf({ kind: "toolbox", ...lenet })).toEqual({ fanIn: 150, fanOut: 400 });
    expect(fansOf({ kind: "he", inputs: 192, outputs: 10, area: 1, pairs: 1920 })).toEqual({ fanIn: 192, fanOut: 10 });
  });
});

describe("fillMix", () => {
  it("lies within ±½ and differs from the filters' draws", () => {
    const mix = new Float64Array(96);
    fillMix({ into: mix, seed: 1, layer: 0 });
    expect(reach(mix)).toBeLessThanOrEqual(0.5);
    expect(new Set(mix).size).toBe(96);
    const weights = new Float64Array(96);
    // also within ±½
    fillWeights({ into: weights, kind: "lecun", activation: "tanh", fanIn: 12, fanOut: 1, seed: 1, layer: 0 });
    expect(weights[0]).not.toBeCloseTo(mix[0], 9);
  });
});
