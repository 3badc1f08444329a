/**
 * One seed, the same bits: on 1, 2, 3 and 4 threads, and across a stop and a resume at any step. For every layer kind,
 * found by walking the registry.
 */
import { createHash } from "node:crypto";
import { expect, test, describe } from "vitest";
import { request, readSafetensors } from "../../engine/index.ts";
import type { TrainingSpec } from "../../engine/index.ts";
import { layOut } from "../../engine/nodes.ts";
import { layerPlanners, plannedKind } from "../../engine/registry.ts";
import { augmentation } from "../../schemas/augmentation.ts";
import { networkShape } from "../../schemas/network-shape.ts";
import { optimiser } from "../../schemas/optimiser.ts";
import { smallSpec, startTraining } from "../support/training.ts";

const first = { kind: "convolution", maps: 4, size: 2, activation: "tanh" };
const last = { kind: "dense", units: 3, activation: "softmax" };
const three = (maps: number) => ({ kind: "convolution", maps, size: 3, padding: 1 });
const block = (layers: Record<string, unknown>[]) => ({ kind: "residual", layers, activation: "relu" });
const networks: Record<string, Record<string, unknown>[]> = {
  "convolution and subsampling": [
    first,
    { kind: "subsampling", factor: 2, activation: "sigmoid" },
    { kind: "convolution", maps: 6, size: 2, inputs: "pairs", activation: "relu" },
    last,
  ],
  combination: [
    first,
    {
      kind: "convolution",
      maps: 5,
      size: 3,
      activation: "tanh",
      inputs: { learned: { filters: "per-input", penalty: "entropy", strength: 0.01 } },
    },
    last,
  ],
  "dropout and a deferred dense layer": [
    first,
    { kind: "dropout", rate: 0.4 },
    { kind: "dense", units: 70, activation: "relu" },
    { kind: "dropout", rate: 0.3 },
    last,
  ],
  "large dense layers, which blocks go through together": [
    first,
    { kind: "dropout", rate: 0.4 },
    { kind: "dense", units: 1400, activation: "tanh" },
    { kind: "dropout", rate: 0.3 },
    { kind: "dense", units: 100, activation: "relu" },
    // Its projection has as many weights.
    block([
      { kind: "dense", units: 7, activation: "tanh" },
      { kind: "dense", units: 1320 },
    ]),
    last,
  ],
  "batch normalisation": [
    first,
    { kind: "batch-normalisation" },
    { kind: "subsampling", factor: 2, reduce: "max", trainable: false },
    { kind: "dense", units: 50, activation: "leaky-relu" },
    { kind: "batch-normalisation" },
    last,
  ],
  "residual blocks with batch normalisation": [
    { ...first, padding: 1 },
    block([three(4), { kind: "batch-normalisation", activation: "relu" }, three(4), { kind: "batch-normalisation" }]),
    block([{ ...three(6), stride: 2 }, { kind: "batch-normalisation" }]),
    { kind: "subsampling", factor: "all", reduce: "mean", trainable: false },
    block([
      { kind: "dense", units: 1100, activation: "tanh" },
      { kind: "dropout", rate: 0.2 },
      { kind: "dense", units: 6 },
    ]),
    last,
  ],
};

/** Frozen layers of every kind, with layers between and inside blocks that learn. */
const frozen = { learningRate: 0 };
networks["frozen layers"] = [
  { ...first, ...frozen },
  { kind: "batch-normalisation", ...frozen },
  { ...three(5), activation: "tanh" },
  { ...three(6), activation: "tanh", inputs: { learned: { penalty: "entropy" } }, ...frozen },
  { ...block([{ ...three(6), ...frozen }, { kind: "batch-normalisation", activation: "relu" }, three(7)]), ...frozen },
  block([three(4), { kind: "batch-normalisation", ...frozen }]),
  { kind: "subsampling", factor: 2, activation: "sigmoid", ...frozen },
  { kind: "dropout", rate: 0.2 },
  { kind: "dense", units: 700, activation: "tanh", ...frozen },
  last,
];

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function train(spec: TrainingSpec): Promise<{ digest: string; accuracy: number; rows: unknown[] }> {
  const { trainer, close } = await startTraining(spec);
  const rows = [...trainer.run()].flatMap((report) => report.rows);
  const result = { digest: digest(trainer.checkpoint()), accuracy: trainer.evaluate("test").accuracy, rows };
  await close();
  return result;
}

describe.each(Object.entries(networks))("%s", (_, layers) => {
  test("the same bits on 1, 2, 3 and 4 threads", async () => {
    const alone = await train(smallSpec(layers));
    expect(alone.rows).toHaveLength(6);
    for (const threads of [2, 3, 4]) expect(await train(smallSpec(layers, { threads }))).toEqual(alone);
  });

  test.each(["natural", "balanced"] as const)(
    "the same bits with a stop and a resume after every step, %s",
    async (sampling) => {
      const whole = await train(smallSpec(layers, { sampling }));
      let checkpoint: Uint8Array | undefined;
      for (let attempt = 0; ; attempt++) {
        const { plan, memory, trainer, close } = await startTraining(
          smallSpec(layers, { sampling, threads: (attempt % 2) + 1 }),
          checkpoint ? { resume: checkpoint } : {},
        );
        new Int32Array(memory.buffer)[plan.controlAddress / 4] = request.stop;
        const reports = [...trainer.run()];
        checkpoint = trainer.checkpoint();
        await close();
        if (reports.at(-1)?.kind === "finished") break;
        expect(reports.at(-1)).toMatchObject({ kind: "stopped", step: attempt + 1 });
      }
      expect(digest(checkpoint)).toBe(whole.digest);
    },
  );
});

const plannedKindsOf = ({ network: { layers }, input }: TrainingSpec): string[] =>
  layOut(layers, networkShape(layers, input, 3).layers).map(plannedKind);

test("every planned kind is in these networks", () => {
  const kinds = Object.values(networks).flatMap((layers) => plannedKindsOf(smallSpec(layers)));
  expect([...new Set(kinds)].toSorted()).toEqual(Object.keys(layerPlanners).toSorted());
});

const settings: Record<string, Partial<TrainingSpec>> = {
  "nesterov with clipping and decay": {
    optimiser: optimiser.parse({ kind: "nesterov", learningRate: 0.05, clipNorm: 0.5, weightDecay: 0.01 }),
  },
  adam: { optimiser: optimiser.parse({ kind: "adam", learningRate: 0.01 }) },
  "diagonal Levenberg–Marquardt": { optimiser: optimiser.parse({ kind: "diagonal-levenberg-marquardt", samples: 54 }) },
  "diagonal Levenberg–Marquardt, large dense layers": {
    optimiser: optimiser.parse({ kind: "diagonal-levenberg-marquardt", samples: 54 }),
  },
  "online learning": { batchSize: 1, epochs: 1 },
  "the whole split as one batch": { batchSize: 66 },
  augmentation: {
    augmentation: augmentation.parse({
      ...{ shift: 1, rotate: 20, scale: 0.1, elastic: { alpha: 8, sigma: 2 }, flip: true },
      ...{ crop: 2, brightness: 0.3, contrast: 0.3, saturation: 0.3 },
    }),
  },
  "balanced sampling": { sampling: "balanced", counts: { train: 65, validation: 21, test: 9 } },
  "balanced sampling with augmentation": {
    sampling: "balanced",
    augmentation: augmentation.parse({ shift: 1, rotate: 20 }),
  },
  "a one-cycle schedule with warm-up": { schedule: { kind: "one-cycle", start: 0.1, end: 0.01, rise: 0.3, warmup: 2 } },
};

const networkOf: Record<string, string> = {
  "online learning": "convolution and subsampling",
  "diagonal Levenberg–Marquardt, large dense layers": "large dense layers, which blocks go through together",
};

test.each(Object.entries(settings))(
  "%s: the same bits on 1 and 3 threads, and another seed gives others",
  async (name, changes) => {
    const layers = networks[networkOf[name] ?? "combination"];
    const alone = await train(smallSpec(layers, { epochs: 2, ...changes }));
    expect(await train(smallSpec(layers, { epochs: 2, ...changes, threads: 3 }))).toEqual(alone);
    expect(alone.digest).not.toBe((await train(smallSpec(layers, { ...changes, seed: 8 }))).digest);
  },
);

test("divergence is an outcome with a step and a tensor, and leaves the weights as before the step", async () => {
  const layers = [first, { kind: "dense", units: 3, activation: "linear" }];
  const { trainer, close } = await startTraining(
    smallSpec(layers, {
      optimiser: optimiser.parse({ kind: "sgd", learningRate: 1000 }),
      loss: "squared-error",
      epochs: 60,
    }),
  );
  const final = [...trainer.run()].at(-1);
  expect(final).toMatchObject({ kind: "diverged" });
  expect((final as { detail: string }).detail).toMatch(/not finite/);
  await close();
});

test("a last step that breaks the weights is a divergence too, though its loss was finite", async () => {
  // Bounded outputs keep the loss finite while each step multiplies the weights by minus ten thousand.
  const layers = [first, { kind: "dense", units: 3, activation: "tanh" }];
  const endings = [];
  for (const epochs of [2, 6, 8, 9, 10, 11, 12]) {
    const { trainer, close } = await startTraining(
      smallSpec(layers, {
        optimiser: optimiser.parse({ kind: "sgd", learningRate: 1000, weightDecay: 10 }),
        loss: "squared-error",
        batchSize: 66,
        epochs,
      }),
    );
    const final = [...trainer.run()].at(-1);
    const { tensors } = readSafetensors(trainer.checkpoint());
    const finite = [...tensors].every(
      ([name, { data }]) => !name.startsWith("layers.") || [...(data as Float32Array)].every(Number.isFinite),
    );
    if (final?.kind === "finished") expect({ epochs, finite }).toEqual({ epochs, finite: true });
    endings.push(final?.kind);
    await close();
  }
  expect(endings).toContain("finished");
  expect(endings).toContain("diverged");
});
