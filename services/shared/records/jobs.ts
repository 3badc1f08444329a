/** Records of jobs: creating, reading, listing, and every change of status. */
import type { Failure, Warning } from "../../../schemas/failure.ts";
import type { CompleteJobRequest, JobStatus } from "../../../schemas/job.ts";
import type { PresetName } from "../../../schemas/network.ts";
import type { Rescheduling } from "../../../schemas/optimiser.ts";
import { keys } from "../redis-keys.ts";
import type { Asked } from "./attempts.ts";
import { bytesOf, readFields, readHashes, readHashesWithout, toFields } from "./hash.ts";
import { readJobHash, readJobSummary, type JobRecord, type JobSummaryRecord, type TrialRung } from "./job-hash.ts";
import { modelFields, type ModelRecord } from "./models.ts";
import { filterOf, type Listing } from "./filters.ts";
import type { Made } from "./origin.ts";
import { readPage, type Page } from "./paging.ts";
import { tablesField, withoutTables } from "./tables.ts";
import { runScript } from "./scripts.ts";
import { isOwn, isSeen, projectOf, refuseReached, type Sight } from "./sight.ts";

/** A job as a trial of a sweep: for whom it is, who begins it, and the event that tells of it. */
export interface NewTrial {
  sweep: string;
  /** Of the coordinator: the fence. */
  attempt: string;
  trial: number;
  rung: TrialRung;
  row: unknown;
}

export interface NewJob extends Made {
  id: string;
  /** Where it belongs, where the records that make it are not one project's. */
  project?: string;
  name: string | null;
  /** Without a revision the dataset is still being made: the job waits for it. */
  dataset: { id: string; revision: string | null };
  preset?: PresetName | null;
  asked?: object | null;
  /** Complete; the webhook's secret is taken out and kept apart. */
  request: CompleteJobRequest;
  metadata: Record<string, string>;
  initialModelId?: string | null;
  /** Of the memory of its training; without it any worker takes the job. */
  bytes?: number;
  /** What is legal in the request and likely wrong. */
  warnings?: string[];
  /** Why what was chosen for it was chosen. */
  reasons?: string[];
  /** Only for reproductions. */
  reproduction?: { of: string; expected: string; stopAtStep: number; rescheduled: Rescheduling[] };
  trial?: NewTrial;
}

/** What a job needs and is not there; `not-wanted`: a trial that was begun already, or whose sweep does not run. */
export type NotCreated = "no-dataset" | "no-model" | "not-wanted";

export type JobOutcome =
  | { kind: "changed" | "already"; status: JobStatus }
  /** `forbidden`: schemas/job.ts does not allow it from `status`. `fenced`: a later attempt has taken over. */
  | { kind: "forbidden" | "fenced"; status: JobStatus }
  | { kind: "missing" };

/** What the worker needs to close an attempt with a change of status. */
export interface JobChange {
  reason?: string;
  /** Only if this is still the present attempt. */
  attempt?: number;
  /** Closes the attempt with this reason. */
  ending?: string;
  set?: Partial<Pick<JobRecord, "result" | "model" | "receipt" | "reproduction" | "progress" | "interruption">> & {
    error?: Failure;
  };
}

type JobListing = Listing & { status?: JobStatus | undefined; sweep?: string | undefined };

const trialArgument = ({ sweep, attempt, trial, row }: NewTrial): string =>
  JSON.stringify({ sweep, attempt, trial: String(trial), row: JSON.stringify(row) });

export class JobRecords {
  readonly #redis: Sight["redis"];
  readonly #sight: Sight;
  constructor(sight: Sight) {
    this.#redis = sight.redis;
    this.#sight = sight;
  }

  #isOwn(id: string): Promise<boolean> {
    return isOwn(this.#sight, keys.job(id));
  }

  /**
   * Creates the record and the order to deliver it (relay it with `Queues.relay`). `exists`: an earlier try of the same
   * write made it.
   */
  async create(job: NewJob): Promise<"created" | "exists" | NotCreated> {
    const now = new Date();
    const project = this.#sight.project ?? projectOf(job);
    const { webhook } = job.request;
    const { network, tables } = await withoutTables(job.request.network);
    const request = { ...job.request, network, webhook: webhook && { url: webhook.url } };
    const fields = toFields({
      id: job.id,
      project,
      name: job.name,
      origin: job.origin ?? undefined,
      createdAt: now.toISOString(),
      dataset: job.dataset,
      request,
      ...(tables === null ? {} : { [tablesField]: tables }),
      metadata: job.metadata,
      warnings: job.warnings,
      reasons: job.reasons,
      preset: job.preset,
      asked: job.asked,
      bytes: job.bytes,
      rung: job.trial?.rung,
      ...(webhook ? { webhook: { url: webhook.url }, webhookSecret: webhook.secret } : {}),
      ...(job.reproduction
        ? {
            stopAtStep: job.reproduction.stopAtStep,
            rescheduled: job.reproduction.rescheduled,
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
      job.trial === undefined ? "" : trialArgument(job.trial),
      project,
      ...fields,
    ]);
    refuseReached(answer);
    return answer as "created" | "exists" | NotCreated;
  }

  /** What could not be told while the job waited for its dataset. */
  async settle(
    id: string,
    known: Pick<JobRecord, "dataset" | "request" | "warnings" | "reasons" | "bytes">,
  ): Promise<void> {
    const { network, tables } = await withoutTables(known.request.network);
    const request = { ...known.request, network };
    const fields = toFields({ ...known, request, ...(tables === null ? {} : { [tablesField]: tables }) });
    await runScript(this.#redis, "settle-job", [id, ...fields]);
  }

  /** Of the memory of its training. */
  async measure(id: string, bytes: number): Promise<void> {
    await runScript(this.#redis, "settle-job", [id, ...toFields({ bytes })]);
  }

  async read(id: string): Promise<JobRecord | null> {
    const [hash] = await readHashes(this.#redis, [keys.job(id)]);
    if (hash?.["status"] === undefined || !isSeen(this.#sight, id, hash["project"])) return null;
    return readJobHash(hash);
  }

  /** The status alone, or null. */
  async status(id: string): Promise<JobStatus | null> {
    return (await this.#redis.hget(keys.job(id), "status")) as JobStatus | null;
  }

  /** What is asked of whoever trains it. */
  async asked(id: string): Promise<Asked> {
    const [status, concludes] = await this.#redis.hmget(keys.job(id), "status", "concludes");
    return { status: (status ?? "") as JobStatus | "", concludes: concludes === "1" };
  }

  /** Status and number of the delivery that may run it. */
  async runOf(id: string): Promise<{ status: JobStatus; run: number } | null> {
    if (!(await this.#isOwn(id))) return null;
    const [status, run] = await this.#redis.hmget(keys.job(id), "status", "run");
    return status ? { status: status as JobStatus, run: Number(run) } : null;
  }

  list(request: JobListing): Promise<Page<JobRecord>> {
    return this.#page(request, (names) => readHashes(this.#redis, names), readJobHash);
  }

  /** A page without long connection tables. */
  summaries(request: JobListing): Promise<Page<JobSummaryRecord>> {
    const read = (names: string[]) => readHashesWithout(this.#redis, names, tablesField);
    return this.#page(request, read, async (hash) => readJobSummary(hash));
  }

  #page<Shown>(
    request: JobListing,
    read: (names: string[]) => Promise<(Record<string, string> | null)[]>,
    entryOf: (hash: Readonly<Record<string, string>>) => Promise<Shown>,
  ): Promise<Page<Shown>> {
    const { status, dataset, sweep, ...wanted } = request;
    const { project } = this.#sight;
    const everybodys = status === undefined ? keys.jobs : keys.jobsByStatus(status);
    const own = (of: string): string =>
      status === undefined ? keys.projectJobs(of) : keys.projectJobsByStatus(of, status);
    const all = project === null ? everybodys : own(project);
    const ofDataset = dataset === undefined ? all : keys.jobsByDataset(dataset);
    // Jobs on a built-in dataset are of many projects.
    const ofProject = dataset === undefined && sweep === undefined ? undefined : (project ?? undefined);
    return readPage(this.#redis, request, {
      index: sweep === undefined ? ofDataset : keys.jobsBySweep(sweep),
      keyOf: keys.job,
      filter: filterOf({ ...wanted, status, project: ofProject, ...(sweep === undefined ? {} : { dataset }) }),
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
  async idsOfDataset(dataset: string): Promise<string[]> {
    return this.ownOf(await this.#redis.zrange(keys.jobsByDataset(dataset), "0", "-1"));
  }

  /** Those of some jobs that may be seen. */
  async ownOf(ids: string[]): Promise<string[]> {
    if (this.#sight.project === null) return ids;
    const found = await readFields(this.#redis, ids.map(keys.job), ["project"]);
    return ids.filter((id, at) => isSeen(this.#sight, id, found[at][0]));
  }

  /** All jobs of a sweep, the oldest first. */
  async idsOfSweep(sweep: string): Promise<string[]> {
    return this.ownOf(await this.#redis.zrange(keys.jobsBySweep(sweep), "0", "-1"));
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
    if (!(await this.#isOwn(id))) return { kind: "missing" };
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
    refuseReached(answer[0]);
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

  /** Has it end with the model that it would leave now; one that was never attempted is cancelled. */
  async conclude(id: string, reason: string): Promise<JobStatus | "missing"> {
    const now = new Date();
    const answer = await runScript(this.#redis, "conclude-job", [id, now.toISOString(), now.getTime(), reason]);
    return answer as JobStatus | "missing";
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
    if (!(await this.#isOwn(id))) return "missing";
    return (await runScript(this.#redis, "delete-job", [id])) as "deleted" | "missing" | JobStatus;
  }
}
