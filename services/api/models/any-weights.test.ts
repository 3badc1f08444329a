/** Whatever a model's weights are, no route answers 5xx: a refusal, or null where a number is none. */
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors, readSafetensors } from "../../../engine/index.ts";
import { startTestApp, type TestApp } from "../../../tests/support/app.ts";
import { colourModel, greyModel, importModel, type Importable } from "../../../tests/support/imported-model.ts";
import { newId } from "../../shared/ids.ts";

let api: TestApp;
beforeAll(async () => void (api = await startTestApp()));
afterAll(() => api.stop());

/** A stored model of NaN, as trainings once could leave it behind. */
async function modelOfNan(model: Importable): Promise<string> {
  const { records, storage } = api.dependencies;
  const good = await records.models.read(await importModel(api, model));
  if (!good) throw new Error("no model");
  const { tensors } = readSafetensors(await storage.get(good.files.weights));
  for (const { data } of tensors.values()) data.fill(Number.NaN as never);
  const id = newId("model");
  const weights = `models/${id}/weights.safetensors`;
  const { sha256 } = await storage.put(weights, writeSafetensors({ tensors, metadata: {} }));
  const made = { ...good, id, sha256, files: { ...good.files, weights } };
  expect(await records.models.create(made)).toBe("created");
  return id;
}

const kinds: [string, Importable, (model: Importable) => Promise<string>][] = [
  ["huge", greyModel, (model) => importModel(api, model, 3e38)],
  ["huge", colourModel, (model) => importModel(api, model, 3e38)],
  ["NaN", greyModel, modelOfNan],
  ["NaN", colourModel, modelOfNan],
];

describe.each(kinds)("weights that are %s", (kind, model, make) => {
  test("leave every route of a model without a 5xx", async () => {
    const id = await make(model);
    const { channels, height, width } = model.input;
    const picture = await sharp({ create: { width, height, channels: 3, background: "#804020" } })
      .png()
      .toBuffer();
    const size = channels * height * width;
    const infer = { inputs: [{ name: "x", datatype: "FP32", shape: [1, size], data: new Array(size).fill(1) }] };
    const asPng = { "content-type": "image/png" };
    const paths = Object.keys((await api.app.inject("/openapi.json")).json<{ paths: object }>().paths);
    const gets = paths.filter(
      (path) => /^\/v[12]\/models\/\{id\}/.test(path) && !/\{(evaluation|version)\}/.test(path),
    );
    expect(gets.length).toBeGreaterThan(10);
    const answers = [];
    for (const path of gets) {
      const url = path.replace("{id}", id).replace("{layer}", "0");
      answers.push({ url, answer: await api.app.inject(url) });
    }
    const binary = { ...infer, outputs: [{ name: "outputs", parameters: { binary_data: true } }] };
    const posts: [string, object][] = [
      [`/v1/models/${id}/predictions`, { headers: asPng, payload: picture }],
      [`/v1/models/${id}/predictions`, { payload: { instances: [new Array(size).fill(1)], topK: 2 } }],
      [`/v1/models/${id}/feature-maps`, { headers: asPng, payload: picture }],
      [`/v1/models/${id}/feature-maps?layer=0`, { headers: { ...asPng, accept: "image/png" }, payload: picture }],
      [`/v2/models/${id}/infer`, { payload: infer }],
      [`/v2/models/${id}/infer`, { payload: binary }],
    ];
    for (const [url, options] of posts)
      answers.push({ url: `POST ${url}`, answer: await api.app.inject({ method: "POST", url, ...options }) });
    for (const { url, answer } of answers) {
      expect([url, answer.statusCode < 500]).toEqual([url, true]);
      if (answer.statusCode === 422)
        expect([url, answer.json().detail]).toEqual([url, expect.stringMatching(/(is not|must be) finite/)]);
      if (String(answer.headers["content-type"]).includes("json")) expect(() => answer.json<unknown>()).not.toThrow();
    }
    const asked = answers.filter(({ url }) => /^POST.*(predictions|infer)/.test(url));
    if (kind === "NaN") for (const { url, answer } of asked) expect([url, answer.statusCode]).toEqual([url, 422]);
    expect(answers.find(({ url }) => url.endsWith("/network"))?.answer.statusCode).toBe(200);
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("an import of %f is refused by its place", async (value) => {
  await expect(importModel(api, greyModel, value)).rejects.toThrow(
    /tensor 'layers\.\d\.\w+' holds (NaN|-?Infinity) at position \d+; weights must be finite/,
  );
});
