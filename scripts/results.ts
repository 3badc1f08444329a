/**
 * What the engine reaches on MNIST and Fashion-MNIST: runs the experiments, keeps their outcomes in docs/results.json
 * and writes docs/RESULTS.md.
 *
 *     npm run results                                   all of them
 *     npm run results -- lenet-5 toolbox                these; the others keep the outcomes they have
 *     npm run results -- defaults                       the sweep behind the defaults; docs/results-defaults.json
 *     npm run results -- suite                          a dataset and nothing else, on many; docs/results-suite.json
 *     npm run results -- suite digits --fonts ~/fonts   these sets of it; glyphs of the fonts in this folder
 *     npm run results -- --parallel 2 --kernels auto    as many at once; the bits depend on neither
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { formatted } from "./formatted.ts";
import { isPresent } from "./results/collections.ts";
import { experiments, type Collection, type Experiment } from "./results/experiments.ts";
import { renderResults } from "./results/report.ts";
import { runSweep, type SweepRow } from "./results/sweep.ts";
import { runSuite, type SuiteRow } from "./results/suite/run.ts";
import { suiteSets } from "./results/suite/sets.ts";
import { nameOf } from "./results/sweep-report.ts";
import { runExperiment, type Outcome } from "./results/training.ts";

interface Task {
  name: string;
  seed: number;
  kernels: string;
}

/** The project's folder: this file runs as dist/scripts/results.js. */
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const outcomesFile = join(root, "docs", "results.json");
const sweepFile = join(root, "docs", "results-defaults.json");
const suiteFile = join(root, "docs", "results-suite.json");
const document = join(root, "docs", "RESULTS.md");

const named = (name: string): Experiment => {
  const found = experiments.find((each) => each.name === name);
  if (!found)
    throw new Error(`there is no experiment '${name}'; there are ${experiments.map((each) => each.name).join(", ")}`);
  return found;
};

const inThread = (task: Task): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: task });
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", (code) => reject(new Error(`the thread of ${task.name} ended with code ${code}`)));
  });

function write(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

const readRows = <Row>(path: string): Row[] =>
  existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Row[]) : [];

async function keep(outcome: Outcome): Promise<void> {
  const known = readRows<Outcome>(outcomesFile);
  const all = [...known.filter((each) => each.name !== outcome.name || each.seed !== outcome.seed), outcome];
  const outcomes = experiments.flatMap(({ name, seeds }) =>
    seeds.flatMap((seed) => all.find((each) => each.name === name && each.seed === seed) ?? []),
  );
  write(outcomesFile, `${JSON.stringify(outcomes, null, 1)}\n`);
  await report();
}

async function report(): Promise<void> {
  const text = renderResults({
    outcomes: readRows<Outcome>(outcomesFile),
    sweep: readRows<SweepRow>(sweepFile),
    suite: readRows<SuiteRow>(suiteFile),
  });
  write(document, await formatted({ root, file: document, text }));
}

async function sweepDefaults(kernels: string): Promise<void> {
  const rows = runSweep({
    kernels,
    onRow: ({ set, network, optimiser, accuracy }) =>
      console.log(`${set}: ${network}: ${nameOf(optimiser)}: ${accuracy ?? "diverged"}`),
  });
  write(sweepFile, `${JSON.stringify(rows, null, 1)}\n`);
  await report();
}

async function judgeSuite(
  names: readonly string[],
  { kernels, fonts }: { kernels: string; fonts: string },
): Promise<void> {
  const cache = join(root, "node_modules", ".cache", "feature-maps-results");
  mkdirSync(cache, { recursive: true });
  await runSuite({
    sources: { fonts: [fonts], cache },
    kernels,
    names,
    onContender: (set, { name, accuracy, epochs, processorSeconds }) =>
      console.log(`${set}: ${name}: ${accuracy} after ${epochs ?? "?"} epochs in ${processorSeconds ?? "?"} s`),
    onRow: async (row) => {
      const all = [...readRows<SuiteRow>(suiteFile).filter(({ set }) => set !== row.set), row];
      const rows = suiteSets.flatMap(({ name }) => all.find(({ set }) => set === name) ?? []);
      write(suiteFile, `${JSON.stringify(rows, null, 1)}\n`);
      await report();
    },
  });
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      parallel: { type: "string", default: String(Math.max(1, Math.floor(availableParallelism() / 2))) },
      kernels: { type: "string", default: "auto" },
      fonts: { type: "string", default: "/usr/share/fonts" },
    },
  });
  const [first, ...sets] = positionals;
  if (first === "suite") return judgeSuite(sets, values);
  if (positionals.length === 0 || positionals.includes("defaults")) await sweepDefaults(values.kernels);
  const names = positionals.filter((name) => name !== "defaults");
  const wanted = positionals.length > 0 ? names.map(named) : experiments;
  const possible = wanted.filter(({ request }) => isPresent(request.dataset as Collection));
  for (const { name, request } of wanted)
    if (!isPresent(request.dataset as Collection))
      console.log(`${name}: left out, ${request.dataset} is not on this machine`);
  const waiting = possible.flatMap(({ name, seeds }) =>
    seeds.map((seed): Task => ({ name, seed, kernels: values.kernels })),
  );
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const outcome = await inThread(next);
      await keep(outcome);
      console.log(
        `${outcome.name}, seed ${outcome.seed}: test error ${(100 * (outcome.errorRates.at(-1) ?? NaN)).toFixed(2)} % after ${outcome.epochs} epochs in ${outcome.seconds.toFixed(0)} s`,
      );
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(values.parallel)) }, work));
}

if (isMainThread) await main();
else {
  const { name, ...rest } = workerData as Task;
  parentPort?.postMessage(runExperiment({ experiment: named(name), ...rest }));
}
