/**
 * What people send by mistake or on purpose: each a 4xx problem with a sentence that helps; nothing queued, nothing
 * logged as an error, no process touched.
 */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSafetensors } from "../../engine/index.ts";
import { until, type Ask, type Stack } from "../support/stack.ts";
import { startStackWithStrokes, strokesForm, strokesJob, strokesNetwork } from "../support/strokes.ts";

let stack: Stack;
let model = "";
/** 4096 maps of 40×40, and as many classes. */
let wide = "";
beforeAll(async () => {
  stack = await startStackWithStrokes();
  model = (await stack.ended((await stack.ask("/v1/jobs", { body: { ...strokesJob, epochs: 1 } })).body.id))
    .model as string;
  const layers = [
    { kind: "convolution", maps: 4096, size: 1 },
    { kind: "subsampling", factor: 40, reduce: "mean", trainable: false },
  ];
  const zeros = (...shape: number[]) => ({ dtype: "F32" as const, shape, data: new Float32Array(4096) });
  const weights = writeSafetensors({
    tensors: new Map([
      ["layers.0.weight", zeros(4096, 1, 1, 1)],
      ["layers.0.bias", zeros(4096)],
    ]),
  });
  wide = (
    await stack.ask("/v1/models", {
      body: weightsForm(
        { input: '{"channels":1,"height":40,"width":40}', network: JSON.stringify({ layers }) },
        weights,
      ),
    })
  ).body.id;
});
afterAll(() => stack.stop());

const json = (text: string): Ask => ({ method: "POST", headers: { "content-type": "application/json" }, body: text });
const job = (fields: object): Ask => ({ body: { ...strokesJob, ...fields } });
const [convolution, subsampling] = strokesNetwork.layers;
/** Layers after a first that fits. */
const net = (...layers: object[]): Ask => job({ network: { layers: [convolution, ...layers] } });
const deep = (lists: number): string => `${"[".repeat(lists)}${"]".repeat(lists)}`;

type Row = [
  name: string,
  path: string | (() => string),
  how: Ask | (() => Ask),
  status: number,
  code: string,
  pointer: string | null,
  words: RegExp,
];
const rows: Row[] = [
  [
    "an unknown field",
    "/v1/jobs",
    job({ learningRate: 0.1 }),
    400,
    "invalid-request",
    "/learningRate",
    /unknown field 'learningRate'/,
  ],
  [
    "an unknown field, deep inside",
    "/v1/jobs",
    job({ optimiser: { kind: "adam", momentum: 0.9 } }),
    400,
    "invalid-request",
    "/optimiser/momentum",
    /fields here are kind, learningRate, beta1/,
  ],
  ["a text for a number", "/v1/jobs", job({ batchSize: "50" }), 400, "invalid-request", "/batchSize", /found "50"/],
  ["null for a number", "/v1/jobs", job({ seed: null }), 400, "invalid-request", "/seed", /found null/],
  [
    "an endless number",
    "/v1/jobs",
    json('{"dataset":"strokes","network":"lenet-5","seed":1e999}'),
    400,
    "invalid-request",
    "/seed",
    /Infinity|whole number/,
  ],
  [
    "a network that does not fit",
    "/v1/jobs",
    job({ network: { layers: [convolution, subsampling, { kind: "convolution", maps: 4, size: 5 }] } }),
    422,
    "network-does-not-fit",
    "/network/layers/2/size",
    /3×2/,
  ],
  [
    "a preset that does not fit",
    "/v1/jobs",
    job({ network: "lenet-5" }),
    422,
    "network-does-not-fit",
    "/network",
    /'lenet-5' needs samples of at least 28×28/,
  ],
  [
    "pairs that are not so many",
    "/v1/jobs",
    job({ network: { layers: [convolution, { ...convolution, maps: 7, inputs: "pairs" }, strokesNetwork.layers[2]] } }),
    422,
    "network-does-not-fit",
    "/network/layers/1/maps",
    /makes 15 output maps, not 7/,
  ],
  [
    "softmax in the middle",
    "/v1/jobs",
    job({ network: { layers: [{ ...convolution, activation: "softmax" }, strokesNetwork.layers[2]] } }),
    422,
    "network-does-not-fit",
    "/network/layers/0/activation",
    /only at the last layer/,
  ],
  ["an unknown dataset", "/v1/jobs", job({ dataset: "strikes" }), 404, "not-found", "/dataset", /no dataset strikes/],
  [
    "an unknown model to start from",
    "/v1/jobs",
    job({ initialModel: "mdl_x" }),
    404,
    "not-found",
    "/initialModel",
    /no model mdl_x/,
  ],
  ["no epochs", "/v1/jobs", job({ epochs: 0 }), 400, "invalid-request", "/epochs", /at least 1/],
  ["a milliard epochs", "/v1/jobs", job({ epochs: 1e9 }), 400, "invalid-request", "/epochs", /at most 100000/],
  [
    "ten megabytes of JSON",
    "/v1/jobs",
    () => json(JSON.stringify({ name: "x".repeat(10 * 1024 * 1024) })),
    413,
    "payload-too-large",
    null,
    /1048576 bytes/,
  ],
  [
    "a very deep body",
    "/v1/jobs",
    json(deep(100_000)),
    400,
    "invalid-request",
    "/0".repeat(64),
    /more than 64 lists or objects deep/,
  ],
  [
    "a very deep body with a key that makes it a digest",
    "/v1/jobs",
    { ...json(deep(100_000)), headers: { "content-type": "application/json", "idempotency-key": "deep" } },
    400,
    "invalid-request",
    "/0".repeat(64),
    /64/,
  ],
  [
    "a very deep field",
    "/v1/jobs",
    json(`{"metadata":${'{"a":'.repeat(5000)}1${"}".repeat(5000)}}`),
    400,
    "invalid-request",
    `/metadata${"/a".repeat(63)}`,
    /64/,
  ],
  [
    "a field twice",
    "/v1/jobs",
    json('{"dataset":"strokes","network":"lenet-5","epochs":1000,"\\u0065pochs":3}'),
    400,
    "invalid-request",
    "/epochs",
    /stands twice/,
  ],
  [
    "a field twice, deep inside",
    "/v1/jobs",
    json('{"network":{"layers":[{"kind":"dropout"},{"units":3,"kind":"dense","units" : 5}]}}'),
    400,
    "invalid-request",
    "/network/layers/1/units",
    /stands twice/,
  ],
  [
    "an unknown field of half a megabyte",
    "/v1/jobs",
    job({ ["k".repeat(500_000)]: 1 }),
    400,
    "invalid-request",
    `/${"k".repeat(100)}…`,
    /^.{1,600}$/,
  ],
  [
    "billions of weights",
    "/v1/jobs",
    net({ kind: "dense", units: 65_536 }, { kind: "dense", units: 65_536 }),
    422,
    "network-does-not-fit",
    "/network/layers/2/units",
    /dataset has 3 classes/,
  ],
  [
    "billions of weights in the middle",
    "/v1/jobs",
    net({ kind: "dense", units: 65_536 }, { kind: "dense", units: 65_536 }, strokesNetwork.layers[2]),
    422,
    "network-does-not-fit",
    "/network/layers/2",
    /16\.\d\d GiB .* at most 4\.00 GiB/,
  ],
  [
    "filters of gigabytes",
    "/v1/jobs",
    net({ ...convolution, maps: 4096, size: 128, padding: 127 }, strokesNetwork.layers[2]),
    422,
    "network-does-not-fit",
    "/network/layers/1",
    /GiB/,
  ],
  [
    "5000 layers",
    "/v1/jobs",
    net(...Array.from({ length: 5000 }, () => ({ kind: "dropout" }))),
    400,
    "invalid-request",
    "/network/layers",
    /at most 200 entries/,
  ],
  [
    "2³¹ units",
    "/v1/jobs",
    net({ kind: "dense", units: 2 ** 31 }),
    400,
    "invalid-request",
    "/network/layers/1/units",
    /at most 65536, found 2147483648/,
  ],
  [
    "more units than whole numbers go",
    "/v1/jobs",
    json('{"dataset":"strokes","network":{"layers":[{"kind":"dense","units":9007199254740993}]}}'),
    400,
    "invalid-request",
    "/network/layers/0/units",
    /at most 65536/,
  ],
  [
    "a kind that is none",
    "/v1/jobs",
    net({ kind: "attention" }),
    400,
    "invalid-request",
    "/network/layers/1/kind",
    /"batch-normalisation", "residual", found "attention"/,
  ],
  [
    "a filter larger than the map",
    "/v1/jobs",
    job({ network: { layers: [{ ...convolution, size: 12 }] } }),
    422,
    "network-does-not-fit",
    "/network/layers/0/size",
    /12×12 filter does not fit .* at most 7 would/,
  ],
  [
    "padding as large as the filter",
    "/v1/jobs",
    job({ network: { layers: [{ ...convolution, padding: 3 }] } }),
    422,
    "network-does-not-fit",
    "/network/layers/0/padding",
    /see zeros alone and answer f\(b\).*; at most 2/,
  ],
  [
    "blocks of no pixel",
    "/v1/jobs",
    net({ ...subsampling, factor: 0 }),
    400,
    "invalid-request",
    "/network/layers/1/factor",
    /at least 1, found 0/,
  ],
  [
    "blocks larger than the map",
    "/v1/jobs",
    net({ ...subsampling, factor: 6 }),
    422,
    "network-does-not-fit",
    "/network/layers/1/factor",
    /6×6 do not fit .* at most 5 would/,
  ],
  [
    "an endless learning rate",
    "/v1/jobs",
    json('{"dataset":"strokes","network":"lenet-5","optimiser":{"kind":"sgd","learningRate":1e400}}'),
    400,
    "invalid-request",
    "/optimiser/learningRate",
    /found Infinity/,
  ],
  [
    "a negative learning rate",
    "/v1/jobs",
    job({ optimiser: { kind: "sgd", learningRate: -1 } }),
    400,
    "invalid-request",
    "/optimiser/learningRate",
    /at least 1e-30, found -1/,
  ],
  [
    "a learning rate that is 0 in float32",
    "/v1/jobs",
    job({ optimiser: { kind: "sgd", learningRate: 1e-300 } }),
    400,
    "invalid-request",
    "/optimiser/learningRate",
    /found 1e-300/,
  ],
  [
    "a damping that is 0 in float32",
    "/v1/jobs",
    job({ optimiser: { kind: "diagonal-levenberg-marquardt", mu: 1e-300 } }),
    400,
    "invalid-request",
    "/optimiser/mu",
    /found 1e-300/,
  ],
  [
    "a Gaussian without width",
    "/v1/jobs",
    job({ augmentation: { elastic: { sigma: 1e-300 } } }),
    400,
    "invalid-request",
    "/augmentation/elastic/sigma",
    /at least 0.01/,
  ],
  ["10,000 threads", "/v1/jobs", job({ threads: 10_000 }), 400, "invalid-request", "/threads", /at most 16/],
  [
    "a name of half a megabyte",
    "/v1/jobs",
    job({ name: "ü".repeat(250_000) }),
    400,
    "invalid-request",
    "/name",
    /at most 200 characters/,
  ],
  [
    "a dataset in other letters",
    "/v1/jobs",
    job({ dataset: "数字" }),
    400,
    "invalid-request",
    "/dataset",
    /alias@revision/,
  ],
  [
    "a gradient check of large maps",
    "/v1/gradient-checks",
    { body: { network: { layers: [subsampling] }, input: { channels: 3, height: 4096, width: 4096 } } },
    413,
    "payload-too-large",
    null,
    /at most 1000000/,
  ],
  ["broken JSON", "/v1/jobs", json('{"dataset": strokes}'), 400, "malformed-body", null, /not valid JSON/],
  ["no body", "/v1/jobs", json(""), 400, "malformed-body", null, /empty/],
  ["no body and no type", "/v1/jobs", { method: "POST" }, 400, "malformed-body", null, /no body: expected JSON/],
  [
    "a form",
    "/v1/jobs",
    () => ({ body: strokesForm() }),
    415,
    "unsupported-media-type",
    null,
    /reads JSON, not a form/,
  ],
  [
    "plain text",
    "/v1/jobs",
    { method: "POST", headers: { "content-type": "text/plain" }, body: "lenet-5" },
    415,
    "unsupported-media-type",
    null,
    /application\/json/,
  ],
  [
    "an unknown field in a query that has none",
    "/v1/jobs/job_x?fields=status",
    {},
    400,
    "invalid-request",
    "/query/fields",
    /unknown field 'fields'/,
  ],
  [
    "a field for an action that takes none",
    "/v1/jobs/job_x/cancel",
    { body: { reason: "late" } },
    400,
    "invalid-request",
    "/reason",
    /unknown field 'reason'/,
  ],
  ["a cursor that no page gave", "/v1/jobs?after=yesterday", {}, 400, "invalid-request", "/query/after", /nextAfter/],
  [
    "an address for a webhook that is none",
    "/v1/jobs",
    job({ webhook: { url: "ftp://example.org" } }),
    400,
    "invalid-request",
    "/webhook/url",
    /http or https/,
  ],
  [
    "an address for a webhook that nobody may reach",
    "/v1/jobs",
    job({ webhook: { url: "http://169.254.169.254/latest/meta-data" } }),
    400,
    "invalid-request",
    "/webhook/url",
    /not a public address.*WEBHOOK_ALLOW_PRIVATE/,
  ],
  [
    "__proto__",
    "/v1/jobs",
    json('{"dataset":"strokes","__proto__":{"epochs":5}}'),
    400,
    "malformed-body",
    null,
    /__proto__/,
  ],
  [
    "__proto__, deep inside",
    "/v1/jobs",
    json('{"dataset":"strokes","metadata":{"__proto__":"x"}}'),
    400,
    "malformed-body",
    null,
    /__proto__/,
  ],
  ["an unknown job", "/v1/jobs/job_01AAAAAAAAAAAAAAAAAAAAAAAA", {}, 404, "not-found", null, /no job job_01A/],
  [
    "an unknown model",
    "/v1/models/nonesuch/predictions",
    { body: { instances: [[1]] } },
    404,
    "not-found",
    null,
    /no model nonesuch/,
  ],
  ["a path that climbs", "/v1/datasets/..%2f..%2fetc/samples.png", {}, 404, "not-found", null, /./],
  ["a path with a null", "/v1/models/a%00b", {}, 404, "not-found", null, /./],
  ["a path that is none", "/v1/models/%E0%A4%A", {}, 400, "invalid-request", null, /not a valid path/],
  ["a wrong method", "/v1/jobs", { method: "DELETE" }, 405, "method-not-allowed", null, /GET, HEAD, POST/],
  ["a wrong status to list", "/v1/jobs?status=done", {}, 400, "invalid-request", "/query/status", /"queued"/],
  [
    "a key that is none",
    "/v1/jobs",
    { ...job({}), headers: { "idempotency-key": "with space" } },
    400,
    "invalid-request",
    "/headers/idempotency-key",
    /1 to 255/,
  ],
  [
    "a PNG that is none",
    () => `/v1/models/${model}/predictions`,
    { method: "POST", headers: { "content-type": "image/png" }, body: "I am a picture" },
    422,
    "invalid-data",
    "",
    /neither a PNG nor a JPEG/,
  ],
  [
    "a PNG that says it has 900 megapixels",
    () => `/v1/models/${model}/predictions`,
    () => ({ method: "POST", headers: { "content-type": "image/png" }, body: hugePng() }),
    422,
    "invalid-data",
    "",
    /too many|cannot be read/,
  ],
  [
    "numbers of another shape",
    () => `/v1/models/${model}/predictions`,
    { body: { instances: [Array(36).fill(0)] } },
    400,
    "invalid-request",
    "/instances/0",
    /expected 35 numbers/,
  ],
  [
    "numbers 60 lists deep",
    () => `/v1/models/${model}/predictions`,
    json(`{"instances":[${deep(60)}]}`),
    400,
    "invalid-request",
    "/instances/0",
    /expected 35 numbers.*found 1×1×1/,
  ],
  [
    "numbers 100,000 lists deep",
    () => `/v1/models/${model}/predictions`,
    json(`{"instances":[${deep(100_000)}]}`),
    400,
    "invalid-request",
    `/instances${"/0".repeat(63)}`,
    /64/,
  ],
  [
    "endless numbers",
    () => `/v1/models/${model}/predictions`,
    json(`{"instances":[[${Array(35).fill("1e999").join(",")}]]}`),
    400,
    "invalid-request",
    "/instances/0/0",
    /found Infinity/,
  ],
  [
    "raw samples without end",
    () => `/v1/models/${model}/predictions`,
    { method: "POST", headers: { "content-type": "application/octet-stream" }, body: new Uint8Array(35 * 300_000) },
    413,
    "payload-too-large",
    null,
    /longer than the 2293760 bytes this route takes/,
  ],
  [
    "a tensor 100,000 lists deep",
    () => `/v2/models/${model}/infer`,
    json(`{"inputs":[{"name":"input","shape":[1,35],"datatype":"FP32","data":${deep(100_000)}}]}`),
    400,
    "invalid-request",
    `/inputs/0/data${"/0".repeat(61)}`,
    /64/,
  ],
  [
    "a tensor that says it is large",
    () => `/v2/models/${model}/infer`,
    { body: { inputs: [{ name: "input", shape: [1e9, 35], datatype: "FP32", data: [] }] } },
    400,
    "invalid-request",
    "/inputs/0/shape",
    /n from 1 to 4096/,
  ],
  [
    "a model whose input no prediction could hold",
    "/v1/models",
    () => ({
      body: weightsForm({
        input: '{"channels":3,"height":4096,"width":4096}',
        network: JSON.stringify({ layers: [{ ...subsampling, factor: 64 }] }),
      }),
    }),
    422,
    "network-does-not-fit",
    "/network",
    /\d+ MiB, more than all models together.*PREDICTION_CACHE_MIB/,
  ],
  [
    "a model of more classes than there are",
    "/v1/models",
    () => ({
      body: weightsForm({
        input: '{"channels":1,"height":4096,"width":4096}',
        network: '{"layers":[{"kind":"convolution","maps":4096,"size":1}]}',
      }),
    }),
    422,
    "network-does-not-fit",
    "/network/layers/0",
    /68719476736 outputs; a model has at most 65536/,
  ],
  [
    "the maps of a wide model",
    () => `/v1/models/${wide}/feature-maps`,
    () => ({ body: { instances: [Array(1600).fill(0)] } }),
    413,
    "payload-too-large",
    null,
    /6557696 numbers; one answer holds at most 4194304/,
  ],
  [
    "the best of all classes for many",
    () => `/v1/models/${wide}/predictions`,
    () => ({ body: { instances: Array(65).fill(Array(1600).fill(0)), topK: 65_536 } }),
    413,
    "payload-too-large",
    null,
    /the 4096 best classes of 65 inputs are more than/,
  ],
  [
    "a model of billions of weights",
    "/v1/models",
    () => ({
      body: weightsForm({ network: '{"layers":[{"kind":"dense","units":65536},{"kind":"dense","units":65536}]}' }),
    }),
    422,
    "network-does-not-fit",
    "/network/layers/1",
    /16\.\d\d GiB/,
  ],
  [
    "an instance that is neither",
    () => `/v1/models/${model}/predictions`,
    { body: { instances: [{ url: "http://localhost/" }] } },
    400,
    "invalid-request",
    "/instances/0/b64",
    /./,
  ],
  ["a weights file that is none", "/v1/models", () => ({ body: weightsForm() }), 422, "invalid-data", "/weights", /./],
];

/** The first bytes of a PNG whose header claims 30,000 × 30,000 pixels. */
function hugePng(): Uint8Array {
  const header = Buffer.from(
    "89504e470d0a1a0a0000000d49484452000075300000753008000000007cc0e2550000000a49444154",
    "hex",
  );
  return Buffer.concat([header, Buffer.alloc(64)]);
}

function weightsForm(fields: Record<string, string> = {}, weights: Uint8Array | string = "no weights"): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries({
    name: "none",
    network: JSON.stringify(strokesNetwork),
    input: '{"channels":1,"height":7,"width":5}',
    ...fields,
  }))
    form.set(name, value);
  form.set("weights", new Blob([weights]), "weights.safetensors");
  return form;
}

/** Sends text as it is and gives what comes back until the api hangs up. */
function onSocket(sent: string): Promise<string> {
  const { hostname, port } = new URL(stack.api.url);
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.write(sent));
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

describe("bad input", () => {
  it.each(rows)("%s", async (_name, path, how, status, code, pointer, words) => {
    const answer = await stack.ask(typeof path === "function" ? path() : path, typeof how === "function" ? how() : how);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(answer.body).toMatchObject({ status, code, detail: expect.stringMatching(words) as string });
    expect(answer.status).toBe(status);
    expect(answer.body.errors.slice(0, 1).map((each: { pointer: string }) => each.pointer)).toEqual(
      pointer === null ? [] : [pointer],
    );
  });
  it("is answered even while it is still being sent, time after time", async () => {
    const body = JSON.stringify({ name: "x".repeat(20 * 1024 * 1024) });
    for (let time = 0; time < 5; time++) expect((await stack.ask("/v1/jobs", json(body))).status).toBe(413);
  });
  it.each([
    ["a method that is none", "FETCH / HTTP/1.1\r\nhost: x\r\n\r\n", 400],
    ["no HTTP", "hello\r\n\r\n", 400],
    ["headers of more than 16 KiB", `GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`, 413],
  ])("%s, on the bare socket", async (_name, sent, status) => {
    const answer = await onSocket(sent);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain("content-type: application/problem+json");
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({ status, errors: [] });
  });
  it("queued nothing, logged no error and touched no process", async () => {
    expect((await stack.ask("/v1/jobs")).body.data).toHaveLength(1);
    // The delivery of the job that made the model ends a moment after its record.
    await until(
      () => stack.ask("/v1/system"),
      ({ body }) => body.queues.training.waiting + body.queues.training.active === 0,
      "an empty queue",
    );
    for (const { process: child, lines } of [stack.api, ...stack.workers]) {
      expect([child.exitCode, child.signalCode]).toEqual([null, null]);
      expect(lines.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
    }
  });
});
