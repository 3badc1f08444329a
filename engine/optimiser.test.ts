/** Every optimiser as a value: its state, its settings at a step, the kernel that it records. */
import { describe, expect, test } from "vitest";
import { optimiser as schema } from "../schemas/optimiser.ts";
import type { Optimiser } from "../schemas/optimiser.ts";
import { MemoryPlan, Views } from "./memory.ts";
import { planMoved, settingsWriter, stretchOf } from "./optimiser.ts";
import { Program } from "./program.ts";
import { optimiserPlanners, planOptimiser } from "./registry.ts";

const kinds = Object.keys(optimiserPlanners) as Optimiser["kind"][];
const tensor = {
  name: "layers.0.weight",
  shape: [3, 5],
  size: 15,
  address: 65_536,
  gradient: 65_600,
  learningRate: 2,
  decays: true,
  place: (at: number) => at,
};
const bias = { ...tensor, name: "layers.0.bias", learningRate: 0.5, decays: false };
const frozen = { ...tensor, name: "layers.1.mean", gradient: 0 };

test("every kind of the schema has a planner", () =>
  expect(kinds).toEqual(schema.options.map((each) => each.shape.kind.value)));

describe.each(kinds)("%s", (kind) => {
  const spec = schema.parse({ kind, weightDecay: 0.25 });
  const planned = planOptimiser(spec);
  const memory = new MemoryPlan(8);
  const moved = planMoved({ memory, tensors: [tensor, bias, frozen], optimiser: planned });
  const views = new Views(new ArrayBuffer(memory.bytes), 8);

  test("moves what has a gradient, each tensor with a state of its own", () => {
    expect(moved.map((each) => each.tensor.name)).toEqual([tensor.name, bias.name]);
    const addresses = moved.flatMap(({ state, settings }) => [settings, ...state.map(({ address }) => address)]);
    expect(new Set(addresses).size).toBe(2 * (1 + planned.state.length));
  });

  test("records one kernel, for the stretch alone", () => {
    const program = new Program();
    planned.record(program, stretchOf(moved[0], { from: 4, count: 6, realBytes: 8 }));
    expect(program.calls).toBe(1);
    expect(stretchOf(moved[0], { from: 4, count: 6, realBytes: 8 })).toMatchObject({
      parameters: tensor.address + 32,
      gradient: tensor.gradient + 32,
      count: 6,
      state: moved[0].state.map(({ address }) => address + 32),
    });
  });

  test("multipliers act on η, weight decay on what decays", () => {
    const write = settingsWriter({ views, optimiser: planned, weightDecay: spec.weightDecay, moved });
    write(0.1, 3);
    const [weights, biases] = moved.map(({ settings }) => Array.from(views.reals(settings, 8)));
    expect(weights[0] / biases[0]).toBeCloseTo(4, 12);
    expect(weights).toContain(0.25);
    expect(biases).not.toContain(0.25);
  });
});

test("Adam's corrections shrink with the steps (Kingma & Ba 2015, algorithm 1)", () => {
  const { settings } = planOptimiser(schema.parse({ kind: "adam" }));
  const at = (step: number): readonly number[] => settings(step)(0.001, 0);
  expect(at(1)[0]).toBeCloseTo(0.001 / 0.1, 12);
  expect(at(2)[0]).toBeCloseTo(0.001 / (1 - 0.81), 12);
  expect(at(1)[5]).toBeCloseTo(1 / Math.sqrt(0.001), 9);
});

test("only Levenberg–Marquardt wants second derivatives, into a state that it has", () => {
  const wanting = kinds.filter((kind) => planOptimiser(schema.parse({ kind })).curvature);
  expect(wanting).toEqual(["diagonal-levenberg-marquardt"]);
  const { state, curvature } = planOptimiser(schema.parse({ kind: wanting[0], samples: 77 }));
  expect(curvature?.samples).toBe(77);
  expect(state).toContain(curvature?.state);
});
