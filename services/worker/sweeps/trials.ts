/**
 * What a coordinator does to trials: each write is one script that names the coordinator, so that one which was thought
 * dead changes nothing, and a repetition changes nothing either.
 */
import type { FailureCode } from "../../../schemas/failure.ts";
import type { Outcome, Start } from "../../../search/index.ts";
import type { ReadyDataset } from "../../shared/find.ts";
import { newId } from "../../shared/ids.ts";
import { enqueue } from "../../shared/jobs/enqueue.ts";
import type { Logger } from "../../shared/log.ts";
import { orderOn, type OrderDependencies } from "../../shared/jobs/order.ts";
import { deleteModel } from "../../shared/models/delete.ts";
import type { Queues } from "../../shared/queues.ts";
import {
  modelIdOf,
  type Coordination,
  type Records,
  type SweepRecord,
  type TrialJob,
} from "../../shared/records/index.ts";
import { Refusal } from "../../shared/refusal.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { planOnce } from "../../shared/sweeps/plan-once.ts";
import { rowAfter, rowOf, type Standing } from "../../shared/sweeps/rows.ts";
import { bodyOfTrial, jobOfTrial } from "../../shared/sweeps/trial-orders.ts";

export interface SweepDependencies {
  records: Records;
  /** Those of one project, in which a model may have a name. */
  recordsOf: (project: string) => Records;
  queues: Queues;
  storage: Storage;
  planBytes: OrderDependencies["planBytes"];
  log: Logger;
}

/** Another coordinator has taken over: this one ends. */
export class Fenced extends Error {
  override name = "Fenced";
}

/** The sweep cannot go on: it fails with this. */
export class CannotGoOn extends Error {
  override name = "CannotGoOn";
  readonly code: FailureCode;
  /** What else is known of the sweep by then. */
  readonly set: Partial<SweepRecord>;
  /** What does not fit, by pointers into its request. */
  readonly errors: Refusal["errors"];
  constructor(code: FailureCode, detail: string, set: Partial<SweepRecord> = {}, errors: Refusal["errors"] = []) {
    super(detail);
    this.code = code;
    this.set = set;
    this.errors = errors;
  }
}

/** Nothing of the sweep goes on by then. */
export async function endFailed(
  { records }: Pick<SweepDependencies, "records">,
  { id, attempt }: Coordination,
  { code, message, set, errors }: CannotGoOn,
): Promise<void> {
  const error = { code, detail: message, step: null, errors: [...errors] };
  await records.sweeps.move(
    id,
    { running: "failed", pausing: "failed", cancelling: "cancelled" },
    { attempt, reason: message, set: { ...set, error } },
  );
}

const noDataset = ({ dataset }: SweepRecord): CannotGoOn =>
  new CannotGoOn("dataset-missing", `the dataset ${dataset.id} is not there any more`);

/** Whether something stands in the queue now; `noRoom`: the limit of its project that kept it out. */
export type Ordered = "ok" | "not-wanted" | { noRoom: string };

/** Has an order written down; a limit of its project that is reached is no error: there will be room again. */
async function whereThereIsRoom<Made>(order: Promise<Made>): Promise<Made | { noRoom: string }> {
  try {
    return await order;
  } catch (error) {
    if (error instanceof Refusal && error.code === "limit-reached") return { noRoom: error.message };
    throw error;
  }
}

export interface TrialsOptions {
  sweep: SweepRecord;
  /** null: it is gone. */
  dataset: ReadyDataset | null;
  standing: Standing;
  coordination: Coordination;
  dependencies: SweepDependencies;
}

/** A job's states are read so many at a time. */
const statesAtOnce = 200;

export class SweepTrials {
  readonly #options: TrialsOptions;
  readonly #planBytes: OrderDependencies["planBytes"];
  constructor(options: TrialsOptions) {
    this.#options = options;
    this.#planBytes = planOnce(options.dependencies.planBytes);
  }

  async states(trials: readonly number[]): Promise<Map<number, TrialJob | null>> {
    const { standing, dependencies } = this.#options;
    const found = new Map<number, TrialJob | null>();
    for (let from = 0; from < trials.length; from += statesAtOnce) {
      const part = trials.slice(from, from + statesAtOnce).filter((trial) => standing.jobs.has(trial));
      const states = await dependencies.records.sweeps.jobStates(part.map((trial) => standing.jobs.get(trial) ?? ""));
      for (const [at, trial] of part.entries()) found.set(trial, states[at]);
    }
    return found;
  }

  /** Begins a trial, or has it go on. */
  start(start: Start): Promise<Ordered> {
    return start.from === null ? this.#begin(start) : this.#promote(start);
  }

  async #begin(start: Start): Promise<Ordered> {
    const { sweep, dataset, standing, coordination, dependencies } = this.#options;
    const { recordsOf, storage } = dependencies;
    const { trial, rung } = start;
    if (dataset === null) throw noDataset(sweep);
    let order;
    try {
      order = await orderOn(
        // The webhook was looked at when the sweep was accepted.
        { records: recordsOf(sweep.project), storage, planBytes: this.#planBytes, allowPrivateWebhooks: true },
        bodyOfTrial({ plan: standing.plan, trial, classes: dataset.classes.length }),
        dataset,
      );
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      dependencies.log.warn({ sweep: sweep.id, trial, detail: error.message }, "a trial is refused");
      await this.end({ trial, rung, status: "failed", value: null, accuracy: null, epochs: 0, complete: true });
      return "ok";
    }
    const job = newId("job");
    const made = await whereThereIsRoom(
      enqueue(dependencies, {
        ...jobOfTrial(job, { sweep, trial, order }),
        trial: {
          sweep: sweep.id,
          attempt: coordination.attempt,
          trial,
          rung: { epochs: start.epochs, split: sweep.request.objective.split },
          row: { ...rowOf(standing, trial, { ended: false }), job, rung, status: "running" },
        },
      }),
    );
    if (made === "no-dataset") throw noDataset(sweep);
    if (made === "no-model") throw new CannotGoOn("model-missing", "the model to start from is not there any more");
    if (made === "not-wanted" || "noRoom" in made) return made;
    standing.jobs.set(trial, job);
    standing.search.started({ trial, rung });
    return "ok";
  }

  async #promote({ trial, rung, epochs }: Start): Promise<Ordered> {
    const { sweep, standing, coordination, dependencies } = this.#options;
    const { records, queues, log } = dependencies;
    const job = standing.jobs.get(trial) ?? "";
    const row = { ...rowOf(standing, trial, { ended: false }), rung, status: "running" as const };
    const knows = { epochs, split: sweep.request.objective.split };
    const answer = await records.sweeps.promote(coordination, { trial, rung, knows, row });
    if (answer === "not-wanted") return answer;
    if (answer === "lost") {
      // Somebody ended its job while it waited.
      const { epochs: trained = 0 } = standing.search.latest(trial) ?? {};
      await this.end({ trial, rung, status: "stopped", value: null, accuracy: null, epochs: trained, complete: true });
      return "ok";
    }
    standing.search.started({ trial, rung });
    await queues.deliverJob(job).catch((error: unknown) => log.warn({ err: error, job }, "a job waits in the outbox"));
    return "ok";
  }

  /** Writes an outcome down, then tells the search. */
  async end(outcome: Outcome): Promise<void> {
    const { standing, coordination, dependencies } = this.#options;
    const answer = await dependencies.records.sweeps.end(coordination, outcome, rowAfter(standing, outcome));
    if (answer === "fenced") throw new Fenced();
    standing.search.ended(outcome);
  }

  async cancel(trial: number): Promise<void> {
    const { standing, dependencies } = this.#options;
    const { records, queues } = dependencies;
    const job = standing.jobs.get(trial) ?? "";
    const run = (await records.jobs.runOf(job))?.run ?? 0;
    const outcome = await records.jobs.cancel(job);
    if (outcome.kind === "changed" && outcome.status === "cancelled") await queues.withdraw(job, run);
  }

  async pause(trial: number): Promise<void> {
    const { standing, dependencies } = this.#options;
    const { records, queues } = dependencies;
    const job = standing.jobs.get(trial) ?? "";
    const run = (await records.jobs.runOf(job))?.run ?? 0;
    const outcome = await records.jobs.pause(job);
    if (outcome.kind === "changed" && outcome.status === "paused") await queues.withdraw(job, run);
  }

  /** After a pause of the sweep. */
  async resume(trial: number): Promise<Ordered> {
    const { standing, dependencies } = this.#options;
    const job = standing.jobs.get(trial) ?? "";
    const outcome = await whereThereIsRoom(dependencies.records.jobs.resume(job));
    if ("noRoom" in outcome) return outcome;
    if (outcome.kind === "changed") await dependencies.queues.deliverJob(job);
    return "ok";
  }

  /** Its job ends with the model that there is, or where none was begun, without. */
  async conclude(trial: number, reason: string): Promise<void> {
    const { standing, dependencies } = this.#options;
    const { records, queues } = dependencies;
    const job = standing.jobs.get(trial) ?? "";
    const run = (await records.jobs.runOf(job))?.run ?? 0;
    const status = await records.jobs.conclude(job, reason);
    if (status === "queued") await queues.deliverJob(job);
    if (status === "cancelled") await queues.withdraw(job, run);
  }

  /** Lets go of what a trial left behind that cannot win: its model, unless somebody uses it, and its checkpoints. */
  async clear(trial: number): Promise<void> {
    const { standing, coordination, dependencies } = this.#options;
    const { records, storage } = dependencies;
    const job = standing.jobs.get(trial);
    let modelGone = false;
    if (job !== undefined) {
      const model = await records.models.read(modelIdOf(job));
      modelGone =
        model === null || (model.alias === null && (await deleteModel(dependencies, model.id)).kind !== "in-use");
      const attempt = (await records.jobs.read(job))?.attempt ?? 0;
      const checkpoints = await records.checkpoints.drop(job, attempt, await records.checkpoints.list(job));
      for (const { key } of checkpoints) await storage.delete(key);
    }
    const row = rowOf(standing, trial, { ended: true });
    if ((await records.sweeps.clear(coordination, { row, modelGone })) === "fenced") throw new Fenced();
    standing.over.add(trial);
  }
}
