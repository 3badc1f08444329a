/** The suite: on every set the rule of `network: "auto"`, the presets that fit, and what others would have done. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { holdOut } from "../../../engine/index.ts";
import { withAutomatic } from "../../../schemas/automatic/index.ts";
import { completeRequest, withPreset } from "../../../schemas/complete.ts";
import { jobRequest, type CompleteJobRequest } from "../../../schemas/job.ts";
import { presetName } from "../../../schemas/network.ts";
import { networkShape } from "../../../schemas/network-shape.ts";
import { fractionOf } from "../../../schemas/validation.ts";
import { processorSecondsNow, runTraining, statisticsOf, type LabelledSplits } from "../training.ts";
import { pick } from "./collect.ts";
import { folderOf, readSet, suiteSets, type Sources, type SuiteSet } from "./sets.ts";

export interface SuiteRow {
  set: string;
  title: string;
  samples: { train: number; test: number };
  classes: number;
  /** Of one processor, for each contender. */
  seconds: number;
  /** With how many seeds each was trained: figures are means over them. */
  seeds: number;
  contenders: Contender[];
  warnings: string[];
}

export interface Contender {
  name: string;
  /** On the test split, of the epoch that validation chose: looked at once. */
  accuracy: number;
  /** The mean of the classes' accuracies. */
  balanced: number;
  validation: number | null;
  epochs: number | null;
  processorSeconds: number | null;
}

/** What the rule is told that one thread does in a second: what each of two were measured at. */
const referenceSpeed = 75e9;
/** One more or fewer right of a small test split is no difference: all contenders are trained with more seeds there. */
const seedsFor = (tested: number): readonly number[] => (tested < 500 ? [1, 2, 3, 4, 5] : [1]);

interface Judged {
  accuracy: number;
  balanced: number;
}

/** `outputs` [count][classes]. */
function judge(outputs: Float32Array, labels: Int32Array, classes: number): Judged {
  const [right, all] = [new Array<number>(classes).fill(0), new Array<number>(classes).fill(0)];
  for (const [at, label] of labels.entries()) {
    const row = outputs.subarray(at * classes, (at + 1) * classes);
    const answer = row.indexOf(Math.max(...row));
    all[label]++;
    if (answer === label) right[label]++;
  }
  const recalls = right.flatMap((count, label) => (all[label] > 0 ? [count / all[label]] : []));
  return {
    accuracy: right.reduce((sum, count) => sum + count, 0) / labels.length,
    balanced: recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length,
  };
}

interface Attempt {
  name: string;
  request: CompleteJobRequest;
  /** Of the processor; null: as many as its epochs take. */
  seconds: number | null;
}

/** Trains as a job would: a part held out by the request's fraction, the best epoch kept, the test split last. */
function train({ name, request, seconds }: Attempt, splits: LabelledSplits, kernels: string): Contender {
  const { train: whole, test, classes } = splits;
  const fraction = fractionOf(request.validation);
  const flags = fraction && holdOut({ labels: whole.labels, classes, fraction, seed: request.seed });
  const places = [...whole.labels.keys()];
  const part = (held: number) => pick(whole, flags ? places.filter((at) => flags[at] === held) : places);
  const before = processorSecondsNow();
  const { best, epochs } = runTraining({
    request,
    splits: { classes, train: part(0), ...(flags ? { validation: part(1) } : {}), test },
    statistics: statisticsOf(whole, classes),
    kernels,
    ...(seconds === null ? {} : { processorSeconds: seconds }),
    onEpoch: () => {},
  });
  return {
    name,
    ...judge(best.outputs, test.labels, classes),
    validation: best.accuracy,
    epochs,
    processorSeconds: processorSecondsNow() - before,
  };
}

interface Chosen {
  attempt: Attempt;
  warnings: string[];
}

function automatic(set: SuiteSet, splits: LabelledSplits, seed: number): Chosen {
  const { train: whole, test, classes } = splits;
  const { body, warnings } = withAutomatic(
    // A job has two threads as a rule; here one does the work of both in twice the time.
    { dataset: set.name, seed, stopWhen: { maxSeconds: set.seconds / 2 } },
    {
      shape: whole.shape,
      classes: set.classes ?? Array.from({ length: classes }, (_, at) => String(at)),
      trainingCounts: statisticsOf(whole, classes).classCounts.train,
      splits: { train: whole.labels.length, validation: 0, test: test.labels.length },
      initialNetwork: null,
      speedOf: (threads) => threads * referenceSpeed,
    },
  );
  const request = completeRequest(jobRequest.parse(body), classes);
  return { attempt: { name: "auto", request, seconds: set.seconds }, warnings };
}

function presetsFor(splits: LabelledSplits, seed: number): Attempt[] {
  return presetName.options.flatMap((name) => {
    const body = withPreset({ dataset: "any", network: name, seed, validation: { fraction: 0.1 } });
    const request = completeRequest(jobRequest.parse(body), splits.classes);
    const fits = networkShape(request.network.layers, splits.train.shape, splits.classes).problems.length === 0;
    return fits ? [{ name, request, seconds: null }] : [];
  });
}

const script = join(dirname(fileURLToPath(import.meta.url)), "practitioner.py").replace("/dist/", "/");
type Others = Record<"practitioner" | "regression", Judged & { epochs?: number; seconds?: number }>;

/** What the script prints for this set, its seconds and this seed; what it printed once is kept in the cache. */
async function answerOfScript(set: SuiteSet, sources: Sources, seed: number): Promise<string> {
  const folder = folderOf(set, sources);
  const args = [folder, String(set.seconds), String(seed)];
  const digest = createHash("sha256").update(readFileSync(script)).update(args.slice(1).join(" "));
  for (const file of ["train.x", "train.y", "test.x", "test.y"]) digest.update(readFileSync(join(folder, file)));
  const kept = join(sources.cache, "others", `${set.name}-${digest.digest("hex").slice(0, 16)}.json`);
  if (existsSync(kept)) return readFileSync(kept, "utf8");
  const { stdout } = await promisify(execFile)("/usr/bin/python3", [script, ...args]);
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(`${kept}.new`, stdout);
  renameSync(`${kept}.new`, kept);
  return stdout;
}

async function others(set: SuiteSet, sources: Sources, seed: number): Promise<Contender[]> {
  const said = JSON.parse(await answerOfScript(set, sources, seed)) as Others;
  return Object.entries(said).map(([name, { accuracy, balanced, epochs, seconds }]) => ({
    name,
    accuracy,
    balanced,
    validation: null,
    epochs: epochs ?? null,
    processorSeconds: seconds ?? null,
  }));
}

const mean = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>(
    (sum, value) => (sum === null || value === null ? null : sum + value / values.length),
    0,
  );

/** Of each contender's trainings with all seeds, in the order of the first. */
function meansOf(all: readonly Contender[]): Contender[] {
  const names = [...new Set(all.map(({ name }) => name))];
  return names.map((name) => {
    const own = all.filter((each) => each.name === name);
    const over = (figure: (of: Contender) => number | null): number | null => mean(own.map(figure));
    return {
      name,
      accuracy: over(({ accuracy }) => accuracy) ?? 0,
      balanced: over(({ balanced }) => balanced) ?? 0,
      validation: over(({ validation }) => validation),
      epochs: over(({ epochs }) => epochs),
      processorSeconds: over(({ processorSeconds }) => processorSeconds),
    };
  });
}

export interface SuiteOptions {
  sources: Sources;
  kernels: string;
  /** Sets by name; empty: all. */
  names: readonly string[];
  onContender: (set: string, contender: Contender) => void;
  onRow: (row: SuiteRow) => Promise<void>;
}

/** One training after the other, each on one thread: processor seconds are what is compared, not the clock. */
export async function runSuite({ sources, kernels, names, onContender, onRow }: SuiteOptions): Promise<void> {
  for (const set of suiteSets.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const lacks = set.needs?.(sources) ?? null;
    if (lacks !== null) {
      console.log(`${set.name}: left out, ${lacks}`);
      continue;
    }
    const splits = await readSet(set, sources);
    const samples = { train: splits.train.labels.length, test: splits.test.labels.length };
    const contenders: Contender[] = [];
    const seeds = seedsFor(samples.test);
    for (const seed of seeds) {
      const ended = (each: Contender): void => {
        contenders.push(each);
        onContender(`${set.name}, seed ${seed}`, each);
      };
      const attempts = [automatic(set, splits, seed).attempt, ...presetsFor(splits, seed)];
      for (const attempt of attempts) ended(train(attempt, splits, kernels));
      for (const other of await others(set, sources, seed)) ended(other);
    }
    const { warnings } = automatic(set, splits, seeds[0]);
    const { title, seconds } = set;
    const { classes } = splits;
    const means = meansOf(contenders);
    await onRow({ set: set.name, title, samples, classes, seconds, seeds: seeds.length, contenders: means, warnings });
  }
}
