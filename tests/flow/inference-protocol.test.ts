/**
 * The Open Inference Protocol as KServe's clients speak it. The forms below are written from the protocol's own text
 * ("Predict Protocol - Version 2", and its binary tensor extension), not from our schemas.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { startTestApp, type TestApp } from "../support/app.ts";
import { greyModel, importModel } from "../support/imported-model.ts";

const metadataTensor = z.strictObject({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) });
const protocol = {
  server: z.strictObject({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
  live: z.strictObject({ live: z.boolean() }),
  ready: z.strictObject({ ready: z.boolean() }),
  modelReady: z.strictObject({ name: z.string(), ready: z.boolean() }),
  model: z.strictObject({
    name: z.string(),
    versions: z.array(z.string()).optional(),
    platform: z.string(),
    inputs: z.array(metadataTensor),
    outputs: z.array(metadataTensor),
  }),
  answer: z.strictObject({
    model_name: z.string(),
    model_version: z.string().optional(),
    id: z.string().optional(),
    parameters: z.looseObject({}).optional(),
    outputs: z.array(
      z.strictObject({
        name: z.string(),
        shape: z.array(z.int()),
        datatype: z.string(),
        parameters: z.looseObject({ binary_data_size: z.int().optional() }).optional(),
        data: z.array(z.unknown()).optional(),
      }),
    ),
  }),
  error: z.looseObject({ error: z.string().min(1) }),
};

let service: TestApp;
let model: string;
let at: string;
beforeAll(async () => {
  service = await startTestApp();
  model = await importModel(service, greyModel);
  at = `/v2/models/${model}`;
});
afterAll(() => service.stop());

const get = async (url: string) => (await service.app.inject(url)).json<unknown>();
const post = (url: string, payload: Buffer | object, headers: Record<string, string | number> = {}) =>
  service.app.inject({
    method: "POST",
    url,
    headers: headers as Record<string, string>,
    payload: Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
  });

const pixels = Array.from({ length: 70 }, (_, at70) => (at70 * 37) % 256);
const asked = { name: "input", shape: [2, 1, 7, 5], datatype: "UINT8" };
const plain = { id: "one", inputs: [{ ...asked, data: pixels }] };

/** JSON with bytes behind it, as a client of the extension sends it. */
function binary(header: object, tensor: Uint8Array, length?: number | string) {
  const json = Buffer.from(JSON.stringify(header));
  return [Buffer.concat([json, tensor]), { "Inference-Header-Content-Length": length ?? json.length }] as const;
}
const floats = new Uint8Array(Float32Array.from(pixels).buffer);
const described = (bytes: number, more: object = {}) => ({
  inputs: [{ ...asked, datatype: "FP32", parameters: { binary_data_size: bytes } }],
  ...more,
});

test("every answer has the protocol's form", async () => {
  expect(protocol.server.parse(await get("/v2")).extensions).toContain("binary_tensor_data");
  protocol.live.parse(await get("/v2/health/live"));
  protocol.ready.parse(await get("/v2/health/ready"));
  const { versions = [], inputs } = protocol.model.parse(await get(at));
  expect(inputs).toEqual([{ name: "input", datatype: "FP32", shape: [-1, 1, 7, 5] }]);
  const versioned = `${at}/versions/${versions[0]}`;
  expect(await get(versioned)).toEqual(await get(at));
  for (const place of [at, versioned])
    expect(protocol.modelReady.parse(await get(`${place}/ready`))).toEqual({ name: model, ready: true });
  // No content type, as curl and several clients send it.
  const answers = await Promise.all([at, versioned].map((place) => post(`${place}/infer`, plain)));
  const [first, second] = answers.map((answer) => protocol.answer.parse(answer.json()));
  expect(first).toEqual(second);
  expect([first.id, first.model_version, first.outputs.map(({ shape }) => shape)]).toEqual([
    "one",
    versions[0],
    [[2, 3], [2]],
  ]);
});

test("in the numerics that a parameter asks for, as the other door answers them", async () => {
  const ask = async (parameters: object) => {
    const answer = protocol.answer.parse((await post(`${at}/infer`, { ...plain, parameters })).json());
    return { parameters: answer.parameters, data: answer.outputs[0].data };
  };
  const none = await ask({});
  expect(none.parameters).toBeUndefined();
  expect(await ask({ numerics: "reproducible" })).toEqual({ ...none, parameters: { numerics: "reproducible" } });
  const fast = await ask({ numerics: "fast", of_another_server: 1 });
  const body = { instances: [pixels.slice(0, 35), pixels.slice(35)], numerics: "fast" };
  const { predictions } = (
    await post(`/v1/models/${model}/predictions`, body, { "content-type": "application/json" })
  ).json<{ predictions: { probabilities: number[] }[] }>();
  expect(fast.parameters).toEqual({ numerics: "fast" });
  expect(fast.data).toEqual(predictions.flatMap(({ probabilities }) => probabilities));
  const refused = await post(`${at}/infer`, { ...plain, parameters: { numerics: "slow" } });
  expect([refused.statusCode, protocol.error.parse(refused.json()).error]).toEqual([
    400,
    expect.stringMatching(/reproducible.*fast/),
  ]);
});

test("the server is found with a slash at the end too, as the protocol's OpenAPI file writes it", async () =>
  expect(await get("/v2/")).toEqual(await get("/v2")));

describe("tensors as bytes", () => {
  const read = (answer: Awaited<ReturnType<typeof post>>) => {
    const length = Number(answer.headers["inference-header-content-length"]);
    const json = protocol.answer.parse(JSON.parse(answer.rawPayload.subarray(0, length).toString("utf8")));
    return { json, rest: answer.rawPayload.subarray(length) };
  };

  test("both ways, in any order and mixed with JSON, with the numbers of JSON", async () => {
    const { outputs } = protocol.answer.parse((await post(`${at}/infer`, plain)).json());
    const [body, headers] = binary(
      described(floats.length, {
        outputs: [
          { name: "class", parameters: { binary_data: true } },
          { name: "outputs" },
          { name: "probabilities", parameters: { binary_data: true } },
        ],
      }),
      floats,
    );
    const answer = await post(`${at}/infer`, body, headers);
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
    const { json, rest } = read(answer);
    expect(json.outputs.map(({ parameters, data }) => [parameters?.binary_data_size, data?.length])).toEqual([
      [16, undefined],
      [undefined, 6],
      [24, undefined],
    ]);
    expect(rest).toHaveLength(40);
    const classes = [rest.readBigInt64LE(0), rest.readBigInt64LE(8)].map(Number);
    const probabilities = Array.from({ length: 6 }, (_, place) => rest.readFloatLE(16 + place * 4));
    expect([probabilities, classes]).toEqual(outputs.map(({ data }) => data));
  });

  test.each([
    ["UINT8", (values: number[]) => Uint8Array.from(values)],
    ["INT16", (values: number[]) => new Uint8Array(Int16Array.from(values).buffer)],
    ["INT64", (values: number[]) => new Uint8Array(BigInt64Array.from(values, BigInt).buffer)],
    ["FP64", (values: number[]) => new Uint8Array(Float64Array.from(values).buffer)],
  ] as const)("as %s", async (datatype, bytesOf) => {
    const bytes = bytesOf(pixels);
    const inputs = [{ ...asked, datatype, parameters: { binary_data_size: bytes.length } }];
    const answer = await post(`${at}/infer`, ...binary({ id: "one", inputs }, bytes));
    expect(answer.json()).toEqual((await post(`${at}/infer`, plain)).json());
  });

  test("a body without JSON is the input, and answers in bytes", async () => {
    const { json, rest } = read(
      await post(`${at}/infer`, Buffer.from(floats), { "Inference-Header-Content-Length": 0 }),
    );
    expect([json.outputs.map(({ shape }) => shape), rest.length]).toEqual([[[2, 3], [2]], 24 + 16]);
  });

  const short = described(floats.length);
  test.each<[string, readonly [Buffer, Record<string, string | number>], RegExp]>([
    ["a header longer than the body", binary(short, floats, 100_000), /100000 bytes, but the whole body has/],
    ["a header that ends within the JSON", binary(short, floats, 20), /JSON/],
    ["a header that ends within the tensor", binary(short, floats, JSON.stringify(short).length + 8), /JSON/],
    ["a header that is no number", binary(short, floats, "-1"), /expected the bytes of the JSON/],
    ["a size that is more than came", binary(described(1000), floats), /says 1000 bytes; 280 follow/],
    ["a size that is not the shape's", binary(described(140), floats.subarray(0, 140)), /has 280 bytes, found 140/],
    ["bytes that nobody speaks of", binary(plain, floats), /280 bytes follow/],
    ["data and bytes", binary({ inputs: [{ ...short.inputs[0], data: pixels }] }, floats), /found both/],
    ["a number that is not finite", binary(short, Buffer.alloc(280, 0xff)), /place 0 is not finite/],
    ["no header", [Buffer.from(JSON.stringify(short)), {}], /needs the header/],
    ["half a sample without JSON", [Buffer.alloc(200), { "Inference-Header-Content-Length": 0 }], /multiple/],
  ])("refuses %s", async (_what, [body, headers], words) => {
    const answer = await post(`${at}/infer`, body, headers);
    expect([answer.statusCode, protocol.error.parse(answer.json()).error]).toEqual([400, expect.stringMatching(words)]);
  });
});

test.each<[string, () => [string, object?], number, RegExp]>([
  ["several inputs", () => [`${at}/infer`, { inputs: [plain.inputs[0], plain.inputs[0]] }], 400, /one input/],
  ["no input", () => [`${at}/infer`, { inputs: [] }], 400, /one input/],
  [
    "bytes that are none",
    () => [`${at}/infer`, { inputs: [{ ...asked, data: [3.5, ...pixels.slice(1)] }] }],
    400,
    /0 to 255/,
  ],
  [
    "bytes that are too large",
    () => [`${at}/infer`, { inputs: [{ ...asked, data: [256, ...pixels.slice(1)] }] }],
    400,
    /256/,
  ],
  ["another version", () => [`${at}/versions/1/infer`, plain], 404, /no version 1/],
  ["another version's metadata", () => [`${at}/versions/1`], 404, /no version 1/],
  ["another model", () => ["/v2/models/nonesuch/infer", plain], 404, /nonesuch/],
  ["another path", () => ["/v2/repository/index"], 404, /no route/],
])("a refusal has an error: %s", async (_what, question, status, words) => {
  const [url, body] = question();
  const answer = body ? await post(url, body) : await service.app.inject(url);
  expect([answer.statusCode, protocol.error.parse(answer.json()).error]).toEqual([
    status,
    expect.stringMatching(words),
  ]);
});
