/** The demo: POST a job, watch it learn all of MNIST, see what it answers for digits it never saw. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client, Problem, type Job } from "../../client/index.ts";
import { beside, confusionTable, drawDigit, progressLine } from "./drawing.ts";
import { startStack } from "./stack.ts";
import type { DemoStack } from "./stack.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** Where `npm start` listens unless told otherwise. */
const later = "http://127.0.0.1:3000";
const drawnRight = 3;
const drawnWrong = 3;
/** What the demo promises. */
const leastAccuracy = 0.985;

/** A worker that starts for the first time has the built-in datasets yet to make. */
async function untilThere<Value>(look: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof Problem && error.code === "not-found")) throw error;
      await sleep(100);
    }
  }
}

async function awaitDataset(client: Client): Promise<void> {
  process.stdout.write("MNIST: ");
  const { splits } = await untilThere(() => client.datasets.wait("mnist"));
  say(`${splits.train.toLocaleString("en")} digits to learn from, ${splits.test.toLocaleString("en")} to be tested on`);
}

async function watch(client: Client, id: string): Promise<Job> {
  const drawn = process.stdout.isTTY;
  let lastEpoch = -1;
  const job = await client.jobs.wait(id, {
    onEvent: (event) => {
      if (event.type !== "progress") return;
      const line = progressLine(event.data);
      if (drawn) process.stdout.write(`\r\u001B[K${line}`);
      else if (event.data.epoch !== lastEpoch) say(line);
      lastEpoch = event.data.epoch;
    },
  });
  if (job.progress) process.stdout.write(`${drawn ? "\r\u001B[K" : ""}${progressLine(job.progress)}\n`);
  return job;
}

/** Of one test digit, 0 … 255. */
async function pixelsOf(client: Client, index: number): Promise<number[]> {
  const after = index === 0 ? {} : { after: index - 1 };
  const { data } = await client.datasets.samples("mnist", { split: "test", limit: 1, ...after });
  return data[0].pixels;
}

async function draw(client: Client, model: string): Promise<void> {
  const { data: first } = await client.models.predictions(model, { limit: 40 });
  const right = first.filter(({ correct }) => correct).slice(0, drawnRight);
  const { data: wrong } = await client.models.predictions(model, { only: "errors", limit: drawnWrong });
  for (const rows of [right, wrong]) {
    if (rows.length === 0) continue;
    const drawings = await Promise.all(
      rows.map(async (row) => ({
        lines: drawDigit(await pixelsOf(client, row.index), 28),
        caption: `#${row.index} is ${row.class}, read ${row.predicted} (${((row.confidence ?? 0) * 100).toFixed(1)} %)`,
      })),
    );
    say(`\n${beside(drawings, 32)}`);
  }
}

async function run({ url, dataDir }: DemoStack, options: { fast: boolean }): Promise<number> {
  const client = new Client(url);
  await awaitDataset(client);
  const network = options.fast ? "fast-mnist" : "lenet-5";
  const posted = await client.jobs.create({ name: `demo: ${network}`, dataset: "mnist", network });
  say(`POST ${url}/v1/jobs  ${JSON.stringify({ dataset: "mnist", network })}  → ${posted.id}\n`);
  const job = await watch(client, posted.id);
  if (job.status !== "succeeded" || job.model === null || !job.result?.test) {
    say(`The job ended ${job.status}${job.error ? `: ${job.error.detail}` : ""}`);
    return 1;
  }
  const evaluation = await client.models.evaluation(job.model);
  const { accuracy } = job.result.test;
  say(
    `\nTest accuracy ${(accuracy * 100).toFixed(2)} % after ${job.result.seconds.toFixed(1)} s of training on ${job.request.threads} threads (${job.result.kernels})\n`,
  );
  say(confusionTable(evaluation));
  await draw(client, job.model);
  say(`\nTo look at it longer: DATA_DIR=${dataDir} npm start, and then
  ${later}/jobs/${job.id}
  ${later}/models/${job.model}
  ${later}/docs
  ${later}/v1/jobs/${job.id}/metrics?series=epoch
  ${later}/v1/models/${job.model}/predictions?only=errors&sort=confidence
  ${later}/v1/models/${job.model}/filters/0.png`);
  if (accuracy >= leastAccuracy) return 0;
  say(`\nThat is less than the ${leastAccuracy * 100} % this demo promises.`);
  return 1;
}

/** Answers the exit code. Leaves no process, whatever happens. */
export async function demo(options: { fast: boolean }): Promise<number> {
  const started = performance.now();
  const stack = await startStack();
  const interrupted = new Promise<number>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(130));
  });
  try {
    return await Promise.race([run(stack, options), stack.broken, interrupted]);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await stack.stop();
    say(`\n${((performance.now() - started) / 1000).toFixed(1)} s from start to end; nothing runs any more.`);
  }
}
