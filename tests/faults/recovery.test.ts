/** One misfortune at a time: what happens, how soon, and that the bits are those of a quiet run. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../support/stack.ts";
import type { Service } from "../support/stack.ts";
import { slowJob, startTrial } from "../support/trials.ts";
import type { Trial } from "../support/trials.ts";

const epochs = 60;
/** What the product promises. */
const crashMs = 15_000;
const handOverMs = 2000;
/** The machine that runs the tests has other things to do. */
const slack = 2;

let trial: Trial;
let quiet: string;

beforeAll(async () => {
  trial = await startTrial({ workers: 1 });
  const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs }) });
  quiet = (await trial.ended(body.id)).receipt.weights;
});
afterAll(() => trial.stop());

const job = async (id: string) => (await trial.ask(`/v1/jobs/${id}`)).body;
const running = (): Service => {
  const worker = trial.workers.find(({ process: child }) => child.exitCode === null && child.signalCode === null);
  if (!worker) throw new Error("no worker runs");
  return worker;
};

/** Posts a job and waits until it has a checkpoint behind it. */
async function underWay(fields: Record<string, unknown> = {}): Promise<string> {
  const { body, status } = await trial.ask("/v1/jobs", { body: slowJob({ epochs, ...fields }) });
  expect(status).toBe(202);
  await until(() => job(body.id), (each) => each.progress?.epoch >= 3 && each.status === "running", "a job under way");
  return body.id;
}

const resumed = (id: string) => until(() => job(id), (each) => each.attempts.length >= 2 && each.status === "running", "the next attempt");

describe("a worker that", () => {
  test("is killed: another goes on from the last checkpoint within 15 s, to the same bits", async () => {
    const id = await underWay();
    const victim = running();
    const other = trial.startWorker();
    const at = performance.now();
    await victim.end("SIGKILL");
    const next = await resumed(id);
    expect(performance.now() - at).toBeLessThan(crashMs * slack);
    expect(next.attempts[0]).toMatchObject({ reason: "lost" });
    expect(next.attempts[1].fromCheckpoint).toBeGreaterThan(0);
    expect((await trial.ended(id)).receipt.weights).toBe(quiet);
    expect(other.process.exitCode).toBeNull();
  });

  test("is told to end: hands over at the next batch, another goes on within 2 s", async () => {
    const second = trial.startWorker();
    const id = await underWay();
    const owner = (await job(id)).attempts[0].worker as string;
    const held = trial.workers.find(({ process: child }) => owner.includes(`-${child.pid}-`)) as Service;
    const at = performance.now();
    held.process.kill("SIGTERM");
    const next = await resumed(id);
    expect(performance.now() - at).toBeLessThan(handOverMs * slack);
    expect(next.attempts[0]).toMatchObject({ reason: "handed over" });
    expect((await trial.ended(id)).receipt.weights).toBe(quiet);
    await held.end();
    expect(held.process.exitCode).toBe(0);
    expect(second.process.exitCode === null || held === second).toBe(true);
  });

  test("freezes and wakes up later changes nothing", async () => {
    const id = await underWay();
    const frozen = running();
    frozen.process.kill("SIGSTOP");
    const fresh = trial.startWorker();
    const next = await resumed(id);
    expect(next.attempts[0]).toMatchObject({ reason: "lost" });
    const ended = await trial.ended(id);
    expect(ended.receipt.weights).toBe(quiet);
    frozen.process.kill("SIGCONT");
    await until(async () => frozen.lines.filter((line) => line.includes('"training stopped"')).length, (count) => count > 0, "the woken worker to notice");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await job(id)).toEqual(ended);
    await fresh.end();
  });

  test("dies three times without a new checkpoint: the job fails with that reason, and the queue goes on", async () => {
    const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 3000, checkpoints: { everyEpochs: 3000, keepBest: 0 }, dataset: "mnist", batchSize: 1 }) });
    for (let death = 1; death <= 3; death++) {
      await until(() => job(body.id), (each) => each.attempts.length === death && each.status === "running" && each.progress !== null, `attempt ${death}`);
      await Promise.all(trial.workers.map((worker) => worker.end("SIGKILL")));
      trial.startWorker();
    }
    const ended = await trial.ended(body.id);
    expect(ended).toMatchObject({ status: "failed", error: { code: "crashed" } });
    expect(ended.error.detail).toMatch(/3 times/);
    const after = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 1 }) });
    expect(await trial.ended(after.body.id)).toMatchObject({ status: "succeeded" });
  });
});

describe("a job that is", () => {
  test("paused survives the restart of everything and ends with the same bits", async () => {
    const id = await underWay();
    const at = performance.now();
    expect((await trial.ask(`/v1/jobs/${id}/pause`, { method: "POST" })).status).toBe(202);
    await until(() => job(id), ({ status }) => status === "paused", "the pause");
    expect(performance.now() - at).toBeLessThan(2000 * slack);
    await Promise.all(trial.workers.map((worker) => worker.end()));
    await trial.redis.kill();
    await trial.redis.start();
    trial.startWorker();
    await until(() => trial.ask("/health/ready"), ({ status }) => status === 200, "readiness");
    expect((await job(id)).status).toBe("paused");
    expect((await trial.ask(`/v1/jobs/${id}/pause`, { method: "POST" })).status).toBe(409);
    expect((await trial.ask(`/v1/jobs/${id}/resume`, { method: "POST" })).status).toBe(202);
    const ended = await trial.ended(id);
    expect(ended.receipt.weights).toBe(quiet);
    expect((await trial.ask(`/v1/jobs/${id}/resume`, { method: "POST" })).body).toMatchObject({ status: 409, code: "conflict" });
  });

  test("cancelled ends at once and keeps its last checkpoint", async () => {
    const id = await underWay();
    expect((await trial.ask(`/v1/jobs/${id}/cancel`, { method: "POST" })).status).toBe(202);
    const ended = await trial.ended(id);
    expect(ended).toMatchObject({ status: "cancelled", model: null });
    expect((await trial.ask(`/v1/jobs/${id}/checkpoints`)).body.data.length).toBeGreaterThan(0);
  });

  test("diverging fails once, with the step", async () => {
    const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 3, optimiser: { kind: "sgd", learningRate: 1000 }, loss: "squared-error", network: { layers: [{ kind: "dense", units: 3, activation: "linear" }] } }) });
    const ended = await trial.ended(body.id);
    expect(ended).toMatchObject({ status: "failed", error: { code: "diverged" } });
    expect(ended.error.step).toBeGreaterThan(0);
    expect(ended.attempts).toHaveLength(1);
  });

  test("reproduced says that the digest is the same", async () => {
    const id = await underWay();
    const first = await trial.ended(id);
    const { body } = await trial.ask(`/v1/jobs/${id}/reproduce`, { method: "POST" });
    expect(await trial.ended(body.id)).toMatchObject({ reproduction: { of: id, expected: first.receipt.weights, found: first.receipt.weights, agrees: true } });
  });

  test("out of time ends as a success with the best checkpoint as its model", async () => {
    const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 5000, stopWhen: { maxSeconds: 2 } }) });
    const ended = await trial.ended(body.id);
    expect(ended).toMatchObject({ status: "succeeded", result: { stopReason: "maxSeconds" } });
    expect(ended.receipt.stoppedAtStep).toBe(ended.progress.best.epoch * 180);
  });
});
