/** What was inside, epoch by epoch: through a death, in the order of the epochs, and back from storage alone. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { rebuild } from "../../scripts/rebuild/rebuild.ts";
import { until } from "../support/stack.ts";
import { slowJob, startTrial, type Trial } from "../support/trials.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await startTrial({ workers: 1 });
});
afterAll(() => trial.stop());

const epochs = 60;
const network = {
  layers: [
    { kind: "convolution", maps: 8, size: 3, padding: 1, activation: "tanh" },
    { kind: "subsampling", factor: 2 },
    { kind: "convolution", maps: 6, size: 1, activation: "tanh", inputs: { learned: { filters: "per-input" } } },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
};

test("a worker dies: every epoch is there once, as in a quiet run", async () => {
  const inside = async (id: string) => (await trial.ask(`/v1/jobs/${id}/inside?limit=1000`)).body.data;
  const start = async () => (await trial.ask("/v1/jobs", { body: slowJob({ network, epochs }) })).body.id as string;
  const disturbed = await start();
  await until(
    () => inside(disturbed),
    (rows) => rows.length > 8,
    "some epochs",
  );
  await trial.workers[0]?.end("SIGKILL");
  trial.startWorker();
  expect(await trial.ended(disturbed)).toMatchObject({ status: "succeeded" });
  const rows = await inside(disturbed);
  expect(rows.map(({ epoch, layer }: Record<string, number>) => [epoch, layer])).toEqual(
    Array.from({ length: epochs }, (_, at) => [1, 2].map((layer) => [at + 1, layer])).flat(),
  );
  expect([rows[1].alpha.length, rows[1].alpha[0].length, rows[1].effectiveInputs.length]).toEqual([6, 8, 6]);
  const quiet = await start();
  await trial.ended(quiet);
  expect(await inside(quiet)).toEqual(rows);
  await until(() => trial.storage.exists(`jobs/${quiet}/manifest.json`), Boolean, "a manifest");
  await until(() => trial.storage.exists(`jobs/${disturbed}/manifest.json`), Boolean, "a manifest");
  await Promise.all(trial.workers.map((worker) => worker.end()));
  await trial.redisClient.flushall();
  await rebuild({ redis: trial.redisClient, records: trial.records, storage: trial.storage });
  expect(await inside(disturbed)).toEqual(rows);
  expect((await trial.ask(`/v1/jobs/${disturbed}`, { method: "DELETE" })).status).toBe(204);
  expect(await trial.redisClient.keys(`maps:job:${disturbed}*`)).toEqual([]);
});
