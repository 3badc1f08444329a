/** Jobs that nobody trains: made in the records, and told of as a worker would tell. */
import { withPreset } from "../../schemas/complete.ts";
import { completeJobRequest } from "../../schemas/job.ts";
import type { MetricRow } from "../../schemas/metrics.ts";
import type { Progress } from "../../schemas/progress.ts";
import { newId } from "../../services/shared/ids.ts";
import type { Publication } from "../../services/shared/records/index.ts";
import { keys } from "../../services/shared/redis-keys.ts";
import type { Looked } from "./service.ts";

const epochs = 100_000;
const stepsOfEpoch = 10;
const layers = [
  { kind: "convolution", maps: 6, size: 5, activation: "tanh" },
  { kind: "subsampling", factor: 2, activation: "tanh" },
  { kind: "dense", units: 10, activation: "softmax" },
];
const requestOf = (name: string) =>
  completeJobRequest.parse(withPreset({ dataset: "mnist", network: { layers }, loss: "cross-entropy", epochs, name }));

/** Answers the id of a job that waits. */
export async function makeJob({ records, dataset }: Looked, name: string): Promise<string> {
  const id = newId("job");
  await records.jobs.create({ id, name, dataset, request: requestOf(name), metadata: {} });
  return id;
}

/** At once, as nobody is there to be told. */
export const endJob = async ({ records }: Looked, id: string): Promise<void> => {
  await records.jobs.move(id, { "*": "cancelled" });
};

/** A loss that falls, in noise: the same for the same step. */
function rowOf(step: number, series: "step" | "epoch"): MetricRow {
  const noise = Math.abs(Math.sin(step * 12.9898) * 43_758.5453) % 1;
  const loss = 2.3 / (1 + step / 500) + 0.1 * noise;
  const isEpoch = series === "epoch";
  return {
    step,
    epoch: Math.ceil(step / stepsOfEpoch),
    at: new Date().toISOString(),
    learningRate: 0.1 / (1 + step / 10_000),
    loss,
    accuracy: 1 - loss / 3,
    validationLoss: isEpoch ? loss * 1.1 : null,
    validationAccuracy: isEpoch ? 1 - loss / 2.8 : null,
    split: isEpoch ? "validation" : null,
    samplesPerSecond: 20_000 + 1000 * noise,
    gradientNorm: 1 + noise,
  };
}

function progressOf(step: number): Progress {
  const { loss, accuracy, validationLoss, validationAccuracy, samplesPerSecond, epoch, at } = rowOf(step, "epoch");
  return {
    fraction: Math.min(1, step / (epochs * stepsOfEpoch)),
    epoch,
    epochs,
    step,
    steps: epochs * stepsOfEpoch,
    samplesPerSecond,
    elapsedSeconds: step / 1000,
    remainingSeconds: (epochs * stepsOfEpoch - step) / 1000,
    loss,
    accuracy,
    validation: { split: "validation", loss: validationLoss, accuracy: validationAccuracy ?? 0 },
    best: { epoch, accuracy: validationAccuracy ?? 0 },
    epochsSinceBest: 0,
    updatedAt: at,
  };
}

/** Writes rows of steps that were measured before anybody looked. */
export async function writeSteps({ redis }: Looked, job: string, count: number): Promise<void> {
  const atOnce = 5000;
  for (let from = 1; from <= count; from += atOnce) {
    const write = redis.pipeline();
    for (let step = from; step < Math.min(from + atOnce, count + 1); step++)
      write.xadd(keys.jobMetrics(job, "step"), `${step}-0`, "row", JSON.stringify(rowOf(step, "step")));
    await write.exec();
  }
}

export interface Fed {
  id: string;
  /** Epochs that end in a second; 0: only its progress moves. */
  epochsPerSecond: number;
  /** Where it begins. */
  step?: number;
}

const everyMs = 250;

/** Begins the jobs and tells of them four times a second, until it is stopped. */
export async function startFeed({ records }: Looked, jobs: readonly Fed[]): Promise<() => Promise<void>> {
  const standing = await Promise.all(
    jobs.map(async ({ id, epochsPerSecond, step = 0 }) => {
      const begun = await records.attempts.begin(id, {
        token: newId("job"),
        worker: "bench",
        fromCheckpoint: null,
        crashBudget: 3,
        redisRun: "bench",
      });
      if (begun.kind !== "started") throw new Error(`the job ${id} could not be begun`);
      return { id, attempt: begun.number, epochsPerSecond, step, batch: 0 };
    }),
  );
  const tell = async (job: (typeof standing)[number]): Promise<void> => {
    const rows: Publication[] = [];
    const ended = Math.round((job.epochsPerSecond * everyMs) / 1000);
    for (let epoch = 0; epoch < ended; epoch++) {
      job.step += stepsOfEpoch;
      const at = new Date().toISOString();
      for (const series of ["step", "epoch"] as const)
        rows.push({ kind: "row", series, step: job.step, row: rowOf(job.step, series), at });
    }
    if (ended === 0) job.step += stepsOfEpoch;
    const progress = progressOf(job.step);
    rows.push({ kind: "event", type: "progress", at: progress.updatedAt, data: progress });
    await records.attempts.publish(job.id, job.attempt, (job.batch += 1), progress, rows);
  };
  let telling: Promise<unknown> | null = null;
  const timer = setInterval(() => {
    // Told slowly on a busy machine, never twice at once.
    telling ??= Promise.all(standing.map(tell)).finally(() => (telling = null));
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await telling;
  };
}
