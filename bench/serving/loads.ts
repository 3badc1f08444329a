/** What is asked of the service and of the peer, row by row of the table. */
import { json } from "../stack.ts";
import type { Load } from "./generator.ts";

export type Side = "service" | "peer";

/** A request without its host. */
export type Question = Pick<Load, "method" | "headers" | "body"> & { path: string };

export interface Row {
  name: string;
  connections: number;
  service: Question;
  /** null: there is nothing of the kind to compare with. */
  peer: Question | null;
  mark: Mark | null;
  /** A training runs beside all turns of this row. */
  training?: boolean;
}

export interface Mark {
  /** What is compared with the peer's: more is better for a rate, less for a time. */
  of: "rate" | "p50";
  ratio: number;
  /** p99 may not be above the peer's. */
  p99?: boolean;
}

export interface Samples {
  pixels: number[][];
  png: Buffer;
}

export async function readSamples(url: string): Promise<Samples> {
  const rows: { pixels: unknown }[] = [];
  while (rows.length < 256) {
    const { data } = await json<{ data: { pixels: unknown }[] }>(
      `${url}/v1/datasets/mnist/samples?split=test&limit=${Math.min(100, 256 - rows.length)}${rows.length === 0 ? "" : `&after=${rows.length - 1}`}`,
    );
    rows.push(...data);
  }
  const png = Buffer.from(await (await fetch(`${url}/v1/datasets/mnist/samples/test/0.png`)).arrayBuffer());
  return { pixels: rows.map(({ pixels }) => ([pixels] as unknown[]).flat(4) as number[]), png };
}

const get = (path: string): Question => ({ method: "GET", path, headers: {}, body: null });
const post = (path: string, type: string, body: Uint8Array, headers: Record<string, string> = {}): Question => ({
  method: "POST",
  path,
  headers: { "content-type": type, ...headers },
  body: Buffer.from(body).toString("base64"),
});
const postJson = (path: string, body: object): Question =>
  post(path, "application/json", Buffer.from(JSON.stringify(body)));

const rate = (ratio: number, p99 = false): Mark => ({ of: "rate", ratio, ...(p99 ? { p99 } : {}) });
const median = (ratio: number): Mark => ({ of: "p50", ratio });

/** Names and forms of the Open Inference Protocol, version 2. */
function protocolRows(model: string, { pixels }: Samples, binary: boolean): Row[] {
  const path = `/v2/models/${model}/infer`;
  const input = { name: "input", shape: [1, 1, 28, 28], datatype: "FP32" };
  const outputs = [{ name: "probabilities" }];
  const whole = { inputs: [{ ...input, data: pixels[0] }], outputs };
  const rows: Row[] = [
    {
      name: "Open Inference Protocol JSON, one sample",
      connections: 64,
      service: postJson(path, whole),
      peer: postJson("/infer", whole),
      mark: null,
    },
  ];
  if (!binary) return rows;
  const data = Buffer.from(Float32Array.from(pixels[0]).buffer);
  const header = Buffer.from(
    JSON.stringify({
      inputs: [{ ...input, parameters: { binary_data_size: data.length } }],
      outputs: [{ name: "probabilities", parameters: { binary_data: true } }],
    }),
  );
  const ask = (to: string): Question =>
    post(to, "application/octet-stream", Buffer.concat([header, data]), {
      "inference-header-content-length": String(header.length),
    });
  rows.push({
    name: "Open Inference Protocol binary, one sample",
    connections: 64,
    service: ask(path),
    peer: ask("/infer-binary"),
    mark: null,
  });
  return rows;
}

export interface Subject {
  model: string;
  job: string;
  /** Whether the service takes the binary extension. */
  binary: boolean;
}

export function rowsOf({ model, job, binary }: Subject, samples: Samples): Row[] {
  const { pixels, png } = samples;
  const path = `/v1/models/${model}/predictions`;
  const hello = get("/hello");
  const inJson = (count: number, extra: object = {}): Pick<Row, "service" | "peer"> => {
    const body = { instances: pixels.slice(0, count), ...extra };
    return { service: postJson(path, body), peer: postJson("/json", body) };
  };
  const raw = (count: number): Pick<Row, "service" | "peer"> => {
    const body = Uint8Array.from(pixels.slice(0, count).flat());
    const type = "application/octet-stream";
    return { service: post(path, type, body), peer: post("/raw", type, body) };
  };
  const one = inJson(1);
  return [
    { name: "JSON, one sample", connections: 64, ...one, mark: rate(1.2, true) },
    { name: "raw uint8, one sample", connections: 64, ...raw(1), mark: rate(1, true) },
    { name: "JSON, one sample", connections: 1, ...one, mark: median(1.3) },
    { name: "raw uint8, one sample", connections: 1, ...raw(1), mark: median(1.3) },
    { name: "raw uint8, 256 samples", connections: 8, ...raw(256), mark: rate(3) },
    { name: "JSON, 256 samples", connections: 4, ...inJson(256), mark: rate(1.5) },
    {
      name: "PNG, one picture",
      connections: 16,
      service: post(path, "image/png", png),
      peer: post("/picture", "image/png", png),
      mark: rate(1),
    },
    {
      name: "JSON, one sample, top 1",
      connections: 64,
      service: inJson(1, { topK: 1 }).service,
      peer: one.peer,
      mark: null,
    },
    { name: "JSON, one sample, top 10", connections: 64, ...inJson(1, { topK: 10 }), mark: null },
    ...protocolRows(model, samples, binary),
    {
      name: "progress (peer: hello world)",
      connections: 64,
      service: get(`/v1/jobs/${job}/progress`),
      peer: hello,
      mark: rate(0.48),
    },
    { name: "health/live (peer: hello world)", connections: 64, service: get("/health/live"), peer: hello, mark: null },
    { name: "health/live (peer: hello world)", connections: 1, service: get("/health/live"), peer: hello, mark: null },
    { name: "JSON, one sample, a training beside", connections: 64, ...one, mark: null, training: true },
    { name: "raw uint8, one sample, a training beside", connections: 1, ...raw(1), mark: null, training: true },
  ];
}
