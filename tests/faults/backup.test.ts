/** A backup taken of a running stack and restored elsewhere, by the very commands of docs/OPERATIONS.md. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client } from "../../client/index.ts";
import { ask, until, type Answer, type Ask } from "../support/stack.ts";
import { strokes, strokesForm, strokesJob } from "../support/strokes.ts";

const operations = readFileSync(new URL("../../docs/OPERATIONS.md", import.meta.url), "utf8");
/** The commands below a heading of the document, up to the one that starts the service. */
function commandsBelow(heading: string): string {
  const block = operations.slice(operations.indexOf(heading)).match(/```sh\n([\s\S]*?)```/)?.[1] ?? "";
  return block.replace(/^npm start.*$/m, "");
}

let folder: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "backup-"));
});
afterAll(async () => {
  await Promise.all(children.map(end));
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

interface Running {
  child: ChildProcess;
  client: Client;
  ask: (path: string, how?: Ask) => Promise<Answer>;
}

/** As `npm start` does it: with a Redis of its own in the data folder. */
async function start(dataDir: string): Promise<Running> {
  const entry = fileURLToPath(new URL("../../dist/services/stack/main.js", import.meta.url));
  const environment = { DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: "warn", WORKER_THREADS: "2" };
  const child = spawn(process.execPath, [entry], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const { stdout } = child;
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).on("line", (line) => {
      const at = /^listening on (http:\S+)/.exec(line)?.[1];
      if (at !== undefined) resolve(at);
    });
    child.once("exit", (code) => reject(new Error(`the stack ended with ${code}`)));
  });
  return { child, client: new Client(url), ask: (path, how) => ask(url, path, how) };
}

function run(heading: string, environment: Record<string, string>): void {
  const commands = commandsBelow(heading);
  expect(commands).not.toBe("");
  const { stderr } = spawnSync("sh", ["-c", commands], { env: { ...process.env, ...environment }, encoding: "utf8" });
  // A checkpoint that the training thins out while it is copied: the document says that this is harmless.
  const complaints = stderr.split("\n").filter((line) => /^(sh|mkdir|cp):/.test(line));
  expect(complaints.filter((line) => !/checkpoints\/.*No such file/.test(line))).toEqual([]);
}

const post = async ({ client }: Running, body: object): Promise<string> =>
  (await client.jobs.create(body as Parameters<Client["jobs"]["create"]>[0])).id;
const ended = ({ client }: Running, id: string) => client.jobs.wait(id, { signal: AbortSignal.timeout(240_000) });

const lasting = { ...strokesJob, checkpoints: { everyEpochs: 10 } };
/** As many epochs of it as take about so many seconds on this machine, be it fast or slow. */
async function epochsOf(running: Running, seconds: number): Promise<number> {
  const endless = await post(running, { ...lasting, epochs: 100_000, name: "endless" });
  const { body } = await until(
    () => running.ask(`/v1/jobs/${endless}`),
    ({ body: { progress } }) => progress?.elapsedSeconds > 2,
    "a speed",
  );
  await running.client.jobs.cancel(endless);
  return Math.ceil((seconds * body.progress.epoch) / body.progress.elapsedSeconds);
}

test("what a backup of a running service holds is there again, and what it trained goes on to the same bits", async () => {
  const [original, copy, backup] = ["original", "copy", "kept"].map((name) => join(folder, name));
  const first = await start(original);
  const form = strokesForm();
  const files = ["images", "labels", "testImages", "testLabels"].map((name) => [name, form.get(name)] as const);
  const { id: dataset } = await first.client.datasets.upload(Object.fromEntries(files), {
    name: "strokes",
    alias: "strokes",
    classes: [...strokes.classes],
  });
  await first.client.datasets.wait(dataset);
  const done = await ended(first, await post(first, { ...strokesJob, name: "done", metadata: { a: "b" } }));
  await first.ask("/v1/aliases/models/strokes@production", { method: "PUT", body: { model: done.model } });
  // The training has to outlast the backup, and Redis waits five seconds before it sends its records.
  const epochs = await epochsOf(first, 20);
  const training = await post(first, {
    ...lasting,
    epochs,
    name: "training",
  });
  const waiting = await post(first, { ...strokesJob, seed: 9, name: "waiting" });
  await until(
    () => first.ask(`/v1/jobs/${training}`),
    ({ body }) => body.progress?.epoch >= 2,
    "a training under way",
  );

  run("## Backing up", { DATA_DIR: original, BACKUP: backup });
  expect((await first.ask(`/v1/jobs/${training}`)).body.terminal).toBe(false);

  const sample = { instances: [new Array<number>(35).fill(9)] };
  const look = async (running: Running): Promise<unknown[]> => {
    const paths = [
      `/v1/jobs/${done.id}`,
      `/v1/jobs/${done.id}/events?limit=1000`,
      `/v1/jobs/${done.id}/metrics?series=step`,
      `/v1/jobs/${done.id}/checkpoints`,
      "/v1/models/strokes@production",
      `/v1/models/${done.model}/evaluation`,
      `/v1/models/${done.model}/predictions?split=test&limit=90`,
      "/v1/datasets/strokes",
    ];
    const answers = await Promise.all(paths.map((path) => running.ask(path)));
    const predicted = await running.ask(`/v1/models/${done.model}/predictions`, { body: sample });
    return [...answers.map(({ status, body }) => [status, body]), predicted.body.predictions];
  };
  const before = await look(first);
  const weights = [];
  for (const id of [training, waiting]) weights.push((await ended(first, id)).receipt?.weights);
  await end(first.child);

  run("### Restoring", { DATA_DIR: copy, BACKUP: backup });
  const second = await start(copy);
  expect(await look(second)).toEqual(before);
  const again = [];
  for (const id of [training, waiting]) again.push((await ended(second, id)).receipt?.weights);
  expect(again).toEqual(weights);
  const { body } = await second.ask(`/v1/jobs/${done.id}/reproduce`, { method: "POST" });
  expect(await ended(second, body.id)).toMatchObject({ status: "succeeded", reproduction: { agrees: true } });
  expect(existsSync(join(copy, "redis", "appendonlydir"))).toBe(true);
  await end(second.child);
  // What was written after the restoration outlives a restart: the append-only file goes on from the backup.
  const third = await start(copy);
  expect((await third.ask(`/v1/jobs/${body.id}`)).body).toMatchObject({ status: "succeeded" });
});
