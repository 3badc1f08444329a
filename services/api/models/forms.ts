/**
 * What samples of a model look like, from the dataset it was trained on; without one (an import), from its input alone.
 */
import type { Shape } from "../../../schemas/shape.ts";
import type { DatasetRecord } from "../../shared/records/index.ts";
import type { SampleForm } from "./instances.ts";

export function formOf(input: Shape, dataset: DatasetRecord | null): SampleForm {
  const { channels, height, width } = input;
  const range = dataset?.statistics
    ? { minimum: dataset.statistics.minimum, maximum: dataset.statistics.maximum }
    : { minimum: 0, maximum: 255 };
  const conversion = dataset?.conversion ?? { channels: channels === 3 ? 3 : 1, height, width, fit: "fit" };
  return { input, conversion, dtype: dataset?.dtype ?? "uint8", range };
}
