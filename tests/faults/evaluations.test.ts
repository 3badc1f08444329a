/** A worker dies in the middle of an evaluation: another makes it, with the same answers. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../support/stack.ts";
import { putTinyDataset } from "../support/tiny-dataset.ts";
import { slowJob, startTrial, type Trial } from "../support/trials.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await startTrial({ workers: 1 });
});
afterAll(() => trial.stop());

test("kill -9, and a hand-over, in the middle", async () => {
  await putTinyDataset({ ...trial, counts: { train: 3, validation: 0, test: 400_000 }, alias: "large" });
  const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 1 }) });
  const { model } = await trial.ended(body.id);
  const evaluations = `/v1/models/${model}/evaluations`;
  const evaluation = async (id: string) => (await trial.ask(`${evaluations}/${id}`)).body;
  const evaluate = async () => (await trial.ask(evaluations, { body: { dataset: "large" } })).body.id as string;
  const disturbed: string[] = [];
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const id = await evaluate();
    disturbed.push(id);
    const [worker] = trial.workers.slice(-1);
    await until(
      () => evaluation(id),
      (each) => each.progress.samples > 0,
      "an evaluation under way",
    );
    await worker?.end(signal);
    expect(await evaluation(id)).toMatchObject({ status: signal === "SIGKILL" ? "running" : "queued" });
    trial.startWorker();
    await until(
      () => evaluation(id),
      (each) => each.terminal,
      `an evaluation after ${signal}`,
    );
  }
  const quiet = await evaluate();
  const files = [];
  for (const id of [...disturbed, quiet]) {
    await until(
      () => evaluation(id),
      (each) => each.terminal,
      "an evaluation",
    );
    expect(await evaluation(id)).toMatchObject({ status: "succeeded", samples: 400_000, error: null });
    files.push((await trial.records.evaluations.read(id))?.files?.predictions.file.replace(id, ""));
    const objects = [];
    for await (const { key } of trial.storage.list(`evaluations/${id}/`)) objects.push(key);
    expect(objects).toHaveLength(2);
  }
  expect(new Set(files).size).toBe(1);
});
