/** Tensors of the Open Inference Protocol: read from a request, made from an answer. */
import type { InferenceAnswer, InferenceRequest } from "../../../schemas/inference.ts";
import { describeShape, sizeOf, type Shape } from "../../../schemas/shape.ts";
import type { Outputs, Samples } from "../../prediction/index.ts";
import { invalid } from "../http/problem.ts";
import { checkCount, described } from "./instances.ts";
import { finite } from "../../shared/finite.ts";

const mostSamples = 4096;

function flatten(data: readonly unknown[], into: Float32Array): number {
  let at = 0;
  const walk = (list: readonly unknown[]): void => {
    for (const value of list) {
      if (Array.isArray(value)) walk(value);
      else if (typeof value !== "number" || !Number.isFinite(value))
        throw invalid("/inputs/0/data", `expected numbers, found ${described(value)}`);
      else {
        if (at < into.length) into[at] = value;
        at += 1;
      }
    }
  };
  walk(data);
  return at;
}

/** [n, channels, height, width] or [n, size]; one channel may be left out. */
export function readTensor(
  { shape, data }: InferenceRequest["inputs"][number],
  input: Shape,
): { samples: Samples; count: number } {
  const size = sizeOf(input);
  const [count] = shape;
  const rest = shape.slice(1).join("×");
  const { channels, height, width } = input;
  const forms = [`${size}`, describeShape(input), ...(channels === 1 ? [`${height}×${width}`] : [])];
  if (count < 1 || count > mostSamples || !forms.includes(rest)) {
    throw invalid(
      "/inputs/0/shape",
      `expected [n, ${channels}, ${height}, ${width}] or [n, ${size}] with n from 1 to ${mostSamples}, found [${shape.join(", ")}]`,
    );
  }
  checkCount(count, input);
  const samples = new Float32Array(count * size);
  const found = flatten(data, samples);
  if (found !== samples.length)
    throw invalid("/inputs/0/data", `the shape [${shape.join(", ")}] has ${samples.length} numbers; ${found} came`);
  return { samples, count };
}

const bestOf = (row: Float32Array): number => row.reduce((best, value, at) => (value > row[best] ? at : best), 0);

type Tensor = InferenceAnswer["outputs"][number];
type OutputName = NonNullable<InferenceRequest["outputs"]>[number]["name"];

/** An output by its name. `probabilities` and `outputs` are [count][classes]. */
export function outputTensor(name: OutputName, answer: Outputs, count: number): Tensor {
  const classes = answer.probabilities.length / count;
  if (name === "class") {
    const data = Array.from({ length: count }, (_, row) =>
      bestOf(answer.probabilities.subarray(row * classes, (row + 1) * classes)),
    );
    return { name, datatype: "INT64", shape: [count], data };
  }
  return { name, datatype: "FP32", shape: [count, classes], data: Array.from(answer[name], finite) };
}
