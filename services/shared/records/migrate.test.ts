/** Records as the version before projects wrote them, brought to this one. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { datasetRecord } from "../../../tests/support/app.ts";
import { makeJob, makeModel } from "../../../tests/support/made-records.ts";
import { startConnectedRedis } from "../../../tests/support/redis.ts";
import type { Redis } from "../redis.ts";
import { createRecords, migrate } from "./index.ts";

let redis: Redis;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ redis, stop } = await startConnectedRedis());
});
afterAll(() => stop());

/** Takes away what version 1 did not have. */
async function asBefore(): Promise<void> {
  for (const kind of ["dataset", "model"])
    await redis.rename(`maps:project:prj_default:${kind}s:aliases`, `maps:${kind}s:aliases`);
  await redis.del(...(await redis.keys("maps:project*")));
  for (const key of await redis.keys("maps:*"))
    if ((await redis.type(key)) === "hash") await redis.hdel(key, "project");
}

test("everything belongs to the default project, under its aliases, and another one sees nothing of it", async () => {
  const all = createRecords(redis);
  const dataset = datasetRecord();
  await all.datasets.create(dataset);
  const model = await makeModel(all, { name: "m", dataset: dataset.id });
  await all.models.name("digits@production", model);
  const job = await makeJob(all, { name: "j", dataset: dataset.id, initialModelId: model });
  await asBefore();

  const mine = createRecords(redis, "prj_default");
  expect((await mine.jobs.list({ limit: 9, order: "asc" })).data).toEqual([]);
  await migrate(redis);
  const page = { limit: 9, order: "asc" } as const;
  expect((await mine.jobs.list(page)).data.map(({ id }) => id)).toEqual([job]);
  expect((await mine.jobs.list({ ...page, status: "queued" })).data.map(({ id }) => id)).toEqual([job]);
  expect((await mine.models.find("digits@production"))?.id).toBe(model);
  expect((await mine.datasets.find("strokes"))?.id).toBe(dataset.id);
  expect((await mine.datasets.list(page)).data.map(({ id }) => id)).toEqual([dataset.id]);
  const other = createRecords(redis, `prj_${"0".repeat(26)}`);
  expect([await other.jobs.read(job), await other.models.read(model), await other.datasets.find("strokes")]).toEqual([
    null,
    null,
    null,
  ]);
  // They live on as those that are made now.
  expect(await mine.jobs.cancel(job)).toEqual({ kind: "changed", status: "cancelled" });
  expect((await mine.jobs.list({ ...page, status: "queued" })).data).toEqual([]);
  expect(await mine.jobs.delete(job)).toBe("deleted");
  expect((await mine.jobs.list(page)).data).toEqual([]);
});

test("once is enough, and once more does no harm", async () => {
  const mine = createRecords(redis, "prj_default");
  const before = (await mine.models.list({ limit: 9, order: "asc" })).data;
  await migrate(redis);
  expect((await mine.models.list({ limit: 9, order: "asc" })).data).toEqual(before);
});
