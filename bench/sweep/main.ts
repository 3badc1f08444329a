/**
 * `npm run bench -- --sweep`: how busy a sweep of short trials keeps a worker, and what each trial costs besides its
 * training.
 *
 *     npm run bench -- --sweep                           1,000 trials of a second on two slots: about nine minutes
 *     npm run bench -- --sweep --trials 100 --seconds 0.5
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatted } from "../../scripts/formatted.ts";
import { root } from "../peers/load.ts";
import { environment } from "../report.ts";
import { findProcesses } from "../soak/processes.ts";
import { jobOn, uploadOf } from "../soak/strokes.ts";
import { json, post, startStack } from "../stack.ts";
import { busyShare, markdown, type SweepResults } from "./report.ts";
import { spentBy } from "./spent.ts";

const { values: options } = parseArgs({
  options: {
    sweep: { type: "boolean", default: true },
    trials: { type: "string", default: "1000" },
    seconds: { type: "string", default: "1" },
    slots: { type: "string", default: "2" },
    out: { type: "string", default: join(root, "bench", "results") },
  },
});
const trials = Number(options.trials);
const seconds = Number(options.seconds);
const slots = Number(options.slots);

async function makeDataset(url: string): Promise<string> {
  const { body, contentType } = uploadOf(1_000_000, 5000);
  const headers = { "content-type": contentType };
  const { id } = await json<{ id: string }>(`${url}/v1/datasets`, { method: "POST", headers, body });
  while ((await json<{ status: string }>(`${url}/v1/datasets/${id}`)).status !== "ready") await pause(100);
  return id;
}

const sweepOn = (dataset: string): object => ({
  base: {
    ...jobOn(dataset, 1),
    epochs: 100_000,
    validation: { fraction: 0.1 },
    // The time ends it, on any machine.
    stopWhen: { maxSeconds: seconds },
  },
  space: { "/optimiser/learningRate": { log: [0.001, 0.3] } },
  search: { kind: "random", trials },
  parallel: slots + 2,
});

interface Sweep {
  id: string;
  terminal: boolean;
  status: string;
  trials: { succeeded: number };
}
interface Page {
  data: { id: string; startedAt: string; finishedAt: string; result: { seconds: number } | null }[];
  nextAfter: string | null;
}

async function jobsOf(url: string, sweep: string): Promise<Page["data"]> {
  const found: Page["data"] = [];
  for (let after: string | null = ""; after !== null;) {
    const page: Page = await json(`${url}/v1/jobs?sweep=${sweep}&limit=200${after === "" ? "" : `&after=${after}`}`);
    found.push(...page.data);
    after = page.nextAfter;
  }
  return found;
}

const stack = await startStack({ WORKER_THREADS: "1", WORKER_SLOTS: String(slots) });
try {
  const { url } = stack;
  const dataset = await makeDataset(url);
  const { workers } = await json<{ workers: { pid: number }[] }>(`${url}/v1/system`);
  const processes = findProcesses(workers[0]?.pid ?? 0);
  console.log(`sweep: ${trials} trials of ${seconds} s on ${slots} slots …`);
  const before = spentBy(processes);
  let sweep = await post<Sweep>(`${url}/v1/sweeps`, sweepOn(dataset));
  while (!sweep.terminal) {
    await pause(1000);
    sweep = await json(`${url}/v1/sweeps/${sweep.id}`);
  }
  const after = spentBy(processes);
  if (sweep.trials.succeeded !== trials)
    throw new Error(`the sweep ended ${sweep.status} with ${sweep.trials.succeeded} of ${trials} trials`);
  const jobs = await jobsOf(url, sweep.id);
  const results: SweepResults = {
    at: new Date().toISOString(),
    environment: environment(),
    trials,
    secondsAllowed: seconds,
    slots,
    ...busyShare(jobs, slots),
    millisecondsPerTrial: Object.fromEntries(
      Object.entries(after).map(([name, spent]) => [name, (1000 * (spent - (before[name] ?? 0))) / trials]),
    ),
  };
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, "sweep.json"), `${JSON.stringify(results, null, 2)}\n`);
  const report = await formatted({ root, file: "sweep.md", text: markdown(results) });
  writeFileSync(join(options.out, "sweep.md"), report);
  console.log(`\n${report}\nwritten to ${join(options.out, "sweep.md")} and sweep.json`);
} finally {
  await stack.stop();
}
