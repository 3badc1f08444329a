/** Redis lost everything: what ended comes back from storage alone, and can be reproduced. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { rebuild } from "../../scripts/rebuild/rebuild.ts";
import { layout } from "../../services/shared/storage/index.ts";
import { until } from "../support/stack.ts";
import { endedSweep, sweepOf } from "../support/sweeps.ts";
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
  const asked = `/v1/models/${ended.model}/evaluations`;
  const { body: evaluation } = await trial.ask(asked, { body: { dataset: "tiny", split: "validation" } });
  await until(
    () => trial.ask(`${asked}/${evaluation.id}`),
    (answer) => answer.body.status === "succeeded",
    "an evaluation",
  );
  const { body: begun } = await trial.ask("/v1/sweeps", {
    body: sweepOf({ base: { epochs: 4 }, search: { kind: "halving", trials: 4, reduction: 2, firstEpochs: 1 } }),
  });
  const sweep = await endedSweep(trial, begun.id);
  const { data: trialJobs } = (await trial.ask(`/v1/jobs?sweep=${sweep.id}`)).body;
  expect(trialJobs).toHaveLength(4);
  const manifests = [
    ...[body, second, ...trialJobs].map(({ id }: { id: string }) => layout.jobManifest(id)),
    layout.sweepManifest(sweep.id),
  ];
  for (const manifest of manifests) await until(() => trial.storage.exists(manifest), Boolean, manifest);
  const paths = [
    `/v1/jobs/${body.id}`,
    `/v1/jobs/${body.id}/events?limit=1000`,
    `/v1/jobs/${body.id}/metrics?series=step`,
    `/v1/jobs/${body.id}/checkpoints`,
    `/v1/models/${ended.model}`,
    `/v1/models/${ended.model}/predictions?limit=3`,
    `/v1/models/${ended.model}/evaluation`,
    asked,
    `${asked}/${evaluation.id}`,
    `${asked}/${evaluation.id}/predictions?limit=2`,
    "/v1/jobs",
    "/v1/models",
    "/v1/sweeps",
    `/v1/sweeps/${sweep.id}`,
    `/v1/sweeps/${sweep.id}/trials?sort=value`,
    `/v1/sweeps/${sweep.id}/events?limit=1000`,
    `/v1/jobs?sweep=${sweep.id}`,
    "/v1/datasets/tiny",
  ];
  const look = () => Promise.all(paths.map(async (path) => (await trial.ask(path)).body));
  const before = await look();
  await Promise.all(trial.workers.map((worker) => worker.end()));
  await trial.redisClient.flushall();
  // Nobody said that the job is gone: a copy of it is used for a while.
  await until(
    () => trial.ask(`/v1/jobs/${body.id}`),
    ({ status }) => status === 404,
    "an api without copies",
  );
  const sources = { redis: trial.redisClient, records: trial.records, storage: trial.storage };
  const { datasets, ...others } = await rebuild(sources);
  expect(others).toEqual({ projects: 0, keys: 0, models: 3, evaluations: 1, jobs: 6, sweeps: 1, problems: [] });
  // The built-in ones are announced by the api itself, which may have been first.
  expect(datasets).toBeGreaterThanOrEqual(1);
  const nothing = { projects: 0, keys: 0, datasets: 0, models: 0, evaluations: 0, jobs: 0, sweeps: 0, problems: [] };
  expect(await rebuild(sources)).toEqual(nothing);
  const after = await look();
  expect(after).toEqual(before);
  expect((await trial.ask(`/v1/datasets/${ended.dataset.id}`, { method: "DELETE" })).body).toMatchObject({
    status: 409,
    code: "in-use",
  });
  trial.startWorker();
  expect((await trial.ask(`/v1/sweeps/${sweep.id}`, { method: "DELETE" })).status).toBe(204);
  expect(await trial.storage.exists(layout.sweepManifest(sweep.id))).toBe(false);
  const { body: again } = await trial.ask(`/v1/jobs/${second.id}/reproduce`, { method: "POST" });
  expect(await trial.ended(again.id)).toMatchObject({
    status: "succeeded",
    reproduction: { of: second.id, agrees: true },
  });
});
