/** Sweeps on a dataset that is still being made: accepted, checked as far as can be, and looked at whole when it is ready. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sweep } from "../../schemas/sweep.ts";
import { keys } from "../../services/shared/redis-keys.ts";
import type { Answer, Service } from "../support/stack.ts";
import { endedSweep, sweepOf, trialsOf, uploadTable } from "../support/sweeps.ts";
import { startTrial, type Trial } from "../support/trials.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await startTrial({ workers: 0 });
});
afterAll(() => trial.stop());

const post = (fields: Record<string, unknown>, query = ""): Promise<Answer> =>
  trial.ask(`/v1/sweeps${query}`, { body: sweepOf(fields) });

async function accepted(fields: Record<string, unknown>): Promise<Sweep> {
  const { status, body } = await post(fields);
  expect([status, body.detail]).toEqual([202, undefined]);
  expect(body).toMatchObject({ status: "queued", dataset: { revision: null }, startedAt: null });
  return body;
}

const verb = (id: string, what: string): Promise<Answer> => trial.ask(`/v1/sweeps/${id}/${what}`, { method: "POST" });

async function statusesOf(id: string): Promise<{ status: string; reason: string | null }[]> {
  const { data } = (await trial.ask(`/v1/sweeps/${id}/events?limit=1000`)).body;
  return data
    .filter(({ type }: { type: string }) => type === "status")
    .map((event: { data: { status: string; reason: string | null } }) => event.data);
}

/** While this works, datasets are checked and sweeps coordinated. */
async function withWorker<Value>(doing: () => Promise<Value>): Promise<Value> {
  const worker: Service = trial.startWorker();
  return doing().finally(() => worker.end());
}

const heldOut = { validation: { fraction: 0.2 } };

test("it waits, and then trains what one sent later trains", async () => {
  const dataset = await uploadTable(trial, "later");
  const search = { kind: "halving", trials: 4, reduction: 2, firstEpochs: 1 };
  const base = { dataset: "later", ...heldOut };
  const dry = await post({ base, search }, "?dryRun=true");
  expect(dry).toMatchObject({ status: 409, body: { errors: [{ pointer: "/base/dataset" }] } });
  expect(dry.body.detail).toMatch(/is not ready yet.*a sweep on it may be queued now: it waits/);
  const waiting = await accepted({ base, search });
  expect(waiting).toMatchObject({ trials: { total: 4, queued: 4 }, rungs: [{ trials: 4 }, { trials: 2 }] });
  expect(await trialsOf(trial, waiting.id)).toHaveLength(4);
  expect((await trial.ask("/v1/datasets/later", { method: "DELETE" })).body.code).toBe("in-use");
  await withWorker(async () => {
    const sweep = await endedSweep(trial, waiting.id);
    expect(sweep).toMatchObject({
      status: "succeeded",
      dataset: { id: dataset.id, revision: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      best: { model: expect.stringMatching(/^mdl_/) as string },
    });
    const { body: after } = await post({ base, search });
    expect(after.dataset).toEqual(sweep.dataset);
    await endedSweep(trial, after.id);
    const reached = async (id: string) => (await trialsOf(trial, id)).map(({ job: _job, ...row }) => row);
    expect(await reached(sweep.id)).toEqual(await reached(after.id));
    expect(sweep.reasons).toEqual(after.reasons);
  });
});

test("what it leaves open is chosen when the dataset is there", async () => {
  await uploadTable(trial, "open");
  const { status, body: waiting } = await trial.ask("/v1/sweeps", {
    body: { base: { dataset: "open", epochs: 3, metadata: { of: "mine" } }, space: "auto" },
  });
  expect([status, waiting.detail]).toEqual([202, undefined]);
  expect(waiting.reasons).toEqual([
    expect.stringMatching(/still being made: network and settings, space, search are chosen when it is ready/),
  ]);
  await withWorker(async () => {
    const sweep = await endedSweep(trial, waiting.id);
    expect(sweep).toMatchObject({ status: "succeeded", request: { base: { epochs: 3, metadata: { of: "mine" } } } });
    const { body: same } = await trial.ask("/v1/sweeps?dryRun=true", {
      body: { base: { dataset: "open", epochs: 3, metadata: { of: "mine" } }, space: "auto" },
    });
    expect(sweep.request).toEqual(same.request);
    expect([sweep.reasons, sweep.warnings, sweep.rungs]).toEqual([same.reasons, same.warnings, same.rungs]);
    expect(sweep.trials.total).toBe(same.trials);
  });
});

test("what can be told without the dataset is told at once, with pointers, and nothing is queued", async () => {
  await uploadTable(trial, "unseen");
  const refused = async (fields: Record<string, unknown>, pointers: string[], detail: RegExp) => {
    const base = { dataset: "unseen", ...heldOut, ...(fields["base"] as object) };
    const { status, body } = await post({ ...fields, base });
    expect([Math.floor(status / 100), body.errors?.map(({ pointer }: { pointer: string }) => pointer)]).toEqual([
      4,
      pointers,
    ]);
    expect(body.detail).toMatch(detail);
  };
  await refused({ space: { "/optimizer/rate": { log: [1, 2] } } }, ["/space/~1optimizer~1rate"], /names nothing/);
  await refused(
    { space: { "/network/layers/7/maps": { integers: [1, 2] } } },
    ["/space/~1network~1layers~17~1maps"],
    /names nothing/,
  );
  await refused({ space: { "/batchSize": { integers: [-9, -1] } } }, ["/space/~1batchSize"], /a job is refused at/);
  await refused(
    { base: { loss: "cross-entropy", network: { layers: [{ kind: "dense", units: 3 }] } } },
    ["/base/loss"],
    /softmax/,
  );
  await refused(
    { search: { kind: "halving", trials: 9, firstEpochs: 3 } },
    ["/search/firstEpochs"],
    /more than the whole/,
  );
  await refused({ base: { initialModel: "nobody" } }, ["/base/initialModel"], /there is no model nobody/);
  // Left to the rule, what stands deeper in the request follows from the dataset; whole fields do not.
  const open = { network: undefined, optimiser: undefined, epochs: undefined };
  await refused({ base: open, space: { "/batchsize": { choices: [3] } } }, ["/space/~1batchsize"], /names nothing/);
  await refused(
    { base: open, space: { "/batchSize": { choices: [-3] } } },
    ["/space/~1batchSize"],
    /a job is refused at/,
  );
  await refused({ base: { webhook: { url: "http://127.0.0.1:9/" } } }, ["/base/webhook/url"], /127\.0\.0\.1/);
  expect((await trial.ask("/v1/sweeps?status=queued")).body.data).toEqual([]);
});

test("what does not fit the dataset, and one that is rejected, fail it with places in its request", async () => {
  await uploadTable(trial, "small");
  await uploadTable(trial, "broken", "seven");
  const base = { dataset: "small", ...heldOut };
  const misfit = await accepted({
    base,
    space: { "/network/layers/0/size": { choices: [3, 6] } },
    search: { kind: "grid" },
  });
  const unjudged = await accepted({ base: { dataset: "small" } });
  const deeper = await accepted({
    base: { ...base, network: undefined, optimiser: undefined },
    space: { "/network/layers/77/maps": { integers: [1, 2] } },
  });
  const onBroken = await accepted({ base: { dataset: "broken" } });
  await withWorker(async () => {
    const failed = async ({ id }: Sweep, error: object) => {
      const sweep = await endedSweep(trial, id);
      expect(sweep).toMatchObject({ status: "failed", best: null, error });
      expect((await statusesOf(id)).map(({ status }) => status)).toEqual(["queued", "running", "failed"]);
      expect((await statusesOf(id)).at(-1)?.reason).toBe(sweep.error?.detail);
      expect((await trial.ask(`/v1/jobs?sweep=${id}`)).body.data).toEqual([]);
    };
    await failed(misfit, {
      code: "network-does-not-fit",
      errors: [
        { pointer: "/space/~1network~1layers~10~1size", detail: expect.stringMatching(/^with 6 at .* as in trial 1/) },
      ],
    });
    await failed(unjudged, {
      code: "invalid-request",
      detail: expect.stringMatching(/^\/objective\/split: there are no validation samples/),
      errors: [{ pointer: "/objective/split" }],
    });
    await failed(deeper, { errors: [{ pointer: "/space/~1network~1layers~177~1maps" }] });
    await failed(onBroken, {
      code: "dataset-rejected",
      detail: expect.stringMatching(/^its dataset was rejected: .*seven/),
      errors: [],
    });
  });
  // What failed holds nothing.
  expect((await trial.ask("/v1/datasets/small", { method: "DELETE" })).status).toBe(204);
});

test("one that waits is cancelled, paused and resumed", async () => {
  await uploadTable(trial, "awaited");
  const base = { dataset: "awaited", ...heldOut };
  const cancelled = await accepted({ base });
  expect((await verb(cancelled.id, "cancel")).body).toMatchObject({ status: "cancelled", terminal: true });
  const paused = await accepted({ base, search: { kind: "random", trials: 2 } });
  expect((await verb(paused.id, "pause")).body.status).toBe("paused");
  const other = await accepted({ base, search: { kind: "random", trials: 2 } });
  await withWorker(async () => {
    // The dataset is ready by then.
    expect((await endedSweep(trial, other.id)).status).toBe("succeeded");
    expect((await trial.ask(`/v1/sweeps/${paused.id}`)).body).toMatchObject({
      status: "paused",
      dataset: { revision: null },
    });
    expect((await verb(paused.id, "resume")).status).toBe(202);
    expect(await endedSweep(trial, paused.id)).toMatchObject({ status: "succeeded", trials: { succeeded: 2 } });
  });
  expect((await statusesOf(paused.id)).map(({ status }) => status)).toEqual([
    "queued",
    "paused",
    "queued",
    "running",
    "succeeded",
  ]);
});

test("a dataset that disappears ends a sweep that waits for it", async () => {
  const { id } = await uploadTable(trial, "vanishing");
  const sweep = await accepted({ base: { dataset: "vanishing", ...heldOut } });
  // No request can do this: the sweep holds its dataset.
  await trial.redisClient.del(keys.resource("dataset", id));
  await withWorker(async () => {
    expect(await endedSweep(trial, sweep.id)).toMatchObject({
      status: "failed",
      error: { code: "dataset-missing", detail: expect.stringContaining(id) as string },
    });
  });
});
