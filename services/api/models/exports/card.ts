/** The README of a bundle: a model card after Mitchell et al., "Model Cards for Model Reporting" (2019). */
import type { Layer } from "../../../../schemas/layer.ts";
import { describeShape } from "../../../../schemas/shape.ts";
import type { Exported } from "./format.ts";

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** A cell of a table: names are other people's text. */
const cell = (text: string): string => text.replace(/[\r\n]+/g, " ").replaceAll("|", "\\|");

function layerWords(layer: Layer): string {
  const { kind, ...settings } = layer;
  const plain = Object.entries(settings).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
  return `${kind}${plain.length > 0 ? ` (${plain.map(([name, value]) => `${name} ${String(value)}`).join(", ")})` : ""}`;
}

function dataSection({ model, dataset }: Exported): string {
  if (!dataset) return "It was imported, or its dataset is gone: what it was trained on is not known here.";
  const counts = Object.entries(dataset.splits)
    .filter(([, count]) => count > 0)
    .map(([split, count]) => `${count} ${split}`)
    .join(", ");
  return `The dataset “${dataset.name}” (${dataset.id}, revision ${model.dataset?.revision ?? dataset.revision}): ${counts} samples of ${describeShape(model.input)} (channels, rows, columns).`;
}

function trainingSection({ job }: Exported): string {
  if (!job) return "It was imported, or its job is gone: how it was trained is not known here.";
  const { request, result, receipt } = job;
  const lines = [
    `Job ${job.id}: ${result ? `${result.epochs} epochs, ${result.steps} steps, ` : ""}batches of ${request.batchSize}, ${request.optimiser.kind} at a rate of ${request.optimiser.learningRate}, ${request.loss}, seed ${request.seed}.`,
  ];
  if (receipt)
    lines.push(
      "",
      "Whoever has the same dataset and engine gets these very weights from this request:",
      "",
      "```json",
      // Whom the service tells of the job is no part of the model.
      JSON.stringify({ receipt, request: { ...request, webhook: null } }, null, 2),
      "```",
    );
  return lines.join("\n");
}

function purpose({ classes, input: { channels, height, width } }: Exported["model"]): string {
  const colours = channels === 1 ? "grey" : `${channels} channels`;
  return `Tells ${classes.length} classes apart in pictures of ${width}×${height} pixels, ${colours}.`;
}

function onnxWords({ classes, input: { channels, height, width } }: Exported["model"]): string {
  const taken = `input \`input\`, float32 [batch, ${channels}, ${height}, ${width}] in the data's own range`;
  return `operator set 13; ${taken}, normalisation included; output \`output\` [batch, ${classes.length}]`;
}

function evaluationSection({ evaluation }: Exported["model"]): string {
  if (!evaluation) return "It was not evaluated here.";
  const loss = evaluation.loss === null ? "" : `, with a loss of ${evaluation.loss.toFixed(4)}`;
  return [
    `${percent(evaluation.accuracy)} of its ${evaluation.split} samples are told right${loss}. On pictures that differ`,
    "from those (other cameras, light, pens) it may be worse: measure before you rely on it.",
  ].join("\n");
}

export function modelCard(exported: Exported): string {
  const { model } = exported;
  return `# ${cell(model.name)}

${purpose(model)} Model ${model.id}, made ${model.createdAt.slice(0, 10)};
${model.parameters} parameters; weights sha256 ${model.sha256}.

## Try it

    pip install onnxruntime numpy pillow && python predict.py sample.png
    npm install onnxruntime-node sharp && node predict.mjs sample.png

A picture of another size or in colour is converted as the training pictures were. Each language's picture library
rounds in its own way, so the last digits of a converted picture's answer may differ; a picture of the network's own
size and channels gives the same answer in both.

| file | what |
| --- | --- |
| \`model.onnx\` | ${onnxWords(model)} |
| \`weights.safetensors\` | the parameters by layer, float32 |
| \`network.json\`, \`labels.json\` | layers, normalisation, how pictures are converted; the names of the classes |
| \`predict.py\`, \`predict.mjs\` | examples that run as they are |
| \`sample.png\` | a picture to try |

## How good it is

${evaluationSection(model)}

## What it saw

${dataSection(exported)}

Classes: ${model.classes.map(cell).join(", ")}.

## How it was trained

${trainingSection(exported)}

## Layers

${model.network.layers.map((layer, index) => `${index}. ${layerWords(layer)}`).join("\n")}
`;
}
