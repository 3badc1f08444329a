import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { datasetRecord, startTestApp, type TestApp } from "../../tests/support/app.ts";
import { registerBuiltins } from "../shared/builtins.ts";
import { ComputationError } from "../prediction/index.ts";

let test: TestApp;
const network = {
  layers: [
    { kind: "convolution", maps: 4, size: 3, activation: "tanh" },
    { kind: "subsampling", factor: 2 },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
};
const order = { dataset: "strokes", network };

beforeAll(async () => {
  test = await startTestApp();
  vi.spyOn(test.dependencies.prediction, "planBytes").mockResolvedValue({ bytes: 65_536 });
  await test.dependencies.records.datasets.create(datasetRecord());
  await test.dependencies.records.datasets.create(
    datasetRecord({
      alias: "unfinished",
      status: "checking",
      terminal: false,
      revision: null,
      shape: null,
      classes: [],
      statistics: null,
    }),
  );
  await test.dependencies.records.datasets.create(
    datasetRecord({
      alias: "rejected",
      status: "rejected",
      revision: null,
      problems: [{ file: null, row: 3, detail: "row 3 has no label" }],
    }),
  );
  await test.dependencies.records.datasets.create(
    datasetRecord({ alias: "empty", splits: { train: 0, validation: 0, test: 5 } }),
  );
});
afterAll(() => test.stop());

const post = (
  body: unknown,
  { url = "/v1/jobs", headers = {} }: { url?: string; headers?: Record<string, string> } = {},
) =>
  test.app.inject({
    method: "POST",
    url,
    headers: { "content-type": "application/json", ...headers },
    payload: typeof body === "string" ? body : JSON.stringify(body),
  });
const jobCount = async () => (await test.app.inject("/v1/jobs?limit=1000")).json<{ data: unknown[] }>().data.length;

describe("problems", () => {
  it.each(["POST", "DELETE"] as const)(
    "does not mind a type without a body where none is taken: %s",
    async (method) => {
      for (const type of ["application/json", "text/plain"]) {
        const url = method === "POST" ? "/v1/jobs/job_x/cancel" : "/v1/jobs/job_x";
        expect(
          (await test.app.inject({ method, url, headers: { "content-type": type }, payload: "" })).json(),
        ).toMatchObject({ code: "not-found" });
      }
      expect((await post({}, { url: "/v1/jobs/job_x/cancel" })).json()).toMatchObject({ code: "not-found" });
    },
  );
  it("refuses query fields of every route under /v1 by name, and lets probes be", async () => {
    const document = (await test.app.inject("/openapi.json")).json<{
      paths: Record<string, Record<string, { requestBody?: unknown }>>;
    }>();
    for (const path of Object.keys(document.paths).filter((each) => each.startsWith("/v1/"))) {
      // Where there is a body, it is what is looked at first.
      for (const [method] of Object.entries(document.paths[path]).filter(
        ([, { requestBody }]) => requestBody === undefined,
      )) {
        const answer = await test.app.inject({
          method: method.toUpperCase() as "GET",
          url: `${path.replace("{index}", "0").replaceAll(/[{}]/g, "")}?nonesuch=1`,
        });
        expect([
          method,
          path,
          answer.json<{ errors: { pointer: string }[] }>().errors.map(({ pointer }) => pointer),
        ]).toEqual([method, path, ["/query/nonesuch"]]);
      }
    }
    expect((await test.app.inject("/health/live?probe=1")).statusCode).toBe(200);
  });
  it("answers an unknown route with 404 and a sentence", async () => {
    const answer = await test.app.inject("/v1/nothing");
    expect(answer.statusCode).toBe(404);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json()).toMatchObject({ code: "not-found", status: 404, instance: "/v1/nothing", errors: [] });
  });
  it("answers a wrong method with 405 and the right ones", async () => {
    const answer = await test.app.inject({ method: "PUT", url: "/v1/jobs/job_x" });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD, DELETE");
  });
  const layers = network.layers;
  it.each<[string, unknown, number, string, string, RegExp]>([
    [
      "an unknown field",
      { ...order, epoch: 3 },
      400,
      "invalid-request",
      "/epoch",
      /unknown field 'epoch': fields here are name, dataset,/,
    ],
    [
      "an unknown field of a layer",
      { ...order, network: { layers: [{ ...layers[0], filters: 3 }] } },
      400,
      "invalid-request",
      "/network/layers/0/filters",
      /unknown field 'filters'/,
    ],
    ["a wrong type", { ...order, epochs: "3" }, 400, "invalid-request", "/epochs", /expected a number, found "3"/],
    [
      "half an epoch",
      { ...order, epochs: 1.5 },
      400,
      "invalid-request",
      "/epochs",
      /expected a whole number, found 1.5/,
    ],
    ["no epochs", { ...order, epochs: 0 }, 400, "invalid-request", "/epochs", /at least 1, found 0/],
    ["a milliard epochs", { ...order, epochs: 1e9 }, 400, "invalid-request", "/epochs", /at most 100000/],
    ["no dataset", { network }, 400, "invalid-request", "/dataset", /is missing: expected a text/],
    [
      "an unknown kind of layer",
      { ...order, network: { layers: [{ kind: "attention" }] } },
      400,
      "invalid-request",
      "/network/layers/0/kind",
      /expected one of "convolution", "subsampling"/,
    ],
    [
      "an unknown preset",
      { ...order, network: "resnet" },
      400,
      "invalid-request",
      "/network",
      /expected one of "lenet-5"/,
    ],
    [
      "an unknown activation",
      { ...order, network: { layers: [{ kind: "dense", units: 3, activation: "swish" }] } },
      400,
      "invalid-request",
      "/network/layers/0/activation",
      /"swish"/,
    ],
    [
      "no layers",
      { ...order, network: { layers: [] } },
      400,
      "invalid-request",
      "/network/layers",
      /at least one layer/,
    ],
    [
      "a wrong connection",
      { ...order, network: { layers: [{ ...layers[0], inputs: "some" }] } },
      400,
      "invalid-request",
      "/network/layers/0/inputs",
      /"all"/,
    ],
    [
      "a learned connection's wrong penalty",
      { ...order, network: { layers: [{ ...layers[0], inputs: { learned: { penalty: "l2" } } }] } },
      400,
      "invalid-request",
      "/network/layers/0/inputs/learned/penalty",
      /"entropy"/,
    ],
    [
      "cross-entropy without softmax",
      { ...order, loss: "cross-entropy", network: { layers: [{ kind: "dense", units: 3, activation: "tanh" }] } },
      400,
      "invalid-request",
      "/loss",
      /softmax/,
    ],
    ["a list", [], 400, "invalid-request", "", /expected an object, found a list/],
    [
      "an unknown dataset",
      { ...order, dataset: "nonesuch" },
      404,
      "not-found",
      "/dataset",
      /there is no dataset nonesuch/,
    ],
    [
      "another revision",
      { ...order, dataset: "strokes@bbbbbbbb" },
      404,
      "not-found",
      "/dataset",
      /has revision a+, not b+/,
    ],
    [
      "a dataset that was rejected",
      { ...order, dataset: "rejected" },
      409,
      "conflict",
      "/dataset",
      /was rejected: row 3 has no label/,
    ],
    [
      "a dataset without training samples",
      { ...order, dataset: "empty" },
      400,
      "invalid-request",
      "/dataset",
      /no training samples/,
    ],
    [
      "an unknown initial model",
      { ...order, initialModel: "nonesuch" },
      404,
      "not-found",
      "/initialModel",
      /no model nonesuch/,
    ],
    [
      "a filter that does not fit",
      { ...order, network: { layers: [layers[0], layers[1], { kind: "convolution", maps: 2, size: 5 }] } },
      422,
      "network-does-not-fit",
      "/network/layers/2/size",
      /5×5 filter does not fit the 2×1 maps/,
    ],
    [
      "too many outputs",
      { ...order, network: { layers: [{ kind: "dense", units: 10, activation: "softmax" }] } },
      422,
      "network-does-not-fit",
      "/network/layers/0/units",
      /3 classes/,
    ],
    [
      "a preset that does not fit",
      { ...order, network: "lenet-5" },
      422,
      "network-does-not-fit",
      "/network",
      /'lenet-5' needs samples of at least 28×28; these are 7×5/,
    ],
  ])("refuses %s", async (_name, body, status, code, pointer, sentence) => {
    const before = await jobCount();
    const answer = await post(body);
    expect(answer.json()).toMatchObject({ status, code });
    expect(answer.statusCode).toBe(status);
    expect(answer.json<{ detail: string }>().detail).toMatch(sentence);
    expect(answer.json<{ errors: { pointer: string }[] }>().errors[0]?.pointer).toBe(pointer);
    expect(await jobCount()).toBe(before);
  });
  it.each<[string, string, number, string]>([
    ["broken JSON", '{"dataset": "mnist",', 400, "malformed-body"],
    ["an empty body", "", 400, "malformed-body"],
    ["__proto__", '{"dataset":"strokes","__proto__":{"epochs":3}}', 400, "malformed-body"],
    ["__proto__, written otherwise", '{"\\u005f_proto__":{"epochs":3}}', 400, "malformed-body"],
    ["constructor.prototype", '{"constructor":{"prototype":{"x":1}}}', 400, "malformed-body"],
    ["ten megabytes", JSON.stringify({ name: "x".repeat(10 * 1024 * 1024) }), 413, "payload-too-large"],
  ])("refuses %s", async (_name, text, status, code) => {
    const answer = await post(text);
    expect(answer.json()).toMatchObject({ status, code });
  });
  it("refuses a body that is no JSON", async () => {
    const answer = await post("dataset=mnist", { headers: { "content-type": "application/x-www-form-urlencoded" } });
    expect(answer.json()).toMatchObject({ status: 415, code: "unsupported-media-type" });
  });
  it("refuses a plan that is too large, pointing into the network", async () => {
    vi.spyOn(test.dependencies.prediction, "planBytes").mockRejectedValueOnce(
      new ComputationError({ fault: "refused", detail: "5 GiB are more than can be addressed", pointer: "/layers/0" }),
    );
    expect((await post(order)).json()).toMatchObject({
      status: 422,
      code: "network-does-not-fit",
      errors: [{ pointer: "/network/layers/0" }],
    });
  });
  it.each(["/v1/jobs?limit=0", "/v1/jobs?limit=many", "/v1/jobs?order=up", "/v1/jobs?status=lost", "/v1/jobs?page=2"])(
    "refuses %s",
    async (url) => {
      const answer = await test.app.inject(url);
      expect(answer.json()).toMatchObject({ status: 400, code: "invalid-request" });
      expect(answer.json<{ errors: { pointer: string }[] }>().errors[0]?.pointer).toMatch(/^\/query\//);
    },
  );
  it("logged none of this as an error", () => expect(test.lines.filter(({ level }) => level >= 50)).toEqual([]));
});

describe("jobs", () => {
  it("accepts a job on a dataset that is still checked, and estimates nothing of it", async () => {
    const waiting = { ...order, dataset: "unfinished" };
    const answer = await post(waiting);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ status: "queued", dataset: { revision: null }, warnings: [] });
    const estimated = await post(waiting, { url: "/v1/jobs?dryRun=true" });
    expect(estimated.json()).toMatchObject({ status: 409, errors: [{ pointer: "/dataset" }] });
    expect(estimated.json<{ detail: string }>().detail).toMatch(/status is checking.*may be queued now/);
    const named = await post({ dataset: "unfinished", network: "toolbox" });
    expect(named.json()).toMatchObject({
      warnings: [expect.stringMatching(/until its classes are known, .* shown with 10 units/)],
    });
  });
  it("knows of a built-in dataset that is still being read what a dry run needs", async () => {
    await registerBuiltins(test.dependencies);
    const estimated = await post({ dataset: "mnist", network: "lenet-5" }, { url: "/v1/jobs?dryRun=true" });
    expect([estimated.statusCode, estimated.json()]).toMatchObject([
      200,
      { parameters: 60_850, warnings: [expect.stringMatching(/still being read/)] },
    ]);
    expect((await post({ dataset: "mnist", network: "lenet-5" })).json()).toMatchObject({
      status: "queued",
      warnings: [],
    });
    expect(
      (
        await post({ dataset: "mnist", network: { layers: [{ kind: "dense", units: 9, activation: "softmax" }] } })
      ).json(),
    ).toMatchObject({
      status: 422,
      code: "network-does-not-fit",
    });
  });
  it("estimates without queueing anything", async () => {
    const before = await jobCount();
    const answer = await post(order, { url: "/v1/jobs?dryRun=true" });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      request: { loss: "cross-entropy", epochs: 10, optimiser: { kind: "nesterov", momentum: 0.9, clipNorm: 0.5 } },
      layers: [
        { kind: "convolution", output: { channels: 4, height: 5, width: 3 }, parameters: 40 },
        { kind: "subsampling", output: { channels: 4, height: 2, width: 1 } },
        { kind: "dense", parameters: 27 },
      ],
      parameters: 75,
      bytes: 65_536,
      flopsPerSample: 2 * 1080 + 3 * 48,
      secondsPerEpoch: null,
    });
    expect(await jobCount()).toBe(before);
  });
  it("queues, shows, lists, pauses, resumes, cancels and deletes", async () => {
    const made = await post({
      ...order,
      name: "first",
      webhook: { url: "https://example.org/hook", secret: "0123456789abcdef" },
      metadata: { who: "me" },
    });
    expect(made.statusCode).toBe(202);
    const job = made.json<{ id: string; urls: Record<string, string> }>();
    expect(made.headers.location).toBe(`/v1/jobs/${job.id}`);
    expect(job).toMatchObject({
      object: "job",
      status: "queued",
      terminal: false,
      name: "first",
      metadata: { who: "me" },
      request: { webhook: { url: "https://example.org/hook" } },
    });
    expect(made.body).not.toContain("0123456789abcdef");
    const at = `/v1/jobs/${job.id}`;
    expect((await test.app.inject(at)).json()).toEqual(job);
    expect((await test.app.inject(`${at}/progress`)).json()).toMatchObject({
      status: "queued",
      terminal: false,
      fraction: 0,
      epochs: 10,
      steps: 10,
    });
    expect((await test.app.inject(`${at}/metrics?series=step`)).json()).toEqual({
      series: "step",
      data: [],
      sampled: false,
      total: 0,
    });
    expect((await test.app.inject("/v1/jobs?status=queued&dataset=strokes&limit=1")).json()).toMatchObject({
      data: [{ id: job.id }],
      hasMore: false,
    });
    expect((await test.app.inject({ method: "DELETE", url: at })).json()).toMatchObject({
      status: 409,
      code: "conflict",
    });
    const act = (verb: string) => test.app.inject({ method: "POST", url: `${at}/${verb}` });
    expect((await act("resume")).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining("queued already") as string,
    });
    expect((await act("pause")).json()).toMatchObject({ status: "paused" });
    expect((await act("resume")).json()).toMatchObject({ status: "queued" });
    expect((await act("cancel")).json()).toMatchObject({ status: "cancelled", terminal: true });
    expect((await act("pause")).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining("was cancelled") as string,
    });
    expect((await act("reproduce")).json()).toMatchObject({ status: 409, code: "conflict" });
    const events = (await test.app.inject(`${at}/events`)).json<{
      data: { id: string; type: string; data: { status: string } }[];
    }>().data;
    expect(events.map(({ data }) => data.status)).toEqual(["queued", "paused", "queued", "cancelled"]);
    expect((await test.app.inject(`${at}/events?after=2&limit=1`)).json()).toMatchObject({
      data: [{ id: "3" }],
      hasMore: true,
      nextAfter: "3",
    });
    expect((await test.app.inject(`${at}/events?after=3&limit=1&order=desc`)).json()).toMatchObject({
      data: [{ id: "2" }],
      hasMore: true,
      nextAfter: "2",
    });
    expect((await test.app.inject(`${at}/events?after=2&order=desc`)).json()).toMatchObject({
      data: [{ id: "1" }],
      hasMore: false,
      nextAfter: null,
    });
    expect(
      (await test.app.inject({ url: `${at}/events?order=desc`, headers: { accept: "text/event-stream" } })).json(),
    ).toMatchObject({ status: 400, errors: [{ pointer: "/query/order" }] });
    expect((await test.app.inject({ method: "DELETE", url: at })).statusCode).toBe(204);
    expect((await test.app.inject(at)).statusCode).toBe(404);
  });
  it("counts as waiting only what waits: a job cancelled or paused in the queue leaves it", async () => {
    const { queues } = test.dependencies;
    const waiting = async () => (await queues.depths()).training.waiting;
    const before = await waiting();
    const [cancelled, paused] = [
      (await post(order)).json<{ id: string }>().id,
      (await post(order)).json<{ id: string }>().id,
    ];
    const act = (id: string, verb: string) => test.app.inject({ method: "POST", url: `/v1/jobs/${id}/${verb}` });
    expect(await waiting()).toBe(before + 2);
    await act(cancelled, "cancel");
    await act(paused, "pause");
    expect(await waiting()).toBe(before);
    await act(paused, "resume");
    expect([await waiting(), await queues.hasDelivery(paused, 1), await queues.hasDelivery(paused, 2)]).toEqual([
      before + 1,
      false,
      true,
    ]);
    await act(paused, "cancel");
    expect(await waiting()).toBe(before);
  });
  it("leaves the delivery of a job that a worker has: whoever takes it next ends the job", async () => {
    const { queues, records } = test.dependencies;
    const { id } = (await post(order)).json<{ id: string }>();
    await records.attempts.begin(id, {
      token: "t",
      worker: "one that dies",
      fromCheckpoint: null,
      crashBudget: 3,
      redisRun: "",
    });
    for (const verb of ["pause", "cancel"]) await test.app.inject({ method: "POST", url: `/v1/jobs/${id}/${verb}` });
    expect([(await records.jobs.runOf(id))?.status, await queues.hasDelivery(id, 1)]).toEqual(["cancelling", true]);
  });
  it("puts a preset's settings below what is given", async () => {
    await test.dependencies.records.datasets.create(
      datasetRecord({
        alias: "digits",
        shape: { channels: 1, height: 28, width: 28 },
        classes: "0123456789".split(""),
      }),
    );
    const answer = await post({ dataset: "digits", network: "lenet-5", epochs: 2 }, { url: "/v1/jobs?dryRun=true" });
    expect(answer.json()).toMatchObject({
      request: { epochs: 2, optimiser: { momentum: 0.9 }, schedule: { kind: "cosine" } },
    });
    expect(answer.json<{ layers: unknown[] }>().layers).toHaveLength(7);
  });
});

describe("Idempotency-Key", () => {
  const headers = { "idempotency-key": "order-1" };
  it("gives the first answer again", async () => {
    const before = await jobCount();
    const [first, second] = [await post(order, { headers }), await post({ network, dataset: "strokes" }, { headers })];
    expect(second.json()).toEqual(first.json());
    expect([second.statusCode, second.headers.location, second.headers["idempotency-replayed"]]).toEqual([
      202,
      first.headers.location,
      "true",
    ]);
    expect(await jobCount()).toBe(before + 1);
  });
  it("refuses another body", async () =>
    expect((await post({ ...order, epochs: 3 }, { headers })).json()).toMatchObject({
      status: 422,
      code: "idempotency-mismatch",
    }));
  it("makes one of many at the same moment", async () => {
    const before = await jobCount();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post(order, { headers: { "idempotency-key": "order-2" } })),
    );
    expect(await jobCount()).toBe(before + 1);
    const kinds = answers.map((answer) => (answer.statusCode === 202 ? "made" : answer.json<{ code: string }>().code));
    expect(kinds).toContain("made");
    expect(kinds.filter((kind) => kind !== "made" && kind !== "idempotency-in-flight")).toEqual([]);
  });
  it("holds for what leaves no body", async () => {
    const { id } = (await post(order)).json<{ id: string }>();
    await test.app.inject({ method: "POST", url: `/v1/jobs/${id}/cancel` });
    const remove = () =>
      test.app.inject({ method: "DELETE", url: `/v1/jobs/${id}`, headers: { "idempotency-key": "remove-1" } });
    expect([await remove(), await remove()].map(({ statusCode, body }) => [statusCode, body])).toEqual([
      [204, ""],
      [204, ""],
    ]);
  });
  it("keeps no answer to a question: it is asked anew", async () => {
    const { redis } = test.dependencies;
    const before = await redis.keys("maps:idempotency:*");
    const layers = [{ kind: "dense", units: 3, activation: "softmax" }];
    const answer = await test.app.inject({
      method: "POST",
      url: "/v1/gradient-checks",
      headers: { "idempotency-key": "question" },
      payload: { network: { layers }, input: { channels: 1, height: 7, width: 5 } },
    });
    expect([answer.statusCode, await redis.keys("maps:idempotency:*")]).toEqual([200, before]);
  });
  it("is free again after a refusal", async () => {
    expect((await post({ ...order, dataset: "later" }, { headers: { "idempotency-key": "order-3" } })).statusCode).toBe(
      404,
    );
    await test.dependencies.records.datasets.create(datasetRecord({ alias: "later" }));
    expect((await post({ ...order, dataset: "later" }, { headers: { "idempotency-key": "order-3" } })).statusCode).toBe(
      202,
    );
  });
});

describe("process", () => {
  it("is live, and says what it lacks to be ready", async () => {
    expect((await test.app.inject("/health/live")).json()).toMatchObject({ status: "live" });
    expect((await test.app.inject("/health/ready")).json()).toMatchObject({
      status: 503,
      detail: "not ready: no worker has been seen",
    });
  });
  it("tells of itself", async () => {
    expect((await test.app.inject("/v1/system")).json()).toMatchObject({
      version: "0.0.0",
      workers: [],
      queues: { training: { active: 0 } },
    });
    const text = (await test.app.inject("/metrics")).body;
    expect(text).toMatch(/http_request_duration_seconds_count\{method="POST",route="\/v1\/jobs",status="202"\} \d/);
    expect(text).toMatch(/^redis_up 1$/m);
  });
  it("explains its problems", async () => {
    const { type } = (await test.app.inject("/v1/nothing")).json<{ type: string }>();
    expect((await test.app.inject(type)).body).toMatch(/^## `not-found`\s+404. There is no such route/);
    expect((await test.app.inject("/problems/nonesuch")).statusCode).toBe(404);
  });
  it("has documentation", async () => {
    const document = (await test.app.inject("/openapi.json")).json<{
      openapi: string;
      paths: Record<string, unknown>;
      components: { schemas: object };
    }>();
    expect(document.openapi).toBe("3.1.0");
    expect(await new Validator().validate(structuredClone(document))).toMatchObject({ valid: true });
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(["/v1/jobs", "/v1/jobs/{id}/events", "/openapi.json", "/metrics"]),
    );
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(["Job", "JobRequestInput", "Problem"]),
    );
    const names = (path: string, method: string) =>
      (document.paths as Record<string, Record<string, { parameters: { name: string }[] }>>)[path][
        method
      ].parameters.map(({ name }) => name);
    expect(names("/v1/jobs", "post")).toEqual(["dryRun", "Idempotency-Key"]);
    expect(names("/v1/models/{id}/predictions", "post")).not.toContain("Idempotency-Key");
    expect(names("/v1/jobs/{id}/events", "get")).toContain("Last-Event-ID");
    expect(Object.keys(document.components.schemas)).not.toContain("JobInput");
    expect((await test.app.inject("/docs/")).statusCode).toBe(200);
  });
});

describe("a limit of requests", () => {
  it("holds where one is set, and never for health", async () => {
    const limited = await startTestApp({ RATE_LIMIT: "3" });
    try {
      const answers = [];
      for (let number = 0; number < 5; number++) answers.push(await limited.app.inject("/v1/models"));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 429, 429]);
      expect(answers[3].json()).toMatchObject({
        code: "too-many-requests",
        detail: expect.stringContaining("more than 3 requests in a minute") as string,
      });
      expect(Number(answers[3].headers["retry-after"])).toBeGreaterThan(0);
      expect((await limited.app.inject("/health/live")).statusCode).toBe(200);
    } finally {
      await limited.stop();
    }
  });
});
