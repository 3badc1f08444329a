/** All records over one connection. */
import type { Redis } from "ioredis";
import { Attempts } from "./attempts.ts";
import { CheckpointRecords } from "./checkpoints.ts";
import { DatasetRecords } from "./datasets.ts";
import { EvaluationRecords } from "./evaluations.ts";
import { IdempotencyRecords } from "./idempotency.ts";
import { JobRecords } from "./jobs.ts";
import { ModelRecords } from "./models.ts";
import { WebhookRecords } from "./webhooks.ts";
import { Rates, WorkerRecords } from "./workers.ts";

export { bestOf, expendable, presentCheckpoints } from "./checkpoints.ts";
export { presentDataset, unreadDataset } from "./datasets.ts";
export { presentEvaluation } from "./evaluations.ts";
export { presentJob } from "./jobs.ts";
export { tablesField, withoutTables } from "./tables.ts";
export { modelIdOf, modelRecord, presentModel } from "./models.ts";
export { messageId, presentWebhook } from "./webhooks.ts";
export { rateKey } from "./workers.ts";
export type { Publication } from "./attempts.ts";
export type { CheckpointRecord } from "./checkpoints.ts";
export type { DatasetRecord } from "./datasets.ts";
export type { EvaluationOutcome, EvaluationRecord, NewEvaluation } from "./evaluations.ts";
export type { Claim, StoredAnswer } from "./idempotency.ts";
export type { JobOutcome, JobRecord, NewJob } from "./jobs.ts";
export type { ModelRecord } from "./models.ts";
export type { Page, PageRequest } from "./paging.ts";
export type { Deleted } from "./resources.ts";
export type { WebhookRecord } from "./webhooks.ts";
export type { WorkerRecord } from "./workers.ts";

export interface Records {
  jobs: JobRecords;
  attempts: Attempts;
  checkpoints: CheckpointRecords;
  datasets: DatasetRecords;
  models: ModelRecords;
  evaluations: EvaluationRecords;
  idempotency: IdempotencyRecords;
  webhooks: WebhookRecords;
  workers: WorkerRecords;
  rates: Rates;
}

export const createRecords = (redis: Redis): Records => ({
  jobs: new JobRecords(redis),
  attempts: new Attempts(redis),
  checkpoints: new CheckpointRecords(redis),
  datasets: new DatasetRecords(redis),
  models: new ModelRecords(redis),
  evaluations: new EvaluationRecords(redis),
  idempotency: new IdempotencyRecords(redis),
  webhooks: new WebhookRecords(redis),
  workers: new WorkerRecords(redis),
  rates: new Rates(redis),
});
