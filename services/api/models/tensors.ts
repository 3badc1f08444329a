/** Tensors of the Open Inference Protocol: read from a request, made from an answer. */
import type { InferenceRequest } from "../../../schemas/inference.ts";
import { describeShape, sizeOf, type Shape } from "../../../schemas/shape.ts";
import type { Outputs } from "../../prediction/index.ts";
import type { NumberList } from "../http/number-list.ts";
import { invalid } from "../http/problem.ts";
import { datatypes, readBinary } from "./binary-tensors.ts";
import { checkCount, described } from "./instances.ts";

const mostSamples = 4096;
type Datatype = InferenceRequest["inputs"][number]["datatype"];

function flatten(data: readonly unknown[], into: Float32Array, datatype: Datatype): number {
  const { range } = datatypes[datatype];
  let at = 0;
  const walk = (list: readonly unknown[]): void => {
    for (const value of list) {
      if (Array.isArray(value)) walk(value);
      else if (typeof value !== "number" || !Number.isFinite(value))
        throw invalid("/inputs/0/data", `expected numbers, found ${described(value)}`);
      else if (range && (!Number.isInteger(value) || value < range[0] || value > range[1]))
        throw invalid(
          "/inputs/0/data",
          `expected whole numbers from ${range[0]} to ${range[1]} (${datatype}), found ${value}`,
        );
      else {
        if (at < into.length) into[at] = value;
        at += 1;
      }
    }
  };
  walk(data);
  return at;
}

/** Whether a type can hold these numbers; false also where that cannot be told from float32. */
export function holds(datatype: Datatype, { isWhole, values }: NumberList): boolean {
  const { range, bytes } = datatypes[datatype];
  if (!range) return true;
  return bytes <= 2 && isWhole && values.every((value) => value >= range[0] && value <= range[1]);
}

/**
 * [n, channels, height, width] or [n, size]; one channel may be left out. `list`: the input's data, where it could be
 * read at once.
 */
export function readTensor(
  tensor: InferenceRequest["inputs"][number],
  { input, list, behind }: { input: Shape; list: NumberList | null; behind: Uint8Array | null },
): { samples: Float32Array<ArrayBuffer>; count: number } {
  const { shape, datatype, data, parameters } = tensor;
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
  // Most come as a list that was read at once: then nothing else is needed.
  if (
    list?.values.length === count * size &&
    data !== undefined &&
    parameters?.binary_data_size === undefined &&
    !behind?.length
  )
    return { samples: list.values, count };
  const samples = new Float32Array(count * size);
  if (parameters?.binary_data_size !== undefined) {
    readBinary(tensor, behind, samples);
    return { samples, count };
  }
  if (data === undefined) throw invalid("/inputs/0", "expected data, or the parameter binary_data_size");
  if (behind !== null && behind.length > 0)
    throw invalid("/inputs/0/parameters/binary_data_size", `is missing, but ${behind.length} bytes follow the JSON`);
  const found = list ? list.values.length : flatten(data, samples, datatype);
  if (found !== samples.length)
    throw invalid("/inputs/0/data", `the shape [${shape.join(", ")}] has ${samples.length} numbers; ${found} came`);
  return { samples, count };
}

const bestOf = (row: Float32Array): number => row.reduce((best, value, at) => (value > row[best] ? at : best), 0);

type OutputName = NonNullable<InferenceRequest["outputs"]>[number]["name"];

export const usualOutputs: readonly OutputName[] = ["probabilities", "class"];

/** Numbers of an answer with these outputs, known before anything is computed. */
export const outputNumbers = (names: readonly OutputName[], count: number, classes: number): number =>
  names.reduce((sum, name) => sum + count * (name === "class" ? 1 : classes), 0);

/** An output by its name, as sendJson takes it. `probabilities` and `outputs` are [count][classes]. */
export function outputTensor(name: OutputName, answer: Outputs, count: number) {
  const classes = answer.probabilities.length / count;
  if (name !== "class") return { name, datatype: "FP32", shape: [count, classes], data: answer[name] };
  const data = Int32Array.from({ length: count }, (_, row) =>
    bestOf(answer.probabilities.subarray(row * classes, (row + 1) * classes)),
  );
  return { name, datatype: "INT64", shape: [count], data };
}
