/** A training job: the request, complete with its defaults, and the record of what became of it. */
import { z } from "zod";
import { augmentation } from "./augmentation.ts";
import { jobExamples } from "./examples.ts";
import {
  datasetId,
  datasetReference,
  jobId,
  metadata,
  modelId,
  modelReference,
  sha256,
  sweepId,
  timestamp,
} from "./ids.ts";
import { jobError, jobResult, reproduction } from "./job-result.ts";
import { loss, network, presetName } from "./network.ts";
import { optimiser, reschedulings, schedule } from "./optimiser.ts";
import { datasetFilter, nameFilter, pageOf, pageQuery, withMetadata } from "./page.ts";
import { progress } from "./progress.ts";
import { queryFlag, usually } from "./query.ts";
import { sampling } from "./sampling.ts";
import { validation } from "./validation.ts";

export const numerics = z
  .enum(["reproducible", "fast"])
  .describe("reproducible: the same bits on every machine; fast: what this machine does quickest");
export type Numerics = z.infer<typeof numerics>;

export const normalisationKind = z
  .enum(["standardise", "unit", "none"])
  .describe(
    "what is done to pixels first: standardise takes each channel's mean away and divides by its deviation over the training split; unit divides bytes by 255 and maps other numbers from their range to 0–1; none leaves them",
  );
export type NormalisationKind = z.infer<typeof normalisationKind>;

export const stopWhen = z.strictObject({
  validationAccuracy: z
    .number()
    .gt(0)
    .max(1)
    .nullable()
    .default(null)
    .describe("ends at an epoch whose validation accuracy, from 0 to 1, reaches this; null: it does not end so"),
  patience: z
    .int()
    .min(1)
    .max(100_000)
    .nullable()
    .default(null)
    .describe("ends after so many epochs without a new best validation accuracy; null: it does not end so"),
  maxSeconds: z
    .number()
    .gt(0)
    .max(31_536_000)
    .nullable()
    .default(null)
    .describe(
      "ends after so many seconds of training, over all attempts; where the worker is too slow for all epochs, a cosine or one-cycle schedule is fitted to the time left, so that it reaches its end; null: it does not end so",
    ),
});

export const checkpointPolicy = z.strictObject({
  everyEpochs: z.int().min(1).max(100_000).default(1).describe("epochs from one checkpoint to the next"),
  everySeconds: z
    .number()
    .min(1)
    .max(86_400)
    .nullable()
    .default(null)
    .describe("seconds between recovery points within an epoch, which are not listed; null: none"),
  keepLast: z.int().min(1).max(1000).default(2).describe("how many of the newest are kept"),
  keepBest: z.int().min(0).max(1000).default(1).describe("how many of the best by the deciding split are kept besides"),
});

export const webhook = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: "expected an http or https URL" })
    .max(2000)
    .describe(
      "where each change of the job's status is sent, by POST; a private address only where the operator allows it; a name and password in it are never shown again",
    ),
  secret: z.string().min(16).max(200).optional().describe("the key of the signature; never shown again"),
});

/** Weights to start from: of a model whose every layer fits, or of the layers that match. */
export const initialModel = z.union([
  modelReference,
  z.strictObject({
    model: modelReference.describe("id or alias of the model"),
    layers: z
      .literal("matching")
      .describe(
        "layers of equal kind and shape at the same place are taken over, the others start anew; so does the last where the classes have other names",
      ),
  }),
]);
/** The model's id or alias, whichever way it was written. */
export const referenceOf = (initial: z.infer<typeof initialModel>): string =>
  typeof initial === "string" ? initial : initial.model;

const jobFields = z.strictObject({
  name: z.string().min(1).max(200).nullable().default(null).describe("what you call the job; null: it has no name"),
  dataset: datasetReference,
  network: z
    .union([presetName, z.literal("auto"), network])
    .default("auto")
    .describe(
      "the layers, the name of a preset, whose settings then stand below those that are given, or auto: layers and every setting that is not given are chosen for the dataset, and `reasons` says why",
    ),
  loss: loss.optional().describe("by default cross-entropy for a softmax output, squared-error otherwise"),
  optimiser: optimiser
    .prefault({ kind: "nesterov", learningRate: 0.2, clipNorm: 0.5 })
    .describe("how the weights move; the default is the winner of a sweep over small sets (docs/RESULTS.md)"),
  schedule: schedule.prefault({ kind: "constant" }).describe("how the learning rate changes during the training"),
  epochs: z.int().min(1).max(100_000).default(10).describe("times that the whole training split is gone through"),
  batchSize: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(50)
    .describe("samples from which one step is computed; the last batch of an epoch may be smaller"),
  shuffle: z.boolean().default(true).describe("whether each epoch takes the samples in another order, by the seed"),
  sampling: sampling.default("natural"),
  seed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .default(1)
    .describe("decides weights, order, distortions and dropout: the same request and seed make the same weights"),
  threads: z
    .int()
    .min(1)
    .max(16)
    .default(2)
    .describe("gradient threads; the worker may give fewer, and the weights are the same with any number"),
  numerics: numerics.default("reproducible"),
  normalisation: normalisationKind.default("standardise"),
  augmentation: augmentation.prefault({}).describe("random distortions of the training samples; none by default"),
  stopWhen: stopWhen.prefault({}).describe("what ends the training before its epochs are through; nothing by default"),
  validation: validation
    .default(null)
    .describe("what stops and the best epoch go by; null: the dataset's validation split, where it has one"),
  checkpoints: checkpointPolicy.prefault({}).describe("when checkpoints are taken, and how many are kept"),
  initialModel: initialModel
    .nullable()
    .default(null)
    .describe(
      "a model whose weights the training begins with: its id or alias, where every layer fits, or with `layers` those that match; null: new weights by the seed",
    ),
  priority: z
    .int()
    .min(-100)
    .max(100)
    .default(0)
    .describe("of two jobs that wait the one with the higher number goes first"),
  webhook: webhook.nullable().default(null).describe("whom to call when the status changes; null: nobody"),
  metadata: metadata.default({}),
});

export const jobRequest = jobFields.meta({ examples: jobExamples }).describe("a training to be queued");
/** A request as a user writes it. */
export type JobRequestInput = z.input<typeof jobRequest>;

/** A request with every default in place: what the job shows, what the worker runs, what the receipt hashes. */
export const completeJobRequest = jobRequest
  .extend({ network, loss })
  .describe("a job request with every default in place");
export type CompleteJobRequest = z.infer<typeof completeJobRequest>;

export const jobStatus = z
  .enum(["queued", "running", "pausing", "paused", "cancelling", "cancelled", "succeeded", "failed"])
  .describe("where it stands; cancelled, succeeded and failed are for good");
export type JobStatus = z.infer<typeof jobStatus>;

/** Every allowed change of status; enforced in one atomic place (services/shared/records). */
export const jobTransitions: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  queued: ["running", "paused", "cancelled", "failed"],
  // At once paused: a trial whose rung is over.
  running: ["queued", "pausing", "paused", "cancelling", "succeeded", "failed"],
  pausing: ["paused", "cancelling", "succeeded", "failed"],
  paused: ["queued", "cancelled"],
  cancelling: ["cancelled", "succeeded", "failed"],
  cancelled: [],
  succeeded: [],
  failed: [],
};
export const isTerminal = (status: JobStatus): boolean => jobTransitions[status].length === 0;

export const attempt = z.strictObject({
  worker: z.string().describe("name of the worker that tried"),
  startedAt: timestamp.describe("when it began, ISO 8601 in UTC"),
  endedAt: timestamp.nullable().describe("when it ended, ISO 8601 in UTC; null while it goes on"),
  reason: z
    .string()
    .nullable()
    .describe(
      "why it ended: finished, paused, cancelled, handed over, lost, or what went wrong; null while it goes on",
    ),
  fromCheckpoint: z
    .int()
    .nullable()
    .describe("the step of the checkpoint that it started from; null where it began at the beginning"),
});
export type Attempt = z.infer<typeof attempt>;

/** What must agree for the weights to agree, and the digest of the weights. */
export const receipt = z.strictObject({
  request: sha256.describe("SHA-256 digest of the complete request"),
  dataset: sha256.describe("revision of the dataset: the SHA-256 digest of its content"),
  engine: z.string().describe("version of the engine; another one may make other bits"),
  kernels: z
    .strictObject({
      name: z.string().describe("which kernels computed"),
      sha256: sha256.describe("SHA-256 digest of their file"),
    })
    .describe("the compiled loops that computed it; reproducible ones all make the same bits"),
  seed: z.int().describe("seed of the request"),
  numerics,
  stoppedAtStep: z.int().describe("the step that the model's weights are of"),
  rescheduled: reschedulings,
  weights: sha256.describe("SHA-256 digest of the model's weights file"),
  initialWeights: sha256
    .nullable()
    .default(null)
    .describe("SHA-256 digest of the weights of `initialModel`; null where the training began by the seed"),
});
export type Receipt = z.infer<typeof receipt>;

export const job = z.strictObject({
  id: jobId,
  object: z.literal("job").describe("what this is: always job"),
  name: z.string().nullable().describe("what the request calls it; null where it has no name"),
  status: jobStatus,
  terminal: z.boolean().describe("whether it has ended for good: cancelled, succeeded or failed"),
  createdAt: timestamp.describe("when it was accepted, ISO 8601 in UTC"),
  startedAt: timestamp.nullable().describe("when a worker first began, ISO 8601 in UTC; null before that"),
  finishedAt: timestamp.nullable().describe("when it ended for good, ISO 8601 in UTC; null before that"),
  dataset: z
    .strictObject({
      id: datasetId,
      revision: sha256
        .nullable()
        .describe("SHA-256 digest of the dataset's content; null while the dataset is still being made"),
    })
    .describe("what it is trained on"),
  request: completeJobRequest.describe("complete; while the dataset is being made, as far as can be told without it"),
  progress: progress
    .nullable()
    .describe("where the training stands, replaced about once a second; null before it began"),
  result: jobResult.nullable().describe("how good the model is and what ended the training; null until it succeeded"),
  model: modelId.nullable().describe("id of the model that it left behind; null until it succeeded"),
  error: jobError.nullable().describe("why it failed; null where it did not"),
  attempts: z.array(attempt).describe("the tries of workers, oldest first; a new one follows a crash or a pause"),
  receipt: receipt.nullable().describe("what must agree for the weights to agree; null until it succeeded"),
  reproduction: reproduction.nullable().describe("of a job that does another again; null for all others"),
  sweep: z
    .strictObject({ id: sweepId, trial: z.int().min(0).describe("its number in the sweep") })
    .nullable()
    .default(null)
    .describe("the sweep that it is a trial of; null: it was asked for by itself"),
  waitingFor: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "what a queued job waits for besides its turn: a worker with the memory that it needs, or any; null: nothing",
    ),
  warnings: z.array(z.string()).default([]).describe("what is legal in the request and likely wrong"),
  reasons: z
    .array(z.string())
    .default([])
    .describe("what was decided for this job, and why, in sentences: which layers start with a model's weights"),
  urls: z
    .record(z.string(), z.string())
    .describe("paths of what belongs to it, by name: progress, events, checkpoints …"),
  metadata,
});
export type Job = z.infer<typeof job>;

export const view = z
  .enum(["summary", "full"])
  .describe("summary: without long connection tables; full: with them, and fewer entries a page");

export const createJobQuery = z.strictObject({
  dryRun: queryFlag.optional().describe("check and estimate; queue nothing"),
});
export const jobsQuery = withMetadata(
  pageQuery.extend({
    status: jobStatus.optional().describe("only those of this status"),
    name: nameFilter,
    dataset: datasetFilter,
    sweep: z.string().max(64).optional().describe("only the trials of this sweep: its id"),
    view: usually(view, "summary").describe("full: with long connection tables; a page then has fewer entries"),
  }),
);
export const deleteJobQuery = z.strictObject({
  models: queryFlag.optional().describe("also the model it left behind"),
});

/** The answer to `GET /v1/jobs/{id}/progress`. */
export const jobProgress = progress.extend({
  status: jobStatus,
  terminal: z.boolean().describe("whether the job has ended for good"),
});
export type JobProgress = z.infer<typeof jobProgress>;

/** A network in a list: of a long connection table it says `{"connections": n}`. */
export const networkSummary = z
  .strictObject({
    layers: z
      .array(z.looseObject({ kind: z.string().describe("kind of the layer; its own fields stand beside it") }))
      .describe("the layers in order"),
  })
  .describe("the network; of a long connection table it says only how many connections there are");
export type NetworkSummary = z.infer<typeof networkSummary>;

/** A job in a list: all of it but long connection tables. */
export const jobSummary = job.extend({
  request: completeJobRequest
    .extend({ network: networkSummary })
    .describe("the request with every default in place, without long connection tables"),
});
export type JobSummary = z.infer<typeof jobSummary>;

export const jobPage = pageOf(jobSummary);
export type JobPage = z.infer<typeof jobPage>;
