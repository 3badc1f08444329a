/** From the bytes of a JSON body to samples: what a thread does for large bodies, and the api itself for small ones. */
import type { Numerics } from "../../../schemas/job.ts";
import type { InferenceRequest } from "../../../schemas/inference.ts";
import { inferenceRequest } from "../../../schemas/inference.ts";
import { mostInstances, predictionRequest } from "../../../schemas/prediction.ts";
import type { Shape } from "../../../schemas/shape.ts";
import { rawRequest, splitBody } from "./binary-tensors.ts";
import { isBlank, readJson, type NumberListsAt } from "../http/json.ts";
import { NumberList } from "../http/number-list.ts";
import { Problem } from "../http/problem.ts";
import { parseOrThrow } from "../../shared/parse.ts";
import { splitInstances, splitNumbers, type SplitInstances } from "./instances.ts";
import { holds, readTensor } from "./tensors.ts";

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
  numerics: Numerics | undefined;
  id: string | undefined;
}

/** Stands in for a list of numbers where a schema looks at the rest of a body: numbers it would look at one by one. */
const numbers: readonly number[] = [];

function parseBody(bytes: Uint8Array, listsAt: NumberListsAt | null): unknown {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isBlank(body)) throw new Problem({ code: "malformed-body", detail: "the body is empty, but its type says JSON" });
  return readJson(body, listsAt);
}

/** What a body of instances alone says of the rest: found once. */
const { topK: usualTopK, numerics: usualNumerics } = parseOrThrow(predictionRequest, { instances: [[]] });

/** The lists of a body that has nothing but instances, and numbers alone in them: as most have. Null for any other. */
function onlyNumbers(body: unknown): NumberList[] | null {
  if (typeof body !== "object" || body === null) return null;
  const { instances } = body as { instances?: unknown };
  if (!Array.isArray(instances) || instances.length === 0 || instances.length > mostInstances) return null;
  for (const name in body) if (name !== "instances") return null;
  for (const each of instances as unknown[]) if (!(each instanceof NumberList)) return null;
  return instances as NumberList[];
}

export function readInstances(bytes: Uint8Array, { input }: About): ReadInstances {
  const body = parseBody(bytes, ["instances", "*"]);
  const numeric = onlyNumbers(body);
  if (numeric) {
    const { count, samples, pictures } = splitNumbers(numeric, input);
    return { count, samples, pictures, topK: usualTopK, numerics: usualNumerics };
  }
  const given = (body as { instances?: unknown } | null)?.instances;
  const lists: (NumberList | null)[] = [];
  if (Array.isArray(given)) {
    for (const [index, each] of (given as unknown[]).entries()) {
      const isNumbers = each instanceof NumberList;
      lists.push(isNumbers ? each : null);
      if (isNumbers) given[index] = numbers;
    }
  }
  const { instances, topK, numerics } = parseOrThrow(predictionRequest, body);
  const found = instances.map((each, index) => lists[index] ?? each);
  return { ...splitInstances(found, input), topK, numerics };
}

/** The request, and the numbers of its one input where they could be read at once. */
function parseInference(json: Uint8Array): { request: InferenceRequest; list: NumberList | null } {
  const body = parseBody(json, ["inputs", "*", "data"]);
  const given = (body as { inputs?: unknown } | null)?.inputs;
  let list: NumberList | null = null;
  for (const each of Array.isArray(given) ? (given as unknown[]) : []) {
    const tensor = each as { data?: unknown } | null;
    if (!(tensor?.data instanceof NumberList)) continue;
    list ??= tensor.data;
    tensor.data = numbers;
  }
  const request = parseOrThrow(inferenceRequest, body);
  if (!list || holds(request.inputs[0].datatype, list)) return { request, list };
  // Numbers that their type cannot hold, or not for sure: looked at one by one.
  return { request: parseOrThrow(inferenceRequest, parseBody(json, null)), list: null };
}

export function readInference(bytes: Uint8Array, { input, jsonLength }: About): ReadTensor {
  const { json, rest } = splitBody(bytes, jsonLength);
  const isRaw = rest !== null && json.length === 0;
  const { request, list } = isRaw ? { request: rawRequest(rest, input), list: null } : parseInference(json);
  const { inputs, outputs, id, parameters } = request;
  const binaryOutput = parameters?.binary_data_output ?? false;
  const { numerics } = parameters ?? {};
  return { ...readTensor(inputs[0], { input, list, behind: rest }), outputs, id, binaryOutput, numerics };
}

/** What can be read, by name: what goes in and comes out is plain data. */
export const readings = { instances: readInstances, inference: readInference } as const;
export type Readings = typeof readings;
export type ReadingName = keyof Readings;
/** What a thread answers: what was read, or the problem with it. */
export type ReadingAnswer =
  | { read: ReturnType<Readings[ReadingName]> }
  | { problem: Pick<Problem, "code" | "errors"> & { detail: string } };
