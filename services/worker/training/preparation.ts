/** What a training needs before it can start: the engine's spec, the files, the checkpoint to go on from. */
import { deriveTraining } from "../../../engine/index.ts";
import { splitNames, type Split } from "../../../schemas/dataset.ts";
import type { FailureCode, Warning } from "../../../schemas/failure.ts";
import type { Normalisation } from "../../../schemas/model.ts";
import type { Shape } from "../../../schemas/shape.ts";
import { decidingSplit, fractionOf } from "../../../schemas/validation.ts";
import { isReady, type ReadyDataset } from "../../shared/find.ts";
import { startFrom } from "../../shared/jobs/initial-model.ts";
import { bestOf, elapsedSecondsOf } from "../../shared/records/index.ts";
import type { CheckpointRecord, DatasetRecord, JobRecord, ModelRecord, Records } from "../../shared/records/index.ts";
import { Refusal } from "../../shared/refusal.ts";
import { isStorageFault } from "../../shared/storage/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { secondsNow } from "../../shared/timed-schedule.ts";
import type { SplitFiles, TrainAssignment } from "../threads/protocol.ts";

/** The job cannot be trained, now or later: it fails with this. */
export class CannotTrain extends Error {
  override name = "CannotTrain";
  readonly code: FailureCode;
  constructor(code: FailureCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

export interface Prepared {
  assignment: Omit<TrainAssignment, "kernels" | "signals" | "timeLimit" | "predictionsLimitBytes">;
  dataset: ReadyDataset;
  normalisation: Normalisation;
  /** Digest of the model's weights that the job starts from. */
  initialWeights: string | null;
  /** Where it goes on from. */
  from: CheckpointRecord | null;
  /** When the time of its sweep is over, by `secondsNow`; null: nothing there ends the training. */
  sweepEndsAt: number | null;
  /** What the user should hear. */
  warnings: Warning[];
}

interface Sources {
  records: Records;
  storage: Storage;
}

async function readDataset(job: JobRecord, records: Records): Promise<ReadyDataset> {
  const dataset = await records.datasets.read(job.dataset.id);
  if (!dataset?.manifest || !isReady(dataset))
    throw new CannotTrain("dataset-missing", `the dataset ${job.dataset.id} is not there any more`);
  if (dataset.revision !== job.dataset.revision)
    throw new CannotTrain(
      "dataset-missing",
      `the dataset ${job.dataset.id} is not the revision ${job.dataset.revision?.slice(0, 16)}… that this job was made for`,
    );
  return dataset;
}

async function findFiles(dataset: DatasetRecord, storage: Storage): Promise<Partial<Record<Split, SplitFiles>>> {
  const files: Partial<Record<Split, SplitFiles>> = {};
  for (const split of splitNames) {
    const stored = dataset.manifest?.splits[split];
    if (!stored || stored.count === 0) continue;
    try {
      files[split] = { samples: await storage.local(stored.samples), labels: await storage.local(stored.labels) };
    } catch (error) {
      if (isStorageFault(error, "missing", "damaged")) throw new CannotTrain("dataset-unreadable", error.message);
      throw error;
    }
  }
  return files;
}

/** The newest checkpoint that can be read whole; older ones where a newer is damaged. */
async function findCheckpoint(
  records: readonly CheckpointRecord[],
  storage: Storage,
  warnings: Prepared["warnings"],
): Promise<{ record: CheckpointRecord; bytes: Uint8Array } | null> {
  for (const record of records.toReversed()) {
    try {
      return { record, bytes: await storage.get(record.key) };
    } catch (error) {
      if (!isStorageFault(error, "missing", "damaged")) throw error;
      warnings.push({ code: "checkpoint-unreadable", detail: `${error.message}; an earlier one is used` });
    }
  }
  return null;
}

async function findBest(
  records: readonly CheckpointRecord[],
  { from, deciding, storage }: { from: CheckpointRecord | null; deciding: Split; storage: Storage },
): Promise<TrainAssignment["best"]> {
  if (!from?.bestSoFar) return null;
  const best =
    records.find((each) => each.step === from.bestSoFar?.step) ??
    bestOf(
      records.filter((each) => each.step <= from.step),
      deciding,
    );
  if (best?.validation?.split !== deciding) return null;
  const at =
    best.step === from.bestSoFar.step
      ? { ...from.bestSoFar, loss: from.bestSoFar.loss ?? Number.POSITIVE_INFINITY }
      : {
          epoch: best.epoch,
          step: best.step,
          accuracy: best.validation.accuracy,
          loss: best.validation.loss ?? Number.POSITIVE_INFINITY,
        };
  return { bytes: await storage.get(best.key), at };
}

/** The model to start from; null: from the seed. */
async function readInitialModel(job: JobRecord, records: Records): Promise<ModelRecord | null> {
  if (job.initialModelId === null) return null;
  const model = await records.models.read(job.initialModelId);
  if (model) return model;
  throw new CannotTrain("model-missing", `the model ${job.initialModelId} to start from is not there any more`);
}

async function startOf(
  model: ModelRecord,
  { job, input, classes, storage }: { job: JobRecord; input: Shape; classes: readonly string[]; storage: Storage },
): Promise<NonNullable<TrainAssignment["start"]>> {
  try {
    const { taken } = startFrom(model, { request: job.request, input, classes });
    return { weights: await storage.get(model.files.weights), layers: taken };
  } catch (error) {
    if (error instanceof Refusal) throw new CannotTrain(error.code, error.message);
    if (isStorageFault(error, "missing", "damaged")) throw new CannotTrain("model-unreadable", error.message);
    throw error;
  }
}

/** A trial that its sweep has end goes on for no epoch more; one in a rung that is not the last goes up to its end. */
function pauseAfter({ rung, concludes, request }: JobRecord): number | null {
  if (concludes) return 0;
  return rung !== null && rung.epochs !== null && rung.epochs < request.epochs ? rung.epochs : null;
}

/**
 * A trial that trains to its end should come to it before its sweep is over. One that waits at the end of a rung
 * follows the schedule of the whole training, so that trials can be compared.
 */
async function endOfSweep({ sweep }: JobRecord, records: Records): Promise<number | null> {
  const found = sweep && (await records.sweeps.read(sweep.id));
  const seconds = found?.request.stopWhen.maxSeconds ?? null;
  return found === null || seconds === null ? null : secondsNow() + seconds - elapsedSecondsOf(found);
}

/** Throws CannotTrain for what trying again would not mend; StorageError for what it may. */
export async function prepare(job: JobRecord, options: Sources & { threads: number }): Promise<Prepared> {
  const { records, storage } = options;
  const dataset = await readDataset(job, records);
  const { shape, dtype, statistics, manifest } = dataset;
  if (!shape || !dtype || !statistics || !manifest)
    throw new CannotTrain("dataset-missing", `the dataset ${dataset.id} is not ready`);
  const spec = deriveTraining({
    request: job.request,
    dataset: {
      input: shape,
      classes: manifest.classes.length,
      dtype,
      counts: {
        train: manifest.splits.train?.count ?? 0,
        validation: manifest.splits.validation?.count ?? 0,
        test: manifest.splits.test?.count ?? 0,
      },
      statistics,
    },
    mostThreads: options.threads,
    stopAtStep: job.stopAtStep,
    rescheduled: job.rescheduled,
    pauseAfterEpoch: pauseAfter(job),
  });
  const warnings: Prepared["warnings"] = [];
  const checkpoints = await records.checkpoints.list(job.id);
  const [files, found] = await Promise.all([
    findFiles(dataset, storage),
    findCheckpoint(checkpoints, storage, warnings),
  ]);
  const from = found?.record ?? null;
  const initialModel = await readInitialModel(job, records);
  return {
    assignment: {
      spec,
      files,
      heldOut: fractionOf(job.request.validation),
      resume: found?.bytes ?? null,
      best: await findBest(checkpoints, { from, deciding: decidingSplit(job.request.validation), storage }),
      start:
        found || !initialModel
          ? null
          : await startOf(initialModel, { job, input: shape, classes: manifest.classes, storage }),
      everyEpochs: job.request.checkpoints.everyEpochs,
      interruption: job.rung && { split: job.rung.split, concludes: job.concludes },
      classes: manifest.classes,
    },
    dataset: { ...dataset, shape },
    normalisation: spec.normalisation,
    initialWeights: initialModel?.sha256 ?? null,
    from,
    sweepEndsAt: spec.pauseAfterEpoch === null ? await endOfSweep(job, records) : null,
    warnings,
  };
}
