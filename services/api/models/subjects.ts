/** Models and checkpoints as services/prediction takes them: what they are, and how to read their weights. */
import type { Numerics } from "../../../schemas/job.ts";
import type { Subject } from "../../prediction/index.ts";
import { presentCheckpoints, type JobRecord, type ModelRecord } from "../../shared/records/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import type { Within } from "../dependencies.ts";
import { findJob, findReadyDataset, type ReadyDataset } from "../../shared/find.ts";
import { conflict, notFound } from "../http/problem.ts";

/** Seconds for which a checkpoint that is being read is not deleted. */
const pinSeconds = 120;

/** A job's checkpoint of an epoch as services/prediction takes it; null epoch: the newest. */
export async function subjectOfCheckpoint(
  { records, storage, prediction }: Pick<Within, "records" | "storage" | "prediction">,
  job: JobRecord,
  epoch: number | null,
): Promise<{ subject: Subject; dataset: ReadyDataset; epoch: number }> {
  const newest = epoch ?? presentCheckpoints(await records.checkpoints.list(job.id), job.request).at(-1)?.epoch;
  const found = newest === undefined ? null : await records.checkpoints.pin(job.id, newest, pinSeconds);
  if (!found)
    throw notFound(
      epoch === null ? `job ${job.id} has no checkpoint yet` : `job ${job.id} has no checkpoint of epoch ${epoch}`,
    );
  const dataset = await findReadyDataset(records, job.dataset.id);
  const { network, normalisation } = job.request;
  const subject: Subject = {
    network,
    input: dataset.shape,
    classes: dataset.classes.length,
    normalisation: prediction.normalisationOf(normalisation, dataset.dtype, dataset.statistics),
    numerics: job.request.numerics,
    sha256: found.sha256,
    read: () => storage.get(found.key),
  };
  return { subject, dataset, epoch: found.epoch };
}

/** A model as services/prediction takes it. */
export const subjectOf = (storage: Storage, model: ModelRecord): Subject => ({
  network: model.network,
  input: model.input,
  classes: model.classes.length,
  normalisation: model.normalisation,
  ...(model.numerics && { numerics: model.numerics }),
  sha256: model.sha256,
  read: () => storage.get(model.files.weights),
});

const variants = new WeakMap<Subject, Map<Numerics, Subject>>();

/** The same in other numerics, the same object each time; as it is where none are named. */
export function subjectIn(subject: Subject, numerics: Numerics | undefined): Subject {
  if (numerics === undefined || numerics === subject.numerics) return subject;
  let known = variants.get(subject);
  if (!known) variants.set(subject, (known = new Map()));
  let found = known.get(numerics);
  if (!found) known.set(numerics, (found = { ...subject, numerics }));
  return found;
}

/** What a model was at the checkpoint of an epoch. */
export async function checkpointOf(
  dependencies: Pick<Within, "records" | "storage" | "prediction">,
  model: ModelRecord,
  epoch: number,
): Promise<Subject> {
  if (model.job === null) throw conflict(`model ${model.id} was imported: it has no checkpoints`);
  return (await subjectOfCheckpoint(dependencies, await findJob(dependencies.records, model.job), epoch)).subject;
}

/** A model, or what it was. */
export const subjectFor = async (
  dependencies: Pick<Within, "records" | "storage" | "prediction">,
  model: ModelRecord,
  epoch: number | undefined,
): Promise<Subject> =>
  epoch === undefined ? subjectOf(dependencies.storage, model) : checkpointOf(dependencies, model, epoch);
