/** A dataset deleted with all that was made with it: whole, refused while something runs, ended by repeating it. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { newId } from "../../services/shared/ids.ts";
import { layout } from "../../services/shared/storage/index.ts";
import { datasetRecord, startTestApp, type TestApp } from "../support/app.ts";
import { makeJob, makeModel } from "../support/made-records.ts";

let trial: TestApp;
beforeAll(async () => {
  trial = await startTestApp();
});
afterAll(() => trial.stop());

const stored = async (): Promise<string[]> => {
  const found: string[] = [];
  for await (const { key } of trial.dependencies.storage.list("")) found.push(key);
  return found.sort();
};
const remove = (id: string, query = "?cascade=true") =>
  trial.app.inject({ method: "DELETE", url: `/v1/datasets/${id}${query}` });
const status = async (path: string) => (await trial.app.inject(path)).statusCode;

/** A dataset with two jobs that ended, two models, and an evaluation that has not; objects of each. */
async function make(alias: string) {
  const { records, storage } = trial.dependencies;
  const dataset = datasetRecord({ alias, name: alias });
  await records.datasets.create(dataset);
  const of = { name: alias, dataset: dataset.id };
  const [jobs, models] = [
    [await makeJob(records, of), await makeJob(records, of)],
    [await makeModel(records, of), await makeModel(records, of)],
  ];
  for (const job of jobs) await records.jobs.cancel(job);
  const elsewhere = datasetRecord({ alias: `${alias}-elsewhere` });
  await records.datasets.create(elsewhere);
  const evaluation = newId("evaluation");
  await records.evaluations.create(
    {
      id: evaluation,
      model: models[1],
      dataset: { id: elsewhere.id, revision: "a".repeat(64) },
      split: "test",
      progress: { fraction: 0, samples: 0, total: 9 },
      warnings: [],
    },
    3,
  );
  const prefixes = [
    layout.dataset(dataset.id),
    ...jobs.map(layout.job),
    ...models.map(layout.model),
    layout.evaluation(evaluation),
  ];
  for (const prefix of prefixes) await storage.put(`${prefix}some/file`, Buffer.from("x"), "held");
  return { dataset, elsewhere, jobs, models, evaluation };
}
type Made = Awaited<ReturnType<typeof make>>;

async function expectAllGone({ dataset, jobs, models, evaluation, elsewhere }: Made): Promise<void> {
  for (const path of [
    `/v1/datasets/${dataset.id}`,
    ...jobs.map((id) => `/v1/jobs/${id}`),
    ...models.map((id) => `/v1/models/${id}`),
    `/v1/models/${models[1]}/evaluations/${evaluation}`,
  ])
    expect([path, await status(path)]).toEqual([path, 404]);
  const ids = [dataset.id, ...jobs, ...models, evaluation];
  expect((await stored()).filter((key) => ids.some((id) => key.includes(id)))).toEqual([]);
  expect(await trial.dependencies.redis.keys(`*${dataset.id}*`)).toEqual([]);
  expect(await status(`/v1/datasets/${elsewhere.id}`)).toBe(200);
}

test("all goes, objects too, and nothing of another dataset", async () => {
  const [made, other] = [await make("one"), await make("two")];
  expect((await remove(made.dataset.id, "")).statusCode).toBe(409);
  expect((await remove("one")).statusCode).toBe(204);
  await expectAllGone(made);
  for (const id of other.models) expect(await status(`/v1/models/${id}`)).toBe(200);
  expect((await stored()).filter((key) => key.includes(other.jobs[0]))).toHaveLength(1);
});

test("nothing goes while a job or what uses a model has not ended; the answer lists these", async () => {
  const { records } = trial.dependencies;
  const made = await make("busy");
  const own = await makeJob(records, { name: "own", dataset: made.dataset.id });
  const user = await makeJob(records, {
    name: "user",
    dataset: made.elsewhere.id,
    initialModelId: made.models[0],
  });
  const refused = await remove("busy");
  expect([refused.statusCode, refused.json()]).toEqual([
    409,
    expect.objectContaining({
      code: "in-use",
      errors: [own, user].map((id) => ({ pointer: "", detail: `/v1/jobs/${id}` })),
    }),
  ]);
  for (const id of made.models) expect(await status(`/v1/models/${id}`)).toBe(200);
  expect((await stored()).filter((key) => made.models.some((id) => key.includes(id)))).toHaveLength(2);
  await records.jobs.cancel(own);
  await records.jobs.cancel(user);
  expect((await remove("busy")).statusCode).toBe(204);
  await expectAllGone({ ...made, jobs: [...made.jobs, own] });
  expect(await status(`/v1/jobs/${user}`)).toBe(200);
});

test.each([0, 1, 3, 4])("one that broke off after %d objects is ended by repeating it", async (after) => {
  const { storage } = trial.dependencies;
  const made = await make(`broken-${after}`);
  let left = after;
  const deleteAll = storage.deleteAll.bind(storage);
  const broken = vi.spyOn(storage, "deleteAll").mockImplementation(async (prefix) => {
    if (left === 0) throw new Error("the process ended here");
    left -= 1;
    return deleteAll(prefix);
  });
  expect((await remove(made.dataset.id)).statusCode).toBe(500);
  broken.mockRestore();
  expect(await status(`/v1/datasets/${made.dataset.id}`)).toBe(200);
  expect((await remove(made.dataset.id)).statusCode).toBe(204);
  await expectAllGone(made);
});

test("what a deletion noted and did not reach keeps its objects where it was used since", async () => {
  const { records } = trial.dependencies;
  const made = await make("noted");
  await records.datasets.noteLeaving(made.dataset.id, made.models);
  await makeJob(records, { name: "user", dataset: made.elsewhere.id, initialModelId: made.models[0] });
  expect((await remove("noted")).statusCode).toBe(409);
  expect((await stored()).filter((key) => key.includes(made.models[0]))).toHaveLength(1);
});
