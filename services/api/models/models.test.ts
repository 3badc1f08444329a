import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSafetensors } from "../../../engine/index.ts";
import { startTestApp, type TestApp } from "../../../tests/support/app.ts";

let test: TestApp;
beforeAll(async () => {
  test = await startTestApp();
});
afterAll(() => test.stop());

const wave = (count: number, from: number) =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(from + index * 1.7));
const network = {
  layers: [
    { kind: "convolution", maps: 2, size: 3, activation: "tanh" },
    { kind: "subsampling", factor: 2 },
    { kind: "convolution", maps: 3, size: 1, activation: "tanh", inputs: { learned: { filters: "per-pair" } } },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
};
const input = { channels: 1, height: 7, width: 5 };
const tensor = (shape: number[], from: number) => ({
  dtype: "F32" as const,
  shape,
  data: wave(
    shape.reduce((product, size) => product * size, 1),
    from,
  ),
});
const weights = (units = 3) =>
  writeSafetensors({
    tensors: new Map([
      ["layers.0.weight", tensor([2, 1, 3, 3], 1)],
      ["layers.0.bias", tensor([2], 2)],
      ["layers.1.beta", tensor([2], 3)],
      ["layers.1.bias", tensor([2], 4)],
      ["layers.2.weight", tensor([3, 2, 1, 1], 5)],
      ["layers.2.bias", tensor([3], 6)],
      ["layers.2.mix", tensor([3, 2], 7)],
      ["layers.3.weight", tensor([units, 6], 8)],
      ["layers.3.bias", tensor([units], 9)],
    ]),
  });

type Fields = Record<string, string | Uint8Array>;
function form(
  fields: Fields,
  filename = (name: string) => `${name}.bin`,
): { headers: Record<string, string>; payload: Buffer } {
  const boundary = `b${Math.random().toString(36).slice(2)}`;
  const parts = Object.entries(fields).flatMap(([name, value]) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${typeof value === "string" ? "" : `; filename="${filename(name)}"\r\ncontent-type: application/octet-stream`}\r\n\r\n`,
    ),
    Buffer.from(value),
    Buffer.from("\r\n"),
  ]);
  return {
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    payload: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  };
}
const send = (url: string, fields: Fields, headers: Record<string, string> = {}) => {
  const { headers: type, payload } = form(fields);
  return test.app.inject({ method: "POST", url, headers: { ...type, ...headers }, payload });
};
/** What such a file holds is no matter. */
const sendFile = (filename: string, key: string) => {
  const { headers, payload } = form({ file: Buffer.from("1,2,0\n") }, () => filename);
  return test.app.inject({
    method: "POST",
    url: "/v1/datasets",
    headers: { ...headers, "idempotency-key": key },
    payload,
  });
};
const whole = (): Fields => ({
  name: "strokes by hand",
  alias: "strokes",
  network: JSON.stringify(network),
  input: JSON.stringify(input),
  classes: '["bar","dash","dot"]',
  normalisation: "unit",
  weights: weights(),
});
const post = (url: string, payload: string | Buffer | object, type = "application/json") =>
  test.app.inject({ method: "POST", url, headers: { "content-type": type }, payload });
const png = () =>
  sharp({ create: { width: 10, height: 14, channels: 3, background: "#406080" } })
    .png()
    .toBuffer();

describe("imports", () => {
  it("takes a model, and the same again for the same key", async () => {
    const made = await send("/v1/models", whole(), { "idempotency-key": "import-1" });
    expect(made.statusCode).toBe(201);
    expect(made.json()).toMatchObject({
      object: "model",
      alias: "strokes",
      job: null,
      dataset: null,
      parameters: 20 + 4 + 15 + 21,
      normalisation: { kind: "unit", std: [255] },
      classes: ["bar", "dash", "dot"],
    });
    const again = await send("/v1/models", whole(), { "idempotency-key": "import-1" });
    expect([again.statusCode, again.json()]).toEqual([201, made.json()]);
    expect(
      (await send("/v1/models", { ...whole(), name: "other" }, { "idempotency-key": "import-1" })).json(),
    ).toMatchObject({ status: 422, code: "idempotency-mismatch" });
    expect((await test.app.inject("/v1/models")).json<{ data: unknown[] }>().data).toEqual([made.json()]);
    expect((await test.app.inject("/v1/models/strokes")).json()).toEqual(made.json());
  });
  it("takes the same bytes under another file name for another upload: a dataset is called after it", async () => {
    const made = await sendFile("strokes.csv", "upload-1");
    expect(made.json()).toMatchObject({ object: "dataset", name: "strokes" });
    expect((await sendFile("strokes.csv", "upload-1")).json()).toEqual(made.json());
    expect((await sendFile("dashes.csv", "upload-1")).json()).toMatchObject({ code: "idempotency-mismatch" });
  });
  it.each<[string, Fields, number, string, RegExp]>([
    ["weights of another shape", { ...whole(), weights: weights(4) }, 422, "/weights", /layers\.3\.weight/],
    ["a file that is no safetensors", { ...whole(), weights: Buffer.from("hello") }, 422, "/weights", /./],
    ["no weights", { ...whole(), weights: "" }, 400, "/weights", /./],
    ["a network that is no JSON", { ...whole(), network: "{" }, 400, "/network", /JSON/],
    [
      "a network that does not fit",
      { ...whole(), input: JSON.stringify({ ...input, width: 2 }) },
      422,
      "/network/layers/0/size",
      /3×3/,
    ],
    ["too few class names", { ...whole(), classes: '["a"]' }, 422, "/network/layers/3/units", /1 classes/],
    ["an unknown field", { ...whole(), colour: "blue" }, 400, "/colour", /./],
    ["a taken alias", whole(), 409, "", /alias 'strokes'/],
  ])("refuses %s", async (_name, fields, status, pointer, words) => {
    const before = (await test.app.inject("/v1/models")).json<{ data: unknown[] }>().data.length;
    const answer = await send("/v1/models", fields);
    expect([answer.statusCode, answer.json<{ detail: string }>().detail]).toEqual([
      status,
      expect.stringMatching(words),
    ]);
    expect(answer.json<{ errors: { pointer: string }[] }>().errors.map((each) => each.pointer)).toEqual(
      pointer === "" ? [] : [pointer],
    );
    expect((await test.app.inject("/v1/models")).json<{ data: unknown[] }>().data).toHaveLength(before);
  });
});

describe("predictions", () => {
  const url = "/v1/models/strokes/predictions";
  const pixels = Array.from({ length: 35 }, (_, index) => (index * 37) % 256);
  it("answers alike for the same pixels in every form", async () => {
    const rows = Array.from({ length: 7 }, (_, row) => pixels.slice(row * 5, row * 5 + 5));
    const picture = await sharp(Uint8Array.from(pixels), { raw: { width: 5, height: 7, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const floats = Buffer.from(Float32Array.from(pixels).buffer);
    const answers = await Promise.all([
      post(url, { instances: [pixels] }),
      post(url, { instances: [rows] }),
      post(url, { instances: [[rows]] }),
      post(url, { instances: [{ b64: picture.toString("base64") }] }),
      post(url, picture, "image/png"),
      post(url, Buffer.from(pixels), "application/octet-stream"),
      post(`${url}?dtype=float32`, floats, "application/octet-stream"),
      send(url, { picture }),
    ]);
    const [first] = answers.map((answer) =>
      answer.json<{ predictions: unknown[]; conversion: string[]; milliseconds: number; model: string }>(),
    );
    expect(first.predictions).toMatchObject([
      { class: expect.any(Number) as number, name: expect.any(String) as string, topK: [{}, {}, {}] },
    ]);
    for (const answer of answers)
      expect([answer.statusCode, answer.json<{ predictions: unknown[] }>().predictions]).toEqual([
        200,
        first.predictions,
      ]);
  });
  it("computes in the numerics that are asked for, in the model's own by default, and says in which", async () => {
    const answerOf = async (answer: ReturnType<typeof post>) =>
      (await answer).json<{ numerics: string; kernels: string; predictions: { probabilities: number[] }[] }>();
    const usual = await answerOf(post(url, { instances: [pixels] }));
    expect(usual).toMatchObject({ numerics: "reproducible", kernels: expect.any(String) as string });
    const fast = await answerOf(post(url, { instances: [pixels], numerics: "fast" }));
    const raw = await answerOf(post(`${url}?numerics=fast`, Buffer.from(pixels), "application/octet-stream"));
    for (const answer of [fast, raw]) {
      expect(answer.numerics).toBe("fast");
      for (const [at, value] of answer.predictions[0].probabilities.entries())
        expect(value).toBeCloseTo(usual.predictions[0].probabilities[at], 4);
    }
    expect(fast.kernels === usual.kernels).toBe(usual.kernels.startsWith("reference"));
    const { statusCode } = await post(url, { instances: [pixels], numerics: "exact" });
    expect(statusCode).toBe(400);
  });
  it("reads a body as what it is, whatever its type says", async () => {
    const raw = sharp(Uint8Array.from(pixels), { raw: { width: 5, height: 7, channels: 1 } }).toColourspace("b-w");
    const picture = await raw.png().toBuffer();
    const expected = (await post(url, { instances: [pixels] })).json<{ predictions: unknown[] }>().predictions;
    const bodies: [string, Buffer, string | undefined][] = [
      ["a PNG as raw bytes", picture, "application/octet-stream"],
      ["a PNG as JPEG", picture, "image/jpeg"],
      ["a PNG as image/jpg", picture, "image/jpg"],
      ["a PNG as image/x-png", picture, "image/x-png"],
      ["a PNG as curl sends files", picture, "application/x-www-form-urlencoded"],
      ["a PNG as text", picture, "text/plain"],
      ["a PNG as JSON", picture, "application/json"],
      ["a data: URL as JSON", Buffer.from(`data:image/png;base64,${picture.toString("base64")}`), "application/json"],
      ["a PNG without a type", picture, undefined],
      ["a WebP", await raw.clone().webp({ lossless: true }).toBuffer(), "image/webp"],
      ["a data: URL", Buffer.from(`data:image/png;base64,${picture.toString("base64")}`), "text/plain"],
      [
        "JSON as curl sends it",
        Buffer.from(JSON.stringify({ instances: [pixels] })),
        "application/x-www-form-urlencoded",
      ],
      ["JSON without a type", Buffer.from(` ${JSON.stringify({ instances: [pixels] })}`), undefined],
    ];
    for (const [what, payload, type] of bodies) {
      const headers = type === undefined ? {} : { "content-type": type };
      const answer = await test.app.inject({ method: "POST", url, payload, headers });
      expect([what, answer.statusCode, answer.json<{ predictions: unknown[] }>().predictions]).toEqual([
        what,
        200,
        expected,
      ]);
    }
    const text = picture.toString("base64");
    for (const b64 of [
      `data:image/png;base64,${text}`,
      text.replace(/.{20}/g, "$&\r\n"),
      text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""),
    ])
      expect((await post(url, { instances: [{ b64 }] })).json()).toMatchObject({ predictions: expected });
  });
  it("does not take the bytes of a picture that is called JSON for lists", async () => {
    const damaged = Buffer.concat([await png(), Buffer.alloc(400_000, "[")]);
    damaged.fill("[", 33);
    const answer = await post(url, damaged, "application/json");
    expect(answer.json()).toMatchObject({ code: "invalid-data", detail: expect.stringContaining("PNG") as string });
  });
  it("takes raw samples that begin like a JPEG for what they are", async () => {
    const body = Buffer.from([0xff, 0xd8, 0xff, ...pixels.slice(3)]);
    expect((await post(url, body, "application/octet-stream")).json()).toMatchObject({
      conversion: [expect.stringMatching(/1 raw uint8 sample/) as string],
    });
  });
  it("says of a body of another kind what is read", async () => {
    const answer = await post(url, Buffer.from("II*\0 is a TIFF"), "image/tiff");
    expect([answer.statusCode, answer.json<{ detail: string }>().detail]).toEqual([
      415,
      expect.stringMatching(/image\/png, image\/jpeg, .*image\/webp.*multipart\/form-data.*octet-stream/),
    ]);
  });
  it("says for each of several pictures what was done to it", async () => {
    const own = await sharp(Uint8Array.from(pixels), { raw: { width: 5, height: 7, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const instances = [{ b64: own.toString("base64") }, { b64: (await png()).toString("base64") }];
    expect((await post(url, { instances })).json()).toMatchObject({
      conversion: [
        "/instances/0/b64: decoded PNG, 5×7 grey",
        "/instances/1/b64: decoded PNG, 10×14 RGB; made grey; fitted into 5×7",
      ],
    });
  });
  it("converts other pictures and says what it did", async () => {
    const answer = await post(`${url}?topK=1`, await png(), "image/png");
    expect(answer.json<{ conversion: string[]; predictions: { topK: unknown[] }[] }>()).toMatchObject({
      conversion: ["decoded PNG, 10×14 RGB", "made grey", "fitted into 5×7"],
      predictions: [{ topK: [{}] }],
    });
  });
  it.each<[string, string, string | Buffer | object, string, number, RegExp]>([
    ["a PNG that is none", url, Buffer.from("hello"), "image/png", 422, /neither a PNG nor a JPEG/],
    ["an empty picture", url, Buffer.alloc(0), "image/png", 422, /found an empty file/],
    ["text", url, "hello", "text/plain", 415, /text\/plain/],
    ["no instances", url, { instances: [] }, "application/json", 400, /\/instances: needs at least 1 entry/],
    ["an unknown field", url, { instances: [pixels], k: 3 }, "application/json", 400, /unknown field 'k'/],
    ["too few numbers", url, { instances: [[1, 2]] }, "application/json", 400, /expected 35 numbers/],
    ["half a sample", url, Buffer.alloc(36), "application/octet-stream", 422, /a multiple/],
    ["an unknown dtype", `${url}?dtype=int8`, Buffer.alloc(35), "application/octet-stream", 400, /"uint8", "float32"/],
    [
      "an unknown model",
      "/v1/models/nonesuch/predictions",
      { instances: [pixels] },
      "application/json",
      404,
      /no model nonesuch/,
    ],
    ["a checkpoint of an import", `${url}?checkpoint=1`, { instances: [pixels] }, "application/json", 409, /imported/],
    ["broken JSON", url, "{", "application/json", 400, /not valid JSON/],
  ])("refuses %s", async (_name, at, body, type, status, words) => {
    const answer = await post(at, body, type);
    expect([answer.statusCode, answer.json<{ detail: string }>().detail]).toEqual([
      status,
      expect.stringMatching(words),
    ]);
  });
  it("says so where the answer is not finite", async () => {
    const broken = weights();
    broken.fill(0x7f, broken.length - 12);
    const { id } = (await send("/v1/models", { ...whole(), alias: "broken", weights: broken })).json<{ id: string }>();
    expect((await post(`/v1/models/${id}/predictions`, { instances: [pixels] })).json()).toMatchObject({
      status: 422,
      detail: expect.stringContaining("not finite") as string,
    });
    const inputs = [{ name: "input", shape: [1, 35], datatype: "FP32", data: pixels }];
    expect((await post(`/v2/models/${id}/infer`, { inputs })).json()).toMatchObject({
      status: 422,
      error: expect.stringContaining("not finite") as string,
    });
    await test.app.inject({ method: "DELETE", url: `/v1/models/${id}` });
  });
  it("says that an import has none over a split", async () => {
    expect((await test.app.inject(url)).json()).toMatchObject({
      status: 404,
      detail: expect.stringContaining("no predictions over 'test'") as string,
    });
    expect((await test.app.inject("/v1/models/strokes/evaluation?split=train")).json()).toMatchObject({
      status: 404,
      detail: expect.stringContaining("no evaluation over 'train'") as string,
    });
    expect((await test.app.inject(`${url}?split=all`)).statusCode).toBe(400);
  });
});

describe("what is inside", () => {
  const at = "/v1/models/strokes";
  it("tells of every layer", async () => {
    const { layers, parameters } = (await test.app.inject(`${at}/network`)).json<{
      layers: { kind: string; beta: number[] | null; alpha: number[][] | null; effectiveInputs: number[] | null }[];
      parameters: number;
    }>();
    expect(parameters).toBe(60);
    expect(layers[1].beta).toEqual([...wave(2, 3)]);
    expect(layers[2].alpha?.map((row) => row.reduce((sum, each) => sum + each, 0))).toEqual(
      [1, 1, 1].map((each) => expect.closeTo(each, 6) as number),
    );
    expect(layers[2].effectiveInputs?.every((each) => each >= 1 && each <= 2)).toBe(true);
  });
  it("draws filters and maps", async () => {
    const filters = await test.app.inject(`${at}/filters/0.png`);
    expect(filters.headers["content-type"]).toBe("image/png");
    expect(await sharp(filters.rawPayload).metadata()).toMatchObject({ format: "png", width: 8 * 5, height: 8 * 9 });
    expect((await test.app.inject(`${at}/filters/1.png`)).json()).toMatchObject({
      status: 404,
      detail: expect.stringContaining("layers 0, 2 are convolutions") as string,
    });
    const maps = await post(`${at}/feature-maps`, await png(), "image/png");
    expect(
      maps
        .json<{ layers: { kind: string; values: number[][][] }[] }>()
        .layers.map(({ kind, values }) => [kind, values.length, values[0].length, values[0][0].length]),
    ).toEqual([
      ["convolution", 2, 5, 3],
      ["subsampling", 2, 2, 1],
      ["convolution", 3, 2, 1],
      ["dense", 3, 1, 1],
    ]);
    const sheet = await test.app.inject({
      method: "POST",
      url: `${at}/feature-maps?layer=0`,
      headers: { "content-type": "image/png", accept: "image/png" },
      payload: await png(),
    });
    expect(await sharp(sheet.rawPayload).metadata()).toMatchObject({ format: "png" });
    expect((await post(`${at}/feature-maps?layer=4`, await png(), "image/png")).json()).toMatchObject({
      status: 400,
      detail: expect.stringContaining("0 to 3") as string,
    });
    expect(
      (await post(`${at}/feature-maps`, { instances: [Array(35).fill(0), Array(35).fill(0)] })).json(),
    ).toMatchObject({ status: 400 });
  });
  it("shows back-propagation of one input", async () => {
    interface Answer {
      loss: number;
      class: number;
      layers: {
        layer: number;
        kind: string;
        values: number[][][];
        sensitivities: number[][][];
        gradientNorm: number | null;
      }[];
    }
    const body = { instances: [[...wave(35, 1)].map((value) => 128 + 100 * value)] };
    const { loss, layers, class: found } = (await post(`${at}/sensitivities`, body)).json<Answer>();
    const { probabilities } = (await post(`${at}/predictions`, body)).json<{
      predictions: { probabilities: number[] }[];
    }>().predictions[0];
    expect(found).toBe(probabilities.indexOf(Math.max(...probabilities)));
    expect(loss).toBeCloseTo(-Math.log(probabilities[found]), 5);
    expect(
      layers.map(({ layer, kind, values, sensitivities: deltas, gradientNorm }) => [
        layer,
        kind,
        values.length,
        deltas.length,
        deltas[0].length,
        deltas[0][0].length,
        gradientNorm === null,
      ]),
    ).toEqual([
      [-1, "input", 1, 1, 7, 5, true],
      [0, "convolution", 2, 2, 5, 3, false],
      [1, "subsampling", 2, 2, 2, 1, false],
      [2, "convolution", 3, 3, 2, 1, false],
      [3, "dense", 3, 3, 1, 1, false],
    ]);
    // Behind a softmax δ is y − t.
    const other = (found + 1) % 3;
    const asked = (await post(`${at}/sensitivities?class=${other}&layer=3`, body)).json<Answer>();
    expect(asked.layers[0].sensitivities.flat(2)).toEqual(
      probabilities.map(
        (probability, unit) => expect.closeTo(probability - (unit === other ? 1 : 0), 5) as unknown as number,
      ),
    );
    const squared = (await post(`${at}/sensitivities?loss=squared-error`, body)).json<Answer>();
    expect(squared.loss).toBeCloseTo(
      probabilities.reduce((sum, share, unit) => sum + (share - (unit === found ? 1 : 0)) ** 2, 0) / 2,
      5,
    );
    const sheet = (query: string) =>
      test.app.inject({
        method: "POST",
        url: `${at}/sensitivities${query}`,
        headers: { "content-type": "application/json", accept: "image/png" },
        payload: body,
      });
    expect(await sharp((await sheet("?layer=-1")).rawPayload).metadata()).toMatchObject({
      format: "png",
      width: 8 * 5,
      height: 8 * 7,
    });
    expect((await sheet("")).json()).toMatchObject({ status: 400, errors: [{ pointer: "/query/layer" }] });
  });
  it("shows the own layers of a residual block, and one of them as a sheet", async () => {
    const layers = [
      { kind: "residual", layers: [{ ...network.layers[0], padding: 1 }, { kind: "dropout" }], activation: "relu" },
      network.layers[3],
    ];
    const tensors = {
      "layers.0.layers.0.weight": [2, 1, 3, 3],
      "layers.0.layers.0.bias": [2],
      "layers.0.shortcut.weight": [2, 1, 1, 1],
      "layers.0.shortcut.bias": [2],
      "layers.1.weight": [3, 70],
      "layers.1.bias": [3],
    };
    const made = Object.entries(tensors).map(([name, shape], at) => [name, tensor(shape, at)] as const);
    const imported = await send("/v1/models", {
      ...whole(),
      alias: "blocks",
      network: JSON.stringify({ layers }),
      weights: writeSafetensors({ tensors: new Map(made) }),
    });
    expect(imported.statusCode).toBe(201);
    const body = { instances: [[...wave(35, 1)]] };
    const ask = (query: string) => post(`/v1/models/blocks/sensitivities${query}`, body);
    interface Row {
      layer: number;
      kind: string;
      gradientNorm: number | null;
      sensitivities: number[][][];
      layers?: Row[];
    }
    const rows = (await ask("")).json<{ layers: Row[] }>().layers;
    expect(rows.map(({ layer, layers: own }) => [layer, own?.map(({ kind }) => kind)])).toEqual([
      [-1, undefined],
      [0, ["convolution", "dropout"]],
      [1, undefined],
    ]);
    expect(rows[1].layers?.map(({ layer, gradientNorm }) => [layer, gradientNorm === null])).toEqual([
      [0, false],
      [1, true],
    ]);
    const [one] = (await ask("?layer=0&inner=0")).json<{ layers: Row[] }>().layers;
    expect(one.layers).toEqual(rows[1].layers?.slice(0, 1));
    const sheet = async (query: string) => {
      const answer = await test.app.inject({
        method: "POST",
        url: `/v1/models/blocks/sensitivities${query}`,
        headers: { "content-type": "application/json", accept: "image/png" },
        payload: body,
      });
      expect(await sharp(answer.rawPayload).metadata()).toMatchObject({ format: "png" });
      return answer.rawPayload;
    };
    expect(await sheet("?layer=0&inner=0")).not.toEqual(await sheet("?layer=0"));
    for (const query of ["?inner=0", "?layer=1&inner=0", "?layer=0&inner=2"])
      expect((await ask(query)).json()).toMatchObject({ status: 400, errors: [{ pointer: "/query/inner" }] });
  });
  it.each([
    ["?class=3", { instances: [Array(35).fill(0)] }, "/query/class", /classes 0 to 2, not 3/],
    ["?class=dash", { instances: [Array(35).fill(0)] }, "/query/class", /whole number/],
    ["?layer=4", { instances: [Array(35).fill(0)] }, "/query/layer", /layers 0 to 3/],
    ["?layer=-2", { instances: [Array(35).fill(0)] }, "/query/layer", /-1 for the input/],
    ["", { instances: [Array(34).fill(0)] }, "/instances/0", /35/],
    ["", { instances: [Array(35).fill(0), Array(35).fill(0)] }, "/instances", /one input, found 2/],
  ])("does not explain %s of %j", async (query, body, pointer, words) => {
    const answer = (await post(`${at}/sensitivities${query}`, body)).json<{ status: number; errors: object[] }>();
    expect(answer).toMatchObject({
      status: 400,
      errors: [{ pointer, detail: expect.stringMatching(words) as string }],
    });
  });
  describe("saliency", () => {
    const cornered = "/v1/models/cornered/saliency";
    const isCorner = (row: number, column: number) => row < 2 && column >= 3;
    const picture = Array.from({ length: 35 }, (_, at) =>
      isCorner(Math.floor(at / 5), at % 5) ? 220 : (at * 37) % 90,
    );
    beforeAll(async () => {
      // Class 'bright' is told by the upper right corner alone, whatever else is in the picture.
      const weight = Float32Array.from({ length: 70 }, (_, at) =>
        at >= 35 && isCorner(Math.floor((at - 35) / 5), at % 5) ? 1 : 0,
      );
      const made = await send("/v1/models", {
        ...whole(),
        name: "cornered",
        alias: "cornered",
        network: '{"layers":[{"kind":"dense","units":2,"activation":"softmax"}]}',
        classes: '["dark","bright"]',
        weights: writeSafetensors({
          tensors: new Map([
            ["layers.0.weight", { dtype: "F32", shape: [2, 35], data: weight }],
            ["layers.0.bias", { dtype: "F32", shape: [2], data: Float32Array.of(2, 0) }],
          ]),
        }),
      });
      expect(made.statusCode).toBe(201);
    });
    it.each(["?method=gradient", "?method=occlusion&patch=2&stride=1", "?method=occlusion"])(
      "finds the corner that a class hangs on: %s",
      async (query) => {
        const { values, class: found } = (await post(`${cornered}${query}`, { instances: [picture] })).json<{
          values: number[][];
          class: number;
        }>();
        expect(found).toBe(1);
        const most = Math.max(...values.flat());
        const strong = values.flatMap((row, at) =>
          row.flatMap((value, column) => (value > most / 2 ? [[at, column]] : [])),
        );
        expect(strong.length).toBeGreaterThan(0);
        expect(strong.filter(([row, column]) => !isCorner(row, column))).toEqual([]);
        expect(values[6].every((value) => Math.abs(value) < 1e-6)).toBe(true);
      },
    );
    it("lays it over the input", async () => {
      const answer = await test.app.inject({
        method: "POST",
        url: cornered,
        headers: { "content-type": "application/json", accept: "image/png" },
        payload: { instances: [picture] },
      });
      const { data, info } = await sharp(answer.rawPayload).raw().toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ width: 8 * 5, height: 8 * 7, channels: 3 });
      const at = (row: number, column: number) => [...data.subarray(3 * (8 * row * 40 + 8 * column)).subarray(0, 3)];
      expect(at(0, 4)).toEqual([255, 0, 0]);
      const [red, green, blue] = at(6, 0);
      expect([red, red]).toEqual([green, blue]);
    });
    it.each([
      ["?class=2", 400, "/query/class", /classes 0 to 1/],
      ["?method=guess", 400, "/query/method", /./],
      ["?method=occlusion&patch=8", 400, "/query/patch", /patch of 1 to 7/],
      ["?method=occlusion&patch=2&stride=3", 400, "/query/stride", /leave pixels out/],
    ])("refuses %s", async (query, status, pointer, words) => {
      expect((await post(`${cornered}${query}`, { instances: [picture] })).json()).toMatchObject({
        status,
        errors: [{ pointer, detail: expect.stringMatching(words) as string }],
      });
    });
    it("refuses a hundred thousand occlusions", async () => {
      const input = { channels: 1, height: 320, width: 313 };
      const pixels = input.height * input.width;
      const made = await send("/v1/models", {
        ...whole(),
        name: "wide",
        alias: "wide",
        input: JSON.stringify(input),
        network:
          '{"layers":[{"kind":"subsampling","factor":"all","trainable":false},{"kind":"dense","units":2,"activation":"softmax"}]}',
        classes: '["a","b"]',
        weights: writeSafetensors({
          tensors: new Map([
            ["layers.1.weight", tensor([2, 1], 1)],
            ["layers.1.bias", tensor([2], 2)],
          ]),
        }),
      });
      expect(made.statusCode).toBe(201);
      const ask = (query: string) =>
        post(`/v1/models/wide/saliency?method=occlusion${query}`, Buffer.alloc(pixels, 7), "application/octet-stream");
      expect((await ask("&stride=1")).json()).toMatchObject({
        status: 413,
        detail: expect.stringMatching(/makes 100160 occlusions/) as string,
      });
      expect((await ask("")).statusCode).toBe(200);
    });
  });
  it("exports", async () => {
    for (const format of ["onnx", "safetensors"]) {
      const answer = await test.app.inject(`${at}/exports/${format}`);
      expect([answer.statusCode, answer.headers["content-type"], answer.headers["content-disposition"]]).toEqual([
        200,
        "application/octet-stream",
        expect.stringContaining(`.${format}"`),
      ]);
      expect(answer.rawPayload.length).toBeGreaterThan(500);
    }
  });
});

describe("Open Inference Protocol", () => {
  const at = "/v2/models/strokes";
  const pixels = Array.from({ length: 70 }, (_, index) => (index * 37) % 256);
  const infer = (body: object) => post(`${at}/infer`, body);
  const tensorOf = (shape: number[], data: unknown[]) => ({
    inputs: [{ name: "input", shape, datatype: "FP32", data }],
  });
  it("is there", async () => {
    expect((await test.app.inject("/v2/health/live")).json()).toEqual({ live: true });
    expect((await test.app.inject("/v2/health/ready")).json()).toEqual({ ready: true });
    expect((await test.app.inject(at)).json()).toMatchObject({
      inputs: [{ name: "input", datatype: "FP32", shape: [-1, 1, 7, 5] }],
    });
    expect((await test.app.inject(`${at}/ready`)).json()).toMatchObject({ ready: true });
  });
  it("answers as the other door does", async () => {
    const answer = await infer({
      id: "7",
      ...tensorOf([2, 1, 7, 5], pixels),
      outputs: [{ name: "probabilities" }, { name: "outputs" }, { name: "class" }],
    });
    const { outputs } = answer.json<{ outputs: { name: string; shape: number[]; data: number[] }[] }>();
    const other = (
      await post("/v1/models/strokes/predictions", { instances: [pixels.slice(0, 35), pixels.slice(35)] })
    ).json<{ predictions: { class: number; probabilities: number[] }[] }>();
    expect(answer.json()).toMatchObject({
      id: "7",
      outputs: [{ shape: [2, 3] }, { shape: [2, 3] }, { shape: [2], datatype: "INT64" }],
    });
    expect(outputs[0].data).toEqual(other.predictions.flatMap(({ probabilities }) => probabilities));
    expect(outputs[2].data).toEqual(other.predictions.map((each) => each.class));
    expect((await infer(tensorOf([2, 35], [pixels.slice(0, 35), pixels.slice(35)]))).json()).toMatchObject({
      outputs: [{ data: outputs[0].data }, {}],
    });
  });
  it.each<[object, RegExp]>([
    [tensorOf([2, 1, 5, 7], pixels), /expected \[n, 1, 7, 5\]/],
    [tensorOf([2, 35], pixels.slice(1)), /70 numbers; 69 came/],
    [tensorOf([1, 35], Array(35).fill("x")), /expected numbers/],
    [{ inputs: [] }, /one input/],
  ])("refuses what does not fit %#", async (body, words) =>
    expect((await infer(body)).json()).toMatchObject({ status: 400, detail: expect.stringMatching(words) as string }),
  );
});

describe("gradient checks", () => {
  it("agree, within bounds", async () => {
    const answer = await post("/v1/gradient-checks", { network, input, seed: 3 });
    expect(answer.json<{ worst: number; complete: boolean }>()).toMatchObject({ complete: true });
    expect(answer.json<{ worst: number }>().worst).toBeLessThan(1e-6);
  });
  it.each<[object, number, RegExp]>([
    [{ network }, 400, /\/input: is missing/],
    [{ network, dataset: "nonesuch" }, 404, /nonesuch/],
    [{ network, input: { ...input, width: 1 } }, 422, /3×3/],
    [{ network: "lenet-5", input: { channels: 1, height: 280, width: 280 } }, 413, /at most/],
    [{ network, input, loss: "cross-entropy", sample: 0 }, 400, /\/sample: must be at least 1/],
  ])("refuse %j", async (body, status, words) =>
    expect((await post("/v1/gradient-checks", body)).json()).toMatchObject({
      status,
      detail: expect.stringMatching(words) as string,
    }),
  );
});

describe("changes", () => {
  it("renames, and lets go", async () => {
    const patch = (payload: object) => test.app.inject({ method: "PATCH", url: "/v1/models/strokes", payload });
    expect((await patch({ name: "renamed", metadata: { stage: "test" } })).json()).toMatchObject({
      name: "renamed",
      alias: "strokes",
      metadata: { stage: "test" },
    });
    expect((await patch({ nmae: "x" })).json()).toMatchObject({ status: 400, errors: [{ pointer: "/nmae" }] });
    const { id } = (await patch({ alias: "lines" })).json<{ id: string }>();
    expect((await test.app.inject("/v1/models/strokes")).statusCode).toBe(404);
    expect((await test.app.inject({ method: "DELETE", url: "/v1/models/lines" })).statusCode).toBe(204);
    expect((await test.app.inject(`/v1/models/${id}`)).statusCode).toBe(404);
    expect(test.lines.filter(({ level }) => level >= 50)).toEqual([]);
  });
});
