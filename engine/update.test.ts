/** What the update records, in which order, with which barriers. */
import { describe, expect, test } from "vitest";
import { network as schema } from "../schemas/network.ts";
import { optimiser as optimiserSchema } from "../schemas/optimiser.ts";
import { planExecution } from "./execution-plan.ts";
import { plainSpec } from "./inspection.ts";
import type { UpdatePhases } from "./update.ts";

const dense = { kind: "dense", units: 3, activation: "softmax" };
const plain = [{ kind: "convolution", maps: 2, size: 3 }, dense];
const finishing = [{ kind: "convolution", maps: 2, size: 3, inputs: { learned: {} } }, dense];

function plan(layers: Record<string, unknown>[], clipNorm: number | null, batchSize = 22) {
  const spec = plainSpec({
    network: schema.parse({ layers }),
    loss: "cross-entropy",
    input: { channels: 2, height: 7, width: 5 },
    classes: 3,
    count: 44,
    batchSize,
    seed: 1,
    optimiser: optimiserSchema.parse({ kind: "sgd", clipNorm }),
  });
  const { training } = planExecution({ ...spec, threads: 2 }, 4, { inspects: true });
  return training.steps;
}

/** The different kernels of each phase, over all threads, in the order in which a run meets them. */
const kernelsOf = (update: UpdatePhases | null | undefined): string[][] =>
  update?.phases.map(({ programs }) => [...new Set(programs.flatMap((program) => program.names()))]) ?? [];

describe("phases of an update", () => {
  test("without finish and clipping a run goes through everything while it is in the cache", () => {
    const { whole } = plan(plain, null);
    expect(kernelsOf(whole?.update)).toEqual([["reduce", "sgd"]]);
    expect(kernelsOf(whole?.normUpdate)).toEqual([["reduce", "squaredNorm", "sgd"]]);
  });
  test("a finish stands between two barriers", () =>
    expect(kernelsOf(plan(finishing, null).whole?.update)).toEqual([["reduce"], ["combinationGradient"], ["sgd"]]));
  test("clipping needs the norm of all before any weight moves", () => {
    const { whole } = plan(plain, 1);
    expect(kernelsOf(whole?.update)).toEqual([
      ["reduce", "squaredNorm"],
      ["scale", "sgd"],
    ]);
    expect(whole?.update.phases.map(({ clips }) => clips)).toEqual([false, true]);
  });
  test("both", () => {
    const { whole } = plan(finishing, 1);
    expect(kernelsOf(whole?.update)).toEqual([["reduce"], ["combinationGradient"], ["squaredNorm"], ["scale", "sgd"]]);
    expect(whole?.update.phases.map(({ clips }) => clips)).toEqual([false, false, false, true]);
  });
  test("an inspection sums and finishes, and moves nothing", () => {
    const { forward, gradient } = plan(finishing, 1);
    expect(kernelsOf(forward?.update)).toEqual([["combinationGradient"]]);
    expect(kernelsOf(gradient?.update)).toEqual([["reduce"], ["combinationGradient"]]);
  });
  test("with one sample a batch there is nothing to reduce", () =>
    expect(kernelsOf(plan(plain, null, 1).whole?.update)).toEqual([["sgd"]]));
});
