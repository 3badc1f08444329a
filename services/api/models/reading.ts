/** From the bytes of a JSON body to samples: what a thread does for large bodies, and the api itself for small ones. */
import type { InferenceRequest } from "../../../schemas/inference.ts";
import { inferenceRequest } from "../../../schemas/inference.ts";
import { predictionRequest } from "../../../schemas/prediction.ts";
import type { Shape } from "../../../schemas/shape.ts";
import { parseJson } from "../http/json.ts";
import { Problem } from "../http/problem.ts";
import { parseOrThrow } from "../http/validation.ts";
import { splitInstances, type SplitInstances } from "./instances.ts";
import { readTensor } from "./tensors.ts";

export interface ReadInstances extends SplitInstances {
  topK: number;
}

export interface ReadTensor {
  samples: Float32Array<ArrayBuffer>;
  count: number;
  outputs: InferenceRequest["outputs"];
  id: string | undefined;
}

function parseBody(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (text.trim() === "")
    throw new Problem({ code: "malformed-body", detail: "the body is empty, but its type says JSON" });
  return parseJson(text);
}

export function readInstances(bytes: Uint8Array, input: Shape): ReadInstances {
  const { instances, topK } = parseOrThrow(predictionRequest, parseBody(bytes));
  return { ...splitInstances(instances, input), topK };
}

export function readInference(bytes: Uint8Array, input: Shape): ReadTensor {
  const { inputs, outputs, id } = parseOrThrow(inferenceRequest, parseBody(bytes));
  return { ...readTensor(inputs[0], input), outputs, id };
}

/** What can be read, by name: what goes in and comes out is plain data. */
export const readings = { instances: readInstances, inference: readInference } as const;
export type Readings = typeof readings;
export type ReadingName = keyof Readings;
/** What a thread answers: what was read, or the problem with it. */
export type ReadingAnswer =
  | { read: ReturnType<Readings[ReadingName]> }
  | { problem: Pick<Problem, "code" | "errors"> & { detail: string } };
