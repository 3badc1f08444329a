/** Redis lost everything: what ended comes back from storage alone, and can be reproduced. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { rebuild } from "../../scripts/rebuild/rebuild.ts";
import { until } from "../support/stack.ts";
import { slowJob, startTrial } from "../support/trials.ts";
import type { Trial } from "../support/trials.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await startTrial({ workers: 1 });
});
afterAll(() => trial.stop());

test("jobs, models, curves, events, checkpoints and predictions are as before", async () => {
  const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 3, name: "kept", metadata: { a: "b" } }) });
  const ended = await trial.ended(body.id);
  // Another that goes on from its weights.
  const { body: second } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 1, initialModel: ended.model }) });
  await trial.ended(second.id);
  for (const { id } of [body, second])
    await until(() => trial.storage.exists(`jobs/${id}/manifest.json`), Boolean, "a job's manifest");
  const paths = [
    `/v1/jobs/${body.id}`,
    `/v1/jobs/${body.id}/events?limit=1000`,
    `/v1/jobs/${body.id}/metrics?series=step`,
    `/v1/jobs/${body.id}/checkpoints`,
    `/v1/models/${ended.model}`,
    `/v1/models/${ended.model}/predictions?limit=3`,
    `/v1/models/${ended.model}/evaluation`,
    "/v1/jobs",
    "/v1/models",
    "/v1/datasets/tiny",
  ];
  const look = () => Promise.all(paths.map(async (path) => (await trial.ask(path)).body));
  const before = await look();
  await Promise.all(trial.workers.map((worker) => worker.end()));
  await trial.redisClient.flushall();
  expect((await trial.ask(`/v1/jobs/${body.id}`)).status).toBe(404);
  const sources = { redis: trial.redisClient, records: trial.records, storage: trial.storage };
  expect(await rebuild(sources)).toEqual({ datasets: 3, models: 2, jobs: 2, problems: [] });
  expect(await rebuild(sources)).toEqual({ datasets: 0, models: 0, jobs: 0, problems: [] });
  const after = await look();
  expect(after).toEqual(before);
  expect((await trial.ask(`/v1/datasets/${ended.dataset.id}`, { method: "DELETE" })).body).toMatchObject({
    status: 409,
    code: "in-use",
  });
  trial.startWorker();
  const { body: again } = await trial.ask(`/v1/jobs/${second.id}/reproduce`, { method: "POST" });
  expect(await trial.ended(again.id)).toMatchObject({
    status: "succeeded",
    reproduction: { of: second.id, agrees: true },
  });
});
