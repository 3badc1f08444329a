/**
 * The client beside the OpenAPI document: every operation has a method that asks for it, with all of its query, in a
 * type of body that it takes. A route that is added, changed or removed fails here.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../tests/support/app.ts";
import { Client } from "./index.ts";

interface Operation {
  parameters?: { in: string; name: string }[];
  requestBody?: { content: Record<string, unknown> };
}
interface Asked {
  method: string;
  path: string;
  query: string[];
  type: string | null;
}

let test: TestApp;
const documented = new Map<string, Operation>();
beforeAll(async () => {
  test = await startTestApp();
  const { paths } = (await test.app.inject("/openapi.json")).json<{
    paths: Record<string, Record<string, Operation>>;
  }>();
  for (const [path, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods))
      documented.set(`${method.toUpperCase()} ${path}`, operation);
});
afterAll(() => test.stop());

const page = { limit: 2, after: "a", order: "asc" } as const;
const picture = new Blob(["png"], { type: "image/png" });
const asking = { dtype: "uint8", class: 1, checkpoint: 1, scale: 2 } as const;
const jobList = {
  ...page,
  status: "queued",
  sweep: "s",
  name: "n",
  dataset: "d",
  view: "full",
  metadata: { "*": "m" },
} as const;
const ofClass = { split: "test", label: "cat" } as const;
const augmentation = { shift: 1, rotate: 2, scale: 0.1, flip: true, elastic: "true", seed: 1, ...ofClass };
const splitQuery = { class: 1, predicted: 2, only: "errors", sort: "index", limit: 2, after: 3, order: "asc" } as const;
const sampleSheet = { ...ofClass, limit: 2, columns: 3, scale: 1 };
const request = { dataset: "d", network: "lenet-5" } as const;
const tensors = { inputs: [{ name: "x", shape: [1], datatype: "FP32" as const, data: [1] }] };

/** The same answer under a second address: one method is enough. */
const twins = ["GET /v1/datasets/{id}/augmentations"];

/** Every operation, and the call that asks for it with everything its query may have. */
const calls: Record<string, (client: Client) => Promise<unknown>> = {
  "GET /": ({ service }) => service.entryPoints(),
  "GET /health/live": ({ service }) => service.live(),
  "GET /health/ready": ({ service }) => service.ready(),
  "GET /openapi.json": ({ service }) => service.openapi(),
  "GET /metrics": ({ service }) => service.telemetry(),
  "GET /problems/{code}": ({ service }) => service.problem("conflict"),
  "GET /v1/system": ({ service }) => service.system(),

  "GET /v1/session": ({ access }) => access.session(),
  "POST /v1/session": ({ access }) => access.begin({ key: "fm_" }),
  "DELETE /v1/session": ({ access }) => access.end(),
  "GET /v1/keys": ({ access }) => access.keys.list(page),
  "POST /v1/keys": ({ access }) => access.keys.create({ name: "n" }),
  "DELETE /v1/keys/{id}": ({ access }) => access.keys.revoke("k"),
  "GET /v1/projects": ({ access }) => access.projects.list(page),
  "POST /v1/projects": ({ access }) => access.projects.create({ name: "n" }),
  "GET /v1/projects/{id}": ({ access }) => access.projects.get("p"),
  "PATCH /v1/projects/{id}": ({ access }) => access.projects.update("p", { name: "n" }),

  "POST /v1/datasets": ({ datasets }) => datasets.upload({ file: picture }, { name: "n" }),
  "GET /v1/datasets": ({ datasets }) => datasets.list({ ...page, name: "n" }),
  "GET /v1/datasets/{id}": ({ datasets }) => datasets.get("d"),
  "PATCH /v1/datasets/{id}": ({ datasets }) => datasets.update("d", { name: "n" }),
  "DELETE /v1/datasets/{id}": ({ datasets }) => datasets.delete("d", { cascade: true }),
  "GET /v1/datasets/{id}/samples": ({ datasets }) => datasets.samples("d", { ...ofClass, limit: 2, after: 1 }),
  "GET /v1/datasets/{id}/samples/{split}/{index}.png": ({ datasets }) =>
    datasets.samplePicture("d", { split: "test", index: 0, scale: 2 }),
  "GET /v1/datasets/{id}/samples.png": ({ datasets }) => datasets.sampleSheet("d", sampleSheet),
  "GET /v1/datasets/{id}/augmentations.png": ({ datasets }) =>
    datasets.augmentationSheet("d", { ...augmentation, limit: 2, copies: 3, zoom: 2 }),

  "POST /v1/jobs": ({ jobs }) => jobs.estimate(request),
  "GET /v1/jobs": ({ jobs }) => jobs.list(jobList),
  "GET /v1/jobs/{id}": ({ jobs }) => jobs.get("j"),
  "DELETE /v1/jobs/{id}": ({ jobs }) => jobs.delete("j", { models: true }),
  "POST /v1/jobs/{id}/cancel": ({ jobs }) => jobs.cancel("j"),
  "POST /v1/jobs/{id}/pause": ({ jobs }) => jobs.pause("j"),
  "POST /v1/jobs/{id}/resume": ({ jobs }) => jobs.resume("j"),
  "POST /v1/jobs/{id}/reproduce": ({ jobs }) => jobs.reproduce("j"),
  "GET /v1/jobs/{id}/progress": ({ jobs }) => jobs.progress("j"),
  "GET /v1/jobs/{id}/metrics": ({ jobs }) => jobs.metrics("j", { series: "step", maxPoints: 10, from: 1, to: 9 }),
  "GET /v1/jobs/{id}/events": ({ jobs }) => jobs.eventPage("j", page),
  "GET /v1/jobs/{id}/checkpoints": ({ jobs }) => jobs.checkpoints("j", { ...page, after: 1 }),
  "GET /v1/jobs/{id}/checkpoints/{epoch}": ({ jobs }) => jobs.checkpoint("j", 1),
  "GET /v1/jobs/{id}/checkpoints/{epoch}/weights": ({ jobs }) => jobs.checkpointWeights("j", 1),
  "GET /v1/jobs/{id}/inside": ({ jobs }) => jobs.inside("j", { ...page, layer: 1, after: 1 }),
  "GET /v1/jobs/{id}/filters/{layer}.png": ({ jobs }) => jobs.filters("j", { layer: 0, checkpoint: 1, scale: 2 }),
  "GET /v1/jobs/{id}/webhooks": ({ jobs }) => jobs.webhooks("j", page),
  "POST /v1/jobs/{id}/predictions": ({ jobs }) =>
    jobs.predict("j", picture, { topK: 1, dtype: "uint8", numerics: "fast", checkpoint: 1 }),
  "POST /v1/gradient-checks": ({ jobs }) => jobs.checkGradients({ network: "lenet-5", dataset: "d" }),

  "GET /v1/models": ({ models }) =>
    models.list({ ...page, name: "n", dataset: "d", view: "full", metadata: { "*": "m" } }),
  "POST /v1/models": ({ models }) =>
    models.import(picture, {
      name: "n",
      network: { layers: [{ kind: "dense", units: 2 }] },
      input: { channels: 1, height: 7, width: 5 },
    }),
  "GET /v1/models/{id}": ({ models }) => models.get("m"),
  "PATCH /v1/models/{id}": ({ models }) => models.update("m", { alias: "digits@production" }),
  "DELETE /v1/models/{id}": ({ models }) => models.delete("m"),
  "GET /v1/aliases/models": ({ models }) => models.aliases.list(page),
  "PUT /v1/aliases/models/{alias}": ({ models }) => models.aliases.move("digits@production", { model: "m" }),
  "DELETE /v1/aliases/models/{alias}": ({ models }) => models.aliases.delete("digits@production"),
  "GET /v1/models/{id}/predictions": ({ models }) => models.predictions("m", { split: "test", ...splitQuery }),
  "POST /v1/models/{id}/predictions": ({ models }) =>
    models.predict("m", picture, { topK: 1, dtype: "uint8", numerics: "fast", checkpoint: 1 }),
  "GET /v1/models/{id}/evaluation": ({ models }) => models.evaluation("m", { split: "test" }),
  "POST /v1/models/{id}/evaluations": ({ models }) => models.evaluations.create("m", { dataset: "d" }),
  "GET /v1/models/{id}/evaluations": ({ models }) => models.evaluations.list("m", { ...page, dataset: "d" }),
  "GET /v1/models/{id}/evaluations/{evaluation}": ({ models }) => models.evaluations.get("m", "e"),
  "DELETE /v1/models/{id}/evaluations/{evaluation}": ({ models }) => models.evaluations.delete("m", "e"),
  "POST /v1/models/{id}/evaluations/{evaluation}/cancel": ({ models }) => models.evaluations.cancel("m", "e"),
  "GET /v1/models/{id}/evaluations/{evaluation}/predictions": ({ models }) =>
    models.evaluations.predictions("m", "e", splitQuery),
  "GET /v1/models/{id}/network": ({ models }) => models.network("m", { checkpoint: 1 }),
  "GET /v1/models/{id}/filters/{layer}.png": ({ models }) => models.filters("m", { layer: 0, checkpoint: 1, scale: 2 }),
  "POST /v1/models/{id}/feature-maps": ({ models }) =>
    models.featureMaps("m", picture, { dtype: "uint8", checkpoint: 1, layer: 0, scale: 1 }),
  "POST /v1/models/{id}/sensitivities": ({ models }) =>
    models.sensitivitySheet("m", picture, { ...asking, layer: 3, inner: 1, loss: "squared-error" }),
  "POST /v1/models/{id}/saliency": ({ models }) =>
    models.saliency("m", picture, { ...asking, method: "occlusion", patch: 2, stride: 1 }),
  "GET /v1/models/{id}/exports/onnx": ({ models }) => models.export("m", "onnx"),
  "GET /v1/models/{id}/exports/safetensors": ({ models }) => models.export("m", "safetensors"),
  "GET /v1/models/{id}/exports/bundle": ({ models }) => models.export("m", "bundle"),
  "GET /v1/models/{id}/exports/web": ({ models }) => models.export("m", "web"),

  "POST /v1/sweeps": ({ sweeps }) => sweeps.estimate({ base: { dataset: "d" }, space: "auto" }),
  "GET /v1/sweeps": ({ sweeps }) =>
    sweeps.list({ ...page, status: "queued", name: "n", dataset: "d", view: "full", metadata: { "*": "m" } }),
  "GET /v1/sweeps/{id}": ({ sweeps }) => sweeps.get("s"),
  "DELETE /v1/sweeps/{id}": ({ sweeps }) => sweeps.delete("s", { models: true }),
  "GET /v1/sweeps/{id}/trials": ({ sweeps }) => sweeps.trials("s", { ...page, status: "running", sort: "value" }),
  "GET /v1/sweeps/{id}/events": ({ sweeps }) => sweeps.eventPage("s", page),
  "POST /v1/sweeps/{id}/cancel": ({ sweeps }) => sweeps.cancel("s"),
  "POST /v1/sweeps/{id}/pause": ({ sweeps }) => sweeps.pause("s"),
  "POST /v1/sweeps/{id}/resume": ({ sweeps }) => sweeps.resume("s"),

  "GET /v2": ({ inference }) => inference.server(),
  "GET /v2/health/live": ({ inference }) => inference.live(),
  "GET /v2/health/ready": ({ inference }) => inference.ready(),
  "GET /v2/models/{id}": ({ inference }) => inference.model("m"),
  "GET /v2/models/{id}/ready": ({ inference }) => inference.modelReady("m"),
  "GET /v2/models/{id}/versions/{version}": ({ inference }) => inference.model("m", "1"),
  "GET /v2/models/{id}/versions/{version}/ready": ({ inference }) => inference.modelReady("m", "1"),
  "POST /v2/models/{id}/infer": ({ inference }) => inference.infer("m", tensors),
  "POST /v2/models/{id}/versions/{version}/infer": ({ inference }) =>
    inference.inferBinary("m", { body: new Uint8Array(4), jsonBytes: 0 }, { version: "1" }),
};

/** What a call asked for. */
async function recorded(call: (client: Client) => Promise<unknown>): Promise<Asked> {
  let asked: Asked | null = null;
  const client = new Client("http://maps.test", {
    fetch: async (input, init) => {
      const { pathname, searchParams } = new URL(new Request(input).url);
      const type = new Headers(init?.headers).get("content-type");
      asked = { method: init?.method ?? "GET", path: pathname, query: [...searchParams.keys()], type };
      await new Response(init?.body).arrayBuffer();
      return Response.json({});
    },
  });
  await call(client);
  if (asked === null) throw new Error("nothing was asked for");
  return asked;
}

it("has a method for every operation of the document, and none for another", () => {
  expect([...Object.keys(calls), ...twins].toSorted()).toEqual([...documented.keys()].toSorted());
});

it.each(Object.entries(calls))("%s", async (name, call) => {
  const operation = documented.get(name);
  const [method, path] = name.split(" ");
  const asked = await recorded(call);
  expect(asked.method).toBe(method);
  expect(asked.path).toMatch(new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`));
  const query = (operation?.parameters ?? []).filter((each) => each.in === "query").map((each) => each.name);
  expect(asked.query.toSorted()).toEqual(query.toSorted());
  const types = Object.keys(operation?.requestBody?.content ?? {});
  if (types.length === 0) expect(asked.type).toBeNull();
  else expect(types).toContain(asked.type?.split(";")[0]);
});
