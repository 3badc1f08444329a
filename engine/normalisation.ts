/**
 * Normalisation of inputs, fitted on the training split and kept with the model: x ↦ (x − mean) / std for each channel
 * (Bouvrie, "practical matters": mean 0 and variance 1 over the training split). `unit` maps to 0 … 1, `none` leaves
 * numbers as given.
 */
import type { Dtype } from "../schemas/dataset.ts";
import type { NormalisationKind } from "../schemas/job.ts";
import type { Normalisation } from "../schemas/model.ts";

export interface SplitStatistics {
  /** Per channel, over the training split. */
  mean: readonly number[];
  std: readonly number[];
  minimum: number;
  maximum: number;
}

/** A channel without variation divides by 1, so that nothing becomes infinite. */
const usable = (spread: number): number => (spread > 0 && Number.isFinite(spread) ? spread : 1);

export function fitNormalisation(
  kind: NormalisationKind,
  dtype: Dtype,
  { mean, std, minimum, maximum }: SplitStatistics,
): Normalisation {
  const channels = mean.length;
  const fill = (value: number): number[] => new Array<number>(channels).fill(value);
  switch (kind) {
    case "standardise":
      return { kind, mean: [...mean], std: std.map(usable) };
    case "unit":
      return dtype === "uint8"
        ? { kind, mean: fill(0), std: fill(255) }
        : { kind, mean: fill(minimum), std: fill(usable(maximum - minimum)) };
    case "none":
      return { kind, mean: fill(0), std: fill(1) };
  }
}
