/** The forms in which a model leaves the service, each one value: a new form is a file and a line here. */
import { bundle } from "./bundle.ts";
import { aboutOf, type ExportFormat } from "./format.ts";
import { onnx } from "./onnx.ts";
import { web } from "./web.ts";

export const exportFormats = {
  onnx,
  safetensors: {
    summary: "The weights as safetensors, with network and normalisation in the header",
    extension: "safetensors",
    mediaType: "application/octet-stream",
    make: ({ prediction, subject, model }) => prediction.exportWeights(subject, aboutOf(model)),
  },
  bundle,
  web,
} satisfies Record<string, ExportFormat>;
