/** Small trainings on made-up pictures, on real threads, for tests of the engine. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { createMemory, createTrainer, planTraining } from "../../engine/index.ts";
import type { Trainer, TrainerOptions, TrainingPlan, TrainingSpec } from "../../engine/index.ts";
import { augmentation } from "../../schemas/augmentation.ts";
import { network } from "../../schemas/network.ts";
import { optimiser } from "../../schemas/optimiser.ts";
import { sizeOf } from "../../schemas/shape.ts";
import { chooseKernels, loadKernels } from "../../services/shared/kernels.ts";
import type { KernelsDescription } from "../../services/shared/kernels.ts";

/**
 * A spec of odd sizes: 7×5 pictures, batches of three blocks and three single samples, a smaller last batch whose block
 * has empty lanes.
 */
export function smallSpec(
  layers: readonly Record<string, unknown>[],
  changes: Partial<TrainingSpec> = {},
): TrainingSpec {
  return {
    network: network.parse({ layers }),
    loss: "cross-entropy",
    optimiser: optimiser.parse({ kind: "sgd", learningRate: 0.05, momentum: 0.9 }),
    schedule: { kind: "constant", warmup: 0 },
    epochs: 2,
    batchSize: 27,
    shuffle: true,
    sampling: "natural",
    seed: 7,
    numerics: "reproducible",
    normalisation: { kind: "standardise", mean: [120, 130], std: [70, 75] },
    augmentation: augmentation.parse({}),
    background: 0,
    input: { channels: 2, height: 7, width: 5 },
    classes: 3,
    dtype: "uint8",
    counts: { train: 66, validation: 21, test: 9 },
    judge: { split: "validation", decides: true },
    targetAccuracy: null,
    patience: null,
    stopAtStep: null,
    rescheduled: [],
    pauseAfterEpoch: null,
    threads: 1,
    ...changes,
  };
}

/** Pictures whose class can be learned: a bright band where the class says, and noise. */
function fillSplits(plan: TrainingPlan, memory: WebAssembly.Memory): void {
  const { spec, splits } = plan;
  const bytes = new Uint8Array(memory.buffer);
  const ints = new Int32Array(memory.buffer);
  const size = sizeOf(spec.input);
  let state = 12345;
  for (const { count, samplesAddress, labelsAddress } of Object.values(splits)) {
    for (let sample = 0; sample < count; sample++) {
      const label = sample % spec.classes;
      ints[labelsAddress / 4 + sample] = label;
      for (let pixel = 0; pixel < size; pixel++) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        bytes[samplesAddress + sample * size + pixel] = (state >>> 24) / 2 + (pixel % spec.classes === label ? 100 : 0);
      }
    }
  }
}

export interface SmallTraining {
  plan: TrainingPlan;
  memory: WebAssembly.Memory;
  trainer: Trainer;
  /** Returns how many samples the augmentation thread distorted. */
  close: () => Promise<number>;
}

/**
 * Starts a training on `spec.threads` real threads, with the reference kernels unless others are described, and if
 * wanted with an augmentation thread besides. Call `close` at the end.
 */
export async function startTraining(
  spec: TrainingSpec,
  options: {
    resume?: Uint8Array;
    from?: Pick<TrainerOptions, "initialWeights" | "initialLayers">;
    description?: KernelsDescription;
    ahead?: boolean;
  } = {},
): Promise<SmallTraining> {
  const {
    resume,
    from,
    description = chooseKernels({ wanted: "reference", numerics: spec.numerics }),
    ahead = false,
  } = options;
  const plan = planTraining(spec);
  const memory = createMemory(plan);
  fillSplits(plan, memory);
  const script = new URL("../../dist/tests/support/gradient-thread.js", import.meta.url);
  const start = (thread: number): Worker => new Worker(script, { workerData: { plan, memory, thread, description } });
  const workers = Array.from({ length: spec.threads - 1 }, (_, index) => start(index + 1));
  const augmentation = ahead ? start(-1) : null;
  if (augmentation) workers.push(augmentation);
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const trainer = createTrainer({
    plan,
    memory,
    kernels: loadKernels(description, memory),
    ...(resume ? { resume } : {}),
    ...from,
  });
  const close = async (): Promise<number> => {
    const said = augmentation ? (once(augmentation, "message") as Promise<[number]>) : [0];
    trainer.close();
    const [distorted] = await said;
    await Promise.all(workers.map((worker) => worker.terminate()));
    return distorted;
  };
  return { plan, memory, trainer, close };
}
