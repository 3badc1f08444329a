/**
 * Samples that are distorted a batch ahead by a thread of their own: the same bits with it and without, on any number
 * of threads, for batches of every cut, across stops.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createAugmenter, request } from "../../engine/index.ts";
import type { TrainingSpec } from "../../engine/index.ts";
import { planExecution } from "../../engine/execution-plan.ts";
import { permutation } from "../../engine/random.ts";
import { optimiser } from "../../schemas/optimiser.ts";
import { augmentation as schema } from "../../schemas/augmentation.ts";
import { smallSpec, startTraining } from "../support/training.ts";

const layers = [
  { kind: "convolution", maps: 3, size: 2, activation: "tanh" },
  { kind: "batch-normalisation" },
  { kind: "dense", units: 3, activation: "softmax" },
];
const plain = [layers[0], layers[2]];
const affine = schema.parse({ shift: 1, rotate: 20, scale: 0.1, flip: true, crop: 1, brightness: 0.3, contrast: 0.2 });
const elastic = { ...affine, elastic: { alpha: 8, sigma: 3 } };

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function train(
  spec: TrainingSpec,
  ahead: boolean,
): Promise<{ digest: string; rows: unknown[]; distorted: number }> {
  const { trainer, close } = await startTraining(spec, { ahead });
  const rows = [...trainer.run()].flatMap((report) => report.rows);
  const result = { digest: digest(trainer.checkpoint()), rows };
  return { ...result, distorted: await close() };
}

/**
 * Shards of blocks, single samples and blocks with empty lanes, and what an epoch leaves over: the 66 samples are 2·27
 * + 12, 6·10 + 6, 7·9 + 3, 66·1, 33 + 33, 66.
 */
describe.each([27, 10, 9, 1, 33, 66])("batches of %i", (batchSize) => {
  test.each([
    ["affine", affine, plain],
    ["elastic", elastic, batchSize === 1 ? plain : layers],
  ])(
    "%s: the same bits with and without an augmentation thread, on 1, 2 and 3 threads",
    async (_, augmentation, network) => {
      const specOf = (threads: number): TrainingSpec =>
        smallSpec(network, { augmentation, batchSize, threads, epochs: 3 });
      const { distorted: none, ...alone } = await train(specOf(1), false);
      expect(none).toBe(0);
      for (const threads of [1, 2, 3]) {
        for (const ahead of [true, false]) {
          const { distorted: _some, ...found } = await train(specOf(threads), ahead);
          expect(found, `${threads} threads, ${ahead ? "with" : "without"} an augmentation thread`).toEqual(alone);
        }
      }
    },
  );
});

test("the thread works ahead, and what it distorts differs by seed and epoch", async () => {
  const long = smallSpec(plain, { augmentation: elastic, epochs: 40 });
  const [alone, together, other] = [
    await train(long, false),
    await train(long, true),
    await train({ ...long, seed: 8 }, true),
  ];
  expect(together.digest).toBe(alone.digest);
  expect(other.digest).not.toBe(alone.digest);
  expect(together.distorted).toBeGreaterThan(0);
  expect(together.distorted).toBeLessThanOrEqual(40 * 66);
});

test.each([true, false])(
  "what a batch is trained on are its samples as (seed, epoch, sample) distort them; with an augmentation thread: %s",
  async (ahead) => {
    const spec = smallSpec(plain, { augmentation: elastic, threads: 2, stopAtStep: 6 });
    const { plan, memory, trainer, close } = await startTraining(spec, { ahead });
    for (const report of trainer.run()) expect(report.kind).not.toBe("diverged");
    // Steps 5 and 6 are batches 4 and 5, the last of the second epoch: 27 samples in half 0, 12 in half 1.
    const size = 70;
    const ring = new Float32Array(memory.buffer, planExecution(spec).regions.staging!.samples, 39 * size);
    const input = new Uint8Array(memory.buffer, plan.splits.train.samplesAddress, 66 * size);
    const order = permutation({ seed: spec.seed, epoch: 2, count: 66 });
    const augmenter = createAugmenter({ augmentation: elastic, shape: spec.input, seed: spec.seed, fill: [0, 0] });
    const expected = new Float32Array(39 * size);
    for (const [at, sample] of order.subarray(27).entries())
      augmenter.apply({
        input,
        inputOffset: sample * size,
        output: expected,
        outputOffset: at * size,
        epoch: 2,
        sample,
      });
    expect(ring).toEqual(expected);
    await close();
  },
);

test.each([
  ["sgd", {}],
  [
    "diagonal Levenberg–Marquardt, whose second derivatives want undistorted samples",
    { optimiser: optimiser.parse({ kind: "diagonal-levenberg-marquardt", samples: 54 }) },
  ],
])(
  "%s: the same bits with a stop and a resume after every step, with the thread and without in turn",
  async (_, changes) => {
    const specOf = (threads: number): TrainingSpec => smallSpec(plain, { augmentation: elastic, threads, ...changes });
    const whole = await train(specOf(1), false);
    let checkpoint: Uint8Array | undefined;
    for (let attempt = 0; ; attempt++) {
      const { plan, memory, trainer, close } = await startTraining(specOf((attempt % 3) + 1), {
        ahead: attempt % 2 === 0,
        ...(checkpoint ? { resume: checkpoint } : {}),
      });
      new Int32Array(memory.buffer)[plan.controlAddress / 4] = request.stop;
      const last = [...trainer.run()].at(-1);
      checkpoint = trainer.checkpoint();
      await close();
      if (last?.kind === "finished") break;
      expect(last).toMatchObject({ kind: "stopped", step: attempt + 1 });
    }
    expect(digest(checkpoint)).toBe(whole.digest);
  },
);

test.each([
  [
    "divergence",
    { optimiser: optimiser.parse({ kind: "sgd", learningRate: 1000 }), loss: "squared-error" as const, epochs: 60 },
    "diverged",
  ],
  ["an early end", { targetAccuracy: 0, epochs: 60 }, "finished"],
  ["a last step", { stopAtStep: 4 }, "finished"],
])("%s ends the augmentation thread too", async (_, changes, kind) => {
  const { trainer, close } = await startTraining(
    smallSpec([layers[0], { kind: "dense", units: 3, activation: "linear" }], {
      augmentation: elastic,
      loss: "squared-error",
      threads: 2,
      ...changes,
    }),
    { ahead: true },
  );
  expect([...trainer.run()].at(-1)).toMatchObject({ kind });
  await close();
});
