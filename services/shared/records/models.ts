/** Records of models. */
import { defaultProject } from "../../../schemas/access.ts";
import type { Model, ModelManifest, ModelSummary } from "../../../schemas/model.ts";
import { keys } from "../redis-keys.ts";
import { fromFields, readHashesWithout } from "./hash.ts";
import type { Listing } from "./filters.ts";
import type { Page } from "./paging.ts";
import { ResourceRecords, type Kept } from "./resources.ts";
import { runScript } from "./scripts.ts";
import type { Sight } from "./sight.ts";
import { tablesField, withTables, withoutTables } from "./tables.ts";

/** The resource, and where its files are. */
export interface ModelRecord extends Model, Kept {
  /** All aliases, the one it shows at the end. Absent while it has only the one it was made with, or none. */
  aliases?: ModelManifest["aliases"];
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
  const { files: _files, aliases: _aliases, project: _project, stored: _stored, ...shown } = record;
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
  ...(manifest.project === undefined ? {} : { project: manifest.project }),
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
  readonly #redis: Sight["redis"];
  /** Whose aliases are given and listed. */
  readonly #project: string;
  constructor(sight: Sight) {
    super(sight, "model", { fieldsOf: modelFields, entryOf: modelOf });
    this.#redis = sight.redis;
    this.#project = sight.project ?? defaultProject;
  }

  /**
   * Gives a model an alias, in one step with taking it away from the model that had it. Answers that model; null where
   * nobody had it. `at`: when it was given. `ifFree`: only where nobody has it.
   */
  async name(
    alias: string,
    id: string,
    { at = new Date().toISOString(), ifFree = false }: { at?: string; ifFree?: boolean } = {},
  ): Promise<{ kind: "missing" | "taken" } | { kind: "named"; previous: string | null }> {
    if (!(await this.isOwn(id))) return { kind: "missing" };
    const args = [this.#project, alias, id, at, ifFree ? 1 : 0];
    const [kind, previous] = (await runScript(this.#redis, "name-model", args)) as [
      "named" | "missing" | "taken",
      string?,
    ];
    return kind === "named" ? { kind, previous: previous === "" ? null : (previous ?? null) } : { kind };
  }

  /** Takes an alias away. Answers the model that had it, or null. */
  async unname(alias: string): Promise<string | null> {
    const answer = (await runScript(this.#redis, "name-model", [this.#project, alias, "", "", 0])) as string[];
    return answer[1] === "" ? null : (answer[1] ?? null);
  }

  /** Every alias and the model that it names, by alias. */
  async aliases(): Promise<{ alias: string; model: string }[]> {
    const all = await this.#redis.hgetall(keys.aliases(this.#project, "model"));
    return Object.entries(all)
      .map(([alias, model]) => ({ alias, model }))
      .sort((left, right) => (left.alias < right.alias ? -1 : 1));
  }

  /** A page without long connection tables. */
  summaries(request: Listing): Promise<Page<ModelSummaryRecord>> {
    return this.page(
      request,
      (names) => readHashesWithout(this.#redis, names, tablesField),
      async (hash) => fromFields(hash) as unknown as ModelSummaryRecord,
    );
  }
}
