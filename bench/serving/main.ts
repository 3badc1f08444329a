/**
 * Predictions beside a plain Fastify with onnxruntime-node, in one run on one machine: row by row both take turns, and
 * the median of a side's turns counts.
 *
 *     npm run bench -- --serving                     the whole table (about ten minutes)
 *     npm run bench -- --serving --quick             the same with short turns (about two minutes)
 *     npm run bench -- --serving --rows "JSON, one"  rows whose title contains this, as "raw uint8, one sample, 64"
 *                                                    does; given again, rows that contain either. "training": how
 *                                                    much one is slowed
 *     npm run bench -- --serving --minutes 10        only memory and the event loop over ten minutes of the first row
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatted } from "../../scripts/formatted.ts";
import { root } from "../peers/load.ts";
import { environment } from "../report.ts";
import { startGenerator, startPeer, startService, type Generator, type Running, type Service } from "./contenders.ts";
import type { Measured } from "./generator.ts";
import { readSamples, rowsOf, type Question, type Row, type Side } from "./loads.ts";
import {
  markdown,
  momentSentence,
  sentence,
  titleOf,
  type Moment,
  type RowResult,
  type ServingResults,
  type TrainingResult,
  type Turn,
} from "./report.ts";
import { look } from "./telemetry.ts";
import { startTraining } from "./training.ts";

const { values: options } = parseArgs({
  options: {
    serving: { type: "boolean", default: true },
    quick: { type: "boolean", default: false },
    rows: { type: "string", multiple: true, default: [] },
    turns: { type: "string", default: "3" },
    seconds: { type: "string" },
    minutes: { type: "string" },
    out: { type: "string", default: join(root, "bench", "results") },
  },
});
const seconds = Number(options.seconds ?? (options.quick ? 1 : 4));
const turns = Number(options.turns);
const isWhole = options.rows.length === 0;
const warmUpSeconds = Math.min(1, seconds);
/** Before the first row everything is cold: the compiler works for some ten thousand requests. */
const firstWarmUpSeconds = 8;
/** Beside a training: so many predictions a second, of which the training should not notice much. */
const besideRate = 200;

interface Contenders {
  service: Service;
  peer: Running;
  generator: Generator;
}

const ask = (
  { generator }: Contenders,
  { url }: Running,
  { path, ...question }: Question,
  load: { connections: number; seconds: number; rate?: number },
): Promise<Measured> => generator.drive({ ...question, url: `${url}${path}`, rate: null, ...load });

async function turnOf(contenders: Contenders, row: Row, side: Side): Promise<Turn> {
  const { url } = contenders[side];
  const before = await look(url);
  const measured = await ask(contenders, contenders[side], row[side] ?? row.service, {
    connections: row.connections,
    seconds,
  });
  const after = await look(url);
  return { ...measured, ...after, cpuSeconds: after.cpuSeconds - before.cpuSeconds };
}

async function measureRow(contenders: Contenders, row: Row): Promise<RowResult> {
  const sides: Side[] = row.peer ? ["service", "peer"] : ["service"];
  const training = row.training ? await startTraining(contenders.service.url) : null;
  const turnsOf: Record<Side, Turn[]> = { service: [], peer: [] };
  try {
    for (const side of sides)
      await ask(contenders, contenders[side], row[side] ?? row.service, {
        connections: row.connections,
        seconds: warmUpSeconds,
      });
    for (let turn = 0; turn < turns; turn++)
      for (const side of sides) turnsOf[side].push(await turnOf(contenders, row, side));
  } finally {
    await training?.stop();
  }
  return { name: row.name, connections: row.connections, mark: row.mark, ...turnsOf };
}

/** How much a training is slowed by predictions: alone and beside them, in turn. */
async function measureTraining(contenders: Contenders, row: Row): Promise<TrainingResult> {
  const { url } = contenders.service;
  const training = await startTraining(url);
  const alone: number[] = [];
  const beside: number[] = [];
  try {
    for (let turn = 0; turn < turns; turn++) {
      alone.push(await training.speed(seconds));
      // The speed is taken from one update to another, so the load lasts a little longer.
      const load = ask(contenders, contenders.service, row.service, {
        connections: 8,
        seconds: seconds + 3,
        rate: besideRate,
      });
      beside.push(await training.speed(seconds));
      await load;
    }
  } finally {
    await training.stop();
  }
  return { rate: besideRate, alone, beside };
}

const momentSeconds = 5;

/**
 * The api's memory and event loop while the first row is asked for so many minutes, after a warm-up: every five seconds
 * a moment, said as it comes.
 */
async function measureMoments(contenders: Contenders, row: Row, minutes: number): Promise<Moment[]> {
  const { url } = contenders.service;
  const moments: Moment[] = [];
  const began = performance.now();
  const take = async (): Promise<void> => {
    const { residentMiB, eventLoopP99Ms } = await look(url);
    const moment = { seconds: Math.round((performance.now() - began) / 1000), residentMiB, eventLoopP99Ms };
    moments.push(moment);
    console.log(momentSentence(moment));
  };
  // The event loop's figures are of what happened since somebody last looked.
  await look(url);
  let looking = Promise.resolve();
  const timer = setInterval(() => (looking = looking.then(take)), momentSeconds * 1000);
  const { connections } = row;
  const measured = await ask(contenders, contenders.service, row.service, { connections, seconds: minutes * 60 });
  clearInterval(timer);
  await looking;
  if (moments.length === 0) await take();
  console.log(
    sentence({ name: row.name, connections, mark: null, service: [{ ...measured, ...(await look(url)) }], peer: [] }),
  );
  return moments;
}

interface Answer {
  predictions: { class: number; probabilities: number[] }[];
}

/** Both must say the same before it is measured how fast they say it. */
async function compare({ service, peer }: Contenders, row: Row): Promise<void> {
  const answerOf = async ({ url }: Running, { path, method, headers, body }: Question): Promise<Answer> => {
    const answer = await fetch(`${url}${path}`, { method, headers, body: Buffer.from(body ?? "", "base64") });
    return (await answer.json()) as Answer;
  };
  const [ours, theirs] = await Promise.all([answerOf(service, row.service), answerOf(peer, row.peer ?? row.service)]);
  for (const [index, { class: best, probabilities }] of ours.predictions.entries()) {
    const other = theirs.predictions[index];
    if (best !== other.class || probabilities.some((each, at) => Math.abs(each - other.probabilities[at]) > 1e-3))
      throw new Error(`service and peer answer sample ${index} of '${row.name}' differently`);
  }
}

async function measure(contenders: Contenders, results: ServingResults): Promise<void> {
  const all = rowsOf(contenders.service, await readSamples(contenders.service.url));
  const [first] = all;
  const warmUp = async (side: Side): Promise<void> => {
    const { connections, [side]: question } = first;
    await ask(contenders, contenders[side], question ?? first.service, { connections, seconds: firstWarmUpSeconds });
  };
  if (options.minutes !== undefined) {
    await warmUp("service");
    results.moments = await measureMoments(contenders, first, Number(options.minutes));
    return;
  }
  const wanted = isWhole ? all : all.filter((row) => options.rows.some((part) => titleOf(row).includes(part)));
  const isTrainingWanted = isWhole || options.rows.includes("training");
  if (wanted.length === 0 && !isTrainingWanted)
    throw new Error(`--rows: no row is called so; there are ${all.map((row) => `"${titleOf(row)}"`).join(", ")}`);
  for (const row of wanted.filter(({ name, mark }) => mark !== null && !name.includes("hello")))
    await compare(contenders, row);
  await warmUp("service");
  await warmUp("peer");
  for (const row of wanted) {
    const result = await measureRow(contenders, row);
    results.rows.push(result);
    console.log(sentence(result));
  }
  if (isTrainingWanted) results.training = await measureTraining(contenders, first);
}

const results: ServingResults = {
  at: new Date().toISOString(),
  environment: environment(),
  settings: {
    turns,
    seconds,
    processes: process.env["API_PROCESSES"] ?? "1",
    threads: process.env["PREDICTION_THREADS"] ?? "default",
  },
  rows: [],
  training: null,
  moments: [],
};
console.log("serving: training a LeNet-5 …");
const service = await startService();
const running: { stop(): Promise<void> }[] = [service];
try {
  const peer = await startPeer(service.onnx);
  running.push(peer);
  const generator = startGenerator();
  running.push(generator);
  await measure({ service, peer, generator }, results);
} finally {
  for (const each of running.reverse()) await each.stop();
}
const name = options.minutes !== undefined ? "serving-memory" : isWhole ? "serving" : "serving-partial";
mkdirSync(options.out, { recursive: true });
writeFileSync(join(options.out, `${name}.json`), `${JSON.stringify(results, null, 2)}\n`);
const report = await formatted({ root, file: `${name}.md`, text: markdown(results) });
writeFileSync(join(options.out, `${name}.md`), report);
console.log(`\n${report}\nwritten to ${join(options.out, `${name}.md`)} and ${name}.json`);
