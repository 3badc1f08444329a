/** Sweeps over HTTP: each kind of search on a tiny dataset, with a real worker. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultProject } from "../../schemas/access.ts";
import { keys } from "../../services/shared/redis-keys.ts";
import { until } from "../support/stack.ts";
import { endedSweep, sweepOf, trialsOf } from "../support/sweeps.ts";
import { putTinyDataset } from "../support/tiny-dataset.ts";
import { startTrial, type Trial } from "../support/trials.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await startTrial({ workers: 1 });
});
afterAll(() => trial.stop());

const post = (body: object, query = "") => trial.ask(`/v1/sweeps${query}`, { body });
const run = async (fields: Record<string, unknown>) => {
  const answer = await post(sweepOf(fields));
  expect([answer.status, answer.body.detail]).toEqual([202, undefined]);
  expect(answer.headers.get("location")).toBe(`/v1/sweeps/${answer.body.id}`);
  return endedSweep(trial, answer.body.id);
};

test("random: every trial is trained once, the best keeps its model, the others let theirs go", async () => {
  const sweep = await run({ search: { kind: "random", trials: 5 } });
  expect(sweep).toMatchObject({
    object: "sweep",
    status: "succeeded",
    terminal: true,
    stopReason: "trials",
    error: null,
    trials: { total: 5, queued: 0, running: 0, stopped: 0, succeeded: 5, failed: 0 },
  });
  const rows = await trialsOf(trial, sweep.id);
  expect(rows.map((row) => row.trial)).toEqual([0, 1, 2, 3, 4]);
  const best = rows.toSorted((one, other) => other.value! - one.value! || one.trial - other.trial)[0];
  expect(sweep.best).toMatchObject({
    trial: best.trial,
    value: best.value,
    job: best.job,
    parameters: best.parameters,
  });
  expect((await trial.ask(`/v1/models/${sweep.best.model}`)).body).toMatchObject({ job: best.job });
  const { data: jobs } = (await trial.ask(`/v1/jobs?sweep=${sweep.id}&order=asc`)).body;
  expect(jobs).toHaveLength(5);
  for (const job of jobs) {
    expect(job.sweep.id).toBe(sweep.id);
    expect(job.request.optimiser.learningRate).toBe(rows[job.sweep.trial].parameters["/optimiser/learningRate"]);
    expect(job.result.validation.accuracy).toBe(rows[job.sweep.trial].value);
    expect(job.model === null).toBe(job.id !== best.job);
  }
  expect((await trial.ask("/v1/models?limit=100")).body.data).toHaveLength(1);
});

test("halving: rungs, and a winner that trained as a job by itself would have", async () => {
  const sweep = await run({
    base: { epochs: 9 },
    search: { kind: "halving", trials: 9, reduction: 3, firstEpochs: 1 },
    parallel: 3,
  });
  expect(sweep.rungs).toMatchObject([
    { trials: 9, epochs: 1 },
    { trials: 3, epochs: 3 },
    { trials: 1, epochs: 9 },
  ]);
  expect(sweep.trials).toMatchObject({ total: 9, stopped: 8, succeeded: 1, failed: 0 });
  const rows = await trialsOf(trial, sweep.id);
  expect(rows.map(({ epochs }) => epochs).toSorted((one, other) => one - other)).toEqual([1, 1, 1, 1, 1, 1, 3, 3, 9]);
  const winner = (await trial.ask(`/v1/jobs/${sweep.best.job}`)).body;
  const alone = await trial.ask("/v1/jobs", { body: { ...winner.request, name: null, webhook: null } });
  const ended = await trial.ended(alone.body.id);
  expect(ended.receipt.weights).toBe(winner.receipt.weights);
  // Interrupted and gone on, never trained twice.
  const { data: epochs } = (await trial.ask(`/v1/jobs/${winner.id}/metrics?series=epoch`)).body;
  expect(epochs.map(({ epoch }: { epoch: number }) => epoch)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(winner.attempts.map(({ reason }: { reason: string }) => reason)).toEqual(["paused", "paused", "finished"]);
});

test("grid and asha end with the best of what they tried", async () => {
  const grid = await run({
    space: { "/optimiser/learningRate": { log: [0.0001, 0.01] }, "/batchSize": { choices: [10, 30] } },
    search: { kind: "grid", points: 3 },
    objective: { metric: "loss" },
  });
  expect(grid.trials).toMatchObject({ total: 6, succeeded: 6 });
  const values = (await trialsOf(trial, grid.id, "?sort=value&limit=2")).map(({ value }) => value!);
  expect(values).toEqual(values.toSorted((one, other) => one - other));
  expect(grid.best.value).toBe(values[0]);
  const { data: events } = (await trial.ask(`/v1/sweeps/${grid.id}/events?limit=1000`)).body;
  const told = events.filter(({ type }: { type: string }) => type === "trial");
  const changes = told.map(({ data }: { data: { trial: number; status: string } }) => `${data.trial} ${data.status}`);
  expect(changes).toHaveLength(new Set(changes).size);
  const asha = await run({
    base: { epochs: 4 },
    search: { kind: "asha", trials: 6, reduction: 2, firstEpochs: 1 },
  });
  expect(asha).toMatchObject({ status: "succeeded", best: { model: expect.stringMatching(/^mdl_/) } });
});

test('a space of "auto" within seconds ends in time, with a model and reasons', async () => {
  const sweep = await run({
    base: { epochs: 100_000 },
    space: "auto",
    search: undefined,
    stopWhen: { maxSeconds: 15 },
  });
  expect(sweep).toMatchObject({ status: "succeeded", stopReason: "maxSeconds" });
  expect(sweep.reasons.length).toBeGreaterThan(1);
  const job = (await trial.ask(`/v1/jobs/${sweep.best.job}`)).body;
  expect(job).toMatchObject({ status: "succeeded", result: { stopReason: "sweep" }, model: sweep.best.model });
  expect(job.result.validation.accuracy).toBe(sweep.best.value);
});

test("an accuracy that is enough ends a sweep, and trials that diverge are outcomes", async () => {
  const sweep = await run({
    base: {
      network: {
        layers: [
          { kind: "dense", units: 9, activation: "relu" },
          { kind: "dense", units: 3, activation: "linear" },
        ],
      },
      optimiser: { kind: "sgd", learningRate: 1, clipNorm: null },
    },
    space: { "/optimiser/learningRate": { choices: [1000, 0.01] } },
    search: { kind: "grid" },
  });
  expect(sweep.trials).toMatchObject({ succeeded: 1, failed: 1 });
  const [failed] = await trialsOf(trial, sweep.id, "?status=failed");
  expect(failed).toMatchObject({ value: null, status: "failed" });
  const enough = await run({ search: { kind: "random", trials: 400 }, stopWhen: { accuracy: 0.4 } });
  expect(enough).toMatchObject({ stopReason: "accuracy" });
  expect(enough.trials.stopped).toBeGreaterThan(350);
});

test("pause, resume and cancel", async () => {
  const { body } = await post(
    sweepOf({ base: { epochs: 100_000 }, search: { kind: "random", trials: 3 }, parallel: 3 }),
  );
  const at = `/v1/sweeps/${body.id}`;
  const is = (status: string) =>
    until(
      () => trial.ask(at),
      (answer) => answer.body.status === status,
      status,
    );
  const jobs = async () => (await trial.ask(`/v1/jobs?sweep=${body.id}`)).body.data as { id: string; status: string }[];
  await until(jobs, (found) => found.some(({ status }) => status === "running"), "a trial that runs");
  const [first] = await jobs();
  expect((await trial.ask(`/v1/jobs/${first.id}/pause`, { method: "POST" })).body.detail).toMatch(/ask the sweep/);
  expect((await trial.ask(at, { method: "DELETE" })).status).toBe(409);
  expect((await trial.ask(`${at}/pause`, { method: "POST" })).status).toBe(202);
  await is("paused");
  expect((await jobs()).map(({ status }) => status)).toEqual(["paused", "paused", "paused"]);
  const elapsed = (await trial.ask(at)).body.elapsedSeconds;
  expect((await trial.ask("/v1/datasets/tiny", { method: "DELETE" })).body).toMatchObject({
    code: "in-use",
    errors: expect.arrayContaining([{ pointer: "", detail: at }]),
  });
  expect((await trial.ask(at)).body.elapsedSeconds).toBe(elapsed);
  expect((await trial.ask(`${at}/resume`, { method: "POST" })).status).toBe(202);
  await until(jobs, (found) => found.some(({ status }) => status === "running"), "a trial that runs again");
  expect((await trial.ask(`${at}/cancel`, { method: "POST" })).status).toBe(202);
  await is("cancelled");
  expect((await jobs()).map(({ status }) => status)).toEqual(["cancelled", "cancelled", "cancelled"]);
  expect((await trial.ask(`${at}/resume`, { method: "POST" })).status).toBe(409);
  const { data: events } = (await trial.ask(`${at}/events?limit=1000`)).body;
  expect(
    events
      .filter(({ type }: { type: string }) => type === "status")
      .map(({ data }: { data: { status: string } }) => data.status),
  ).toEqual(["queued", "running", "pausing", "paused", "queued", "running", "cancelling", "cancelled"]);
  expect((await trial.ask(at, { method: "DELETE" })).status).toBe(204);
  expect(await jobs()).toEqual([]);
  expect((await trial.ask(at)).status).toBe(404);
  expect(await trial.redisClient.keys(`maps:*${body.id}*`)).toEqual([]);
});

test("trials wait while their project has no room for another job, and go on when it has", async () => {
  const allow = async (queuedJobs: number | null) =>
    expect(
      (await trial.ask(`/v1/projects/${defaultProject}`, { method: "PATCH", body: { limits: { queuedJobs } } })).status,
    ).toBe(200);
  await allow(0);
  const { body } = await post(sweepOf({ search: { kind: "random", trials: 5 } }));
  const warnings = async (): Promise<{ data: { detail: string } }[]> =>
    (await trial.ask(`/v1/sweeps/${body.id}/events?limit=1000`)).body.data.filter(
      ({ type }: { type: string }) => type === "warning",
    );
  const [{ data }] = await until(warnings, (found) => found.length > 0, "a warning that there is no room");
  expect(data.detail).toMatch(/trials wait for room: queuedJobs: the project may have 0 jobs waiting at once/);
  expect((await trial.ask(`/v1/sweeps/${body.id}`)).body).toMatchObject({ status: "running", trials: { queued: 5 } });
  await allow(null);
  expect(await endedSweep(trial, body.id)).toMatchObject({ status: "succeeded", trials: { succeeded: 5 } });
});

test("a dataset that disappears ends its sweep, and the trials that wait", async () => {
  const { storage, records, redisClient } = trial;
  const counts = { train: 90, validation: 30, test: 30 };
  const { id } = await putTinyDataset({ storage, records, counts, alias: "going" });
  const base = { dataset: "going", epochs: 100_000 };
  const { body } = await post(sweepOf({ base, search: { kind: "random", trials: 9 }, parallel: 2 }));
  const at = `/v1/sweeps/${body.id}`;
  const become = (status: string) =>
    until(
      () => trial.ask(at),
      (answer) => answer.body.status === status,
      status,
    );
  await become("running");
  expect((await trial.ask(`${at}/pause`, { method: "POST" })).status).toBe(202);
  await become("paused");
  // No request can do this: the sweep holds its dataset.
  await redisClient.del(keys.resource("dataset", id));
  expect((await trial.ask(`${at}/resume`, { method: "POST" })).status).toBe(202);
  await become("failed");
  const { data: jobs } = (await trial.ask(`/v1/jobs?sweep=${body.id}`)).body;
  for (const { id: job } of jobs)
    await until(
      () => trial.ask(`/v1/jobs/${job}`),
      (answer) => answer.body.terminal === true,
      `the end of ${job}`,
    );
  expect((await trial.ask(at)).body.error).toMatchObject({
    code: "dataset-missing",
    detail: expect.stringContaining(id),
  });
});

test("ten thousand trials fit, and are read page by page", async () => {
  const { status, body } = await post(
    sweepOf({ base: { epochs: 100_000 }, search: { kind: "random", trials: 10_000 } }),
  );
  expect([status, body.trials.total]).toEqual([202, 10_000]);
  for (const sort of ["trial", "value"]) {
    const seen: number[] = [];
    let after = "";
    do {
      const { data, hasMore, nextAfter } = (
        await trial.ask(`/v1/sweeps/${body.id}/trials?sort=${sort}&limit=1000${after === "" ? "" : `&after=${after}`}`)
      ).body;
      expect(data).toHaveLength(1000);
      expect(hasMore).toBe(nextAfter !== null);
      seen.push(...data.map((row: { trial: number }) => row.trial));
      after = nextAfter ?? "";
    } while (after !== "");
    expect(seen.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 10_000 }, (_, at) => at));
  }
  expect((await trial.ask(`/v1/sweeps/${body.id}/cancel`, { method: "POST" })).status).toBe(202);
  expect(await endedSweep(trial, body.id)).toMatchObject({ status: "cancelled", trials: { total: 10_000, queued: 0 } });
});

test("what cannot be is told at once, with pointers, and nothing is queued", async () => {
  const refused = async (fields: Record<string, unknown>, pointers: string[], detail: RegExp, status?: number) => {
    const { status: found, body } = await post(sweepOf(fields));
    expect(body).toMatchObject({ errors: pointers.map((pointer) => ({ pointer })) });
    expect(body.detail).toMatch(detail);
    expect(status === undefined ? found >= 400 && found < 500 : found === status).toBe(true);
  };
  const rate = { "/optimiser/learningRate": { log: [0.001, 0.1] } };
  const before = (await trial.ask("/v1/jobs?limit=1000")).body.data.length;
  await refused({ space: { "/optimizer/rate": { log: [1, 2] } } }, ["/space/~1optimizer~1rate"], /names nothing/);
  await refused({ space: { "/batchSize": { choices: [] } } }, ["/space/~1batchSize/choices"], /empty choice/);
  await refused(
    { space: { "/optimiser/learningRate": { log: [0, 1] } } },
    ["/space/~1optimiser~1learningRate/log/0"],
    /greater than 0/,
  );
  await refused({ search: { kind: "random", trials: 1e9 } }, ["/search/trials"], /at most 10000/);
  await refused(
    { space: { "/batchSize": { integers: [-9, -1] } } },
    ["/space/~1batchSize"],
    /at \/batchSize, as in trial 0, a job is refused at \/batchSize/,
  );
  await refused({ base: { epochs: 0 } }, ["/base/epochs"], /epochs/);
  await refused(
    { base: { loss: "cross-entropy", network: { layers: [{ kind: "dense", units: 3 }] } }, space: rate },
    ["/base/loss"],
    /softmax/,
  );
  const { storage, records } = trial;
  await putTinyDataset({ storage, records, counts: { train: 90, validation: 0, test: 30 }, alias: "unjudged" });
  await refused({ base: { dataset: "unjudged" } }, ["/objective/split"], /no validation samples/);
  // Each draw can be read; only the completed request contradicts itself, or does not fit samples of 7 × 5.
  await refused(
    {
      base: { network: { layers: [{ kind: "dense", units: 3 }] } },
      space: { "/loss": { choices: ["cross-entropy"] } },
    },
    ["/space/~1loss"],
    /with "cross-entropy" at \/loss, as in trial 0, a job is refused at \/loss: .*softmax/,
  );
  await refused(
    { space: { "/network/layers/0/size": { choices: [3, 6] } }, search: { kind: "grid" } },
    ["/space/~1network~1layers~10~1size"],
    /with 6 at \/network\/layers\/0\/size, as in trial 1, a job is refused/,
  );
  await refused({ base: { dataset: "nowhere" } }, ["/base/dataset"], /there is no dataset nowhere/, 404);
  await refused({ space: { ...rate, "/dataset": { choices: ["tiny"] } } }, ["/space/~1dataset"], /cannot be compared/);
  await refused({ surprise: 1 }, ["/surprise"], /unknown field 'surprise'/, 400);
  expect((await trial.ask("/v1/sweeps?limit=1000&status=queued")).body.data).toEqual([]);
  expect((await trial.ask("/v1/jobs?limit=1000")).body.data).toHaveLength(before);
  expect(
    (await post(sweepOf({ base: { dataset: "tiny" }, objective: { split: "test" } }), "?dryRun=true")).body.warnings,
  ).toEqual([expect.stringMatching(/chosen on the test split/)]);
});
