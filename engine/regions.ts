/**
 * What a training holds in the shared memory besides its network: samples and labels, the order of an epoch, outputs,
 * and the ring of distorted samples.
 */
import { splitNames } from "../schemas/dataset.ts";
import type { Split } from "../schemas/dataset.ts";
import { sizeOf } from "../schemas/shape.ts";
import { isIdentity } from "./augmentation.ts";
import { claimInts } from "./claims.ts";
import { dtypeCodes } from "./kernels/kernels.ts";
import type { MemoryPlan } from "./memory.ts";
import { controlInts } from "./parallel.ts";
import type { Source } from "./passes.ts";
import type { SplitRegion, TrainingSpec } from "./training.ts";

/** Samples that one evaluation command takes through the network: their outputs fit a bounded region. */
export const evaluationSamples = 8192;

export interface Regions {
  control: number;
  splits: Record<Split, SplitRegion>;
  /** uint32: the epoch's order of the training split. */
  order: number;
  /** One real, 1 / samples of the present batch. */
  averageScale: number;
  /** Outputs of an evaluation or an inspection, reals [row][classes]. */
  results: number;
  /** Where samples are distorted: float32 [2][batch][C][H][W], and the claims on them. */
  staging: { samples: number; claims: number } | null;
}

export const eachSplit = <Value>(make: (split: Split) => Value): Record<Split, Value> =>
  Object.fromEntries(splitNames.map((split) => [split, make(split)])) as Record<Split, Value>;

export function planRegions(spec: TrainingSpec, memory: MemoryPlan): Regions {
  const { counts, input, classes, batchSize } = spec;
  const elementBytes = spec.dtype === "uint8" ? 1 : memory.realBytes;
  const control = memory.reserve({ what: "control words", element: "int", count: controlInts });
  const splits = eachSplit((split): SplitRegion => {
    const count = counts[split];
    const samplesBytes = count * sizeOf(input) * elementBytes;
    const samplesAddress = memory.reserve({
      what: `the samples of the ${split} split`,
      element: "byte",
      count: samplesBytes,
    });
    const labelsAddress = memory.reserve({ what: `the labels of the ${split} split`, element: "int", count });
    return { count, samplesBytes, samplesAddress, labelsAddress };
  });
  const most = Math.max(...splitNames.map((split) => counts[split]));
  return {
    control,
    splits,
    order: memory.reserve({ what: "the order of an epoch", element: "int", count: counts.train }),
    averageScale: memory.reserve({ what: "1 / samples", element: "real", count: 1 }),
    results: memory.reserve({
      what: "the outputs of an evaluation",
      element: "real",
      count: Math.min(most, evaluationSamples) * classes,
    }),
    staging: isIdentity(spec.augmentation)
      ? null
      : {
          samples: memory.reserve({
            what: "distorted samples",
            element: "byte",
            count: 2 * batchSize * sizeOf(input) * 4,
          }),
          claims: memory.reserve({
            what: "claims on distorted samples",
            element: "int",
            count: claimInts(batchSize),
          }),
        },
  };
}

/** The samples of a split as the kernels read them: bytes, or the reals of this memory. */
export function sourceOf({ splits }: Regions, split: Split, { dtype }: TrainingSpec, realBytes: number): Source {
  const reals = realBytes === 8 ? dtypeCodes.real : dtypeCodes.float32;
  const { samplesAddress, labelsAddress } = splits[split];
  return { samples: samplesAddress, labels: labelsAddress, dtype: dtype === "uint8" ? dtypeCodes.uint8 : reals };
}
