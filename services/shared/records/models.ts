/** Records of models. */
import type { Redis } from "ioredis";
import type { Model, ModelManifest, ModelSummary } from "../../../schemas/model.ts";
import { fromFields, readHashesWithout } from "./hash.ts";
import type { Page, PageRequest } from "./paging.ts";
import { ResourceRecords } from "./resources.ts";
import { tablesField, withTables, withoutTables } from "./tables.ts";

/** The resource, and where its files are. */
export interface ModelRecord extends Model {
  files: Pick<ModelManifest, "weights" | "predictions"> & {
    /** The manifest, which also has the evaluations. */
    manifest: string;
  };
}

/** Without the long connection tables: the network says of each how many connections it has. */
export type ModelSummaryRecord = Omit<ModelRecord, "network"> & { network: ModelSummary["network"] };

/** The resource of the API. */
export function presentModel<Network>(
  record: Omit<ModelRecord, "network"> & { network: Network },
): Omit<Model, "network"> & { network: Network } {
  const { files: _files, ...shown } = record;
  return shown;
}

/** The fields of a model's hash. */
export async function modelFields(record: ModelRecord): Promise<Readonly<Record<string, unknown>>> {
  const { network, tables } = await withoutTables(record.network);
  return { ...record, network, ...(tables === null ? {} : { [tablesField]: tables }) };
}

/** `key`: where the manifest stands. */
export const modelRecord = (manifest: ModelManifest, key: string): ModelRecord => ({
  ...manifest.model,
  files: { manifest: key, weights: manifest.weights, predictions: manifest.predictions },
});

/** A job's model has the job's ULID, so that a job that ends twice makes one model. */
export const modelIdOf = (jobId: string): string => jobId.replace(/^job_/, "mdl_");

async function modelOf(hash: Readonly<Record<string, string>>): Promise<ModelRecord> {
  const { [tablesField]: tables = null, ...record } = fromFields(hash);
  const summary = record as unknown as ModelSummaryRecord;
  return { ...summary, network: await withTables(summary.network, tables as string | null) };
}

export class ModelRecords extends ResourceRecords<ModelRecord> {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    super(redis, "model", { fieldsOf: modelFields, entryOf: modelOf });
    this.#redis = redis;
  }

  /** A page without long connection tables. */
  summaries(request: PageRequest): Promise<Page<ModelSummaryRecord>> {
    return this.page(
      request,
      (names) => readHashesWithout(this.#redis, names, tablesField),
      async (hash) => fromFields(hash) as unknown as ModelSummaryRecord,
    );
  }
}
