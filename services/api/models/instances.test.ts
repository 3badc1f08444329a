import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { Prediction, samplesOf } from "../../prediction/index.ts";
import { fromPieces, joinInstances, type SampleForm } from "./instances.ts";
import { readInstances } from "./reading.ts";
import type { Problem } from "../http/problem.ts";

const prediction = new Prediction({
  kernels: "auto",
  cacheBytes: 0,
  log: { info: () => undefined, warn: () => undefined },
});
afterAll(() => prediction.close());
const form: SampleForm = {
  input: { channels: 1, height: 2, width: 3 },
  conversion: {
    channels: 1,
    height: 2,
    width: 3,
    fit: "stretch",
    background: "black",
    range: { minimum: 0, maximum: 255 },
  },
  range: { minimum: 0, maximum: 255 },
};
/** As a body of JSON is read; what is beyond every number is spelled so. */
const fromJson = async (by: Prediction, instances: readonly unknown[], at: SampleForm) => {
  const body = JSON.stringify({ instances }, (_name, value: unknown) => (value === Infinity ? "beyond" : value));
  return joinInstances(
    by,
    readInstances(Buffer.from(body.replaceAll('"beyond"', "1e999")), { input: at.input, jsonLength: null }),
    at,
  );
};
const refusal = (instances: readonly unknown[], at = form) =>
  fromJson(prediction, instances, at).then(
    () => null,
    (error: unknown) => error as Problem,
  );

describe("fromJson", () => {
  it.each([
    ["flat", [1, 2, 3, 4, 5, 6]],
    [
      "rows",
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      "channels and rows",
      [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ],
    ],
  ])("takes %s lists", async (_name, instance) => {
    const { samples, count } = await fromJson(prediction, [instance, instance], form);
    expect([...samples]).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
    expect(count).toBe(2);
  });
  it("keeps channels apart", async () => {
    const { samples } = await fromJson(prediction, [[[[1, 2]], [[3, 4]], [[5, 6]]]], {
      ...form,
      input: { channels: 3, height: 1, width: 2 },
    });
    expect([...samples]).toEqual([1, 2, 3, 4, 5, 6]);
  });
  it("decodes no more pixels for one request than four large pictures have", async () => {
    const large = new Prediction({
      kernels: "auto",
      cacheBytes: 0,
      log: { info: () => undefined, warn: () => undefined },
    });
    let decoded = 0;
    large.convert = async () => {
      decoded += 1;
      return {
        pixels: new Uint8Array(6),
        channels: 1,
        height: 2,
        width: 3,
        decodedPixels: 39_700_000,
        steps: [],
        notes: [],
      };
    };
    const pictures = Array.from({ length: 100 }, () => ({ b64: "iVBORw==" }));
    await expect(fromJson(large, pictures, form)).rejects.toMatchObject({
      code: "payload-too-large",
      message: expect.stringMatching(/first 8 of these 100 pictures have 317600000 pixels/) as string,
    });
    expect(decoded).toBe(8);
    expect((await fromJson(large, pictures.slice(0, 4), form)).count).toBe(4);
    await large.close();
  });
  it("mixes pictures and numbers", async () => {
    const png = await sharp(Uint8Array.of(9, 8, 7, 6, 5, 4), { raw: { width: 3, height: 2, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const { samples, conversion } = await fromJson(
      prediction,
      [[1, 2, 3, 4, 5, 6], { b64: png.toString("base64") }],
      form,
    );
    expect([...samples]).toEqual([1, 2, 3, 4, 5, 6, 9, 8, 7, 6, 5, 4]);
    expect(conversion).toHaveLength(2);
  });
  it.each([
    [[[1, 2, 3, 4, 5]], "/instances/0", /found 5$/],
    [
      [
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      ],
      "/instances/0",
      /found 3×2$/,
    ],
    [
      [
        [
          [1, 2, 3],
          [4, 5],
        ],
      ],
      "/instances/0",
      /differ/,
    ],
    [[[[1, 2, 3], 4, 5, 6]], "/instances/0", /differ/],
    [[[1, [2, 3], 4, 5, 6]], "/instances/0", /differ/],
    [[JSON.parse(`${"[".repeat(60)}${"]".repeat(60)}`)], "/instances/0", /found 1×1×.*×0$/],
    [[[1, 2, 3, 4, 5, "6"]], "/instances/0/5", /expected a number, found "6"/],
    [
      [
        [
          [1, 2, 3],
          [4, null, 6],
        ],
      ],
      "/instances/0/1/1",
      /found null/,
    ],
    [[[1, 2, 3, 4, 5, Infinity]], "/instances/0/5", /found Infinity/],
    [[{ b64: "not base64!" }], "/instances/0/b64", /base64/],
    [[{ b64: "aGVsbG8=" }], "/instances/0/b64", /found text, neither a PNG nor a JPEG, WebP, GIF or BMP/],
  ])("refuses %j at %s", async (instances, pointer, words) => {
    const problem = await refusal(instances);
    expect(problem?.message).toMatch(words);
    expect(problem?.errors[0]?.pointer).toBe(pointer);
  });
  it("maps pictures into the range of whole numbers, and says so for each", async () => {
    const png = await sharp(Uint8Array.of(0, 51, 102, 153, 204, 255), { raw: { width: 3, height: 2, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const b64 = png.toString("base64");
    const of = { ...form, range: { minimum: 0, maximum: 20 } };
    const one = await fromJson(prediction, [{ b64 }], of);
    expect([...one.samples]).toEqual([0, 4, 8, 12, 16, 20]);
    expect(one.conversion).toEqual(["decoded PNG, 3×2 grey", "values 0 to 255 mapped to the dataset's 0 to 20"]);
    const two = await fromJson(prediction, [{ b64 }, { b64 }], of);
    expect(two.conversion).toEqual(
      [0, 1].map(
        (at) => `/instances/${at}/b64: decoded PNG, 3×2 grey; values 0 to 255 mapped to the dataset's 0 to 20`,
      ),
    );
  });
  it("maps pictures into the range of a float32 dataset", async () => {
    const png = await sharp(Uint8Array.of(0, 51, 102, 153, 204, 255), { raw: { width: 3, height: 2, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const { samples } = await fromJson(prediction, [{ b64: png.toString("base64") }], {
      ...form,
      range: { minimum: -1, maximum: 1 },
    });
    expect([...samples].map((value) => Math.round(value * 100) / 100)).toEqual([-1, -0.6, -0.2, 0.2, 0.6, 1]);
  });
});

describe("fromPieces", () => {
  it("reads float32 at any alignment", () => {
    const bytes = new Uint8Array(25);
    bytes.set(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer), 1);
    expect([...samplesOf(fromPieces([bytes.subarray(1)], "float32", form.input).samples)]).toEqual([1, 2, 3, 4, 5, 6]);
  });
  it.each([NaN, Infinity, -Infinity])("refuses float32 that are not finite: %s", (value) => {
    const bytes = new Uint8Array(Float32Array.of(1, 2, 3e38, 4, value, 6).buffer);
    for (const cut of [0, 3, 17, 18, 19, 20, 24]) {
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
      expect(() => fromPieces(pieces, "float32", form.input)).toThrow(/number 4 of the body is not finite/);
    }
  });
  it("takes samples in pieces as if they were whole", () => {
    const bytes = Uint8Array.from({ length: 24 }, (_, at) => at);
    const pieces = [bytes.subarray(0, 5), bytes.subarray(5, 6), bytes.subarray(6)];
    const { samples, count } = fromPieces(pieces, "uint8", form.input);
    expect(count).toBe(4);
    expect([...samplesOf(samples)]).toEqual([...bytes]);
  });
  it("refuses more samples than one answer should hold", () =>
    expect(() => fromPieces([new Uint8Array(6 * 16_385)], "uint8", form.input)).toThrow(
      /16385 samples are too many at once; send at most 16384/,
    ));
  it("refuses what is no whole number of samples", () =>
    expect(() => fromPieces([new Uint8Array(7)], "uint8", form.input)).toThrow(/multiple/));
});
