/** A model judged on other data: figures, classes by their names, refusals, cancelling, and what is left afterwards. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { findGarbage } from "../../scripts/gc/garbage.ts";
import { newId } from "../../services/shared/ids.ts";
import { until } from "../support/stack.ts";
import { putTinyDataset } from "../support/tiny-dataset.ts";
import { slowJob, startTrial, type Trial } from "../support/trials.ts";

let trial: Trial;
let model: string;
let evaluations: string;

beforeAll(async () => {
  trial = await startTrial({ workers: 1 });
  const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 2 }) });
  model = (await trial.ended(body.id)).model;
  evaluations = `/v1/models/${model}/evaluations`;
});
afterAll(() => trial.stop());

const ended = async (id: string) =>
  (
    await until(
      () => trial.ask(`${evaluations}/${id}`),
      (answer) => answer.body.terminal,
      "the end of an evaluation",
    )
  ).body;
const evaluate = async (body: object) => {
  const answer = await trial.ask(evaluations, { body });
  expect([answer.status, answer.body.errors]).toEqual([202, undefined]);
  return answer.body.id as string;
};
const put = (alias: string, order: readonly number[], test: number) =>
  putTinyDataset({ ...trial, counts: { train: 3, validation: 0, test }, alias, order });

test("over the split that the job ended with it says what the job said", async () => {
  const found = await ended(await evaluate({ dataset: "tiny" }));
  const { body: known } = await trial.ask(`/v1/models/${model}/evaluation`);
  expect(found).toMatchObject({ object: "evaluation", model, split: "test", status: "succeeded", error: null });
  for (const field of ["samples", "accuracy", "errorRate", "classes", "confusion", "topK"])
    expect([field, found[field]]).toEqual([field, known[field]]);
  expect(found.loss).toBeCloseTo(known.loss, 5);
  expect(found.calibration.expectedError).toBeCloseTo(known.calibration.expectedError, 5);
  const query = "predictions?sort=confidence&only=all&limit=7&after=3";
  const [ours, theirs] = await Promise.all([
    trial.ask(`${evaluations}/${found.id}/${query}`),
    trial.ask(`/v1/models/${model}/${query}`),
  ]);
  expect(ours.body).toEqual(theirs.body);
});

test("a part of the classes in another order is matched by names", async () => {
  await put("turned", [2, 0], 41);
  const found = await ended(await evaluate({ dataset: "turned", split: "test" }));
  expect(found.classes.map(({ name, samples }: { name: string; samples: number }) => [name, samples > 0])).toEqual([
    ["rows", true],
    ["columns", false],
    ["both", true],
  ]);
  expect(found.accuracy).toBeGreaterThan(0.7);
  const { data } = (await trial.ask(`${evaluations}/${found.id}/predictions?limit=100`)).body;
  expect(data).toHaveLength(41);
  expect(new Set(data.map((row: { class: number }) => row.class))).toEqual(new Set([0, 2]));
  const wrong = data.filter((row: { correct: boolean }) => !row.correct).length;
  expect(wrong / 41).toBeCloseTo(found.errorRate, 10);
});

test("what does not fit is refused with both sides", async () => {
  const tiny = await trial.records.datasets.find("tiny");
  if (!tiny) throw new Error("there is no dataset tiny");
  const other = (alias: string, fields: object) =>
    trial.records.datasets.create({ ...tiny, id: newId("dataset"), alias, ...fields });
  await other("wide", { shape: { channels: 1, height: 5, width: 7 } });
  await other("strange", { classes: ["rows", "dots", "both"] });
  const refused = async (body: object) => {
    const answer = await trial.ask(evaluations, { body });
    return [answer.status, answer.body.detail];
  };
  expect(await refused({ dataset: "wide" })).toEqual([422, expect.stringMatching(/1×7×5.*1×5×7/)]);
  expect(await refused({ dataset: "strange" })).toEqual([
    422,
    expect.stringMatching(/'dots'.*'rows', 'dots', 'both'.*'rows', 'columns', 'both'/),
  ]);
  expect(await refused({ dataset: "turned", split: "validation" })).toEqual([400, expect.stringMatching(/'test'/)]);
  expect((await refused({ dataset: "nowhere" }))[0]).toBe(404);
  expect(await refused({ dataset: "tiny", splits: "test" })).toEqual([400, expect.stringMatching(/splits/)]);
  expect((await trial.ask(`${evaluations}/${newId("evaluation")}`)).status).toBe(404);
});

test("one that runs is cancelled, one that waits holds its dataset and is cancelled at once", async () => {
  const large = await put("large", [0, 1, 2], 1_500_000);
  const running = await evaluate({ dataset: "large" });
  await until(
    () => trial.ask(`${evaluations}/${running}`),
    (answer) => answer.body.status === "running",
    "a running evaluation",
  );
  const waiting = await evaluate({ dataset: "large" });
  expect((await trial.ask(`/v1/datasets/${large.id}`, { method: "DELETE" })).body).toMatchObject({
    code: "in-use",
    errors: [running, waiting].map((id) => ({ detail: `${evaluations}/${id}` })),
  });
  expect((await trial.ask(`${evaluations}/${waiting}`, { method: "DELETE" })).status).toBe(409);
  expect((await trial.ask(`${evaluations}/${waiting}/predictions`)).status).toBe(409);
  const cancel = (id: string) => trial.ask(`${evaluations}/${id}/cancel`, { method: "POST" });
  expect((await cancel(waiting)).body).toMatchObject({ status: "cancelled", terminal: true });
  expect((await cancel(waiting)).status).toBe(409);
  expect((await cancel(running)).status).toBe(202);
  expect(await ended(running)).toMatchObject({ status: "cancelled", accuracy: null, confusion: null });
  expect((await trial.ask(`/v1/datasets/${large.id}`, { method: "DELETE" })).status).toBe(204);
});

test("the collector leaves them alone, and they go with their model", async () => {
  const objects = async () => {
    const found: string[] = [];
    for await (const { key } of trial.storage.list("evaluations/")) found.push(key);
    return found;
  };
  const { body } = await trial.ask(`${evaluations}?limit=2`);
  expect([body.data.length, body.hasMore]).toEqual([2, true]);
  expect(await objects()).toHaveLength(4);
  const { storage, records } = trial;
  const garbage = await findGarbage({ storage, records, olderThanMs: 0, now: Date.now() + 1000 });
  expect(garbage.filter(({ key }) => key.startsWith("evaluations/"))).toEqual([]);
  expect((await trial.ask(`/v1/models/${model}`, { method: "DELETE" })).status).toBe(204);
  expect((await trial.ask(evaluations)).status).toBe(404);
  expect(await objects()).toEqual([]);
  expect(await trial.redisClient.keys("maps:evaluation*")).toEqual([]);
});
