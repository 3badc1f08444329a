/** A dataset is a whole request: network and settings are chosen, said why, and can be repeated. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { putTinyDataset } from "../support/tiny-dataset.ts";
import { startTrial, type Trial } from "../support/trials.ts";

let trial: Trial;

beforeAll(async () => {
  trial = await startTrial({ workers: 0 });
  await putTinyDataset({ ...trial, counts: { train: 40, validation: 0, test: 30 }, alias: "few" });
});
afterAll(() => trial.stop());

/** Rows of 7×5 values; one in forty is of the rare class, and bright where the others are dark. */
function lopsided(): string {
  const rows = Array.from({ length: 240 }, (_, row) => {
    const rare = row % 40 === 7;
    const values = Array.from(
      { length: 35 },
      (_value, at) => ((row * 31 + at * 17) % 90) + (rare === at < 15 ? 150 : 0),
    );
    return [rare ? "rare" : "common", ...values].join(",");
  });
  return rows.join("\n");
}

async function dryRun(body: Record<string, unknown>) {
  const answer = await trial.ask("/v1/jobs?dryRun=true", { body });
  expect([answer.status, answer.body.errors]).toEqual([200, undefined]);
  return answer.body;
}

describe("a job that waits for its dataset", () => {
  test("chooses when it is there: lopsided classes are drawn equally often, on any threads and again", async () => {
    const form = new FormData();
    form.set("file", new Blob([lopsided()], { type: "text/csv" }), "lopsided.csv");
    form.set("size", JSON.stringify({ height: 7, width: 5 }));
    form.set("alias", "lopsided");
    const uploaded = await trial.ask("/v1/datasets", { body: form });
    expect(uploaded.body).toMatchObject({ terminal: false });
    const asked = { dataset: "lopsided", epochs: 5, metadata: { of: "mine" }, threads: 2 };
    const { status, body: waiting } = await trial.ask("/v1/jobs", { body: asked });
    expect([status, waiting.errors]).toEqual([202, undefined]);
    expect(waiting).toMatchObject({ dataset: { revision: null }, request: { epochs: 5, metadata: { of: "mine" } } });
    expect(waiting.reasons).toEqual([
      expect.stringMatching(/^The dataset is still being made: .*chosen when it is ready/),
    ]);

    trial.startWorker();
    const job = await trial.ended(waiting.id);
    expect(job).toMatchObject({
      status: "succeeded",
      request: { sampling: "balanced", epochs: 5, validation: { fraction: 0.2 }, metadata: { of: "mine" } },
      result: { train: { samples: 192 }, validation: { samples: 48 } },
    });
    expect(job.reasons.join("\n")).toMatch(/drawn equally often: 'common' has 234 training samples, 'rare' 6/);
    expect(job.warnings.join("\n")).toMatch(/class 'rare' has 6 training samples.*more samples of the rare one/);
    const { body: evaluation } = await trial.ask(`/v1/models/${job.model}/evaluation?split=train`);
    const recalls = evaluation.classes.map(({ recall }: { recall: number }) => recall);
    expect(recalls).toHaveLength(2);
    expect((recalls[0] + recalls[1]) / 2).toBeGreaterThan(0.9);

    const again = await trial.ask("/v1/jobs", { body: { ...job.request, threads: 1 } });
    const natural = await trial.ask("/v1/jobs", { body: { ...job.request, sampling: "natural" } });
    const reproduced = await trial.ask(`/v1/jobs/${job.id}/reproduce`, { method: "POST" });
    expect((await trial.ended(again.body.id)).receipt.weights).toBe(job.receipt.weights);
    const other = (await trial.ended(natural.body.id)).receipt;
    expect([other.weights === job.receipt.weights, other.request === job.receipt.request]).toEqual([false, false]);
    expect((await trial.ended(reproduced.body.id)).reproduction).toMatchObject({ agrees: true });
  });
});

describe("a dataset alone", () => {
  test("is a whole request: dry run and job agree, and what was chosen can be sent as it is", async () => {
    const estimate = await dryRun({ dataset: "few" });
    expect(estimate.request).toMatchObject({ normalisation: "standardise", stopWhen: { maxSeconds: null } });
    expect(estimate.reasons.length).toBeGreaterThan(7);
    expect(estimate.reasons[0]).toMatch(/^The network has/);
    expect(estimate.warnings.join("\n")).toMatch(/training samples a class are few/);
    expect((await dryRun(estimate.request)).request).toEqual(estimate.request);

    const { body } = await trial.ask("/v1/jobs", { body: { dataset: "few" } });
    const job = await trial.ended(body.id);
    expect(job).toMatchObject({ status: "succeeded", result: { test: { samples: 30 } } });
    expect(job.reasons).toEqual(estimate.reasons);
    expect(job.warnings).toEqual(estimate.warnings);
    expect(job.request).toEqual(estimate.request);
  });

  test("is chosen for as anything else is: what is given wins, what is wrong is told", async () => {
    const { request, reasons } = await dryRun({
      dataset: "few",
      network: "auto",
      batchSize: 6,
      stopWhen: { maxSeconds: 9 },
    });
    expect(request).toMatchObject({ batchSize: 6, stopWhen: { maxSeconds: 9 } });
    expect(reasons.join("\n")).not.toMatch(/A batch is/);
    const missing = await trial.ask("/v1/jobs", { body: { dataset: "nowhere" } });
    expect([missing.status, missing.body.errors[0].pointer]).toEqual([404, "/dataset"]);
    const wrong = await trial.ask("/v1/jobs", { body: { dataset: "few", epochs: 0 } });
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([400, "/epochs"]);
    const unknown = await trial.ask("/v1/jobs", { body: { dataset: "few", network: "automatic" } });
    expect([unknown.status, unknown.body.errors[0].pointer]).toEqual([400, "/network"]);
  });

  test("starts from a model with the model's own network", async () => {
    const network = {
      layers: [
        { kind: "dense", units: 4, activation: "relu" },
        { kind: "dense", units: 3, activation: "softmax" },
      ],
    };
    const first = await trial.ended(
      (await trial.ask("/v1/jobs", { body: { dataset: "few", network, epochs: 1 } })).body.id,
    );
    const { request, reasons } = await dryRun({ dataset: "few", initialModel: first.model });
    expect(request.network).toEqual(first.request.network);
    expect(reasons[0]).toMatch(/that of the initial model/);
  });

  test("is a whole base of a sweep: every trial varies the network that was chosen", async () => {
    const { request } = await dryRun({ dataset: "few" });
    const space = { "/optimiser/learningRate": { choices: [0.05, 0.2] } };
    for (const of of [
      { space, search: { kind: "grid" } },
      { space: "auto", stopWhen: { maxSeconds: 60 } },
    ]) {
      const sweep = { base: { dataset: "few" }, ...of };
      const { status, body } = await trial.ask("/v1/sweeps?dryRun=true", { body: sweep });
      expect([status, body.errors]).toEqual([200, undefined]);
      const kinds = (layers: { kind: string }[]): string[] => layers.map(({ kind }) => kind);
      expect(kinds(body.requests[0].request.network.layers)).toEqual(kinds(request.network.layers));
      expect(body.reasons[0]).toMatch(/^The network has/);
    }
  });

  test("teaches the rates: what workers did a second is known to the next choice", async () => {
    expect((await trial.records.speeds.readAll()).size).toBeGreaterThan(0);
  });
});
