/**
 * A model as a ZIP for people who will run it elsewhere: ONNX, weights, network, labels, a card that tells what it is,
 * an example in Python and one in JavaScript, and a picture to try them with.
 */
import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";
import { sizeOf } from "../../../../schemas/shape.ts";
import { outputActivation } from "../../../../schemas/network-shape.ts";
import { encodeSheet, stretchedShades } from "../../../prediction/index.ts";
import { isReady } from "../../../shared/find.ts";
import { SampleReader } from "../../datasets/sample-reader.ts";
import { formOf } from "../forms.ts";
import { beside } from "./built.ts";
import { modelCard } from "./card.ts";
import { aboutOf, type Exported, type ExportFormat } from "./format.ts";
import { onnx } from "./onnx.ts";

/** What the examples must know besides the weights. */
function describe({ model, dataset }: Exported): object {
  const { conversion, range } = formOf(model.input, dataset);
  const activation = outputActivation(model.network.layers);
  return {
    model: model.id,
    network: model.network,
    input: model.input,
    normalisation: model.normalisation,
    conversion,
    range,
    // Outputs that are no probabilities are mapped from their target range, low … 1.
    output: {
      probabilities: activation === "softmax",
      low: activation === "tanh" || activation === "scaled-tanh" ? -1 : 0,
    },
  };
}

/** The first sample that the model did not train on; without a dataset a ramp of grey. */
async function samplePicture({ model, dataset, storage }: Exported): Promise<Uint8Array> {
  const { channels, height, width } = model.input;
  const shown = channels === 3 ? 3 : 1;
  const split = dataset && (["test", "validation", "train"] as const).find((each) => dataset.splits[each] > 0);
  if (dataset && split && isReady(dataset)) {
    const reader = new SampleReader({ dataset, split, storage });
    const pixels = reader.picture(await reader.sample(0)).subarray(0, shown * height * width);
    return encodeSheet({ tiles: [{ pixels }], channels: shown, height, width, columns: 1 });
  }
  const ramp = stretchedShades(
    Float32Array.from({ length: sizeOf({ channels: shown, height, width }) }, (_, at) => at),
  );
  return encodeSheet({ tiles: [{ pixels: ramp }], channels: shown, height, width, columns: 1 });
}

export const bundle: ExportFormat = {
  summary: "The model as a ZIP: ONNX, weights, network, labels, a model card, examples that run in Python and Node",
  extension: "zip",
  mediaType: "application/zip",
  async make(exported) {
    const { model, subject, prediction } = exported;
    const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
    const files: Record<string, string | Uint8Array> = {
      "README.md": modelCard(exported),
      "model.onnx": await onnx.make(exported),
      "weights.safetensors": await prediction.exportWeights(subject, aboutOf(model)),
      "network.json": json(describe(exported)),
      "labels.json": json(model.classes),
      "predict.py": await beside("predict.py"),
      "predict.mjs": await beside("predict.mjs"),
      "sample.png": await samplePicture(exported),
    };
    const zip = new ZipFile();
    // The model's own time: the same model makes the same bytes.
    const mtime = new Date(model.createdAt);
    for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name, { mtime });
    zip.end();
    return buffer(zip.outputStream);
  },
};
