/**
 * What samples of a model look like, from the dataset it was trained on; without one (an import), from its input alone.
 */
import { conversion as conversionSchema } from "../../../schemas/dataset.ts";
import type { Conversion, ValueRange } from "../../../schemas/dataset.ts";
import type { Shape } from "../../../schemas/shape.ts";
import type { DatasetRecord } from "../../shared/records/index.ts";
import type { SampleForm } from "./instances.ts";

const ofBytes: ValueRange = { minimum: 0, maximum: 255 };

/** Datasets of before kept no range: whole numbers went from 0 to 255 then, and others from the least to the most. */
function rangeOf({ conversion, dtype, statistics }: DatasetRecord): ValueRange {
  if (conversion?.range) return conversion.range;
  return dtype === "float32" && statistics ? { minimum: statistics.minimum, maximum: statistics.maximum } : ofBytes;
}

export function formOf(input: Shape, dataset: DatasetRecord | null): SampleForm {
  const { channels, height, width } = input;
  const usual: Conversion = {
    channels: channels === 3 ? 3 : 1,
    height,
    width,
    fit: "fit",
    background: "black",
    range: ofBytes,
  };
  // Parsed: a dataset that was made before has no background.
  const conversion = dataset?.conversion ? conversionSchema.parse(dataset.conversion) : usual;
  return { input, conversion, range: dataset ? rangeOf(dataset) : ofBytes };
}
