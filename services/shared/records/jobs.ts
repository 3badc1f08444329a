/** Records of jobs: creating, reading, listing, and every change of status. */
import type { Redis } from "ioredis";
import type { Failure, Warning } from "../../../schemas/failure.ts";
import { attempt, isTerminal } from "../../../schemas/job.ts";
import type { Attempt, CompleteJobRequest, Job, JobStatus, JobSummary } from "../../../schemas/job.ts";
import type { PresetName } from "../../../schemas/network.ts";
import type { Progress } from "../../../schemas/progress.ts";
import { keys } from "../redis-keys.ts";
import { bytesOf, readHashes, readHashesWithout, toFields } from "./hash.ts";
import { modelFields, type ModelRecord } from "./models.ts";
import { filterOf, type Listing } from "./filters.ts";
import { readPage, type Page } from "./paging.ts";
import { tablesField, withTables, withoutTables } from "./tables.ts";
import { runScript } from "./scripts.ts";

/** A job as it stands in Redis: what the API shows, and what only we need. */
export interface JobRecord extends Omit<Job, "terminal" | "urls" | "object"> {
  /** Number of the delivery that may run it. */
  run: number;
  /** Number of the present attempt: the fence of every write. 0: never started. */
  attempt: number;
  /** Starts without a new checkpoint. */
  crashes: number;
  /** The key that signs webhooks. */
  webhookSecret: string | null;
  /** Reproductions stop after exactly this step. */
  stopAtStep: number | null;
  initialModelId: string | null;
  /** Whose network is made anew once the dataset that the job waits for is known. */
  preset: PresetName | null;
}

export interface NewJob {
  id: string;
  name: string | null;
  /** Without a revision the dataset is still being made: the job waits for it. */
  dataset: { id: string; revision: string | null };
  preset?: PresetName | null;
  /** Complete; the webhook's secret is taken out and kept apart. */
  request: CompleteJobRequest;
  metadata: Record<string, string>;
  initialModelId?: string | null;
  /** What is legal in the request and likely wrong. */
  warnings?: string[];
  /** Why what was chosen for it was chosen. */
  reasons?: string[];
  /** Only for reproductions. */
  reproduction?: { of: string; expected: string; stopAtStep: number };
}

export type JobOutcome =
  | { kind: "changed" | "already"; status: JobStatus }
  /** `forbidden`: schemas/job.ts does not allow it from `status`. `fenced`: a later attempt has taken over. */
  | { kind: "forbidden" | "fenced"; status: JobStatus }
  | { kind: "missing" };

const parse = <Value>(text: string | undefined, otherwise: Value): Value =>
  text === undefined ? otherwise : (JSON.parse(text) as Value);

function readAttempts(hash: Readonly<Record<string, string>>): Attempt[] {
  const attempts: Attempt[] = [];
  for (let number = 1; number <= Number(hash["attempt"]); number++) {
    const opened = hash[`attempt:${number}`];
    if (opened === undefined) continue;
    const ended = parse<{ at: string; reason: string } | null>(hash[`attempt:${number}:end`], null);
    attempts.push(
      attempt.parse({ ...(JSON.parse(opened) as object), endedAt: ended?.at ?? null, reason: ended?.reason ?? null }),
    );
  }
  return attempts;
}

/** Without the long connection tables: the request says of each how many connections it has. */
export type JobSummaryRecord = Omit<JobRecord, "request"> & { request: JobSummary["request"] };

export async function readJobHash(hash: Readonly<Record<string, string>>): Promise<JobRecord> {
  const summary = readSummary(hash);
  const network = await withTables(summary.request.network, parse<string | null>(hash[tablesField], null));
  return { ...summary, request: { ...summary.request, network } };
}

/** What requests from before there was a field say of it. */
const beforeFields: Partial<JobSummary["request"]> = { validation: null };

function readSummary(hash: Readonly<Record<string, string>>): JobSummaryRecord {
  return {
    id: parse(hash["id"], ""),
    name: parse<string | null>(hash["name"], null),
    status: hash["status"] as JobStatus,
    createdAt: parse(hash["createdAt"], ""),
    startedAt: parse<string | null>(hash["startedAt"], null),
    finishedAt: parse<string | null>(hash["finishedAt"], null),
    dataset: parse(hash["dataset"], { id: "", revision: "" }),
    request: { ...beforeFields, ...parse(hash["request"], {} as JobSummary["request"]) },
    progress: parse<Progress | null>(hash["progress"], null),
    result: parse<Job["result"]>(hash["result"], null),
    model: parse<string | null>(hash["model"], null),
    error: parse<Job["error"]>(hash["error"], null),
    attempts: readAttempts(hash),
    receipt: parse<Job["receipt"]>(hash["receipt"], null),
    reproduction: parse<Job["reproduction"]>(hash["reproduction"], null),
    warnings: parse<string[]>(hash["warnings"], []),
    reasons: parse<string[]>(hash["reasons"], []),
    metadata: parse(hash["metadata"], {}),
    run: Number(hash["run"]),
    attempt: Number(hash["attempt"]),
    crashes: Number(hash["crashes"]),
    webhookSecret: parse<string | null>(hash["webhookSecret"], null),
    stopAtStep: parse<number | null>(hash["stopAtStep"], null),
    initialModelId: hash["initialModelId"] ?? null,
    preset: parse<PresetName | null>(hash["preset"], null),
  };
}

/** The resource of the API. */
export function presentJob<Request>(
  record: Omit<JobRecord, "request"> & { request: Request },
): Omit<Job, "request"> & { request: Request } {
  const {
    run: _run,
    attempt: _attempt,
    crashes: _crashes,
    webhookSecret: _secret,
    stopAtStep: _stop,
    initialModelId: _model,
    preset: _preset,
    ...shown
  } = record;
  const at = `/v1/jobs/${record.id}`;
  return {
    ...shown,
    object: "job",
    terminal: isTerminal(record.status),
    urls: {
      self: at,
      progress: `${at}/progress`,
      metrics: `${at}/metrics`,
      events: `${at}/events`,
      checkpoints: `${at}/checkpoints`,
      ...(record.model === null
        ? {}
        : {
            model: `/v1/models/${record.model}`,
            predictions: `/v1/models/${record.model}/predictions`,
            evaluation: `/v1/models/${record.model}/evaluation`,
          }),
    },
  };
}

/** What the worker needs to close an attempt with a change of status. */
export interface JobChange {
  reason?: string;
  /** Only if this is still the present attempt. */
  attempt?: number;
  /** Closes the attempt with this reason. */
  ending?: string;
  set?: Partial<Pick<Job, "result" | "model" | "receipt" | "reproduction" | "progress">> & { error?: Failure };
}

type JobListing = Listing & { status?: JobStatus | undefined };

export class JobRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * Creates the record and the order to deliver it (relay it with `Queues.relay`). `exists`: an earlier try of the same
   * write made it.
   */
  async create(job: NewJob): Promise<"created" | "exists" | "no-dataset" | "no-model"> {
    const now = new Date();
    const { webhook } = job.request;
    const { network, tables } = await withoutTables(job.request.network);
    const request = { ...job.request, network, webhook: webhook && { url: webhook.url } };
    const fields = toFields({
      id: job.id,
      name: job.name,
      createdAt: now.toISOString(),
      dataset: job.dataset,
      request,
      ...(tables === null ? {} : { [tablesField]: tables }),
      metadata: job.metadata,
      warnings: job.warnings,
      reasons: job.reasons,
      preset: job.preset,
      ...(webhook ? { webhook: { url: webhook.url }, webhookSecret: webhook.secret } : {}),
      ...(job.reproduction
        ? {
            stopAtStep: job.reproduction.stopAtStep,
            reproduction: { of: job.reproduction.of, expected: job.reproduction.expected, found: null, agrees: null },
          }
        : {}),
    });
    const answer = await runScript(this.#redis, "create-job", [
      job.id,
      now.toISOString(),
      now.getTime(),
      job.dataset.id,
      job.initialModelId ?? "",
      ...fields,
    ]);
    return answer as "created" | "exists" | "no-dataset" | "no-model";
  }

  /** What could not be told while the job waited for its dataset. */
  async settle(id: string, known: Pick<JobRecord, "dataset" | "request" | "warnings" | "reasons">): Promise<void> {
    const { network, tables } = await withoutTables(known.request.network);
    const request = { ...known.request, network };
    const fields = toFields({ ...known, request, ...(tables === null ? {} : { [tablesField]: tables }) });
    await runScript(this.#redis, "settle-job", [id, ...fields]);
  }

  async read(id: string): Promise<JobRecord | null> {
    const [hash] = await readHashes(this.#redis, [keys.job(id)]);
    return hash?.["status"] === undefined ? null : readJobHash(hash);
  }

  /** The status alone, or null. */
  async status(id: string): Promise<JobStatus | null> {
    return (await this.#redis.hget(keys.job(id), "status")) as JobStatus | null;
  }

  /** Status and number of the delivery that may run it. */
  async runOf(id: string): Promise<{ status: JobStatus; run: number } | null> {
    const [status, run] = await this.#redis.hmget(keys.job(id), "status", "run");
    return status ? { status: status as JobStatus, run: Number(run) } : null;
  }

  list(request: JobListing): Promise<Page<JobRecord>> {
    return this.#page(request, (names) => readHashes(this.#redis, names), readJobHash);
  }

  /** A page without long connection tables. */
  summaries(request: JobListing): Promise<Page<JobSummaryRecord>> {
    const read = (names: string[]) => readHashesWithout(this.#redis, names, tablesField);
    return this.#page(request, read, async (hash) => readSummary(hash));
  }

  #page<Shown>(
    request: JobListing,
    read: (names: string[]) => Promise<(Record<string, string> | null)[]>,
    entryOf: (hash: Readonly<Record<string, string>>) => Promise<Shown>,
  ): Promise<Page<Shown>> {
    const { status, dataset, ...wanted } = request;
    const all = status === undefined ? keys.jobs : keys.jobsByStatus(status);
    const index = dataset === undefined ? all : keys.jobsByDataset(dataset);
    return readPage(this.#redis, request, {
      index,
      keyOf: keys.job,
      filter: filterOf({ ...wanted, status }),
      read: async (names) =>
        Promise.all(
          (await read(names)).map(async (hash) =>
            hash?.["status"] === undefined ? null : { item: await entryOf(hash), bytes: bytesOf(hash) },
          ),
        ),
    });
  }

  async counts(statuses: readonly JobStatus[]): Promise<Record<string, number>> {
    const counted = await Promise.all(
      statuses.map(async (status) => [status, await this.#redis.zcard(keys.jobsByStatus(status))] as const),
    );
    return Object.fromEntries(counted);
  }

  /** All jobs of a dataset, the oldest first. */
  idsOfDataset(dataset: string): Promise<string[]> {
    return this.#redis.zrange(keys.jobsByDataset(dataset), "0", "-1");
  }

  /** The oldest jobs in a status. */
  idsInStatus(status: JobStatus, most: number): Promise<string[]> {
    return this.#redis.zrange(keys.jobsByStatus(status), "0", String(most - 1));
  }

  /** The one place where a status changes. `targets` says where to go from which status ("*": any). */
  async move(
    id: string,
    targets: Partial<Record<JobStatus | "*", JobStatus>>,
    change: JobChange = {},
  ): Promise<JobOutcome> {
    const now = new Date();
    const answer = (await runScript(this.#redis, "move-job", [
      id,
      JSON.stringify(targets),
      now.toISOString(),
      now.getTime(),
      change.reason ?? "",
      change.attempt ?? "",
      change.ending ?? "",
      ...toFields(change.set ?? {}),
    ])) as [JobOutcome["kind"], JobStatus];
    return answer[0] === "missing" ? { kind: "missing" } : { kind: answer[0], status: answer[1] };
  }

  /**
   * The end of a job that made a model: its record and the model's appear together, if this is still the present
   * attempt and nobody cancelled.
   */
  async succeed(
    id: string,
    options: { attempt: number; reason: string; set: NonNullable<JobChange["set"]>; model: ModelRecord },
  ): Promise<JobOutcome> {
    const now = new Date();
    const fields = toFields(options.set);
    const answer = (await runScript(this.#redis, "succeed-job", [
      id,
      options.attempt,
      now.toISOString(),
      now.getTime(),
      options.reason,
      options.model.id,
      fields.length,
      ...fields,
      ...toFields(await modelFields(options.model)),
    ])) as [JobOutcome["kind"], JobStatus];
    return answer[0] === "missing" ? { kind: "missing" } : { kind: answer[0], status: answer[1] };
  }

  /** Says something to the user in the job's sequence of events; fenced. */
  async warn(id: string, attempt: number, warning: Warning): Promise<void> {
    await runScript(this.#redis, "warn-job", [id, attempt, new Date().toISOString(), JSON.stringify(warning)]);
  }

  /** Jobs that ended at least `olderThanMs` ago and whose manifest is not yet in storage. */
  unarchived(olderThanMs: number): Promise<string[]> {
    return this.#redis.zrangebyscore(keys.archive, "-inf", Date.now() - olderThanMs, "LIMIT", 0, 50);
  }
  async archived(id: string): Promise<void> {
    await this.#redis.zrem(keys.archive, id);
  }

  /** Queued and paused jobs end at once; running ones are asked to. */
  cancel(id: string): Promise<JobOutcome> {
    return this.move(
      id,
      {
        queued: "cancelled",
        paused: "cancelled",
        running: "cancelling",
        pausing: "cancelling",
        cancelling: "cancelling",
      },
      { reason: "cancelled by request" },
    );
  }

  pause(id: string): Promise<JobOutcome> {
    return this.move(id, { queued: "paused", running: "pausing", pausing: "pausing" }, { reason: "paused by request" });
  }

  /** Makes a new delivery (relay it). */
  resume(id: string): Promise<JobOutcome> {
    return this.move(id, { paused: "queued" }, { reason: "resumed by request" });
  }

  /**
   * Deletes the record of a job that ended, with its events, curves and checkpoint records; the objects in storage are
   * the caller's.
   */
  async delete(id: string): Promise<"deleted" | "missing" | JobStatus> {
    return (await runScript(this.#redis, "delete-job", [id])) as "deleted" | "missing" | JobStatus;
  }
}
