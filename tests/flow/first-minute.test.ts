/** The first minute of a service: what is built in is known at once, and jobs wait for datasets that are being made. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStack, until, type Answer, type Stack } from "../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

const layers = (units: number) => ({ layers: [{ kind: "dense", units, activation: "softmax" }] });
const post = (body: object): Promise<Answer> => stack.ask("/v1/jobs", { method: "POST", body });
const ended = (id: string): Promise<Answer> =>
  until(
    () => stack.ask(`/v1/jobs/${id}`),
    ({ body }) => body.terminal === true,
    `${id} ended`,
  );

/** Rows of 7×5 pixels of three classes; `fault` stands where a pixel should. */
function table(fault = "0"): string {
  const rows = Array.from({ length: 60 }, (_, at) =>
    [
      at % 3,
      ...Array.from({ length: 35 }, (__, pixel) => (pixel % 3 === at % 3 ? 200 + (at % 7) : (at * pixel) % 50)),
    ].join(),
  );
  return [...rows, ["0", fault, ...Array.from({ length: 34 }, () => "1")].join()].join("\n");
}

async function upload(alias: string, text: string): Promise<Answer> {
  const form = new FormData();
  form.append("alias", alias);
  form.append("size", '{"height":7,"width":5}');
  form.append("file", new Blob([text]), `${alias}.csv`);
  return stack.ask("/v1/datasets", { method: "POST", body: form });
}

test("a job on a built-in dataset is accepted with the first request, waits for it, and trains", async () => {
  const dry = await stack.ask("/v1/jobs?dryRun=true", { body: { dataset: "mnist", network: "lenet-5" } });
  expect(dry).toMatchObject({ status: 200, body: { parameters: 60_850 } });
  const known = await stack.ask("/v1/datasets/mnist");
  expect(known.status).toBe(200);
  const { status, body } = await post({ dataset: "mnist", network: layers(10), epochs: 1 });
  expect([status, body.status]).toEqual([202, "queued"]);
  const { body: job } = await ended(body.id);
  expect(job.status).toBe("succeeded");
  expect(job.dataset.revision).toMatch(/^[0-9a-f]{64}$/);
  expect(job.result.test.accuracy).toBeGreaterThan(0.8);
});

test("a job on an upload that is still checked waits, and has the classes that are found", async () => {
  const dataset = await upload("three", table());
  expect(dataset.status).toBe(202);
  const { status, body } = await post({ dataset: "three", network: layers(3), epochs: 2, batchSize: 500 });
  expect(status).toBe(202);
  const { body: job } = await ended(body.id);
  expect(job).toMatchObject({ status: "succeeded", warnings: [expect.stringMatching(/^a batch of 500/)] });
  expect(job.dataset).toEqual({ id: dataset.body.id, revision: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
});

test("it fails with the dataset's problems where that is rejected, and with the misfit where it does not fit", async () => {
  await upload("broken", table("seven"));
  const onBroken = await post({ dataset: "broken", network: layers(3) });
  await upload("small", table());
  const misfit = await post({ dataset: "small", network: "lenet-5" });
  expect([onBroken.status, misfit.status]).toEqual([202, 202]);
  expect((await ended(onBroken.body.id)).body).toMatchObject({
    status: "failed",
    error: { code: "dataset-rejected", detail: expect.stringMatching(/^its dataset was rejected: .*seven/) as string },
    attempts: [],
  });
  expect((await ended(misfit.body.id)).body).toMatchObject({
    status: "failed",
    error: { code: "network-does-not-fit", detail: expect.stringMatching(/28×28; these are 7×5/) as string },
  });
});

test("a job that waits can be paused, resumed and cancelled", async () => {
  await upload("later", table());
  const { body } = await post({ dataset: "later", network: layers(3), epochs: 1 });
  const paused = await stack.ask(`/v1/jobs/${body.id}/pause`, { method: "POST" });
  expect([202, 409]).toContain(paused.status);
  // Where it had begun it may end before it comes to the pause.
  const { body: now } = await until(
    () => stack.ask(`/v1/jobs/${body.id}`),
    (answer) => answer.body.status === "paused" || answer.body.terminal === true,
    "the pause",
  );
  if (now.status === "paused") await stack.ask(`/v1/jobs/${body.id}/resume`, { method: "POST" });
  expect((await ended(body.id)).body.status).toBe("succeeded");
});
