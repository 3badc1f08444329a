/**
 * Every operation of the OpenAPI document is used here, over HTTP, on what a real training left behind. An operation
 * without an entry fails.
 */
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unzip } from "../support/archive.ts";
import { startStack, until, type Answer, type Ask, type Stack } from "../support/stack.ts";
import { drawStrokes, strokesForm, strokesJob, strokesNetwork } from "../support/strokes.ts";

let stack: Stack;
/** What the walk leaves for later entries. */
const made: {
  dataset: string;
  job: string;
  model: string;
  paused: string;
  imported: string;
  evaluation: string;
  sweep: string;
  pausedSweep: string;
} = {
  dataset: "",
  job: "",
  model: "",
  paused: "",
  imported: "",
  evaluation: "",
  sweep: "",
  pausedSweep: "",
};
const access = { key: "", project: "" };
const documented = new Set<string>();

beforeAll(async () => {
  stack = await startStack({ environment: { WEBHOOK_ALLOW_PRIVATE: "true" } });
  const { body } = await stack.ask("/openapi.json");
  for (const [path, methods] of Object.entries(body.paths as Record<string, object>))
    for (const method of Object.keys(methods)) documented.add(`${method.toUpperCase()} ${path}`);
});
afterAll(() => stack.stop());

const ask = (path: string, how?: Ask): Promise<Answer> => stack.ask(path, how);
const ok = async (path: string, how?: Ask): Promise<Answer["body"]> => {
  const answer = await ask(path, how);
  expect({ path, status: answer.status, body: answer.status < 300 ? null : (answer.body as unknown) }).toEqual({
    path,
    status: expect.toSatisfy((status: number) => status < 300) as number,
    body: null,
  });
  return answer.body;
};
const isPng = async (path: string, how?: Ask) => {
  const answer = await ask(path, how);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
  return sharp(answer.bytes).metadata();
};
const remove = async (path: string) => expect((await ask(path, { method: "DELETE" })).status).toBe(204);
const post = (body?: unknown): Ask => ({ method: "POST", ...(body === undefined ? {} : { body }) });
const sample = [...drawStrokes(3, 99).images.subarray(0, 35)];
/** Goes on for minutes where nobody stops it. */
const longJob = { ...strokesJob, epochs: 100_000, checkpoints: { everyEpochs: 500 } };
const statusOf = (id: string, status: string) =>
  until(
    () => ask(`/v1/jobs/${id}`),
    ({ body }) => body.status === status,
    `${id} ${status}`,
  );

const sweepIs = (status: string) =>
  until(
    () => ask(`/v1/sweeps/${made.pausedSweep}`),
    ({ body }) => body.status === status,
    `a sweep ${status}`,
  );

/** In the order of a user's day. */
const walk: Record<string, () => Promise<unknown>> = {
  "GET /": async () => {
    expect(await ok("/")).toMatchObject({ name: "feature-maps", urls: { jobs: "/v1/jobs", openapi: "/openapi.json" } });
    const page = await ask("/", { headers: { accept: "text/html" } });
    expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringMatching(/^text\/html/)]);
  },
  "GET /health/live": async () => expect(await ok("/health/live")).toMatchObject({ status: "live" }),
  "GET /health/ready": async () =>
    until(
      () => ask("/health/ready"),
      ({ status }) => status === 200,
      "readiness",
    ),
  "GET /openapi.json": async () => expect(await ok("/openapi.json")).toMatchObject({ openapi: "3.1.0" }),
  "GET /metrics": async () => expect(await ok("/metrics")).toContain("http_request_duration_seconds"),
  "GET /problems/{code}": async () => expect(await ok("/problems/conflict")).toContain("409"),
  "GET /v1/system": async () =>
    expect(await ok("/v1/system")).toMatchObject({ workers: [{ slots: 1 }], kernels: [expect.any(String)] }),

  "GET /v1/session": async () =>
    expect(await ok("/v1/session")).toMatchObject({ auth: "none", scope: "admin", project: { id: "prj_default" } }),
  "POST /v1/session": async () =>
    expect(await ok("/v1/session", post({}))).toMatchObject({ object: "session", key: null }),
  "DELETE /v1/session": async () => remove("/v1/session"),
  "POST /v1/projects": async () => {
    const { body, status } = await ask("/v1/projects", post({ name: "walkers", limits: { queuedJobs: 7 } }));
    expect([status, body.limits.queuedJobs, body.limits.runningJobs]).toEqual([201, 7, null]);
    access.project = body.id as string;
  },
  "GET /v1/projects": async () =>
    expect((await ok("/v1/projects")).data.map((each: { id: string }) => each.id).toSorted()).toEqual(
      ["prj_default", access.project].toSorted(),
    ),
  "PATCH /v1/projects/{id}": async () =>
    expect(
      await ok(`/v1/projects/${access.project}`, { method: "PATCH", body: { limits: { queuedJobs: null } } }),
    ).toMatchObject({ name: "walkers", limits: { queuedJobs: null } }),
  "GET /v1/projects/{id}": async () =>
    expect(await ok(`/v1/projects/${access.project}`)).toMatchObject({ usage: { queuedJobs: 0, storedBytes: 0 } }),
  "POST /v1/keys": async () => {
    const made = await ok("/v1/keys", post({ name: "walker", project: access.project, scope: "read" }));
    expect(made.key).toMatch(/^fm_[\w-]{43}$/);
    access.key = made.id as string;
  },
  "GET /v1/keys": async () =>
    expect((await ok("/v1/keys")).data).toMatchObject([{ id: access.key, name: "walker", scope: "read" }]),
  "DELETE /v1/keys/{id}": async () => remove(`/v1/keys/${access.key}`),

  "POST /v1/datasets": async () => {
    const answer = await ask("/v1/datasets", post(strokesForm()));
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `/v1/datasets/${answer.body.id}`]);
    made.dataset = answer.body.id as string;
    const { body } = await until(
      () => ask(`/v1/datasets/${made.dataset}`),
      (each) => each.body.terminal === true,
      "the dataset",
    );
    expect(body).toMatchObject({
      status: "ready",
      splits: { train: 600, validation: 0, test: 90 },
      shape: { channels: 1, height: 7, width: 5 },
      problems: [],
    });
  },
  "GET /v1/datasets": async () =>
    expect((await ok("/v1/datasets")).data.map((each: { id: string }) => each.id)).toContain(made.dataset),
  "GET /v1/datasets/{id}": async () => expect(await ok("/v1/datasets/strokes")).toMatchObject({ id: made.dataset }),
  "PATCH /v1/datasets/{id}": async () =>
    expect(
      await ok(`/v1/datasets/${made.dataset}`, { method: "PATCH", body: { name: "strokes in noise" } }),
    ).toMatchObject({ name: "strokes in noise", alias: "strokes" }),
  "GET /v1/datasets/{id}/samples": async () =>
    expect((await ok("/v1/datasets/strokes/samples?split=test&limit=2")).data).toMatchObject([
      { index: 0, label: 0 },
      { index: 1, label: 1 },
    ]),
  "GET /v1/datasets/{id}/samples/{split}/{index}.png": async () =>
    expect(await isPng("/v1/datasets/strokes/samples/test/3.png")).toMatchObject({ format: "png" }),
  "GET /v1/datasets/{id}/samples.png": async () => isPng("/v1/datasets/strokes/samples.png?split=train"),
  "GET /v1/datasets/{id}/augmentations": async () => isPng("/v1/datasets/strokes/augmentations?flip=true"),
  "GET /v1/datasets/{id}/augmentations.png": async () =>
    isPng("/v1/datasets/strokes/augmentations.png?shift=1&rotate=10"),

  "POST /v1/gradient-checks": async () =>
    expect((await ok("/v1/gradient-checks", post({ network: strokesNetwork, dataset: "strokes" }))).worst).toBeLessThan(
      1e-6,
    ),
  "POST /v1/jobs": async () => {
    const estimate = await ok("/v1/jobs?dryRun=true", post(strokesJob));
    expect(estimate).toMatchObject({ parameters: 60 + 12 + 111, request: { loss: "cross-entropy" }, warnings: [] });
    expect(estimate.layers[0]).toMatchObject({ parameters: 60, flops: expect.any(Number) as number });
    const likelyWrong = { ...strokesJob, batchSize: 5000 };
    expect((await ok("/v1/jobs?dryRun=true", post(likelyWrong))).warnings).toEqual([
      expect.stringMatching(/^a batch of 5000 is more than the \d+ training samples/),
    ]);
    const answer = await ask(
      "/v1/jobs",
      post({ ...strokesJob, epochs: 8, name: "walk", checkpoints: { keepLast: 8 } }),
    );
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `/v1/jobs/${answer.body.id}`]);
    made.job = answer.body.id as string;
    const job = await stack.ended(made.job);
    expect(job).toMatchObject({
      status: "succeeded",
      error: null,
      result: { stopReason: "epochs", epochs: 8, steps: 240, test: { samples: 90 } },
      receipt: { stoppedAtStep: 240 },
    });
    expect(job.result.test.accuracy).toBeGreaterThan(0.8);
    made.model = job.model as string;
  },
  "GET /v1/jobs": async () =>
    expect((await ok("/v1/jobs?status=succeeded&dataset=strokes")).data).toMatchObject([{ id: made.job }]),
  "GET /v1/jobs/{id}": async () =>
    expect(await ok(`/v1/jobs/${made.job}`)).toMatchObject({
      object: "job",
      terminal: true,
      attempts: [{ reason: expect.any(String) as string }],
    }),
  "GET /v1/jobs/{id}/progress": async () =>
    expect(await ok(`/v1/jobs/${made.job}/progress`)).toMatchObject({
      status: "succeeded",
      terminal: true,
      fraction: 1,
      epoch: 8,
      step: 240,
      steps: 240,
      validation: { split: "test" },
    }),
  "GET /v1/jobs/{id}/metrics": async () => {
    const epochs = await ok(`/v1/jobs/${made.job}/metrics`);
    expect(epochs.data.map((row: { step: number }) => row.step)).toEqual([30, 60, 90, 120, 150, 180, 210, 240]);
    const steps = await ok(`/v1/jobs/${made.job}/metrics?series=step&maxPoints=20`);
    expect(steps.data.length).toBeLessThanOrEqual(20);
    const part = await ok(`/v1/jobs/${made.job}/metrics?from=31&to=90`);
    expect([part.data.map((row: { step: number }) => row.step), part.total]).toEqual([[60, 90], 2]);
  },
  "GET /v1/jobs/{id}/events": async () =>
    expect((await ok(`/v1/jobs/${made.job}/events?limit=1`)).data).toMatchObject([{ id: "1", type: "status" }]),
  "GET /v1/jobs/{id}/inside": async () => {
    const at = `/v1/jobs/${made.job}/inside`;
    const { data } = await ok(`${at}?layer=1`);
    expect(data.map(({ epoch, step }: Record<string, number>) => [epoch, step])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((epoch) => [epoch, epoch * 30]),
    );
    const [, { beta, bias }] = (await ok(`/v1/models/${made.model}/network`)).layers;
    expect(data.at(-1)).toMatchObject({ layer: 1, beta, bias, alpha: null });
    expect(data[0].beta).not.toEqual(beta);
    const page = await ok(`${at}?limit=2&order=desc`);
    expect([page.data[1].epoch, page.hasMore, page.nextAfter]).toEqual([7, true, "210"]);
    expect((await ok(`${at}?order=desc&limit=100&after=60`)).data).toMatchObject([{ epoch: 1 }]);
    expect((await ask(`${at}?layer=0`)).status).toBe(404);
  },
  "GET /v1/jobs/{id}/webhooks": async () => {
    // Nobody answers there: each call is tried again later.
    const webhook = { url: "http://127.0.0.1:9/hook" };
    const { id } = await ok("/v1/jobs", post({ ...strokesJob, webhook }));
    await ok(`/v1/jobs/${id}/cancel`, post());
    const { data } = await until(
      () => ok(`/v1/jobs/${id}/webhooks`),
      (page) => page.data[0]?.tries > 0,
      "a call to the webhook",
    );
    expect(data[0]).toMatchObject({ state: "waiting", lastTry: { status: null } });
    expect(data[0].message).toBe(`msg_${id}_${data[0].event}`);
    expect((await ok(`/v1/jobs/${id}/webhooks?order=desc&limit=1`)).data[0].type).toMatch(/^job\.cancel/);
    expect((await ok(`/v1/jobs/${made.job}/webhooks`)).data).toEqual([]);
  },
  "GET /v1/jobs/{id}/filters/{layer}.png": async () => {
    const at = `/v1/jobs/${made.job}/filters`;
    const newest = await isPng(`${at}/0.png`);
    expect(await isPng(`${at}/0.png?checkpoint=1`)).toMatchObject({ width: newest.width, height: newest.height });
    expect((await ask(`${at}/0.png?checkpoint=1`)).bytes).not.toEqual((await ask(`${at}/0.png`)).bytes);
    expect((await ask(`${at}/1.png`)).body.detail).toMatch(/has no filters at layer 1/);
  },
  "GET /v1/jobs/{id}/checkpoints": async () => {
    const page = async (query: string) => {
      const { data, hasMore, nextAfter } = await ok(`/v1/jobs/${made.job}/checkpoints${query}`);
      return [data.map((each: { epoch: number }) => each.epoch), hasMore, nextAfter];
    };
    expect(await page("")).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], false, null]);
    expect(await page("?limit=3&after=2")).toEqual([[3, 4, 5], true, "5"]);
    expect(await page("?order=desc&limit=2&after=3")).toEqual([[2, 1], false, null]);
  },
  "GET /v1/jobs/{id}/checkpoints/{epoch}": async () =>
    expect(await ok(`/v1/jobs/${made.job}/checkpoints/3`)).toMatchObject({ epoch: 3, step: 90 }),
  "GET /v1/jobs/{id}/checkpoints/{epoch}/weights": async () => {
    const { sha256, bytes } = await ok(`/v1/jobs/${made.job}/checkpoints/3`);
    const answer = await ask(`/v1/jobs/${made.job}/checkpoints/3/weights`);
    expect([
      answer.bytes.length,
      Buffer.from(await crypto.subtle.digest("SHA-256", answer.bytes as Uint8Array<ArrayBuffer>)).toString("hex"),
    ]).toEqual([bytes, sha256]);
  },
  "POST /v1/jobs/{id}/predictions": async () => {
    const early = await ok(`/v1/jobs/${made.job}/predictions?checkpoint=1`, post({ instances: [sample] }));
    const late = await ok(`/v1/jobs/${made.job}/predictions`, post({ instances: [sample] }));
    expect(late.predictions[0].probabilities).not.toEqual(early.predictions[0].probabilities);
    expect((await ask(`/v1/jobs/${made.job}/predictions?checkpoint=99`, post({ instances: [sample] }))).status).toBe(
      404,
    );
  },
  "POST /v1/jobs/{id}/pause": async () => {
    made.paused = (await ok("/v1/jobs", post(longJob))).id as string;
    await statusOf(made.paused, "running");
    expect((await ask(`/v1/jobs/${made.paused}`, { method: "DELETE" })).status).toBe(409);
    await ok(`/v1/jobs/${made.paused}/pause`, post());
    await statusOf(made.paused, "paused");
  },
  "POST /v1/jobs/{id}/resume": async () => {
    await ok(`/v1/jobs/${made.paused}/resume`, post());
    await statusOf(made.paused, "running");
  },
  "POST /v1/jobs/{id}/cancel": async () => {
    await ok(`/v1/jobs/${made.paused}/cancel`, post());
    const job = await stack.ended(made.paused);
    expect(job.status).toBe("cancelled");
    expect(job.attempts.length).toBeGreaterThanOrEqual(2);
    expect((await ask(`/v1/jobs/${made.paused}/cancel`, post())).status).toBe(409);
  },
  "POST /v1/jobs/{id}/reproduce": async () => {
    const { id } = await ok(`/v1/jobs/${made.job}/reproduce`, post());
    expect(await stack.ended(id)).toMatchObject({ status: "succeeded", reproduction: { of: made.job, agrees: true } });
  },

  "POST /v1/sweeps": async () => {
    const request = {
      name: "walk",
      base: { ...strokesJob, validation: { fraction: 0.1 }, epochs: 2 },
      space: { "/optimiser/learningRate": { log: [0.01, 0.3] } },
      search: { kind: "random", trials: 3 },
      metadata: { of: "walk" },
    };
    const estimate = await ok("/v1/sweeps?dryRun=true", post(request));
    expect([estimate.trials, estimate.epochs, estimate.requests.length]).toEqual([3, 6, 3]);
    const answer = await ask("/v1/sweeps", { ...post(request), headers: { "idempotency-key": "walk" } });
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `/v1/sweeps/${answer.body.id}`]);
    made.sweep = answer.body.id as string;
    const again = await ask("/v1/sweeps", { ...post(request), headers: { "idempotency-key": "walk" } });
    expect(again.body.id).toBe(made.sweep);
  },
  "GET /v1/sweeps/{id}": async () => {
    const { body } = await until(
      () => ask(`/v1/sweeps/${made.sweep}`),
      (each) => each.body.terminal === true,
      "the sweep",
    );
    expect(body).toMatchObject({ status: "succeeded", best: { model: expect.stringMatching(/^mdl_/) } });
  },
  "GET /v1/sweeps": async () =>
    expect((await ok("/v1/sweeps?status=succeeded&name=walk&dataset=strokes&metadata.of=walk")).data).toMatchObject([
      { id: made.sweep },
    ]),
  "GET /v1/sweeps/{id}/trials": async () =>
    expect((await ok(`/v1/sweeps/${made.sweep}/trials?sort=value`)).data).toMatchObject([
      { status: "succeeded", epochs: 2 },
      { status: "succeeded" },
      { status: "succeeded" },
    ]),
  "GET /v1/sweeps/{id}/events": async () => {
    const { data } = await ok(`/v1/sweeps/${made.sweep}/events?limit=1000`);
    expect(data.map(({ id }: { id: string }) => Number(id))).toEqual(data.map((_: unknown, at: number) => at + 1));
    expect(data.at(-1)).toMatchObject({ type: "status", data: { status: "succeeded", terminal: true } });
    const live = await ask(`/v1/sweeps/${made.sweep}/events`, { headers: { accept: "text/event-stream" } });
    expect(live.body.match(/^id: /gm)).toHaveLength(data.length);
  },
  "POST /v1/sweeps/{id}/pause": async () => {
    const request = {
      base: { ...longJob, validation: { fraction: 0.1 } },
      space: "auto",
      search: { kind: "random", trials: 2 },
    };
    made.pausedSweep = (await ok("/v1/sweeps", post(request))).id as string;
    await ok(`/v1/sweeps/${made.pausedSweep}/pause`, post());
    await sweepIs("paused");
  },
  "POST /v1/sweeps/{id}/resume": async () => {
    await ok(`/v1/sweeps/${made.pausedSweep}/resume`, post());
    await sweepIs("running");
  },
  "POST /v1/sweeps/{id}/cancel": async () => {
    await ok(`/v1/sweeps/${made.pausedSweep}/cancel`, post());
    await sweepIs("cancelled");
  },
  "DELETE /v1/sweeps/{id}": async () => {
    await remove(`/v1/sweeps/${made.sweep}?models=true`);
    await remove(`/v1/sweeps/${made.pausedSweep}?models=true`);
    expect((await ok(`/v1/jobs?sweep=${made.sweep}`)).data).toEqual([]);
  },

  "GET /v1/models": async () =>
    expect((await ok("/v1/models?dataset=strokes&name=walk")).data.map((each: { id: string }) => each.id)).toContain(
      made.model,
    ),
  "GET /v1/models/{id}": async () =>
    expect(await ok(`/v1/models/${made.model}`)).toMatchObject({
      object: "model",
      job: made.job,
      dataset: { id: made.dataset },
      evaluation: { split: "test" },
      classes: ["bar", "dash", "dot"],
    }),
  "PATCH /v1/models/{id}": async () =>
    expect(
      await ok(`/v1/models/${made.model}`, { method: "PATCH", body: { alias: "walker", metadata: { stage: "test" } } }),
    ).toMatchObject({ alias: "walker" }),
  "PUT /v1/aliases/models/{alias}": async () =>
    expect(await ok("/v1/aliases/models/walker@staging", { method: "PUT", body: { model: "walker" } })).toEqual({
      alias: "walker@staging",
      model: made.model,
      previous: null,
    }),
  "GET /v1/aliases/models": async () =>
    expect((await ok("/v1/aliases/models")).data).toEqual([
      { alias: "walker", model: made.model },
      { alias: "walker@staging", model: made.model },
    ]),
  "DELETE /v1/aliases/models/{alias}": async () => {
    await remove("/v1/aliases/models/walker@staging");
    expect(await ok("/v1/models/walker")).toMatchObject({ alias: "walker" });
  },
  "GET /v1/models/{id}/predictions": async () => {
    const all = await ok("/v1/models/walker/predictions?limit=1000");
    expect(all.data).toHaveLength(90);
    const errors = await ok("/v1/models/walker/predictions?only=errors&sort=confidence&limit=1000");
    expect(errors.data.map((row: { index: number }) => row.index).toSorted()).toEqual(
      all.data
        .filter((row: { correct: boolean }) => !row.correct)
        .map((row: { index: number }) => row.index)
        .toSorted(),
    );
  },
  "POST /v1/models/{id}/predictions": async () => {
    const answer = await ok("/v1/models/walker/predictions", post({ instances: [sample], topK: 2 }));
    expect(answer).toMatchObject({
      model: made.model,
      predictions: [{ class: 0, name: "bar", topK: [{ class: 0 }, {}] }],
    });
    const { data } = await ok("/v1/models/walker/predictions?limit=9");
    const pixels = (await ok("/v1/datasets/strokes/samples?split=test&limit=9")).data.map(
      (row: { pixels: number[] }) => row.pixels,
    );
    const asked = await ok("/v1/models/walker/predictions", post({ instances: pixels }));
    const near = (numbers: number[]) => numbers.map((each) => expect.closeTo(each, 5) as number);
    expect(asked.predictions.map((row: { probabilities: number[] }) => row.probabilities)).toEqual(
      data.map((row: { probabilities: number[] }) => near(row.probabilities)),
    );
  },
  "GET /v1/models/{id}/evaluation": async () => {
    const { evaluation } = await ok("/v1/models/walker");
    const report = await ok("/v1/models/walker/evaluation");
    expect(report).toMatchObject({ split: "test", samples: 90, accuracy: evaluation.accuracy });
    expect(report.confusion.flat().reduce((sum: number, each: number) => sum + each, 0)).toBe(90);
    expect(report.topK[0]).toEqual({ k: 1, accuracy: evaluation.accuracy });
    expect(report.calibration.bins.reduce((sum: number, bin: { samples: number }) => sum + bin.samples, 0)).toBe(90);
  },
  "POST /v1/models/{id}/evaluations": async () => {
    const answer = await ask("/v1/models/walker/evaluations", post({ dataset: "strokes", split: "train" }));
    made.evaluation = `/v1/models/${made.model}/evaluations/${answer.body.id}`;
    expect([answer.status, answer.headers.get("location")]).toEqual([202, made.evaluation]);
    expect(answer.body).toMatchObject({ object: "evaluation", status: "queued", terminal: false, warnings: [] });
  },
  "GET /v1/models/{id}/evaluations/{evaluation}": async () => {
    const found = await until(
      () => ok(made.evaluation),
      (each) => each.terminal,
      "an evaluation",
    );
    expect(found).toMatchObject({ status: "succeeded", split: "train", samples: 600, progress: { fraction: 1 } });
    expect(found.accuracy).toBeGreaterThan(0.8);
  },
  "GET /v1/models/{id}/evaluations": async () =>
    expect((await ok("/v1/models/walker/evaluations")).data).toMatchObject([{ split: "train", samples: 600 }]),
  "GET /v1/models/{id}/evaluations/{evaluation}/predictions": async () => {
    const { data, hasMore } = await ok(`${made.evaluation}/predictions?sort=confidence&limit=2`);
    expect([data.length, hasMore, data[0].confidence >= data[1].confidence]).toEqual([2, true, true]);
  },
  "POST /v1/models/{id}/evaluations/{evaluation}/cancel": async () =>
    expect((await ask(`${made.evaluation}/cancel`, post())).status).toBe(409),
  "DELETE /v1/models/{id}/evaluations/{evaluation}": async () => {
    await remove(made.evaluation);
    expect((await ask(made.evaluation)).status).toBe(404);
  },
  "GET /v1/models/{id}/network": async () => {
    expect((await ok("/v1/models/walker/network")).layers).toMatchObject([
      { kind: "convolution" },
      { kind: "subsampling", beta: expect.toSatisfy((beta: number[]) => beta.length === 6) as number[] },
      { kind: "dense" },
    ]);
    const beta = async (query: string) => (await ok(`/v1/models/walker/network${query}`)).layers[1].beta as number[];
    expect(await beta("?checkpoint=8")).toEqual(await beta(""));
    expect(await beta("?checkpoint=1")).not.toEqual(await beta(""));
  },
  "GET /v1/models/{id}/filters/{layer}.png": async () => {
    const path = "/v1/models/walker/filters/0.png";
    const [{ width, height }, doubled] = [await isPng(`${path}?scale=7`), await isPng(`${path}?scale=14`)];
    expect([doubled.width, doubled.height]).toEqual([width * 2, height * 2]);
    const [last, first] = [await ask(`${path}?checkpoint=8`), await ask(`${path}?checkpoint=1`)];
    expect(last.bytes).toEqual((await ask(path)).bytes);
    expect(first.bytes).not.toEqual(last.bytes);
    expect((await ask(`${path}?checkpoint=99`)).status).toBe(404);
  },
  "POST /v1/models/{id}/feature-maps": async () => {
    const path = "/v1/models/walker/feature-maps";
    const input = { instances: [sample] };
    const now = await ok(path, post(input));
    expect(now.layers).toHaveLength(3);
    const early = await ok(`${path}?checkpoint=1`, post(input));
    expect(early.layers[0].shape).toEqual(now.layers[0].shape);
    expect(early.layers[0].values).not.toEqual(now.layers[0].values);
    const sheet = (scale: number) =>
      isPng(`${path}?layer=0&scale=${scale}`, { ...post(input), headers: { accept: "image/png" } });
    const [one, three] = [await sheet(1), await sheet(3)];
    expect([three.width, three.height]).toEqual([one.width * 3, one.height * 3]);
  },
  "POST /v1/models/{id}/sensitivities": async () => {
    const { loss, layers } = await ok("/v1/models/walker/sensitivities?class=1", post({ instances: [sample] }));
    expect([loss > 0, layers.map(({ layer }: { layer: number }) => layer)]).toEqual([true, [-1, 0, 1, 2]]);
    const path = "/v1/models/walker/sensitivities?class=1&checkpoint=";
    const [early, last] = [
      await ok(`${path}1`, post({ instances: [sample] })),
      await ok(`${path}8`, post({ instances: [sample] })),
    ];
    expect([last.loss, early.loss === loss]).toEqual([loss, false]);
    expect((await ask(`${path}99`, post({ instances: [sample] }))).status).toBe(404);
  },
  "POST /v1/models/{id}/saliency": async () => {
    const { values } = await ok("/v1/models/walker/saliency?method=occlusion", post({ instances: [sample] }));
    expect([values.length, values[0].length]).toEqual([7, 5]);
    const slopes = (query: string) => ok(`/v1/models/walker/saliency${query}`, post({ instances: [sample] }));
    expect(await slopes("?class=0&checkpoint=8")).toEqual(await slopes("?class=0"));
    expect(await slopes("?class=0&checkpoint=1")).not.toEqual(await slopes("?class=0"));
  },
  "GET /v1/models/{id}/exports/onnx": async () =>
    expect((await ask("/v1/models/walker/exports/onnx")).bytes.length).toBeGreaterThan(500),
  "GET /v1/models/{id}/exports/bundle": async () =>
    expect((await unzip(Buffer.from((await ask("/v1/models/walker/exports/bundle")).bytes))).has("README.md")).toBe(
      true,
    ),
  "GET /v1/models/{id}/exports/web": async () =>
    expect((await ask("/v1/models/walker/exports/web")).body).toContain('"weights":'),
  "GET /v1/models/{id}/exports/safetensors": async () =>
    expect((await ask("/v1/models/walker/exports/safetensors")).bytes.length).toBeGreaterThan(500),
  "POST /v1/models": async () => {
    const [{ network, input, classes, normalisation }, weights] = [
      await ok("/v1/models/walker"),
      (await ask("/v1/models/walker/exports/safetensors")).bytes,
    ];
    const form = new FormData();
    for (const [name, value] of Object.entries({ network, input, classes, normalisation }))
      form.set(name, JSON.stringify(value));
    form.set("name", "walker again");
    form.set("weights", new Blob([weights]), "weights.safetensors");
    made.imported = (await ok("/v1/models", post(form))).id as string;
    expect((await ask(`/v1/models/${made.imported}/network?checkpoint=1`)).status).toBe(409);
    const ours = await ok("/v1/models/walker/predictions", post({ instances: [sample] }));
    const theirs = await ok(`/v1/models/${made.imported}/predictions`, post({ instances: [sample] }));
    expect(theirs.predictions).toEqual(ours.predictions);
  },

  "GET /v2": async () => expect(await ok("/v2")).toMatchObject({ name: "feature-maps" }),
  "GET /v2/health/live": async () => expect(await ok("/v2/health/live")).toEqual({ live: true }),
  "GET /v2/health/ready": async () => expect(await ok("/v2/health/ready")).toEqual({ ready: true }),
  "GET /v2/models/{id}": async () =>
    expect(await ok("/v2/models/walker")).toMatchObject({ name: made.model, inputs: [{ shape: [-1, 1, 7, 5] }] }),
  "GET /v2/models/{id}/ready": async () => expect(await ok("/v2/models/walker/ready")).toMatchObject({ ready: true }),
  "GET /v2/models/{id}/versions/{version}": async () => {
    const found = await ok("/v2/models/walker");
    expect(found.inputs[0].datatype).toBe("UINT8");
    expect(await ok(`/v2/models/walker/versions/${found.versions[0]}`)).toEqual(found);
  },
  "GET /v2/models/{id}/versions/{version}/ready": async () => {
    const { versions } = await ok("/v2/models/walker");
    expect(await ok(`/v2/models/walker/versions/${versions[0]}/ready`)).toMatchObject({ ready: true });
  },
  "POST /v2/models/{id}/versions/{version}/infer": async () => {
    const body = { inputs: [{ name: "input", shape: [1, 35], datatype: "UINT8", data: sample }] };
    const [version] = (await ok("/v2/models/walker")).versions;
    expect(await ok(`/v2/models/walker/versions/${version}/infer`, post(body))).toEqual(
      await ok("/v2/models/walker/infer", post(body)),
    );
  },
  "POST /v2/models/{id}/infer": async () =>
    expect(
      (
        await ok(
          "/v2/models/walker/infer",
          post({ inputs: [{ name: "input", shape: [1, 35], datatype: "FP32", data: sample }] }),
        )
      ).outputs[1],
    ).toMatchObject({ name: "class", data: [0] }),

  "DELETE /v1/jobs/{id}": async () => {
    await remove(`/v1/jobs/${made.paused}`);
    const again = (await ok("/v1/jobs", post({ ...strokesJob, initialModel: "walker", epochs: 1 }))).id as string;
    const { model } = await stack.ended(again);
    await remove(`/v1/jobs/${again}?models=true`);
    expect((await ask(`/v1/models/${model}`)).status).toBe(404);
  },
  "DELETE /v1/models/{id}": async () => {
    expect((await ask(`/v1/datasets/${made.dataset}`, { method: "DELETE" })).body).toMatchObject({
      status: 409,
      code: "in-use",
    });
    for (const { id } of (await ok("/v1/models?limit=1000")).data as { id: string }[]) await remove(`/v1/models/${id}`);
    expect((await ok("/v1/models")).data).toEqual([]);
  },
  "DELETE /v1/datasets/{id}": async () => {
    const { id } = await ok("/v1/jobs", post(longJob));
    const refused = await ask(`/v1/datasets/${made.dataset}?cascade=true`, { method: "DELETE" });
    expect(refused.body).toMatchObject({ code: "in-use", errors: [{ detail: `/v1/jobs/${id}` }] });
    await ok(`/v1/jobs/${id}/cancel`, post());
    await stack.ended(id as string);
    await remove(`/v1/datasets/${made.dataset}?cascade=true`);
    expect((await ok("/v1/jobs")).data).toEqual([]);
    expect((await ask("/v1/datasets/strokes")).status).toBe(404);
    expect((await ask("/v1/jobs", post(strokesJob))).status).toBe(404);
  },
};

describe("every operation of the OpenAPI document", () => {
  it.each(Object.keys(walk))("%s", async (operation) => {
    expect(documented).toContain(operation);
    await walk[operation]();
  });
  it("is in this walk", () => expect([...documented].filter((operation) => !(operation in walk))).toEqual([]));
  it("left nothing in the logs that is an error", () => {
    const errors = [stack.api, ...stack.workers].flatMap(({ lines }) =>
      lines.filter((line) => /"level":(50|60)/.test(line)),
    );
    expect(errors).toEqual([]);
  });
});
