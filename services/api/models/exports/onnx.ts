/** A model as ONNX; its metadata tells how pictures become numbers for it. */
import { formOf } from "../forms.ts";
import type { Exported, ExportFormat } from "./format.ts";

/** The metadata of the file besides what the engine puts there: texts, those of objects as JSON. */
function describe({ model, dataset }: Exported): Record<string, string> {
  const { conversion, range } = formOf(model.input, dataset);
  return {
    model: model.id,
    name: model.name,
    input: JSON.stringify(model.input),
    conversion: JSON.stringify(conversion),
    range: JSON.stringify(range),
  };
}

export const onnx: ExportFormat = {
  summary: "The model as ONNX: numbers in the dataset's own range in, outputs out, normalisation included",
  extension: "onnx",
  mediaType: "application/octet-stream",
  make: (exported) =>
    exported.prediction.exportOnnx(exported.subject, {
      classNames: exported.model.classes,
      about: describe(exported),
    }),
};
