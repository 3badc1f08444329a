/** The weights of an untrained network as a checkpoint file: speed does not depend on what was learned. */
import { createMemory, createTrainer, planTraining } from "../engine/index.ts";
import type { TrainingSpec } from "../engine/index.ts";
import { augmentation } from "../schemas/augmentation.ts";
import type { Numerics } from "../schemas/job.ts";
import type { Normalisation } from "../schemas/model.ts";
import type { Shape } from "../schemas/shape.ts";
import { classes } from "./cases.ts";
import { findKernels } from "./engine-kernels.ts";
import type { Prepared } from "./protocol.ts";

/** Every channel divided by `std`. */
export const plainNormalisation = ({ channels }: Shape, std: number): Normalisation => ({
  kind: "none",
  mean: new Array<number>(channels).fill(0),
  std: new Array<number>(channels).fill(std),
});

/** A training that would go on for ever, on `count` samples of bytes, as the service keeps pictures. */
export function endlessTraining(
  { definition, batch, threads }: Pick<Prepared, "definition" | "batch" | "threads">,
  numerics: Numerics,
  count: number,
): TrainingSpec {
  return {
    network: definition.network,
    loss: definition.loss,
    optimiser: { kind: "sgd", learningRate: 0.05, momentum: 0, weightDecay: 0, clipNorm: null },
    schedule: { kind: "constant", warmup: 0 },
    epochs: 1_000_000,
    batchSize: batch,
    shuffle: true,
    sampling: "natural",
    seed: 1,
    numerics,
    normalisation: plainNormalisation(definition.input, 255),
    augmentation: augmentation.parse({}),
    input: definition.input,
    classes,
    dtype: "uint8",
    background: 0,
    counts: { train: count, validation: 0, test: 0 },
    judge: null,
    targetAccuracy: null,
    patience: null,
    stopAtStep: null,
    rescheduled: [],
    pauseAfterEpoch: null,
    threads,
  };
}

export function initialWeights(wanted: Prepared): Uint8Array {
  const plan = planTraining(endlessTraining({ ...wanted, batch: 8, threads: 1 }, "reproducible", 8));
  const memory = createMemory(plan);
  const trainer = createTrainer({ plan, memory, kernels: findKernels("reference", "reproducible")(memory) });
  const weights = trainer.checkpoint();
  trainer.close();
  return weights;
}
