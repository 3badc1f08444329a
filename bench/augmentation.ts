/**
 * What distorting samples costs: microseconds a sample by itself, and samples a second of network B in batches of 50 on
 * one and on two threads, with and without an augmentation thread. Medians of interleaved rounds.
 *
 *     npm run build && node dist/bench/augmentation.js [rounds, 25] [seconds of each in a round, 0.25]
 */
import { availableParallelism } from "node:os";
import { createAugmenter } from "../engine/index.ts";
import type { TrainingSpec } from "../engine/index.ts";
import { augmentation as schema } from "../schemas/augmentation.ts";
import { sizeOf } from "../schemas/shape.ts";
import { input, networks } from "./cases.ts";
import { Training } from "./engine-training.ts";
import { endlessTraining } from "./initial-weights.ts";
import { pictures } from "./protocol.ts";

const [, , rounds = "25", seconds = "0.25"] = process.argv;
const samples = 2048;
const settings = {
  none: schema.parse({}),
  affine: schema.parse({ shift: 2, rotate: 10, scale: 0.1 }),
  elastic: schema.parse({ shift: 1.5, rotate: 10, scale: 0.12, elastic: { alpha: 34, sigma: 5 } }),
};
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function microseconds(augmentation: TrainingSpec["augmentation"]): number {
  const augmenter = createAugmenter({ augmentation, shape: input, seed: 1, fill: [0] });
  const size = sizeOf(input);
  const { samples: from } = pictures(samples, size);
  const output = new Float32Array(size);
  const found = Array.from({ length: 15 }, (_, epoch) => {
    const start = performance.now();
    for (let sample = 0; sample < samples; sample++)
      augmenter.apply({ input: from, inputOffset: sample * size, output, outputOffset: 0, epoch, sample });
    return ((performance.now() - start) * 1000) / samples;
  });
  return median(found.slice(3));
}

for (const [name, augmentation] of Object.entries(settings))
  console.log(`${name}: ${microseconds(augmentation).toFixed(1)} µs a sample by itself`);

const contenders = await Promise.all(
  Object.entries(settings).flatMap(([name, augmentation]) =>
    [1, 2].flatMap((threads) =>
      (name === "none" ? [false] : [false, true]).map(async (ahead) => ({
        title: `${name}, ${threads} thread${threads > 1 ? "s" : ""}${ahead ? " and an augmentation thread" : ""}`,
        training: await Training.start(
          { ...endlessTraining({ definition: networks.B, batch: 50, threads }, "reproducible", samples), augmentation },
          { kernels: "native", ahead },
        ),
        rates: [] as number[],
      })),
    ),
  ),
);
for (let round = 0; round < Number(rounds) + 2; round++) {
  for (const { training, rates } of contenders) {
    const chunk = await training.run(Number(seconds));
    if (round >= 2) rates.push(chunk.samples / chunk.seconds);
  }
}
for (const { title, rates, training } of contenders) {
  const rate = median(rates);
  console.log(`${title}: ${Math.round(rate)} samples/s, ${(1e6 / rate).toFixed(1)} µs a sample`);
  await training.end();
}
console.log(`${availableParallelism()} processors`);
