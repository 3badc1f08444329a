/**
 * The binary tensor extension of the Open Inference Protocol: a JSON header, whose length a header of HTTP tells, then
 * the bytes of the tensors one after another, little-endian, in row-major order.
 */
import type { InferenceRequest } from "../../../schemas/inference.ts";
import { Problem, invalid } from "../http/problem.ts";
import { sizeOf, type Shape } from "../../../schemas/shape.ts";

export const lengthHeader = "inference-header-content-length";

/** Of one input that is described, not spelled out. */
const mostJsonBytes = 262_144;

type Input = InferenceRequest["inputs"][number];
type Datatype = Input["datatype"];

/** Bytes of an element, how it is read, and the numbers that it can hold. */
export const datatypes: Record<
  Datatype,
  { bytes: number; read: (view: DataView, at: number) => number; range: readonly [number, number] | null }
> = {
  UINT8: { bytes: 1, read: (view, at) => view.getUint8(at), range: [0, 255] },
  INT8: { bytes: 1, read: (view, at) => view.getInt8(at), range: [-128, 127] },
  UINT16: { bytes: 2, read: (view, at) => view.getUint16(at, true), range: [0, 65_535] },
  INT16: { bytes: 2, read: (view, at) => view.getInt16(at, true), range: [-32_768, 32_767] },
  UINT32: { bytes: 4, read: (view, at) => view.getUint32(at, true), range: [0, 4_294_967_295] },
  INT32: { bytes: 4, read: (view, at) => view.getInt32(at, true), range: [-2_147_483_648, 2_147_483_647] },
  INT64: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)), range: [-(2 ** 63), 2 ** 63] },
  FP32: { bytes: 4, read: (view, at) => view.getFloat32(at, true), range: null },
  FP64: { bytes: 8, read: (view, at) => view.getFloat64(at, true), range: null },
};

/** How long the JSON is, as the request says; null where the whole body is JSON. */
export function jsonLengthOf(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  if (typeof header === "string" && /^\d{1,9}$/.test(header)) return Number(header);
  throw new Problem({
    code: "invalid-request",
    detail: `Inference-Header-Content-Length: expected the bytes of the JSON, found '${String(header).slice(0, 60)}'`,
  });
}

const malformed = (detail: string): Problem => new Problem({ code: "malformed-body", detail });

/** The JSON of a body and the bytes behind it. */
export function splitBody(bytes: Uint8Array, jsonLength: number | null): { json: Uint8Array; rest: Uint8Array | null } {
  if (jsonLength === null) return { json: bytes, rest: null };
  if (jsonLength > bytes.length)
    throw malformed(
      `Inference-Header-Content-Length says that the JSON has ${jsonLength} bytes, but the whole body has ${bytes.length}`,
    );
  if (jsonLength > mostJsonBytes)
    throw new Problem({
      code: "payload-too-large",
      detail: `the JSON before the tensors has ${jsonLength} bytes; at most ${mostJsonBytes} are read`,
    });
  return { json: bytes.subarray(0, jsonLength), rest: bytes.subarray(jsonLength) };
}

/** A body without JSON is the one input, as the model's metadata describes it for floats. */
export function rawRequest(rest: Uint8Array, input: Shape): InferenceRequest {
  const size = sizeOf(input);
  const count = rest.length / (size * 4);
  if (!Number.isInteger(count) || count === 0)
    throw malformed(
      `a body without JSON holds FP32 samples of ${size * 4} bytes each; expected a multiple of that, found ${rest.length} bytes`,
    );
  return {
    parameters: { binary_data_output: true },
    inputs: [{ name: "input", shape: [count, size], datatype: "FP32", parameters: { binary_data_size: rest.length } }],
  };
}

/** Numbers of an input that came as bytes, into `samples`, which has the length that its shape says. */
export function readBinary(
  { datatype, parameters, data, shape }: Input,
  rest: Uint8Array | null,
  samples: Float32Array,
): void {
  const size = parameters?.binary_data_size ?? 0;
  const at = "/inputs/0/parameters/binary_data_size";
  const { bytes, read } = datatypes[datatype];
  if (data !== undefined) throw invalid("/inputs/0/data", "expected either data or binary_data_size, found both");
  if (rest === null)
    throw invalid(at, "binary data needs the header Inference-Header-Content-Length, which says where it begins");
  if (size !== rest.length) throw invalid(at, `says ${size} bytes; ${rest.length} follow the JSON`);
  if (size !== samples.length * bytes)
    throw invalid(
      at,
      `the shape [${shape.join(", ")}] of ${datatype} has ${samples.length * bytes} bytes, found ${size}`,
    );
  const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
  for (let place = 0; place < samples.length; place++) {
    samples[place] = read(view, place * bytes);
    if (!Number.isFinite(samples[place])) throw invalid("/inputs/0", `the number at place ${place} is not finite`);
  }
}

/** Of an output: its bytes. A class is an INT64. */
export function bytesOfOutput(data: Float32Array | Int32Array): Buffer {
  if (data instanceof Float32Array) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const wide = BigInt64Array.from(data, BigInt);
  return Buffer.from(wide.buffer);
}
