/** Records of models. */
import type { Redis } from "ioredis";
import type { Model, ModelManifest } from "../../../schemas/model.ts";
import { ResourceRecords } from "./resources.ts";

/** The resource, and where its files are. */
export interface ModelRecord extends Model {
  files: Pick<ModelManifest, "weights" | "predictions">;
}

/** The resource of the API. */
export function presentModel(record: ModelRecord): Model {
  const { files: _files, ...shown } = record;
  return shown;
}

export const modelRecord = (manifest: ModelManifest): ModelRecord => ({ ...manifest.model, files: { weights: manifest.weights, predictions: manifest.predictions } });

export class ModelRecords extends ResourceRecords<ModelRecord> {
  constructor(redis: Redis) {
    super(redis, "model");
  }
}
