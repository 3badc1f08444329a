/** What a finished training leaves behind: the model's files, the result, the receipt. */
import { engineVersion } from "../../../engine/index.ts";
import type { Evaluated } from "../../../engine/index.ts";
import { splitNames } from "../../../schemas/dataset.ts";
import type { Receipt } from "../../../schemas/job.ts";
import type { JobResult } from "../../../schemas/job-result.ts";
import type { Model, ModelManifest, Normalisation } from "../../../schemas/model.ts";
import { networkShape } from "../../../schemas/network-shape.ts";
import type { ReadyDataset } from "../../shared/find.ts";
import type { KernelsDescription } from "../../shared/kernels.ts";
import { bytesOfPredictions, modelIdOf, modelRecord } from "../../shared/records/index.ts";
import type { JobRecord, ModelRecord } from "../../shared/records/index.ts";
import { digestOf, layout, putJson } from "../../shared/storage/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import type { Finished } from "../threads/protocol.ts";
import { digestOfDocument } from "./canonical.ts";
import { finite } from "../../shared/finite.ts";

export interface Outcome {
  result: JobResult;
  receipt: Receipt;
  model: ModelRecord;
}

export interface OutcomeOptions {
  job: JobRecord;
  attempt: number;
  dataset: ReadyDataset;
  normalisation: Normalisation;
  /** Digest of the model's weights that the job started from. */
  initialWeights: string | null;
  finished: Finished;
  seconds: number;
  kernels: KernelsDescription;
  /** As the engine names them. */
  kernelsName: string;
  storage: Storage;
}

/** Outputs beyond this are not kept as predictions. */
export const predictionsLimitBytes = 512 * 1024 * 1024;

/** What a model's files will take up, nearly: its weights, and its predictions of each split. */
export function bytesOfModel({ request }: JobRecord, { shape, classes, splits }: ReadyDataset): number {
  const { layers } = networkShape(request.network.layers, shape, classes.length);
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const kept = splitNames.filter((split) => 4 * splits[split] * classes.length <= predictionsLimitBytes);
  return kept.reduce((sum, split) => sum + bytesOfPredictions(splits[split], classes.length), 4 * parameters);
}

/** What they do take up. */
export const bytesOfFinished = ({ weights, stored }: Finished): number =>
  splitNames.reduce((sum, split) => sum + (stored[split]?.predictions?.bytes.byteLength ?? 0), weights.byteLength);

const splitResult = (outcome: Evaluated | undefined): JobResult["test"] =>
  outcome ? { loss: finite(outcome.loss), accuracy: outcome.accuracy, samples: outcome.samples } : null;

function resultOf({ finished, seconds, kernelsName }: OutcomeOptions): JobResult {
  return {
    stopReason: finished.reason,
    epochs: finished.epoch,
    steps: finished.step,
    seconds,
    kernels: kernelsName,
    train: splitResult(finished.splits.train),
    validation: splitResult(finished.splits.validation),
    test: splitResult(finished.splits.test),
  };
}

/** Of what decided the weights: `stoppedAtStep` is the step they are of, and a reproduction runs up to there. */
function receiptOf(options: OutcomeOptions, weights: string): Receipt {
  const { job, dataset, initialWeights, finished, kernels, kernelsName } = options;
  return {
    request: digestOfDocument(job.request),
    dataset: dataset.revision,
    engine: engineVersion,
    kernels: { name: kernelsName, sha256: kernels.sha256 },
    seed: job.request.seed,
    numerics: job.request.numerics,
    stoppedAtStep: finished.chosen.step,
    rescheduled: finished.rescheduled.filter(({ step }) => step < finished.chosen.step),
    weights,
    initialWeights,
  };
}

/** What a model of a job without a name is called: its data and when the job was sent, in UTC. */
const nameAfter = (dataset: ReadyDataset, { createdAt }: JobRecord): string =>
  `${dataset.name.slice(0, 180)}, ${createdAt.slice(0, 16).replace("T", " ")}`;

function modelOf(options: OutcomeOptions, weights: { sha256: string; bytes: number }): Model {
  const { job, dataset, normalisation, finished } = options;
  const judged = (["test", "validation", "train"] as const).find((split) => finished.splits[split]);
  const evaluated = judged && finished.splits[judged];
  return {
    id: modelIdOf(job.id),
    object: "model",
    name: job.name ?? nameAfter(dataset, job),
    alias: null,
    job: job.id,
    dataset: { id: dataset.id, revision: dataset.revision },
    checkpoint: finished.chosen,
    network: job.request.network,
    input: dataset.shape,
    classes: dataset.classes,
    normalisation,
    numerics: job.request.numerics,
    parameters: networkShape(job.request.network.layers, dataset.shape, dataset.classes.length).layers.reduce(
      (sum, layer) => sum + layer.parameters,
      0,
    ),
    bytes: weights.bytes,
    sha256: weights.sha256,
    evaluation:
      judged && evaluated ? { split: judged, accuracy: evaluated.accuracy, loss: finite(evaluated.loss) } : null,
    createdAt: new Date().toISOString(),
    metadata: job.metadata,
  };
}

/**
 * Writes the model's objects; the records come after, in one script. The manifest carries the attempt in its name, so a
 * late one is never taken for the valid one.
 */
export async function keepOutcome(options: OutcomeOptions): Promise<Outcome> {
  const { job, attempt, finished, storage, dataset } = options;
  const id = modelIdOf(job.id);
  const weights = await digestOf(finished.weights);
  const weightsKey = layout.modelWeights(id, weights.sha256);
  const manifest: ModelManifest = {
    version: 1,
    project: job.project,
    model: modelOf(options, weights),
    weights: weightsKey,
    predictions: {},
    evaluations: {},
  };
  const objects = [{ key: weightsKey, bytes: finished.weights }];
  for (const split of splitNames) {
    const stored = finished.stored[split];
    if (stored?.evaluation) manifest.evaluations[split] = stored.evaluation;
    if (!stored?.predictions) continue;
    const { bytes, count } = stored.predictions;
    const file = layout.modelPredictions(id, split, (await digestOf(bytes)).sha256);
    manifest.predictions[split] = { file, count, classes: dataset.classes.length };
    objects.push({ key: file, bytes });
  }
  // Each waits for the disk several times: together they wait as long as one.
  await Promise.all(objects.map(({ key, bytes }) => storage.put(key, bytes)));
  const manifestKey = layout.modelManifest(id, attempt);
  await putJson(storage, manifestKey, manifest);
  return {
    result: resultOf(options),
    receipt: receiptOf(options, weights.sha256),
    model: modelRecord(manifest, manifestKey),
  };
}
