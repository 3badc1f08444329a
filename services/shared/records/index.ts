/** All records over one connection. */
import type { Redis } from "ioredis";
import { Attempts } from "./attempts.ts";
import { CheckpointRecords } from "./checkpoints.ts";
import { DatasetRecords } from "./datasets.ts";
import { EvaluationRecords } from "./evaluations.ts";
import { IdempotencyRecords } from "./idempotency.ts";
import { KeyRecords } from "./keys.ts";
import { JobRecords } from "./jobs.ts";
import { ModelRecords } from "./models.ts";
import { ProjectRecords } from "./projects.ts";
import { SessionRecords } from "./sessions.ts";
import { SweepRecords } from "./sweeps.ts";
import { Turns } from "./turns.ts";
import { WebhookRecords } from "./webhooks.ts";
import { Rates, Speeds, WorkerRecords } from "./workers.ts";

export { bestOf, expendable, presentCheckpoints } from "./checkpoints.ts";
export { presentDataset, unreadDataset } from "./datasets.ts";
export { bytesOfPredictions, presentEvaluation } from "./evaluations.ts";
export { presentJob } from "./job-hash.ts";
export { elapsedSecondsOf, presentSweep, requestFields } from "./sweep-record.ts";
export { tablesField, withoutTables } from "./tables.ts";
export { modelIdOf, modelRecord, presentModel } from "./models.ts";
export { messageId, presentWebhook } from "./webhooks.ts";
export { migrate } from "./migrate.ts";
export { digestOfKey, isOver, presentKey } from "./keys.ts";
export { requestOf, type Origin } from "./origin.ts";
export { withLimits } from "./projects.ts";
export { projectOf } from "./sight.ts";
export { rateKey, speedKey } from "./workers.ts";
export type { Asked, Publication } from "./attempts.ts";
export type { CheckpointRecord } from "./checkpoints.ts";
export type { DatasetRecord } from "./datasets.ts";
export type { EvaluationOutcome, EvaluationRecord, NewEvaluation } from "./evaluations.ts";
export type { Claim, StoredAnswer } from "./idempotency.ts";
export type { JobOutcome, NewJob, NotCreated } from "./jobs.ts";
export type { JobRecord, TrialRung } from "./job-hash.ts";
export type { KeyRecord } from "./keys.ts";
export type { ModelRecord } from "./models.ts";
export type { Page, PageRequest } from "./paging.ts";
export type { Deleted } from "./resources.ts";
export type { SweepLeft, SweepRecord } from "./sweep-record.ts";
export type { Coordination, NewSweep, SettledSweep, SweepOutcome, TrialJob, TrialRecords } from "./sweeps.ts";
export type { TurnQueue } from "./turns.ts";
export type { WebhookRecord } from "./webhooks.ts";
export type { WorkerRecord } from "./workers.ts";

export interface Records {
  /** Whose records these are; null: those of all projects. */
  project: string | null;
  jobs: JobRecords;
  attempts: Attempts;
  checkpoints: CheckpointRecords;
  datasets: DatasetRecords;
  models: ModelRecords;
  evaluations: EvaluationRecords;
  sweeps: SweepRecords;
  idempotency: IdempotencyRecords;
  turns: Turns;
  webhooks: WebhookRecords;
  workers: WorkerRecords;
  rates: Rates;
  speeds: Speeds;
  projects: ProjectRecords;
  keys: KeyRecords;
  sessions: SessionRecords;
}

/** With a project only its own records are seen, and what is made belongs to it. */
export const createRecords = (redis: Redis, project: string | null = null): Records => ({
  project,
  jobs: new JobRecords({ redis, project }),
  attempts: new Attempts(redis),
  checkpoints: new CheckpointRecords(redis),
  datasets: new DatasetRecords({ redis, project }),
  models: new ModelRecords({ redis, project }),
  evaluations: new EvaluationRecords(redis),
  sweeps: new SweepRecords({ redis, project }),
  idempotency: new IdempotencyRecords(redis),
  turns: new Turns(redis),
  webhooks: new WebhookRecords(redis),
  workers: new WorkerRecords(redis),
  rates: new Rates(redis),
  speeds: new Speeds(redis),
  projects: new ProjectRecords(redis),
  keys: new KeyRecords(redis),
  sessions: new SessionRecords(redis),
});
