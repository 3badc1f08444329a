/** Limits of a project, over HTTP and a real Redis. */
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { noLimits, type Limits, type Project } from "../../schemas/access.ts";
import { datasetRecord, startTestApp, type TestApp } from "../../tests/support/app.ts";
import { strokesNetwork } from "../../tests/support/strokes.ts";
import { newId } from "../shared/ids.ts";
import { createRecords } from "../shared/records/index.ts";

let test: TestApp;
beforeAll(async () => {
  test = await startTestApp({ AUTH: "keys" });
  vi.spyOn(test.dependencies.prediction, "planBytes").mockResolvedValue({ bytes: 65_536 });
});
afterAll(() => test.stop());

async function tenant(limits: Partial<Limits>) {
  const { records, redis } = test.dependencies;
  const id = newId("project");
  const createdAt = new Date().toISOString();
  await records.projects.create({ id, name: id, limits: { ...noLimits, ...limits }, createdAt });
  const { text } = await records.keys.create({ name: "k", project: id, scope: "write", expiresAt: null });
  const ask = (url: string, method: "GET" | "POST" | "DELETE" = "GET", body?: object) =>
    test.app.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${text}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
  /** A table of so many bytes, in pieces, without a length. */
  const upload = (bytes: number) => {
    const head = '--e\r\ncontent-disposition: form-data; name="file"; filename="t.csv"\r\n\r\n';
    const pieces = [head, "1,2,3,4\n".repeat(bytes).slice(0, bytes), "\r\n--e--\r\n"];
    return test.app.inject({
      method: "POST",
      url: "/v1/datasets",
      headers: { authorization: `Bearer ${text}`, "content-type": "multipart/form-data; boundary=e" },
      payload: Readable.from(pieces.map((piece) => Buffer.from(piece))),
    });
  };
  const usage = async () => (await ask(`/v1/projects/${id}`)).json<Project>().usage;
  return { id, ask, upload, usage, own: createRecords(redis, id) };
}

it("requests a minute are counted, told, and refused with when to come back", async () => {
  const { ask, usage } = await tenant({ requestsPerMinute: 4 });
  const first = await ask("/v1/jobs");
  expect([first.statusCode, first.headers["ratelimit-policy"], first.headers["ratelimit"]]).toEqual([
    200,
    '"project";q=4;w=60',
    expect.stringMatching(/^"project";r=3;t=\d+$/),
  ]);
  expect((await usage()).requestsPerMinute).toBe(2);
  for (let each = 0; each < 2; each++) await ask("/v1/jobs");
  const refused = await ask("/v1/jobs");
  expect([refused.statusCode, refused.json()]).toEqual([
    429,
    expect.objectContaining({
      code: "limit-reached",
      detail: expect.stringContaining("4 requests a minute") as string,
    }),
  ]);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  // Another project is not concerned.
  const other = await tenant({});
  expect([(await other.ask("/v1/jobs")).statusCode, (await other.ask("/v1/jobs")).headers["ratelimit"]]).toEqual([
    200,
    undefined,
  ]);
});

it("jobs that wait: the script that makes one refuses one too many, also of many at once", async () => {
  const { ask, own, usage } = await tenant({ queuedJobs: 3 });
  await own.datasets.create(datasetRecord());
  const order = { dataset: "strokes", network: strokesNetwork, epochs: 1 };
  const answers = await Promise.all(Array.from({ length: 9 }, () => ask("/v1/jobs", "POST", order)));
  expect(answers.filter(({ statusCode }) => statusCode === 202)).toHaveLength(3);
  const refused = answers.find(({ statusCode }) => statusCode !== 202);
  expect([refused?.statusCode, refused?.json()]).toEqual([429, expect.objectContaining({ code: "limit-reached" })]);
  expect(await usage()).toMatchObject({ queuedJobs: 3, runningJobs: 0 });
  const made = answers.find(({ statusCode }) => statusCode === 202)?.json<{ id: string }>().id;
  await ask(`/v1/jobs/${made}/pause`, "POST");
  expect((await ask("/v1/jobs", "POST", order)).statusCode).toBe(202);
  expect((await ask(`/v1/jobs/${made}/resume`, "POST")).statusCode).toBe(429);
});

it("stored bytes count datasets, and what is deleted counts no more", async () => {
  const { ask, own, usage } = await tenant({ storedBytes: 5000 });
  const dataset = datasetRecord({ bytes: 4000 });
  await own.datasets.create(dataset);
  expect((await usage()).storedBytes).toBe(4000);
  await own.datasets.patch(dataset.id, { bytes: 6000 });
  expect((await usage()).storedBytes).toBe(6000);
  const order = { dataset: "strokes", network: strokesNetwork, epochs: 1 };
  const refused = await ask("/v1/jobs", "POST", order);
  expect([refused.statusCode, refused.json<{ detail: string }>().detail]).toEqual([
    429,
    expect.stringContaining("may store 5000 bytes"),
  ]);
  await expect(own.datasets.create(datasetRecord({ alias: null }), { expectedBytes: 1 })).rejects.toThrow("5000 bytes");
  expect((await ask(`/v1/datasets/${dataset.id}`, "DELETE")).statusCode).toBe(204);
  expect((await usage()).storedBytes).toBe(0);
});

it("an upload that says no length is counted as it comes, and refused where it is too much", async () => {
  const { own, usage, upload } = await tenant({ storedBytes: 5000 });
  const dataset = datasetRecord({ alias: null, status: "receiving", terminal: false });
  await own.datasets.create(dataset, { expectedBytes: 1 });
  await own.datasets.patch(dataset.id, { fraction: 0 }, "receiving", 3000);
  expect((await usage()).storedBytes).toBe(3000);
  await expect(own.datasets.patch(dataset.id, { fraction: 0 }, "receiving", 5001)).rejects.toThrow("5000 bytes");
  expect((await usage()).storedBytes).toBe(3000);
  // 1,900 bytes still fit, without a length; 2,100 do not, and leave nothing.
  const refused = await upload(2100);
  expect([refused.statusCode, refused.json()]).toEqual([429, expect.objectContaining({ code: "limit-reached" })]);
  expect((await usage()).storedBytes).toBe(3000);
  expect((await upload(1900)).statusCode).toBe(202);
  expect((await usage()).storedBytes).toBe(4900);
  await own.datasets.delete(dataset.id);
  expect((await usage()).storedBytes).toBe(1900);
});

it("predictions at once are given back when they are answered", async () => {
  const { ask, id, usage } = await tenant({ predictionsAtOnce: 1 });
  const gradients = () => ask("/v1/gradient-checks", "POST", { network: strokesNetwork, dataset: "nothing" });
  expect((await gradients()).statusCode).toBe(404);
  await expect.poll(async () => (await usage()).predictionsAtOnce).toBe(0);
  const { projects } = test.dependencies.records;
  const limits = { ...noLimits, predictionsAtOnce: 1 };
  expect((await projects.countRequest(id, { limits, prediction: "a" })).hasPlace).toBe(true);
  expect((await gradients()).json()).toMatchObject({ code: "limit-reached" });
  await projects.endPrediction(id, "a");
  expect((await gradients()).statusCode).toBe(404);
});
