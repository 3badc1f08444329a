/** The Open Inference Protocol, version 2: for those who know it from other servers. */
import { path, type CallOptions, type Transport } from "./transport.ts";
import type { InferenceAnswer, InferenceModel, InferenceRequest, InferenceServer } from "./types.ts";

const modelAt = (id: string, version: string | undefined): string =>
  version === undefined ? path`/v2/models/${id}` : path`/v2/models/${id}/versions/${version}`;

/** A body of the binary tensor extension: so many bytes of JSON, then tensors. */
export interface BinaryInference {
  body: Uint8Array<ArrayBuffer>;
  jsonBytes: number;
}

export class Inference {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  #get<Answer>(at: string, options?: CallOptions): Promise<Answer> {
    return this.#transport.json({ method: "GET", path: at }, options);
  }

  server(options?: CallOptions): Promise<InferenceServer> {
    return this.#get("/v2", options);
  }
  live(options?: CallOptions): Promise<{ live: boolean }> {
    return this.#get("/v2/health/live", options);
  }
  ready(options?: CallOptions): Promise<{ ready: boolean }> {
    return this.#get("/v2/health/ready", options);
  }
  model(id: string, version?: string, options?: CallOptions): Promise<InferenceModel> {
    return this.#get(modelAt(id, version), options);
  }
  modelReady(id: string, version?: string, options?: CallOptions): Promise<{ name: string; ready: boolean }> {
    return this.#get(`${modelAt(id, version)}/ready`, options);
  }
  infer(
    id: string,
    request: InferenceRequest,
    { version, ...options }: CallOptions & { version?: string } = {},
  ): Promise<InferenceAnswer> {
    const call = { method: "POST", path: `${modelAt(id, version)}/infer`, json: request, asks: true } as const;
    return this.#transport.json(call, options);
  }
  /** Tensors as bytes; `inference-header-content-length` of the answer says where its JSON ends, where it has bytes. */
  inferBinary(
    id: string,
    { body, jsonBytes }: BinaryInference,
    { version, ...options }: CallOptions & { version?: string } = {},
  ): Promise<Response> {
    const headers = {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(jsonBytes),
    };
    const call = { method: "POST", path: `${modelAt(id, version)}/infer`, body, headers, asks: true } as const;
    return this.#transport.response(call, options);
  }
}
