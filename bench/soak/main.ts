/**
 * `npm run bench -- --soak`: submissions, polling clients, event streams, predictions and uploads at once, for long;
 * how memory goes, what is shed, and whether anything is lost.
 *
 *     npm run bench -- --soak                      ten minutes, 1,000 clients and 1,000 streams
 *     npm run bench -- --soak --minutes 0.5 --clients 100
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatted } from "../../scripts/formatted.ts";
import { root } from "../peers/load.ts";
import { environment } from "../report.ts";
import { ended, json, post, startStack, type Job } from "../stack.ts";
import { Connection } from "./http.ts";
import { Ledger, Loads } from "./loads.ts";
import { findProcesses, residentMiB } from "./processes.ts";
import { faultsOf, loadsOf, markdown, type SoakResults } from "./report.ts";
import { jobOn, uploadOf } from "./strokes.ts";

const { values: options } = parseArgs({
  options: {
    soak: { type: "boolean", default: true },
    minutes: { type: "string", default: "10" },
    clients: { type: "string", default: "1000" },
    submissions: { type: "string", default: "4" },
    predictions: { type: "string", default: "50" },
    out: { type: "string", default: join(root, "bench", "results") },
  },
});
const minutes = Number(options.minutes);
const clients = Number(options.clients);
const submissionsPerSecond = Number(options.submissions);
const queuedJobs = 100;
const memoryEveryMs = 5000;

/** A dataset and a model that is predicted with. */
async function prepare(url: string): Promise<{ dataset: string; model: string }> {
  const { body, contentType } = uploadOf(1_000_000, 300);
  const headers = { "content-type": contentType };
  const { id: dataset } = await json<{ id: string }>(`${url}/v1/datasets`, { method: "POST", headers, body });
  while ((await json<{ status: string }>(`${url}/v1/datasets/${dataset}`)).status !== "ready") await pause(100);
  const { id } = await post<Job>(`${url}/v1/jobs`, jobOn(dataset, 0));
  const { model } = await ended(url, id);
  if (model === null) throw new Error("the first job left no model");
  const limits = { limits: { queuedJobs } };
  const patch = { method: "PATCH", headers: { "content-type": "application/json" }, body: JSON.stringify(limits) };
  await json(`${url}/v1/projects/prj_default`, patch);
  return { dataset, model };
}

async function watchMemory(url: string, series: SoakResults["memory"], signal: AbortSignal): Promise<void> {
  const { workers } = await json<{ workers: { pid: number }[] }>(`${url}/v1/system`);
  const processes = findProcesses(workers[0]?.pid ?? 0);
  while (!signal.aborted) {
    for (const [name, pid] of processes) {
      const figure = residentMiB(pid);
      if (figure !== null) (series[name] ??= []).push(figure);
    }
    await pause(memoryEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Every accepted job ends once, as a success. */
async function judgeJobs(connection: Connection, ids: readonly string[]): Promise<SoakResults["jobs"]> {
  const otherwise: string[] = [];
  for (const id of new Set(ids)) {
    let job = await connection.ask(`/v1/jobs/${id}`);
    while (job.status >= 500 || (job.status === 200 && job.body.terminal !== true)) {
      await pause(200);
      job = await connection.ask(`/v1/jobs/${id}`);
    }
    const { body } = await connection.ask(`/v1/jobs/${id}/events?limit=1000`);
    const ends = (body.data as { type: string; data: { terminal?: boolean } }[]).filter(
      ({ type, data }) => type === "status" && data.terminal === true,
    );
    if (job.body.status !== "succeeded" || ends.length !== 1)
      otherwise.push(`${id} is ${job.body.status ?? job.status}, ended ${ends.length} times`);
  }
  const accepted = ids.length;
  return { accepted, succeeded: new Set(ids).size - otherwise.length, otherwise };
}

async function judgeUploads(connection: Connection, ids: readonly string[]): Promise<SoakResults["uploads"]> {
  const otherwise: string[] = [];
  for (const id of ids) {
    let dataset = await connection.ask(`/v1/datasets/${id}`);
    while (dataset.status >= 500 || (dataset.status === 200 && dataset.body.terminal !== true)) {
      await pause(200);
      dataset = await connection.ask(`/v1/datasets/${id}`);
    }
    const samples = await connection.ask(`/v1/datasets/${id}/samples?limit=3`);
    if (dataset.body.status !== "ready" || samples.status !== 200)
      otherwise.push(`${id} is ${dataset.body.status ?? dataset.status}, its samples answer ${samples.status}`);
  }
  return { accepted: ids.length, readable: ids.length - otherwise.length, otherwise };
}

const stack = await startStack({ WORKER_THREADS: "1", WORKER_SLOTS: "2" });
try {
  const prepared = await prepare(stack.url);
  const ledger = new Ledger();
  const memory: SoakResults["memory"] = {};
  const watching = new AbortController();
  const watched = watchMemory(stack.url, memory, watching.signal);
  console.log(`soak: ${minutes} minutes, ${clients} clients, ${clients} streams …`);
  const loads = new Loads(
    {
      url: stack.url,
      clients,
      until: performance.now() + minutes * 60_000,
      ...prepared,
      submissionsPerSecond,
      uploadsPerSecond: 0.5,
      predictionsPerSecond: Number(options.predictions),
    },
    ledger,
  );
  await loads.run();
  watching.abort();
  await watched;
  const over = performance.now();
  const connection = new Connection(stack.url);
  const jobs = await judgeJobs(connection, ledger.jobs);
  const drainSeconds = (performance.now() - over) / 1000;
  const uploads = await judgeUploads(connection, ledger.datasets);
  connection.close();
  const results: SoakResults = {
    at: new Date().toISOString(),
    environment: environment(),
    settings: { minutes, clients, submissionsPerSecond, queuedJobs },
    loads: loadsOf(ledger),
    events: ledger.events,
    gaps: ledger.gaps,
    jobs,
    uploads,
    memory,
    drainSeconds,
  };
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, "soak.json"), `${JSON.stringify(results, null, 2)}\n`);
  const report = await formatted({ root, file: "soak.md", text: markdown(results) });
  writeFileSync(join(options.out, "soak.md"), report);
  console.log(`\n${report}\nwritten to ${join(options.out, "soak.md")} and soak.json`);
  if (faultsOf(results).length > 0) process.exitCode = 1;
} finally {
  await stack.stop();
}
