/** What a model is asked about: pictures, numbers, raw samples. */
import type { Call } from "./transport.ts";
import type { PredictionRequest } from "./types.ts";
import { multipart } from "./uploads/multipart.ts";

/**
 * A picture (a Blob), several of them, samples one after another as bytes or float32 in C,H,W order, or a request with
 * `instances`.
 */
export type PredictionInput =
  | Blob
  | readonly Blob[]
  | Uint8Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | PredictionRequest;

/** A question in whichever body fits the input. */
export function asked(at: string, input: PredictionInput, query?: object, accept?: string): Call {
  const call = { method: "POST", path: at, asks: true, ...(accept === undefined ? {} : { accept }) } as const;
  if (input instanceof Blob) {
    const type = input.type === "" ? "application/octet-stream" : input.type;
    return { ...call, query, body: input, headers: { "content-type": type } };
  }
  if (input instanceof Uint8Array || input instanceof Float32Array) {
    const dtype = input instanceof Float32Array ? "float32" : "uint8";
    const body = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    return { ...call, query: { dtype, ...query }, body, headers: { "content-type": "application/octet-stream" } };
  }
  if ("instances" in input) return { ...call, query, json: input };
  const parts = input.map((picture, at) => {
    const name = "name" in picture && typeof picture.name === "string" ? picture.name : `${at}`;
    return { name: "files", filename: name, content: picture };
  });
  return { ...call, query, upload: multipart(parts) };
}
