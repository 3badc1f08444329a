/**
 * What a model answers of its inside against PyTorch's autograd (tests/golden/sensitivities; format in the README), and
 * against finite differences on the input.
 */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  createExplainer,
  createMemory,
  planSensitivities,
  readSafetensors,
  writeSafetensors,
  type Implementation,
} from "../../engine/index.ts";
import { network } from "../../schemas/network.ts";
import { implementations } from "../../services/shared/implementations.ts";

const cases = new URL("sensitivities/", import.meta.url);
const names = readdirSync(cases);

test("there are cases", () => expect(names.length).toBeGreaterThanOrEqual(3));

const lengthOf = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
const differenceOf = (found: ArrayLike<number>, wanted: ArrayLike<number>): number =>
  lengthOf(Array.from(found, (each, at) => each - wanted[at])) / Math.max(lengthOf(wanted), 1e-9);

describe.each(names)("%s", (name) => {
  const raw = JSON.parse(readFileSync(new URL(`${name}/case.json`, cases), "utf8"));
  const weights: Uint8Array = readFileSync(new URL(`${name}/tensors.safetensors`, cases));
  const { tensors } = readSafetensors(weights);
  const { label, loss, input, classes, normalisation } = raw;
  const spec = { network: network.parse(raw.network), loss, input, classes, normalisation };
  const recorded = (tensor: string): number[] => Array.from(tensors.get(tensor)!.data, Number);
  const sample = recorded("sample");
  const explainerOf = ({ realBytes, kernels }: Pick<Implementation, "realBytes" | "kernels">, own = weights) => {
    const plan = planSensitivities(spec, realBytes);
    const memory = createMemory(plan);
    return createExplainer({ plan, memory, kernels: kernels(memory), weights: own });
  };

  test.each(implementations())("$name", (implementation) => {
    const limit = implementation.realBytes === 8 ? 1e-9 : 1e-4;
    const explainer = explainerOf(implementation);
    const found = explainer.sensitivities(sample, label);
    expect(differenceOf([found.loss], recorded("loss"))).toBeLessThanOrEqual(limit);
    expect(found.layers.map(({ layer }) => layer)).toEqual([-1, ...spec.network.layers.keys()]);
    for (const { layer, values, sensitivities, gradientNorm, shape } of found.layers) {
      expect([shape.channels, shape.height, shape.width]).toEqual(tensors.get(`values.${layer}`)!.shape);
      expect(differenceOf(values, recorded(`values.${layer}`)), `x of ${layer}`).toBeLessThanOrEqual(limit);
      expect(differenceOf(sensitivities, recorded(`sensitivities.${layer}`)), `δ of ${layer}`).toBeLessThanOrEqual(
        limit,
      );
      const norm = tensors.has(`gradientNorm.${layer}`) ? recorded(`gradientNorm.${layer}`) : null;
      if (norm === null) expect(gradientNorm).toBeNull();
      else expect(differenceOf([gradientNorm ?? NaN], norm), `gradient of ${layer}`).toBeLessThanOrEqual(limit);
    }
    const score = recorded("score");
    const pixels = input.height * input.width;
    const most = Array.from({ length: pixels }, (_, pixel) =>
      Math.max(...Array.from({ length: input.channels }, (_, channel) => Math.abs(score[channel * pixels + pixel]))),
    );
    expect(differenceOf(explainer.saliency(sample, label).values, most)).toBeLessThanOrEqual(limit);
    expect(explainer.sensitivities(sample, label), "asked again, the same").toEqual(found);
  });

  test("finite differences on the input", () => {
    const explainer = explainerOf(implementations()[0]);
    const [{ sensitivities }] = explainer.sensitivities(sample, label).layers;
    const step = 1e-5;
    const pixels = input.height * input.width;
    const differences = sample.map((_, at) => {
      // δ is of x⁰, the normalised input: a step of std is a step of 1 there.
      const by = step * normalisation.std[Math.floor(at / pixels)];
      const lossAt = (shift: number): number =>
        explainer.sensitivities(
          sample.map((value, other) => (other === at ? value + shift : value)),
          label,
        ).loss;
      return (lossAt(by) - lossAt(-by)) / (2 * step);
    });
    expect(differenceOf(sensitivities, differences)).toBeLessThanOrEqual(1e-6);
  });

  // A bias is added to all of its map's u: ∂E/∂b is the sum of δ.
  test("the own layers of its blocks: δ by differences of the biases, which follow from their maps", () => {
    const [implementation] = implementations();
    const lossWith = (name: string, map: number, by: number): number => {
      const data = Float64Array.from(recorded(name));
      data[map] += by;
      const shifted = new Map([...tensors, [name, { dtype: "F64" as const, shape: [data.length], data }]]);
      return explainerOf(implementation, writeSafetensors({ tensors: shifted })).sensitivities(sample, label).loss;
    };
    const { layers } = explainerOf(implementation).sensitivities(sample, label);
    for (const [at, own] of spec.network.layers.entries()) {
      const rows = layers[at + 1].layers ?? [];
      expect(rows.map(({ kind }) => kind)).toEqual(own.kind === "residual" ? own.layers.map(({ kind }) => kind) : []);
      for (const { layer, shape, sensitivities, values } of rows) {
        const pixels = shape.height * shape.width;
        expect(values).toHaveLength(shape.channels * pixels);
        const name = `layers.${at}.layers.${layer}.bias`;
        if (!tensors.has(name)) continue;
        const sums = Array.from({ length: shape.channels }, (_, map) =>
          Array.from(sensitivities.slice(map * pixels, (map + 1) * pixels)).reduce((sum, each) => sum + each, 0),
        );
        const differences = sums.map((_, map) => (lossWith(name, map, 1e-5) - lossWith(name, map, -1e-5)) / 2e-5);
        expect(differenceOf(sums, differences), name).toBeLessThanOrEqual(1e-6);
      }
    }
  });

  test("without a class it is the predicted one", () => {
    const explainer = explainerOf(implementations()[0]);
    const { layers, class: found } = explainer.sensitivities(sample, null);
    const outputs = layers.at(-1)!.values;
    expect(found).toBe(outputs.indexOf(Math.max(...outputs)));
    expect(explainer.saliency(sample, null)).toEqual(explainer.saliency(sample, found));
  });
});
