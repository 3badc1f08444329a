/** Records of models. */
import type { Redis } from "ioredis";
import type { Model, ModelManifest } from "../../../schemas/model.ts";
import { ResourceRecords } from "./resources.ts";

/** The resource, and where its files are. */
export interface ModelRecord extends Model {
  files: Pick<ModelManifest, "weights" | "predictions"> & {
    /** The manifest, which also has the evaluations. */
    manifest: string;
  };
}

/** The resource of the API. */
export function presentModel(record: ModelRecord): Model {
  const { files: _files, ...shown } = record;
  return shown;
}

/** `key`: where the manifest stands. */
export const modelRecord = (manifest: ModelManifest, key: string): ModelRecord => ({
  ...manifest.model,
  files: { manifest: key, weights: manifest.weights, predictions: manifest.predictions },
});

/** A job's model has the job's ULID, so that a job that ends twice makes one model. */
export const modelIdOf = (jobId: string): string => jobId.replace(/^job_/, "mdl_");

export class ModelRecords extends ResourceRecords<ModelRecord> {
  constructor(redis: Redis) {
    super(redis, "model");
  }
}
