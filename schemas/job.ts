/** A training job: the request, complete with its defaults, and the record of what became of it. */
import { z } from "zod";
import { augmentation } from "./augmentation.ts";
import { datasetId, datasetReference, jobId, metadata, modelId, modelReference, sha256, timestamp } from "./ids.ts";
import { loss, network, presetName } from "./network.ts";
import { optimiser, schedule } from "./optimiser.ts";
import { datasetFilter, nameFilter, pageOf, pageQuery, withMetadata } from "./page.ts";
import { progress } from "./progress.ts";
import { queryFlag, usually } from "./query.ts";
import { validation } from "./validation.ts";

export const numerics = z.enum(["reproducible", "fast"]);
export type Numerics = z.infer<typeof numerics>;

export const normalisationKind = z.enum(["standardise", "unit", "none"]);
export type NormalisationKind = z.infer<typeof normalisationKind>;

export const stopWhen = z.strictObject({
  validationAccuracy: z
    .number()
    .gt(0)
    .max(1)
    .nullable()
    .default(null)
    .describe("ends at an epoch whose validation accuracy reaches this"),
  patience: z.int().min(1).max(100_000).nullable().default(null).describe("epochs without a new best"),
  maxSeconds: z
    .number()
    .gt(0)
    .max(31_536_000)
    .nullable()
    .default(null)
    .describe("seconds of training, over all attempts"),
});

export const checkpointPolicy = z.strictObject({
  everyEpochs: z.int().min(1).max(100_000).default(1),
  everySeconds: z
    .number()
    .min(1)
    .max(86_400)
    .nullable()
    .default(null)
    .describe("recovery points within an epoch; not listed"),
  keepLast: z.int().min(1).max(1000).default(2),
  keepBest: z.int().min(0).max(1000).default(1),
});

export const webhook = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: "expected an http or https URL" }).max(2000),
  secret: z.string().min(16).max(200).optional().describe("the key of the signature; never shown again"),
});

export const jobRequest = z.strictObject({
  name: z.string().min(1).max(200).nullable().default(null),
  dataset: datasetReference,
  network: z.union([presetName, network]),
  loss: loss.optional().describe("by default cross-entropy for a softmax output, squared-error otherwise"),
  optimiser: optimiser
    .prefault({ kind: "nesterov", learningRate: 0.2, clipNorm: 0.5 })
    .describe("how the weights move; the default is the winner of a sweep over small sets (docs/RESULTS.md)"),
  schedule: schedule.prefault({ kind: "constant" }),
  epochs: z.int().min(1).max(100_000).default(10),
  batchSize: z.int().min(1).max(1_000_000).default(50),
  shuffle: z.boolean().default(true),
  seed: z.int().min(0).max(4_294_967_295).default(1),
  threads: z.int().min(1).max(16).default(2),
  numerics: numerics.default("reproducible"),
  normalisation: normalisationKind.default("standardise"),
  augmentation: augmentation.prefault({}),
  stopWhen: stopWhen.prefault({}),
  validation: validation
    .default(null)
    .describe("what stops and the best epoch go by; null: the dataset's validation split, where it has one"),
  checkpoints: checkpointPolicy.prefault({}),
  initialModel: modelReference.nullable().default(null),
  priority: z.int().min(-100).max(100).default(0).describe("higher goes first"),
  webhook: webhook.nullable().default(null),
  metadata: metadata.default({}),
});
/** A request as a user writes it. */
export type JobRequestInput = z.input<typeof jobRequest>;

/** A request with every default in place: what the job shows, what the worker runs, what the receipt hashes. */
export const completeJobRequest = jobRequest.extend({ network, loss });
export type CompleteJobRequest = z.infer<typeof completeJobRequest>;

export const jobStatus = z.enum([
  "queued",
  "running",
  "pausing",
  "paused",
  "cancelling",
  "cancelled",
  "succeeded",
  "failed",
]);
export type JobStatus = z.infer<typeof jobStatus>;

/** Every allowed change of status; enforced in one atomic place (services/shared/records). */
export const jobTransitions: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  queued: ["running", "paused", "cancelled", "failed"],
  running: ["queued", "pausing", "cancelling", "succeeded", "failed"],
  pausing: ["paused", "cancelling", "succeeded", "failed"],
  paused: ["queued", "cancelled"],
  cancelling: ["cancelled", "succeeded", "failed"],
  cancelled: [],
  succeeded: [],
  failed: [],
};
export const isTerminal = (status: JobStatus): boolean => jobTransitions[status].length === 0;

export const attempt = z.strictObject({
  worker: z.string(),
  startedAt: timestamp,
  endedAt: timestamp.nullable(),
  reason: z
    .string()
    .nullable()
    .describe("why it ended: finished, paused, cancelled, handed over, lost, or what went wrong"),
  fromCheckpoint: z.int().nullable().describe("the step it started from; null from the beginning"),
});
export type Attempt = z.infer<typeof attempt>;

export const splitResult = z.strictObject({ loss: z.number().nullable(), accuracy: z.number(), samples: z.int() });

export const jobResult = z.strictObject({
  stopReason: z.enum(["epochs", "validationAccuracy", "patience", "maxSeconds", "step"]),
  epochs: z.int(),
  steps: z.int(),
  seconds: z.number(),
  kernels: z.string(),
  train: splitResult.nullable(),
  validation: splitResult.nullable(),
  test: splitResult.nullable(),
});
export type JobResult = z.infer<typeof jobResult>;

/** What must agree for the weights to agree, and the digest of the weights. */
export const receipt = z.strictObject({
  request: sha256,
  dataset: sha256,
  engine: z.string(),
  kernels: z.strictObject({ name: z.string(), sha256 }),
  seed: z.int(),
  numerics,
  stoppedAtStep: z.int(),
  weights: sha256,
});
export type Receipt = z.infer<typeof receipt>;

export const jobError = z.strictObject({ code: z.string(), detail: z.string(), step: z.int().nullable() });

/** What a reproduction found: null until it ended. */
export const reproduction = z.strictObject({
  of: jobId,
  expected: sha256,
  found: sha256.nullable(),
  agrees: z.boolean().nullable(),
});

export const job = z.strictObject({
  id: jobId,
  object: z.literal("job"),
  name: z.string().nullable(),
  status: jobStatus,
  terminal: z.boolean(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  finishedAt: timestamp.nullable(),
  dataset: z.strictObject({
    id: datasetId,
    revision: sha256.nullable().describe("null while the dataset is still being made"),
  }),
  request: completeJobRequest.describe("complete; while the dataset is being made, as far as can be told without it"),
  progress: progress.nullable(),
  result: jobResult.nullable(),
  model: modelId.nullable(),
  error: jobError.nullable(),
  attempts: z.array(attempt),
  receipt: receipt.nullable(),
  reproduction: reproduction.nullable(),
  warnings: z.array(z.string()).default([]).describe("what is legal in the request and likely wrong"),
  urls: z.record(z.string(), z.string()),
  metadata,
});
export type Job = z.infer<typeof job>;

export const view = z.enum(["summary", "full"]);

export const createJobQuery = z.strictObject({
  dryRun: queryFlag.optional().describe("check and estimate; queue nothing"),
});
export const jobsQuery = withMetadata(
  pageQuery.extend({
    status: jobStatus.optional().describe("only those of this status"),
    name: nameFilter,
    dataset: datasetFilter,
    view: usually(view, "summary").describe("full: with long connection tables; a page then has fewer entries"),
  }),
);
export const deleteJobQuery = z.strictObject({
  models: queryFlag.optional().describe("also the model it left behind"),
});

/** The answer to `GET /v1/jobs/{id}/progress`. */
export const jobProgress = progress.extend({ status: jobStatus, terminal: z.boolean() });
export type JobProgress = z.infer<typeof jobProgress>;

/** A network in a list: of a long connection table it says `{"connections": n}`. */
export const networkSummary = z.strictObject({ layers: z.array(z.looseObject({ kind: z.string() })) });
export type NetworkSummary = z.infer<typeof networkSummary>;

/** A job in a list: all of it but long connection tables. */
export const jobSummary = job.extend({ request: completeJobRequest.extend({ network: networkSummary }) });
export type JobSummary = z.infer<typeof jobSummary>;

export const jobPage = pageOf(jobSummary);
export type JobPage = z.infer<typeof jobPage>;
