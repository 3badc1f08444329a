/** A job's hash in Redis, read into a record; and the record as the API shows it. */
import { withoutCredentials } from "../webhooks/shown.ts";
import type { Split } from "../../../schemas/dataset.ts";
import { attempt, isTerminal } from "../../../schemas/job.ts";
import type { Attempt, Job, JobStatus, JobSummary } from "../../../schemas/job.ts";
import type { PresetName } from "../../../schemas/network.ts";
import type { Rescheduling } from "../../../schemas/optimiser.ts";
import type { Progress } from "../../../schemas/progress.ts";
import { fieldOf } from "./hash.ts";
import type { Made, Origin } from "./origin.ts";
import { projectOf } from "./sight.ts";
import { tablesField, withTables } from "./tables.ts";

/** A job as it stands in Redis: what the API shows, and what only we need. */
export interface JobRecord extends Omit<Job, "terminal" | "urls" | "object" | "waitingFor">, Made {
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
  /** How the schedule of the original was fitted to the time left; empty for jobs that reproduce nothing. */
  rescheduled: Rescheduling[];
  initialModelId: string | null;
  /** Whose network is made anew once the dataset that the job waits for is known. */
  preset: PresetName | null;
  /** What the user wrote, where the rest is chosen once that dataset is known; null where nothing is. */
  asked: object | null;
  /** Of a trial of a sweep: the rung that it trains for. */
  rung: TrialRung | null;
  /** The figures with which a rung ended; null until it has. */
  interruption: { epoch: number; loss: number | null; accuracy: number } | null;
  /** Of the memory of its training; null while that cannot be told. */
  bytes: number | null;
  /** Its sweep takes the model that there is. */
  concludes: boolean;
  project: string;
}

/** Up to which epoch a trial trains (null: as its request says), and on which split it is measured. */
export interface TrialRung {
  epochs: number | null;
  split: Split;
}

function readAttempts(hash: Readonly<Record<string, string>>): Attempt[] {
  const attempts: Attempt[] = [];
  for (let number = 1; number <= Number(hash["attempt"]); number++) {
    const opened = hash[`attempt:${number}`];
    if (opened === undefined) continue;
    const ended = fieldOf<{ at: string; reason: string } | null>(hash[`attempt:${number}:end`], null);
    attempts.push(
      attempt.parse({ ...(JSON.parse(opened) as object), endedAt: ended?.at ?? null, reason: ended?.reason ?? null }),
    );
  }
  return attempts;
}

/** Without the long connection tables: the request says of each how many connections it has. */
export type JobSummaryRecord = Omit<JobRecord, "request"> & { request: JobSummary["request"] };

export async function readJobHash(hash: Readonly<Record<string, string>>): Promise<JobRecord> {
  const summary = readJobSummary(hash);
  const network = await withTables(summary.request.network, fieldOf<string | null>(hash[tablesField], null));
  return { ...summary, request: { ...summary.request, network } };
}

/** What requests from before there was a field say of it. */
const beforeFields: Partial<JobSummary["request"]> = { validation: null, sampling: "natural" };

export function readJobSummary(hash: Readonly<Record<string, string>>): JobSummaryRecord {
  return {
    id: fieldOf(hash["id"], ""),
    name: fieldOf<string | null>(hash["name"], null),
    status: hash["status"] as JobStatus,
    createdAt: fieldOf(hash["createdAt"], ""),
    startedAt: fieldOf<string | null>(hash["startedAt"], null),
    finishedAt: fieldOf<string | null>(hash["finishedAt"], null),
    dataset: fieldOf(hash["dataset"], { id: "", revision: "" }),
    request: { ...beforeFields, ...fieldOf(hash["request"], {} as JobSummary["request"]) },
    progress: fieldOf<Progress | null>(hash["progress"], null),
    result: fieldOf<Job["result"]>(hash["result"], null),
    model: fieldOf<string | null>(hash["model"], null),
    error: fieldOf<Job["error"]>(hash["error"], null),
    attempts: readAttempts(hash),
    receipt: fieldOf<Job["receipt"]>(hash["receipt"], null),
    reproduction: fieldOf<Job["reproduction"]>(hash["reproduction"], null),
    warnings: fieldOf<string[]>(hash["warnings"], []),
    reasons: fieldOf<string[]>(hash["reasons"], []),
    metadata: fieldOf(hash["metadata"], {}),
    run: Number(hash["run"]),
    attempt: Number(hash["attempt"]),
    crashes: Number(hash["crashes"]),
    webhookSecret: fieldOf<string | null>(hash["webhookSecret"], null),
    stopAtStep: fieldOf<number | null>(hash["stopAtStep"], null),
    rescheduled: fieldOf<Rescheduling[]>(hash["rescheduled"], []),
    initialModelId: hash["initialModelId"] ?? null,
    preset: fieldOf<PresetName | null>(hash["preset"], null),
    asked: fieldOf<object | null>(hash["asked"], null),
    sweep: hash["sweepId"] === undefined ? null : { id: hash["sweepId"], trial: Number(hash["trial"]) },
    rung: fieldOf<TrialRung | null>(hash["rung"], null),
    interruption: fieldOf<JobRecord["interruption"]>(hash["interruption"], null),
    bytes: fieldOf<number | null>(hash["bytes"], null),
    concludes: hash["concludes"] === "1",
    project: projectOf({ project: fieldOf<string | undefined>(hash["project"], undefined) }),
    origin: fieldOf<Origin | null>(hash["origin"], null),
  };
}

/** The resource of the API. What it waits for depends on the workers that there are: the api says it. */
export function presentJob<Request>(
  record: Omit<JobRecord, "request"> & { request: Request },
): Omit<Job, "request"> & { request: Request } {
  const {
    run: _run,
    attempt: _attempt,
    crashes: _crashes,
    webhookSecret: _secret,
    stopAtStep: _stop,
    rescheduled: _rescheduled,
    initialModelId: _model,
    preset: _preset,
    asked: _asked,
    rung: _rung,
    interruption: _interruption,
    bytes: _bytes,
    concludes: _concludes,
    project: _project,
    origin: _origin,
    ...shown
  } = record;
  const at = `/v1/jobs/${record.id}`;
  return {
    ...shown,
    request: withoutCredentials(shown.request),
    object: "job",
    terminal: isTerminal(record.status),
    waitingFor: null,
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
      ...(record.sweep === null ? {} : { sweep: `/v1/sweeps/${record.sweep.id}` }),
    },
  };
}
