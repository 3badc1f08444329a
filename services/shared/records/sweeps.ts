/** Records of sweeps: creating, reading, listing, every change of status, and what is known of their trials. */
import type { Outcome, Place } from "../../../search/index.ts";
import type { Trial } from "../../../schemas/trial.ts";
import { keys } from "../redis-keys.ts";
import { filterOf, type Listing } from "./filters.ts";
import { bytesOf, fieldOf, readFields, readHashes, readHashesWithout, toFields } from "./hash.ts";
import type { JobRecord, TrialRung } from "./job-hash.ts";
import { readPage, type Page } from "./paging.ts";
import { runScript } from "./scripts.ts";
import { isOwn, isSeen, projectOf, type Sight } from "./sight.ts";
import {
  recordOf,
  requestFields,
  summaryOf,
  type Hash,
  type SweepRecord,
  type SweepStatus,
  type SweepSummaryRecord,
} from "./sweep-record.ts";
import type { Made } from "./origin.ts";
import { tablesField } from "./tables.ts";

export type NewSweep = Pick<
  SweepRecord,
  "id" | "name" | "dataset" | "request" | "rungs" | "trials" | "reasons" | "warnings" | "metadata" | "left"
> &
  Made & {
    /** Models that its trials start from, held until it ends. */
    models: readonly string[];
  };

/** What a sweep that waited for its dataset is, now that this is ready. */
export type SettledSweep = Pick<SweepRecord, "dataset" | "request" | "rungs" | "trials" | "reasons" | "warnings"> &
  Pick<NewSweep, "models">;

/** `status`: as it is now. */
export type SweepOutcome =
  | { kind: "missing" }
  | { kind: "changed" | "already" | "fenced" | "forbidden"; status: SweepStatus };

/** What the records know of the trials of a sweep. */
export interface TrialRecords {
  jobs: Map<number, string>;
  started: Place[];
  outcomes: Outcome[];
  /** Those that cannot win any more, and what they left behind is gone. */
  over: Set<number>;
}

/** What a coordinator must know of the job of a trial. */
export interface TrialJob extends Pick<JobRecord, "status" | "result" | "interruption" | "concludes" | "run"> {
  epochs: number;
}

/** Who writes: the present coordinator, or one that was and hears that it is not. */
export interface Coordination {
  id: string;
  attempt: string;
}

const packed = ({ status, value, accuracy, epochs, complete }: Outcome): string =>
  JSON.stringify([status, value, accuracy, epochs, complete ? 1 : 0]);

function unpacked({ trial, rung }: Place, text: string): Outcome {
  const [status, value, accuracy, epochs, complete] = JSON.parse(text) as [
    Outcome["status"],
    number | null,
    number | null,
    number,
    number,
  ];
  return { trial, rung, status, value, accuracy, epochs, complete: complete === 1 };
}

/** A hash of ten thousand trials is read in parts, so that others have their turn. */
const fieldsAtOnce = 1000;

export class SweepRecords {
  readonly #redis: Sight["redis"];
  readonly #sight: Sight;
  constructor(sight: Sight) {
    this.#redis = sight.redis;
    this.#sight = sight;
  }

  /** Queues it and holds its dataset and models until it ends; the order stands in the outbox. */
  async create({ models, request, ...entry }: NewSweep): Promise<"created" | "exists" | "no-dataset" | "no-model"> {
    const now = new Date();
    const answer = await runScript(this.#redis, "create-sweep", [
      entry.id,
      now.toISOString(),
      now.getTime(),
      entry.dataset.id,
      JSON.stringify(models),
      ...toFields({
        ...entry,
        ...(await requestFields(request)),
        project: projectOf({ project: this.#sight.project ?? undefined }),
        createdAt: now.toISOString(),
      }),
    ]);
    return answer as "created" | "exists" | "no-dataset" | "no-model";
  }

  async read(id: string): Promise<SweepRecord | null> {
    const [hash] = await readHashes(this.#redis, [keys.sweep(id)]);
    return hash?.["status"] === undefined || !isSeen(this.#sight, id, hash["project"]) ? null : recordOf(hash);
  }

  list(request: Listing): Promise<Page<SweepRecord>> {
    return this.#page(request, (names) => readHashes(this.#redis, names), recordOf);
  }

  /** A page without long connection tables. */
  summaries(request: Listing): Promise<Page<SweepSummaryRecord>> {
    const read = (names: string[]) => readHashesWithout(this.#redis, names, tablesField);
    return this.#page(request, read, async (hash) => summaryOf(hash));
  }

  #page<Shown>(
    { dataset, ...request }: Listing,
    read: (names: string[]) => Promise<(Record<string, string> | null)[]>,
    entryOf: (hash: Hash) => Promise<Shown>,
  ): Promise<Page<Shown>> {
    return readPage(this.#redis, request, {
      index: dataset === undefined ? keys.sweeps : keys.sweepsByDataset(dataset),
      keyOf: keys.sweep,
      filter: filterOf({ ...request, project: this.#sight.project ?? undefined }),
      read: async (names) =>
        Promise.all(
          (await read(names)).map(async (hash) =>
            hash?.["status"] === undefined ? null : { item: await entryOf(hash), bytes: bytesOf(hash) },
          ),
        ),
    });
  }

  /** All sweeps of a dataset, the oldest first. */
  async idsOfDataset(dataset: string): Promise<string[]> {
    const ids = await this.#redis.zrange(keys.sweepsByDataset(dataset), "0", "-1");
    const found = await readFields(this.#redis, ids.map(keys.sweep), ["project"]);
    return ids.filter((id, at) => isSeen(this.#sight, id, found[at][0]));
  }

  /** The oldest that a coordinator must see to. */
  idsUnderWay(most: number): Promise<string[]> {
    return this.#redis.zrange(keys.sweepsUnderWay, "0", String(most - 1));
  }

  /** Status and number of the delivery that may coordinate it. */
  async runOf(id: string): Promise<{ status: SweepStatus; run: number } | null> {
    const [status, run] = await this.#redis.hmget(keys.sweep(id), "status", "run");
    return status ? { status: status as SweepStatus, run: Number(run) } : null;
  }

  /** Takes it over, unless it waits for nobody. `token` makes a repetition harmless. */
  async begin(id: string, token: string): Promise<Coordination | null> {
    const now = new Date();
    const [kind, what] = (await runScript(this.#redis, "begin-sweep", [
      id,
      token,
      now.toISOString(),
      now.getTime(),
    ])) as [string, string];
    return kind === "begun" ? { id, attempt: what } : null;
  }

  /** Its dataset is ready: what could not be told without it. It holds these models from now on. */
  async settle(
    { id, attempt }: Coordination,
    { models, request, ...entry }: SettledSweep,
  ): Promise<"ok" | "fenced" | "no-model"> {
    const { webhookSecret: _kept, ...fields } = await requestFields(request);
    return (await runScript(this.#redis, "settle-sweep", [
      id,
      attempt,
      JSON.stringify(models),
      ...toFields({ ...entry, ...fields }),
    ])) as "ok" | "fenced" | "no-model";
  }

  /** The one place where a status changes. `targets` says where to go from which status; fields are written with it. */
  async move(
    id: string,
    targets: Partial<Record<SweepStatus, SweepStatus>>,
    { attempt = "", reason = "", set = {} }: { attempt?: string; reason?: string; set?: Partial<SweepRecord> } = {},
  ): Promise<SweepOutcome> {
    if (!(await isOwn(this.#sight, keys.sweep(id)))) return { kind: "missing" };
    const now = new Date();
    const [kind, status] = (await runScript(this.#redis, "move-sweep", [
      id,
      JSON.stringify(targets),
      now.toISOString(),
      now.getTime(),
      reason,
      attempt,
      ...toFields(set),
    ])) as [SweepOutcome["kind"], SweepStatus];
    return kind === "missing" ? { kind } : { kind, status };
  }

  /** Its trials' jobs follow; one that has begun none ends at once. */
  cancel(id: string): Promise<SweepOutcome> {
    const to = "cancelling" as const;
    return this.move(
      id,
      { queued: to, running: to, pausing: to, paused: to, cancelling: to },
      { reason: "cancelled by request" },
    );
  }

  pause(id: string): Promise<SweepOutcome> {
    return this.move(id, { queued: "paused", running: "pausing", pausing: "pausing" }, { reason: "paused by request" });
  }

  /** Makes a new delivery (relay it). */
  resume(id: string): Promise<SweepOutcome> {
    return this.move(id, { paused: "queued" }, { reason: "resumed by request" });
  }

  /** Fields that the coordinator found, and an event that tells of them. */
  async note(
    { id, attempt }: Coordination,
    set: Partial<Pick<SweepRecord, "trials" | "best">>,
    event: { type: string; data: unknown } | null = null,
  ): Promise<"ok" | "fenced"> {
    const at = new Date().toISOString();
    const told = event === null ? ["", ""] : [event.type, JSON.stringify(event.data)];
    return (await runScript(this.#redis, "note-sweep", [id, attempt, at, ...told, ...toFields(set)])) as
      | "ok"
      | "fenced";
  }

  /** As they stand in their hash: its fields and values. */
  async trialFields(id: string): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    let cursor = "0";
    do {
      const [next, entries] = await this.#redis.hscan(keys.sweepTrials(id), cursor, "COUNT", fieldsAtOnce);
      cursor = next;
      for (let at = 0; at < entries.length; at += 2) found.set(entries[at], entries[at + 1]);
    } while (cursor !== "0");
    return found;
  }

  async trials(id: string): Promise<TrialRecords> {
    const found: TrialRecords = { jobs: new Map(), started: [], outcomes: [], over: new Set() };
    for (const [field, value] of await this.trialFields(id)) {
      const [trial, what] = field.split(":");
      const place = { trial: Number(trial), rung: Number(what) };
      if (what === undefined) found.jobs.set(place.trial, value);
      else if (what === "over") found.over.add(place.trial);
      else if (value === "") found.started.push(place);
      else found.outcomes.push(unpacked(place, value));
    }
    return found;
  }

  /** Null where a job is gone. */
  async jobStates(jobs: readonly string[]): Promise<(TrialJob | null)[]> {
    const fields = ["status", "run", "result", "interruption", "concludes", "progress"];
    const found = await readFields(this.#redis, jobs.map(keys.job), fields);
    return found.map(([status, run, result, interruption, concludes, progress]) =>
      status === null
        ? null
        : {
            status: status as TrialJob["status"],
            run: Number(run),
            result: fieldOf<TrialJob["result"]>(result ?? undefined, null),
            interruption: fieldOf<TrialJob["interruption"]>(interruption ?? undefined, null),
            concludes: concludes === "1",
            epochs: fieldOf<{ epoch: number }>(progress ?? undefined, { epoch: 0 }).epoch,
          },
    );
  }

  /** What a coordinator goes by, besides the trials. */
  async pulse(id: string): Promise<Pick<SweepRecord, "status" | "attempt" | "ranMs" | "since"> | null> {
    const [status, attempt, ranMs, since] = await this.#redis.hmget(
      keys.sweep(id),
      "status",
      "attempt",
      "ranMs",
      "since",
    );
    if (!status) return null;
    return {
      status: status as SweepStatus,
      attempt: attempt ?? "",
      ranMs: Number(ranMs ?? 0),
      since: since ? Number(since) : null,
    };
  }

  /** Orders the job of a trial again, for the next rung. `lost`: it does not wait for that. */
  async promote(
    { id, attempt }: Coordination,
    { trial, rung, knows, row }: Place & { knows: TrialRung; row: Trial },
  ): Promise<"ok" | "not-wanted" | "lost"> {
    const now = new Date();
    return (await runScript(this.#redis, "promote-trial", [
      id,
      attempt,
      trial,
      rung,
      JSON.stringify(knows),
      now.toISOString(),
      now.getTime(),
      JSON.stringify(row),
    ])) as "ok" | "not-wanted" | "lost";
  }

  async end({ id, attempt }: Coordination, outcome: Outcome, row: Trial): Promise<"ok" | "known" | "fenced"> {
    return (await runScript(this.#redis, "end-trial", [
      id,
      attempt,
      outcome.trial,
      outcome.rung,
      packed(outcome),
      new Date().toISOString(),
      JSON.stringify(row),
    ])) as "ok" | "known" | "fenced";
  }

  /** A trial cannot win any more: its job ends where it waits. `modelGone`: so the job has none. */
  async clear(
    { id, attempt }: Coordination,
    { row, modelGone }: { row: Trial; modelGone: boolean },
  ): Promise<"ok" | "fenced"> {
    const now = new Date();
    return (await runScript(this.#redis, "clear-trial", [
      id,
      attempt,
      row.trial,
      modelGone ? 1 : 0,
      now.toISOString(),
      now.getTime(),
      JSON.stringify(row),
    ])) as "ok" | "fenced";
  }

  /** Ended sweeps that have no manifest in storage. */
  unarchived(olderThanMs: number): Promise<string[]> {
    return this.#redis.zrangebyscore(keys.sweepArchive, "-inf", Date.now() - olderThanMs, "LIMIT", 0, 50);
  }
  async archived(id: string): Promise<void> {
    await this.#redis.zrem(keys.sweepArchive, id);
  }

  /** Deletes the record of one that ended; its jobs are the caller's. */
  async delete(id: string): Promise<"deleted" | "missing" | SweepStatus> {
    if (!(await isOwn(this.#sight, keys.sweep(id)))) return "missing";
    return (await runScript(this.#redis, "delete-sweep", [id])) as "deleted" | "missing" | SweepStatus;
  }
}
