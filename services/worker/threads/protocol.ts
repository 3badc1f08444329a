/**
 * What the worker's main thread and its compute threads say to each other. docs/PROTOCOLS.md shows the conversation.
 * A thread that trains blocks between messages: what it must hear meanwhile stands in two shared places, the engine's
 * control word and `signals`.
 */
import type {
  Best,
  Evaluated,
  PredictionSpec,
  TrainingPlan,
  TrainingReport,
  TrainingSpec,
} from "../../../engine/index.ts";
import type { Dtype, Split } from "../../../schemas/dataset.ts";
import type { EvaluationDetails } from "../../../schemas/evaluation.ts";
import type { FailureCode } from "../../../schemas/failure.ts";
import type { InsideRow } from "../../../schemas/inside.ts";
import type { Rescheduling } from "../../../schemas/optimiser.ts";
import type { Evaluation } from "../../../schemas/prediction.ts";
import type { TrainingToPlan } from "../../shared/jobs/order.ts";
import type { KernelsDescription } from "../../shared/kernels.ts";
import type { TimeLimit } from "../../shared/timed-schedule.ts";

/** int32 words of `signals`. */
export const signal = {
  /** Checkpoints that the main thread has taken care of; the training thread waits when too many are under way. */
  acknowledged: 0,
  /** Why a stop was asked for, one of `intents`. */
  intent: 1,
} as const;
export const signalWords = 2;

/**
 * `limit`: the time allowed is over; the training ends as if it had finished. `conclude`: its sweep is over; it ends
 * likewise.
 */
export const intents = { none: 0, pause: 1, cancel: 2, handOver: 3, limit: 4, abandon: 5, conclude: 6 } as const;
export type Intent = keyof typeof intents;

/** Checkpoints on their way to storage before the training waits. */
export const checkpointsUnderWay = 2;

export interface SplitFiles {
  samples: string;
  labels: string;
}

export interface TrainAssignment {
  spec: TrainingSpec;
  kernels: KernelsDescription;
  /** Files of this machine; absent where a split has no samples. */
  files: Partial<Record<Split, SplitFiles>>;
  resume: Uint8Array | null;
  /** The fraction of the training split that the job holds out; its samples come from the same files. */
  heldOut: number | null;
  /** The best checkpoint so far, if not the one resumed from. */
  best: { bytes: Uint8Array; at: Best } | null;
  /** A model's weights, and the layers that start with them; null: all start from the seed, or go on. */
  start: { weights: Uint8Array; layers: readonly string[] } | null;
  everyEpochs: number;
  /** What a sweep asks of its trials: when interrupted, figures of this split, or to finish there and then. */
  interruption: { split: Split; concludes: boolean } | null;
  signals: SharedArrayBuffer;
  /** What the schedule is fitted to where the time does not suffice; null: it runs as it is. */
  timeLimit: TimeLimit | null;
  /** Names of the classes, for the evaluation. */
  classes: string[];
  /** Outputs larger than this are not kept. */
  predictionsLimitBytes: number;
}

/** A model over a split of some dataset. */
export interface EvaluateAssignment {
  spec: Omit<PredictionSpec, "batch">;
  kernels: KernelsDescription;
  weights: Uint8Array;
  files: SplitFiles;
  count: number;
  dtype: Dtype;
  split: Split;
  /** The model's names, in its order. */
  classes: string[];
  /** For each class of the dataset the model's. */
  labels: number[];
  loss: "squared-error" | "cross-entropy";
}

export type EvaluationEnding =
  | {
      kind: "finished";
      /** float32 [count][classes] then int32 [count], in the model's classes. */
      predictions: Uint8Array;
      accuracy: number;
      loss: number;
      details: EvaluationDetails;
    }
  /** Nothing that trying again would mend. */
  | { kind: "refused"; code: FailureCode; detail: string };

export type ToThread =
  | { kind: "size"; of: TrainingToPlan }
  | { kind: "evaluate"; assignment: EvaluateAssignment }
  | { kind: "train"; assignment: TrainAssignment }
  | { kind: "gradients"; plan: TrainingPlan; memory: WebAssembly.Memory; kernels: KernelsDescription; thread: number }
  | { kind: "augmentation"; plan: TrainingPlan; memory: WebAssembly.Memory };

export interface Snapshot {
  bytes: Uint8Array;
  epoch: number;
  step: number;
  loss: number | null;
  accuracy: number | null;
  validation: { split: Split; loss: number | null; accuracy: number } | null;
  /** Of an epoch's end, as against a recovery point. */
  listed: boolean;
  isBest: boolean;
  /** The job waits with it at the end of a rung: without it, it could not go on from there. */
  isNeeded: boolean;
  best: Best | null;
}

/** What a model keeps of a split. */
export interface StoredSplit {
  evaluation: Evaluation | null;
  /** float32 [count][classes] then int32 [count]; null for a part that is no split of the dataset. */
  predictions: { bytes: Uint8Array; count: number } | null;
}

export type StopReason = "epochs" | "validationAccuracy" | "patience" | "maxSeconds" | "step" | "sweep";

export interface Finished {
  kind: "finished";
  reason: StopReason;
  /** Where the training stopped. */
  epoch: number;
  step: number;
  /** Which weights the model has. */
  chosen: { epoch: number; step: number };
  rescheduled: readonly Rescheduling[];
  /** The model's safetensors file: weights alone. */
  weights: Uint8Array;
  /** Figures over the job's splits: what is held out is its validation split. */
  splits: Partial<Record<Split, Evaluated>>;
  /** By the dataset's own splits, and what was held out as `validation`. Without those that would be too large. */
  stored: Partial<Record<Split, StoredSplit>>;
}

export type Ending =
  | Finished
  /** A stop that was asked for; its checkpoint went before. */
  | { kind: "stopped" }
  /** A rung of a sweep is over; its checkpoint went before. `figures`: of the model that it would leave. */
  | { kind: "interrupted"; epoch: number; figures: Evaluated }
  | { kind: "diverged"; step: number; tensor: string; detail: string }
  /** The engine refused: nothing that trying again would mend. */
  | { kind: "refused"; code: FailureCode; detail: string };

export type FromThread =
  | { kind: "ready" }
  | { kind: "planned"; plan: TrainingPlan; memory: WebAssembly.Memory; kernels: string }
  | { kind: "report"; report: TrainingReport; inside: InsideRow | null }
  | { kind: "checkpoint"; snapshot: Snapshot }
  /** The schedule now ends with batch `to` instead of `from`; the checkpoint that keeps this went before. */
  | { kind: "rescheduled"; from: number; to: number }
  | { kind: "ended"; ending: Ending }
  /** Samples answered so far. */
  | { kind: "evaluating"; samples: number }
  | { kind: "evaluated"; ending: EvaluationEnding }
  | { kind: "sized"; bytes: number }
  /** No training can be planned so. */
  | { kind: "unsized"; pointer: string; detail: string }
  /** Something that should not happen: the attempt ends as a crash. */
  | { kind: "broken"; message: string; stack: string | undefined }
  /** Done with what it was given; may be given something else. */
  | { kind: "idle" };
