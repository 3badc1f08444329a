/** A training that starts from a model: what is taken over, what is frozen, what is refused, and that it helps. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSafetensors } from "../../engine/index.ts";
import { digitsForm } from "../support/digits.ts";
import { startStack, until, type Stack } from "../support/stack.ts";

let stack: Stack;
/** The model of the digits 0 to 4. */
let lower: string;

const network = (units: number, fields: object = {}) => ({
  layers: [
    { kind: "convolution", maps: 6, size: 5, activation: "tanh", ...fields },
    { kind: "subsampling", factor: 2, ...fields },
    { kind: "convolution", maps: 12, size: 5, activation: "tanh", ...fields },
    { kind: "subsampling", factor: 2, ...fields },
    { kind: "dense", units, activation: "softmax" },
  ],
});
const order = { epochs: 3, batchSize: 20, optimiser: { kind: "sgd", learningRate: 0.05, momentum: 0.5 } };
const matching = () => ({ model: lower, layers: "matching" });

async function upload(alias: string, digits: readonly number[], train: number): Promise<void> {
  const { body } = await stack.ask("/v1/datasets", {
    body: digitsForm(alias, { digits, train, test: 300 }),
  });
  await until(
    () => stack.ask(`/v1/datasets/${body.id}`),
    (answer) => answer.body.status === "ready",
    `the dataset ${alias}`,
  );
}

beforeAll(async () => {
  stack = await startStack();
  await upload("lower", [0, 1, 2, 3, 4], 2000);
  await upload("upper", [5, 6, 7, 8, 9], 120);
  await upload("four", [6, 7, 8, 9], 90);
  lower = (await trained({ dataset: "lower", network: network(5), epochs: 4 })).model;
});
afterAll(() => stack.stop());

async function begin(fields: object): Promise<string> {
  const answer = await stack.ask("/v1/jobs", { body: { ...order, dataset: "upper", ...fields } });
  expect([answer.status, answer.body.errors]).toEqual([202, undefined]);
  return answer.body.id as string;
}
async function trained(fields: object) {
  const job = await stack.ended(await begin(fields));
  expect([job.status, job.error]).toEqual(["succeeded", null]);
  return job;
}
const weightsOf = async (model: string) =>
  readSafetensors((await stack.ask(`/v1/models/${model}/exports/safetensors`)).bytes).tensors;

/** Refused in the dry run and as a job alike. */
async function refusal(fields: object) {
  const [dry, real] = await Promise.all(
    ["?dryRun=true", ""].map((query) =>
      stack.ask(`/v1/jobs${query}`, { body: { ...order, dataset: "upper", network: network(5), ...fields } }),
    ),
  );
  expect(real.body.errors).toEqual(dry.body.errors);
  return [real.status, real.body.code, ...(real.body.errors as object[])];
}

test("layers of equal kind and shape are taken over, bit by bit; the last starts anew and the reasons say so", async () => {
  const body = { ...order, dataset: "four", network: network(4), epochs: 1, initialModel: matching() };
  const reasons = [
    `layer 0 (convolution), layer 1 (subsampling), layer 2 (convolution), layer 3 (subsampling) start with the weights of model ${lower}`,
    "layer 4 (dense) starts anew from the seed: its weight is 4×192, the model's 5×192",
  ];
  expect((await stack.ask("/v1/jobs?dryRun=true", { body })).body.reasons).toEqual(reasons);
  const job = await trained({ ...body, optimiser: { ...order.optimiser, learningRate: 1e-30 } });
  expect(job).toMatchObject({ reasons, request: { initialModel: matching() } });
  const [before, after] = await Promise.all([weightsOf(lower), weightsOf(job.model)]);
  expect(after.get("layers.2.weight")).toEqual(before.get("layers.2.weight"));
  expect(after.get("layers.4.weight")?.shape).toEqual([4, 192]);
});

/** Loss and accuracy over the test split, epoch by epoch. */
async function curve(id: string): Promise<{ loss: number; accuracy: number }[]> {
  const { body } = await stack.ask(`/v1/jobs/${id}/metrics`);
  return (body.data as { validationLoss: number; validationAccuracy: number }[]).map((row) => ({
    loss: row.validationLoss,
    accuracy: row.validationAccuracy,
  }));
}

test("the other half of the digits is learned in fewer epochs than from nothing, with frozen convolutions", async () => {
  const [tuned, fresh] = await Promise.all([
    trained({ network: network(5, { learningRate: 0 }), initialModel: matching(), epochs: 6 }),
    trained({ network: network(5), epochs: 6 }),
  ]);
  expect(tuned).toMatchObject({
    warnings: [],
    reasons: [/start with the weights/, /^layer 4 \(dense\) starts anew .* its classes are others/].map(
      (sentence) => expect.stringMatching(sentence) as string,
    ),
  });
  const [ours, theirs] = await Promise.all([curve(tuned.id), curve(fresh.id)]);
  expect(ours[0].loss).toBeLessThan(theirs[0].loss);
  const reached = Math.max(...theirs.map(({ accuracy }) => accuracy));
  const epochsTo = (rows: readonly { accuracy: number }[]): number =>
    rows.findIndex(({ accuracy }) => accuracy >= reached) + 1;
  expect(epochsTo(ours)).toBeGreaterThan(0);
  expect(epochsTo(ours)).toBeLessThan(epochsTo(theirs));
});

test("no bit of a frozen layer changes, through a pause and a resume", async () => {
  const fields = { network: network(5, { learningRate: 0 }), initialModel: matching(), epochs: 600 };
  const id = await begin(fields);
  await until(
    () => stack.ask(`/v1/jobs/${id}`),
    ({ body }) => (body.progress?.step ?? 0) > 0,
    "the first step",
  );
  await stack.ask(`/v1/jobs/${id}/pause`, { method: "POST" });
  await until(
    () => stack.ask(`/v1/jobs/${id}`),
    ({ body }) => body.status === "paused",
    "the pause",
  );
  await stack.ask(`/v1/jobs/${id}/resume`, { method: "POST" });
  const [paused, whole] = await Promise.all([stack.ended(id), trained(fields)]);
  expect(paused.attempts).toHaveLength(2);
  expect(paused.receipt.weights).toBe(whole.receipt.weights);
  const [before, after] = await Promise.all([weightsOf(lower), weightsOf(paused.model)]);
  for (const [name, tensor] of before)
    expect([name, isDeepStrictEqual(after.get(name), tensor)]).toEqual([name, !name.startsWith("layers.4")]);
});

test("the receipt names the weights it started from, and a reproduction agrees to the bit", async () => {
  const job = await trained({ dataset: "four", network: network(4), epochs: 2, initialModel: matching() });
  const { sha256 } = (await stack.ask(`/v1/models/${lower}`)).body;
  expect(job.receipt.initialWeights).toBe(sha256);
  const { body } = await stack.ask(`/v1/jobs/${job.id}/reproduce`, { method: "POST" });
  expect(await stack.ended(body.id)).toMatchObject({
    reasons: job.reasons,
    reproduction: { of: job.id, agrees: true },
    receipt: { initialWeights: sha256, weights: job.receipt.weights },
  });
});

test("a job that waits for its dataset learns what is taken over when that is ready", async () => {
  const { body } = await stack.ask("/v1/datasets", {
    body: digitsForm("late", { digits: [4, 5, 6, 7, 8, 9], train: 60, test: 30 }),
  });
  const [good, bad] = await Promise.all([
    begin({ dataset: body.id, network: network(6), epochs: 1, initialModel: matching() }),
    begin({ dataset: body.id, network: network(6), epochs: 1, initialModel: lower }),
  ]);
  expect((await stack.ended(good)).reasons).toHaveLength(2);
  expect((await stack.ended(bad)).error).toMatchObject({
    code: "network-does-not-fit",
    detail: expect.stringContaining('"layers": "matching"') as string,
  });
});

test("a model whose every layer fits starts all of them, and other classes are warned of", async () => {
  const dryRun = async (dataset: string) => {
    const body = { ...order, dataset, network: network(5), initialModel: lower };
    const { warnings, reasons } = (await stack.ask("/v1/jobs?dryRun=true", { body })).body;
    return { warnings, reasons };
  };
  expect(await dryRun("lower")).toEqual({ warnings: [], reasons: [] });
  expect(await dryRun("upper")).toEqual({
    warnings: [expect.stringContaining("the classes are others than those of model") as string],
    reasons: [],
  });
});

describe("refused", () => {
  const at = (pointer: string, detail: RegExp) => ({ pointer, detail: expect.stringMatching(detail) as string });

  test("a model that does not fit, with the way out", async () => {
    expect(await refusal({ dataset: "four", network: network(4), initialModel: lower })).toEqual([
      422,
      "network-does-not-fit",
      at("/initialModel", /layer 4 \(dense\): its weight is 4×192, the model's 5×192; .*"layers": "matching"/),
    ]);
  });
  test("a model of which nothing fits", async () => {
    const other = { layers: [{ kind: "dense", units: 5, activation: "softmax" }] };
    expect(await refusal({ network: other, initialModel: matching() })).toEqual([
      422,
      "network-does-not-fit",
      at("/initialModel", /no layer of this network can start .* the model has a convolution at this place/),
    ]);
  });
  test.each([
    [{ model: "nonesuch", layers: "matching" }, 404, at("/initialModel", /no model nonesuch/)],
    [{ model: "lower", layers: "some" }, 400, at("/initialModel/layers", /expected .*matching/)],
    [{ model: "lower" }, 400, at("/initialModel/layers", /is missing: expected .*matching/)],
    [{ model: "lower", layers: "matching", freeze: true }, 400, at("/initialModel/freeze", /unknown/)],
    [7, 400, at("/initialModel", /expected a text; or expected an object, found 7$/)],
  ])("%j", async (initialModel, status, error) => {
    const [found, , ...errors] = await refusal({ initialModel });
    expect([found, ...errors]).toEqual([status, error]);
  });
  test("a model that was deleted, and one whose file is damaged", async () => {
    const jobs = await Promise.all([1, 2].map((seed) => trained({ network: network(5), epochs: 1, seed })));
    const [deleted, damaged] = jobs.map((job) => job.model as string);
    await stack.ask(`/v1/models/${deleted}`, { method: "DELETE" });
    const [first] = await refusal({ initialModel: { model: deleted, layers: "matching" } });
    expect(first).toBe(404);
    const folder = join(fileURLToPath(stack.environment["STORAGE_URL"]), "models", damaged);
    const [file] = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
    writeFileSync(join(folder, file), "no weights");
    expect(await refusal({ initialModel: { model: damaged, layers: "matching" } })).toEqual([
      409,
      "conflict",
      at("/initialModel", /the weights of model .* cannot be read/),
    ]);
  });
});
