/** Records of evaluations that somebody asked for: `evl_…`, each of one model over one split of a dataset. */
import type { Made } from "./origin.ts";
import type { Redis } from "ioredis";
import {
  evaluationEnded,
  type EvaluationManifest,
  type EvaluationStatus,
  type ModelEvaluation,
} from "../../../schemas/evaluation.ts";
import type { Failure } from "../../../schemas/failure.ts";
import { keys } from "../redis-keys.ts";
import { bytesOf, fromFields, readHashes, toFields } from "./hash.ts";
import { filterOf, type Listing } from "./filters.ts";
import { readPage, type Page } from "./paging.ts";
import { runScript } from "./scripts.ts";
import { refuseReached } from "./sight.ts";

export interface EvaluationRecord extends ModelEvaluation, Made {
  /** null until it has succeeded. The manifest, which also has the details, and the predictions. */
  files: { manifest: string; predictions: EvaluationManifest["predictions"] } | null;
}

/** Of predictions as they are stored: float32 of each class and int32 of the true one, for each sample. */
export const bytesOfPredictions = (samples: number, classes: number): number => 4 * samples * (classes + 1);

export type NewEvaluation = Pick<EvaluationRecord, "id" | "model" | "dataset" | "split" | "progress" | "warnings"> &
  Made;

/** `status`: as it is now. */
export type EvaluationOutcome =
  | { kind: "missing" }
  | { kind: "changed" | "already" | "fenced" | "forbidden"; status: EvaluationStatus };

/** The resource of the API. */
export function presentEvaluation(record: EvaluationRecord): ModelEvaluation {
  const { files: _files, origin: _origin, ...shown } = record;
  return shown;
}

const unmade = {
  object: "evaluation",
  samples: null,
  accuracy: null,
  errorRate: null,
  loss: null,
  error: null,
  startedAt: null,
  finishedAt: null,
  files: null,
} as const;

/** What the scripts keep besides the fields: numbers of attempts, bytes that count for the project, its delivery. */
const counters = new Set(["status", "attempt", "crashes", "open", "token", "stored", "ticket"]);

function readEvaluation(hash: Readonly<Record<string, string>>): EvaluationRecord {
  const status = hash["status"] as EvaluationStatus;
  const fields = fromFields(Object.fromEntries(Object.entries(hash).filter(([name]) => !counters.has(name))));
  return { ...unmade, ...fields, status, terminal: evaluationEnded(status) } as EvaluationRecord;
}

type Begun = { kind: "started" | "spent"; attempt: number } | { kind: "refused"; status: EvaluationStatus | "missing" };

export class EvaluationRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * Queues it and holds its dataset until it ends; the order stands in the outbox. `classes`: of the model, by which
   * the room for its predictions is counted from here on. Throws a refusal where the project may not store so much.
   */
  async create(entry: NewEvaluation, classes: number): Promise<"created" | "exists" | "no-dataset" | "no-model"> {
    const now = new Date();
    const answer = await runScript(this.#redis, "create-evaluation", [
      entry.id,
      now.getTime(),
      entry.model,
      entry.dataset.id,
      bytesOfPredictions(entry.progress.total, classes),
      ...toFields({ ...entry, createdAt: now.toISOString() }),
    ]);
    refuseReached(answer);
    return answer as "created" | "exists" | "no-dataset" | "no-model";
  }

  /** Puts back one that succeeded, from its manifest. Answers whether it was not there. */
  async restore(
    { evaluation, predictions }: EvaluationManifest,
    { manifest, project }: { manifest: string; project: string },
  ): Promise<boolean> {
    const { status, terminal: _terminal, ...fields } = evaluation;
    const key = keys.evaluation(evaluation.id);
    if ((await this.#redis.exists(key)) === 1) return false;
    const write = this.#redis.multi();
    write.hset(key, ...toFields({ ...fields, files: { manifest, predictions } }));
    const bytes = bytesOfPredictions(predictions.count, predictions.classes);
    write.hset(key, "status", status, "attempt", 1, "crashes", 0, "open", 0, "stored", bytes);
    write.hincrby(keys.project(project), "storedBytes", bytes);
    write.zadd(keys.evaluationsOfModel(evaluation.model), 0, evaluation.id);
    for (const [error] of (await write.exec()) ?? []) if (error) throw error;
    return true;
  }

  async read(id: string): Promise<EvaluationRecord | null> {
    const [hash] = await readHashes(this.#redis, [keys.evaluation(id)]);
    return hash?.["status"] === undefined ? null : readEvaluation(hash);
  }

  list(model: string, request: Listing): Promise<Page<EvaluationRecord>> {
    return readPage(this.#redis, request, {
      index: keys.evaluationsOfModel(model),
      keyOf: keys.evaluation,
      filter: filterOf(request),
      read: async (names) =>
        (await readHashes(this.#redis, names)).map((hash) =>
          hash?.["status"] === undefined ? null : { item: readEvaluation(hash), bytes: bytesOf(hash) },
        ),
    });
  }

  /** All of a model, the oldest first. */
  idsOfModel(model: string): Promise<string[]> {
    return this.#redis.zrange(keys.evaluationsOfModel(model), "0", "-1");
  }

  /** `token`: one for each try; a repetition of the same starts nothing new. */
  async begin(id: string, { token, crashBudget }: { token: string; crashBudget: number }): Promise<Begun> {
    const [kind, what] = (await runScript(this.#redis, "begin-evaluation", [
      id,
      token,
      new Date().toISOString(),
      crashBudget,
    ])) as [Begun["kind"], number | string];
    return kind === "refused"
      ? { kind, status: what as EvaluationStatus | "missing" }
      : { kind, attempt: Number(what) };
  }

  /** The one place where a status changes. `targets` says where to go from which status; fields are written with it. */
  async move(
    id: string,
    targets: Partial<Record<EvaluationStatus, EvaluationStatus>>,
    {
      attempt,
      at = new Date().toISOString(),
      set = {},
    }: {
      attempt?: number;
      at?: string;
      set?: Partial<Omit<EvaluationRecord, "error">> & { error?: Omit<Failure, "step"> };
    } = {},
  ): Promise<EvaluationOutcome> {
    const [kind, status] = (await runScript(this.#redis, "move-evaluation", [
      id,
      JSON.stringify(targets),
      at,
      attempt ?? "",
      ...toFields(set),
    ])) as [EvaluationOutcome["kind"], EvaluationStatus];
    return kind === "missing" ? { kind } : { kind, status };
  }

  /** One that waits ends at once; one that runs is asked to. */
  cancel(id: string): Promise<EvaluationOutcome> {
    return this.move(id, { queued: "cancelled", running: "cancelling", cancelling: "cancelling" });
  }

  /** Deletes the record of one that ended; its objects in storage are the caller's. */
  async delete(id: string): Promise<"deleted" | "missing" | EvaluationStatus> {
    return (await runScript(this.#redis, "delete-evaluation", [id])) as "deleted" | "missing" | EvaluationStatus;
  }

  /** The oldest that have not ended. */
  idsUnderWay(most: number): Promise<string[]> {
    return this.#redis.zrange(keys.evaluationsUnderWay, "0", String(most - 1));
  }
}
