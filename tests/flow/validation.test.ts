/** What a job's figures of validation come from, and what they decide. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { putTinyDataset } from "../support/tiny-dataset.ts";
import { slowJob, startTrial, type Trial } from "../support/trials.ts";

let trial: Trial;
const train = 203;

beforeAll(async () => {
  trial = await startTrial({ workers: 1 });
  await putTinyDataset({ ...trial, counts: { train, validation: 0, test: 61 }, alias: "unvalidated" });
  await putTinyDataset({ ...trial, counts: { train: 60, validation: 0, test: 0 }, alias: "bare" });
  await putTinyDataset({ ...trial, counts: { train: 2, validation: 0, test: 61 }, alias: "singles" });
});
afterAll(() => trial.stop());

/** A network that wavers: its best epoch is hardly ever the last. */
const wavering = (fields: Record<string, unknown>) =>
  slowJob({ dataset: "unvalidated", epochs: 9, optimiser: { kind: "adam", learningRate: 0.02 }, ...fields });
const keepsAll = { checkpoints: { keepLast: 9 } };

async function trained(fields: Record<string, unknown>) {
  const answer = await trial.ask("/v1/jobs", { body: wavering(fields) });
  expect([answer.status, answer.body.errors]).toEqual([202, undefined]);
  return trial.ended(answer.body.id);
}

async function seen(id: string) {
  const [rows, checkpoints, events] = await Promise.all(
    ["metrics", "checkpoints", "events?limit=1000"].map(
      async (what) => (await trial.ask(`/v1/jobs/${id}/${what}`)).body,
    ),
  );
  return { rows: rows.data, checkpoints: checkpoints.data, events: events.data };
}

describe("without a validation split", () => {
  test("the test split is shown and decides nothing", async () => {
    const job = await trained(keepsAll);
    expect(job).toMatchObject({
      request: { validation: null },
      warnings: [],
      progress: { validation: { split: "test" }, best: null, epochsSinceBest: null },
      result: { validation: null, test: { samples: 61 } },
    });
    const { rows, checkpoints, events } = await seen(job.id);
    expect(rows.map((row: { split: string }) => row.split)).toEqual(new Array(9).fill("test"));
    for (const each of checkpoints) expect(each).toMatchObject({ validation: { split: "test" }, best: false });
    for (const { type, data } of events) {
      if (type === "epoch") expect(data.split).toBe("test");
      if (type === "checkpoint") expect(data).toMatchObject({ validation: { split: "test" }, best: false });
      if (type === "progress") expect(data.best).toBeNull();
    }
    expect((await trial.ask(`/v1/models/${job.model}`)).body.checkpoint).toEqual({ epoch: 9, step: 9 * 41 });
  });

  test.each([
    ["patience", { patience: 2 }, "unvalidated", /"fraction":0\.1\}, or let the test split decide/],
    ["validationAccuracy", { validationAccuracy: 0.9 }, "unvalidated", /"validation":\{"split":"test"\}/],
    ["patience", { patience: 2 }, "bare", /"validation":\{"fraction":0\.1\}$/],
  ])("%s is refused with the remedy (%j on %s)", async (field, stopWhen, dataset, remedy) => {
    for (const query of ["", "?dryRun=true"]) {
      const { status, body } = await trial.ask(`/v1/jobs${query}`, { body: wavering({ stopWhen, dataset }) });
      expect([status, body.code]).toEqual([422, "validation-does-not-fit"]);
      expect(body.errors).toEqual([{ pointer: `/stopWhen/${field}`, detail: expect.stringMatching(remedy) as string }]);
    }
  });

  test.each([
    [{ fraction: 0.1 }, "tiny", "/validation/fraction", /has a validation split of 120 samples/],
    [{ fraction: 0.1 }, "singles", "/validation/fraction", /no class has two training samples/],
    [{ split: "test" }, "bare", "/validation/split", /has no test split.*"fraction":0\.1/],
  ])("%j on %s is refused", async (validation, dataset, pointer, detail) => {
    const { status, body } = await trial.ask("/v1/jobs", { body: wavering({ validation, dataset }) });
    expect([status, body.errors]).toEqual([422, [{ pointer, detail: expect.stringMatching(detail) as string }]]);
  });
});

test('with {"split":"test"} the test split decides, and the job says so', async () => {
  const job = await trained({ ...keepsAll, validation: { split: "test" } });
  expect(job.warnings).toEqual([expect.stringMatching(/go by the test split/)]);
  const { best } = job.progress;
  const { checkpoints } = await seen(job.id);
  expect(checkpoints.filter((each: { best: boolean }) => each.best)).toMatchObject([{ epoch: best.epoch }]);
  expect((await trial.ask(`/v1/models/${job.model}`)).body.checkpoint.epoch).toBe(best.epoch);
});

describe("a part held out", () => {
  const asked = { ...keepsAll, validation: { fraction: 0.2 } };

  test("is the validation split of the job: figures, best epoch, model", async () => {
    const job = await trained({ ...asked, threads: 2 });
    const { train: trainedOn, validation } = job.result;
    expect(trainedOn.samples + validation.samples).toBe(train);
    expect(Math.abs(validation.samples - 0.2 * train)).toBeLessThan(2);
    expect(job.progress).toMatchObject({
      validation: { split: "validation" },
      best: { accuracy: validation.accuracy },
    });
    const { rows, checkpoints } = await seen(job.id);
    expect(rows.map((row: { split: string }) => row.split)).toEqual(new Array(9).fill("validation"));
    const model = (await trial.ask(`/v1/models/${job.model}`)).body;
    expect(checkpoints.filter((each: { best: boolean }) => each.best)).toMatchObject([
      { epoch: model.checkpoint.epoch, validation: { split: "validation" } },
    ]);
    expect(job.progress.best.epoch).toBe(model.checkpoint.epoch);
    const single = await trained({ ...asked, threads: 1 });
    expect(single.receipt.weights).toBe(job.receipt.weights);
    expect((await trained({ ...keepsAll, threads: 1 })).receipt.request).not.toBe(single.receipt.request);
    const again = (await trial.ask(`/v1/jobs/${job.id}/reproduce`, { method: "POST" })).body;
    expect((await trial.ended(again.id)).reproduction).toMatchObject({ agrees: true });
  });

  test("leaves the model's predictions those of the dataset's own splits, in its order", async () => {
    const job = await trained(asked);
    const of = async (split: string) =>
      (await trial.ask(`/v1/models/${job.model}/predictions?split=${split}&limit=1000`)).body.data;
    const { body: evaluation } = await trial.ask("/v1/models/" + job.model + "/evaluations", {
      body: { dataset: "unvalidated", split: "train" },
    });
    await trial.ended(job.id);
    for (let asking = true; asking;)
      asking = !(await trial.ask(`/v1/models/${job.model}/evaluations/${evaluation.id}`)).body.terminal;
    const whole = await trial.ask(
      `/v1/models/${job.model}/evaluations/${evaluation.id}/predictions?only=all&limit=1000`,
    );
    expect(await of("train")).toEqual(whole.body.data);
    expect(await of("train")).toHaveLength(train);
    const heldOut = await trial.ask(`/v1/models/${job.model}/predictions?split=validation`);
    expect([heldOut.status, heldOut.body.detail]).toEqual([
      404,
      expect.stringMatching(/held that part out .*split=train; GET .*evaluation\?split=validation/),
    ]);
  });

  test("works with patience", async () => {
    const job = await trained({ ...asked, epochs: 500, stopWhen: { patience: 2 } });
    expect(job.result).toMatchObject({ stopReason: "patience", epochs: job.progress.best.epoch + 2 });
  });
});
