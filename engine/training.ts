/**
 * Training as the services see it, in types: a spec, a plan, one shared memory, and a generator that yields at
 * reporting points only. No clock and no I/O here: control words say when to report and when to stop; whoever holds the
 * thread does the writing.
 */
import type { Tensor as FileTensor } from "./formats/safetensors.ts";
import type { Augmentation } from "../schemas/augmentation.ts";
import type { Dtype, Split } from "../schemas/dataset.ts";
import type { Numerics } from "../schemas/job.ts";
import type { Sampling } from "../schemas/sampling.ts";
import type { Normalisation } from "../schemas/model.ts";
import type { Loss, Network } from "../schemas/network.ts";
import type { Optimiser, Rescheduling, Schedule } from "../schemas/optimiser.ts";
import type { Shape } from "../schemas/shape.ts";
import type { Judge } from "../schemas/validation.ts";
import type { Kernels, RealBytes } from "./kernels/kernels.ts";

/**
 * Everything that decides the bits of a training, as plain data: it travels to every thread, and the same spec makes
 * the same plan.
 */
export interface TrainingSpec {
  network: Network;
  loss: Loss;
  optimiser: Optimiser;
  schedule: Schedule;
  epochs: number;
  batchSize: number;
  shuffle: boolean;
  sampling: Sampling;
  seed: number;
  numerics: Numerics;
  normalisation: Normalisation;
  augmentation: Augmentation;
  input: Shape;
  classes: number;
  dtype: Dtype;
  /** What lies outside a picture that is shifted or turned, in the dataset's own range: its minimum. */
  background: number;
  /** Samples in each split; 0 where there is none. */
  counts: Record<Split, number>;
  /** What is evaluated after each epoch, and whether stops and the best epoch go by it. Null: nothing is. */
  judge: Judge | null;
  /** Stop when the validation accuracy reaches this. */
  targetAccuracy: number | null;
  /** Stop after this many epochs without a new best. */
  patience: number | null;
  /** Stop after exactly this step (reproductions); null: by the other rules alone. */
  stopAtStep: number | null;
  /** Interrupt before the epoch after this one begins, to go on from a checkpoint another time; null: go on. */
  pauseAfterEpoch: number | null;
  /** How the schedule was fitted to the time left, in the training that this one does again; empty for any other. */
  rescheduled: readonly Rescheduling[];
  /** Gradient threads, this one included. Never changes the bits. */
  threads: number;
}

/** Where the samples of a split lie in the shared memory. */
export interface SplitRegion {
  count: number;
  /** Bytes [count][channels][height][width] of dtype. */
  samplesAddress: number;
  samplesBytes: number;
  /** int32 [count]. */
  labelsAddress: number;
}

export interface TrainingPlan {
  spec: TrainingSpec;
  /** All of the shared memory, a multiple of 64 KiB. */
  bytes: number;
  splits: Record<Split, SplitRegion>;
  /**
   * Address of the int32 control word: bits of `request`. Set with Atomics.or by whoever wants something; cleared by
   * the trainer.
   */
  controlAddress: number;
}

/** Bits of the control word. The trainer looks between batches. */
export const request = {
  /** Yield a progress report. */
  report: 1,
  /** Yield a checkpoint and go on (checkpoints.everySeconds). */
  checkpoint: 2,
  /** Yield a checkpoint and end (pause, cancel, hand-over, maxSeconds). */
  stop: 4,
} as const;

/** One row of the step series. Rows come at steps that depend on the length of the training alone. */
export interface StepRow {
  step: number;
  epoch: number;
  learningRate: number;
  loss: number;
  accuracy: number;
  gradientNorm: number;
}

export interface Evaluated {
  loss: number;
  accuracy: number;
  samples: number;
}

export interface TrainingPosition {
  epoch: number;
  step: number;
  /** Where the training is to end, by its epochs or as it was rescheduled. */
  steps: number;
  epochs: number;
  /** Samples trained since this trainer was made: whoever has a clock makes a rate of it. */
  samples: number;
  /** Mean over the epoch so far. */
  loss: number | null;
  accuracy: number | null;
  /** Step rows since the last report. */
  rows: StepRow[];
}

export interface Best {
  epoch: number;
  step: number;
  accuracy: number;
  loss: number;
}

export type TrainingReport =
  | ({ kind: "progress" } & TrainingPosition)
  /**
   * An epoch ended and was evaluated on the split of `spec.judge`; only figures that decide make a best. Ask for a
   * checkpoint now if the policy wants one.
   */
  | ({
      kind: "epoch";
      validation: (Evaluated & { split: Split }) | null;
      isBest: boolean;
      best: Best | null;
      epochsSinceBest: number | null;
      gradientNorm: number;
      learningRate: number;
    } & TrainingPosition)
  /** Somebody set `request.checkpoint`. */
  | ({ kind: "checkpoint" } & TrainingPosition)
  /** Somebody set `request.stop`; the generator ends after this. */
  | ({ kind: "stopped" } & TrainingPosition)
  /** `spec.pauseAfterEpoch` is over; the generator ends after this. `epoch` is the last one that was trained. */
  | ({ kind: "interrupted" } & TrainingPosition)
  | ({ kind: "diverged"; tensor: string; detail: string } & TrainingPosition)
  | ({
      kind: "finished";
      reason: "epochs" | "validationAccuracy" | "patience" | "rescheduled" | "step";
    } & TrainingPosition);

export interface Trainer {
  /** Runs to the end or to a stop. Between yields it blocks the thread. Call once. */
  run(): Generator<TrainingReport, void, undefined>;
  /**
   * Has the training end with this step, at least one ahead and at most as many as its epochs have. The schedule goes
   * on from where it stands and reaches its end there. Between yields only; checkpoints keep it.
   */
  endAt(step: number): void;
  /** How the schedule was fitted to the time left, oldest first. */
  readonly rescheduled: readonly Rescheduling[];
  /**
   * The present state as a safetensors file: parameters and all that is needed to go on to the same bits. Also the
   * bytes a model is made of.
   */
  checkpoint(): Uint8Array;
  /** Some of the parameters as they are now, in the order of the file. */
  tensors(isWanted: (name: string) => boolean): Map<string, FileTensor>;
  /**
   * Loss and accuracy over a split with the present weights, and if wanted the outputs [count][classes] as float32. All
   * threads work.
   */
  evaluate(split: Split, options?: { outputs: boolean }): Evaluated & { outputs: Float32Array | null };
  /** Puts the weights of a checkpoint in place (the best one, for the last evaluations). */
  load(checkpoint: Uint8Array): void;
  /** Ends the gradient threads. */
  close(): void;
}

export interface TrainerOptions {
  plan: TrainingPlan;
  memory: WebAssembly.Memory;
  kernels: Kernels;
  /** Go on from here; the spec must be the one it was made with. */
  resume?: Uint8Array;
  /** Start from these weights (initialModel) with fresh state. */
  initialWeights?: Uint8Array;
  /** The layers that do, by what their tensors' names begin with (`layers.0`); by default all. */
  initialLayers?: readonly string[] | undefined;
  /** 8 with the reference in float64; the plan's memory is then larger. */
  realBytes?: RealBytes;
}

export interface GradientThreadOptions {
  plan: TrainingPlan;
  memory: WebAssembly.Memory;
  kernels: Kernels;
  /** 1 … threads − 1; the training thread is 0. */
  thread: number;
  realBytes?: RealBytes;
}
