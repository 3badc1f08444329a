/** Lists by what their entries have: whole over pages, bounded in one request, and unknown fields refused by name. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultProject } from "../../schemas/access.ts";
import { newId } from "../../services/shared/ids.ts";
import { keys } from "../../services/shared/redis-keys.ts";
import { datasetRecord, startTestApp, type TestApp } from "../support/app.ts";
import { makeJob, makeModel } from "../support/made-records.ts";

let trial: TestApp;
const [strokes, others] = [datasetRecord(), datasetRecord({ alias: "others", name: "others" })];
/** In order of creation. */
const jobs: string[] = [];
const models: string[] = [];

const listed = async (path: string): Promise<{ ids: string[]; hasMore: boolean; nextAfter: string | null }> => {
  const answer = await trial.app.inject(path);
  const { data, ...rest } = answer.json<{ data: { id: string }[]; hasMore: boolean; nextAfter: string | null }>();
  expect([path, answer.statusCode]).toEqual([path, 200]);
  return { ids: data.map(({ id }) => id), ...rest };
};
const ids = async (path: string): Promise<string[]> => (await listed(path)).ids;

/** Every third job and model is of team vision, every second of the dataset `others`. */
async function make(at: number): Promise<void> {
  const { records } = trial.dependencies;
  const dataset = at % 2 === 0 ? others.id : strokes.id;
  const metadata: Record<string, string> = at % 3 === 0 ? { team: "vision", "a.b": String(at) } : { team: "speech" };
  const name = at < 4 ? "early" : `run ${at}`;
  jobs.push(await makeJob(records, { name, dataset, metadata }));
  models.push(await makeModel(records, { name, dataset, metadata }));
}

beforeAll(async () => {
  trial = await startTestApp();
  for (const each of [strokes, others]) await trial.dependencies.records.datasets.create(each);
  for (let at = 0; at < 13; at++) await make(at);
});
afterAll(() => trial.stop());

const every = (all: readonly string[], holds: (at: number) => boolean): string[] =>
  all.filter((_, at) => holds(at)).toReversed();

test.each([
  ["jobs", jobs],
  ["models", models],
])("%s by metadata, name and dataset", async (kind, all) => {
  const path = `/v1/${kind}`;
  expect(await ids(path)).toEqual(every(all, () => true));
  expect(await ids(`${path}?metadata.team=vision`)).toEqual(every(all, (at) => at % 3 === 0));
  expect(await ids(`${path}?metadata.team=vision&metadata.a.b=9`)).toEqual([all[9]]);
  expect(await ids(`${path}?metadata.a.b=`)).toEqual([]);
  expect(await ids(`${path}?metadata.__proto__=x`)).toEqual([]);
  expect(await ids(`${path}?name=early`)).toEqual(every(all, (at) => at < 4));
  expect(await ids(`${path}?name=earl`)).toEqual([]);
  expect(await ids(`${path}?dataset=others`)).toEqual(every(all, (at) => at % 2 === 0));
  expect(await ids(`${path}?dataset=${strokes.id}&metadata.team=vision&order=asc`)).toEqual([all[3], all[9]]);
  expect(await ids(`${path}?view=full&name=run%207`)).toEqual([all[7]]);
  expect((await trial.app.inject(`${path}?dataset=nowhere`)).statusCode).toBe(404);
});

test.each([
  ["jobs", jobs],
  ["models", models],
])("the pages of filtered %s hold each entry once", async (kind, all) => {
  const found: string[] = [];
  let after = "";
  for (let page = 0; page < 9; page++) {
    const { ids: some, hasMore, nextAfter } = await listed(`/v1/${kind}?metadata.team=vision&limit=2${after}`);
    found.push(...some);
    expect(hasMore).toBe(nextAfter !== null);
    if (!hasMore) break;
    after = `&after=${nextAfter}`;
  }
  expect(found).toEqual(every(all, (at) => at % 3 === 0));
});

test("a status and a dataset together", async () => {
  await trial.dependencies.records.jobs.cancel(jobs[5]);
  await trial.dependencies.records.jobs.cancel(jobs[6]);
  expect(await ids("/v1/jobs?status=cancelled")).toEqual([jobs[6], jobs[5]]);
  expect(await ids("/v1/jobs?status=cancelled&dataset=strokes")).toEqual([jobs[5]]);
  expect(await ids("/v1/jobs?status=cancelled&metadata.team=vision")).toEqual([jobs[6]]);
});

test("datasets by name, evaluations by dataset", async () => {
  expect(await ids("/v1/datasets?name=others")).toEqual([others.id]);
  const evaluation = newId("evaluation");
  await trial.dependencies.records.evaluations.create(
    {
      id: evaluation,
      model: models[1],
      dataset: { id: others.id, revision: "a".repeat(64) },
      split: "test",
      progress: { fraction: 0, samples: 0, total: 9 },
      warnings: [],
    },
    3,
  );
  expect(await ids(`/v1/models/${models[1]}/evaluations?dataset=others`)).toEqual([evaluation]);
  expect(await ids(`/v1/models/${models[1]}/evaluations?dataset=strokes`)).toEqual([]);
});

test("one request looks at so many and no more, and the next goes on", async () => {
  const { redis } = trial.dependencies;
  const write = redis.pipeline();
  const filler = Array.from({ length: 2100 }, () => newId("dataset"));
  for (const id of filler) {
    write.hset(`maps:dataset:${id}`, "id", JSON.stringify(id), "name", '"filler"', "status", '"ready"');
    write.zadd(keys.projectResources(defaultProject, "dataset"), 0, id);
  }
  await write.exec();
  const first = await listed("/v1/datasets?name=others&limit=3");
  expect(first).toEqual({ ids: [], hasMore: true, nextAfter: expect.stringMatching(/^ds_/) as string });
  expect(await listed(`/v1/datasets?name=others&limit=3&after=${first.nextAfter}`)).toEqual({
    ids: [others.id],
    hasMore: false,
    nextAfter: null,
  });
});

test.each([
  ["/v1/jobs?team=vision", "/query/team", "status, name, dataset, sweep, view, metadata.*"],
  ["/v1/models?metadata=vision", "/query/metadata", "name, dataset, view, metadata.*"],
  ["/v1/jobs?metadata.=x", "/query/metadata.", "metadata.*"],
  ["/v1/jobs?constructor=x", "/query/constructor", "metadata.*"],
  ["/v1/datasets?metadata.team=vision", "/query/metadata.team", "limit, after, order, name"],
  ["/v1/models?status=ready", "/query/status", "metadata.*"],
  ["/v1/jobs?metadata.a=1&metadata.a=2", "/query/metadata.a", "one text"],
])("%s is refused by name", async (path, pointer, detail) => {
  const answer = await trial.app.inject(path);
  expect([answer.statusCode, answer.json<{ errors: unknown }>().errors]).toEqual([
    400,
    [{ pointer, detail: expect.stringContaining(detail) as string }],
  ]);
});
