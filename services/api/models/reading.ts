/** From the bytes of a JSON body to samples: what a thread does for large bodies, and the api itself for small ones. */
import type { Numerics } from "../../../schemas/job.ts";
import type { InferenceRequest } from "../../../schemas/inference.ts";
import { inferenceRequest } from "../../../schemas/inference.ts";
import { predictionRequest } from "../../../schemas/prediction.ts";
import type { Shape } from "../../../schemas/shape.ts";
import { rawRequest, splitBody } from "./binary-tensors.ts";
import { parseJson } from "../http/json.ts";
import { Problem } from "../http/problem.ts";
import { parseOrThrow } from "../http/validation.ts";
import { splitInstances, type SplitInstances } from "./instances.ts";
import { readTensor } from "./tensors.ts";

export interface ReadInstances extends SplitInstances {
  topK: number;
  numerics?: Numerics | undefined;
}

/** What a body is read for. */
export interface About {
  input: Shape;
  /** Bytes of the JSON that a binary tensor follows; null where all is JSON. */
  jsonLength: number | null;
}

export interface ReadTensor {
  samples: Float32Array<ArrayBuffer>;
  count: number;
  outputs: InferenceRequest["outputs"];
  /** What the request wants of outputs that say nothing of their own. */
  binaryOutput: boolean;
  id: string | undefined;
}

function parseBody(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (text.trim() === "")
    throw new Problem({ code: "malformed-body", detail: "the body is empty, but its type says JSON" });
  return parseJson(text);
}

export function readInstances(bytes: Uint8Array, { input }: About): ReadInstances {
  const { instances, topK, numerics } = parseOrThrow(predictionRequest, parseBody(bytes));
  return { ...splitInstances(instances, input), topK, numerics };
}

export function readInference(bytes: Uint8Array, { input, jsonLength }: About): ReadTensor {
  const { json, rest } = splitBody(bytes, jsonLength);
  const asked = rest && json.length === 0 ? rawRequest(rest, input) : parseOrThrow(inferenceRequest, parseBody(json));
  const { inputs, outputs, id, parameters } = asked;
  const binaryOutput = parameters?.binary_data_output ?? false;
  return { ...readTensor(inputs[0], input, rest), outputs, id, binaryOutput };
}

/** What can be read, by name: what goes in and comes out is plain data. */
export const readings = { instances: readInstances, inference: readInference } as const;
export type Readings = typeof readings;
export type ReadingName = keyof Readings;
/** What a thread answers: what was read, or the problem with it. */
export type ReadingAnswer =
  | { read: ReturnType<Readings[ReadingName]> }
  | { problem: Pick<Problem, "code" | "errors"> & { detail: string } };
