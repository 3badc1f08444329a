/**
 * A sweep: many trainings of one base request, which differ in the values that a space allows, and the best of them by
 * an objective. search/ chooses; here are the words.
 */
import { z } from "zod";
import { datasetId, jobId, metadata, modelId, sha256, sweepId, timestamp } from "./ids.ts";
import { jobError, jobRequest, jobStatus } from "./job.ts";
import { pageOf, pageOrder, pageQuery } from "./page.ts";
import { queryFlag, usually } from "./query.ts";

export const mostTrials = 10_000;
const mostPointers = 32;
const mostChoices = 1000;

/** A field without its default: what is not given stays away, and comes in later, below a preset's settings. */
function withoutDefault(field: z.ZodType): z.ZodType {
  if (!(field instanceof z.ZodDefault || field instanceof z.ZodPrefault)) return field;
  const inner = withoutDefault(field.unwrap() as z.ZodType);
  return field.description === undefined ? inner : inner.describe(field.description);
}

/** What a base may leave out: all but the dataset. */
type Base = Partial<z.output<typeof jobRequest>> & Pick<z.output<typeof jobRequest>, "dataset">;
type BaseInput = Partial<z.input<typeof jobRequest>> & Pick<z.input<typeof jobRequest>, "dataset">;

/** A job request as it was written: each field is checked, and none that is absent gets its default. */
export const sweepBase = z.strictObject(
  Object.fromEntries(
    Object.entries(jobRequest.shape).map(([name, field]) => [
      name,
      name === "dataset" ? field : withoutDefault(field).optional(),
    ]),
  ),
) as unknown as z.ZodType<Base, BaseInput>;
export type SweepBase = Base;

const pair = (bound: z.ZodNumber) =>
  z.tuple([bound, bound]).refine(([least, most]) => least < most, {
    error: ({ input }) =>
      `the lower bound stands first and the upper one is larger, found [${(input as number[]).join(", ")}]`,
  });

const bound = z.number().min(-1e100).max(1e100);

/** What values a pointer may take: one of four. */
export const dimension = z
  .strictObject({
    log: pair(
      z
        .number()
        .min(1e-100, {
          error: ({ input }) =>
            `must be greater than 0, found ${String(input)}: a logarithm has no value there; take "uniform", or start a little above 0`,
        })
        .max(1e100),
    )
      .optional()
      .describe("from a to b, each factor equally likely"),
    uniform: pair(bound).optional().describe("from a to b, each value equally likely"),
    integers: pair(z.int().min(-2_147_483_648).max(2_147_483_647))
      .optional()
      .describe("whole numbers from a to b, both included"),
    choices: z
      .array(z.unknown())
      .min(1, "an empty choice leaves nothing to choose; name at least one value")
      .max(mostChoices)
      .refine((values) => new Set(values.map((value) => JSON.stringify(value))).size === values.length, {
        error: "a value is named twice",
      })
      .optional()
      .describe("any of these JSON values, each equally likely"),
  })
  .refine((each) => Object.keys(each).length === 1, {
    error: 'expected exactly one of {"log":[a,b]}, {"uniform":[a,b]}, {"integers":[a,b]}, {"choices":[…]}',
  });
export type Dimension = z.infer<typeof dimension>;

const jobPointer = z
  .string()
  .max(200)
  .regex(
    /^(\/([^~/]|~[01])*)+$/,
    "expected a JSON pointer into the job request, such as /optimiser/learningRate (RFC 6901)",
  );

export const space = z.record(jobPointer, dimension).superRefine((each, context) => {
  const pointers = Object.keys(each).sort();
  if (pointers.length === 0 || pointers.length > mostPointers)
    context.addIssue({
      code: "custom",
      message: `needs 1 to ${mostPointers} pointers, found ${pointers.length}; "auto" chooses them`,
    });
  for (const [index, inner] of pointers.entries()) {
    const outer = pointers.slice(0, index).find((pointer) => inner.startsWith(`${pointer}/`));
    if (outer !== undefined)
      context.addIssue({
        code: "custom",
        path: [inner],
        message: `${inner} lies inside ${outer}, which is searched as a whole; keep one of the two`,
      });
  }
});
export type Space = z.infer<typeof space>;

const trials = z
  .int()
  .min(1)
  .max(mostTrials, {
    error: ({ input }) => `a sweep holds at most ${mostTrials} trials, found ${String(input)}`,
  });

const rungs = {
  trials: trials.describe("how many begin"),
  reduction: z.int().min(2).max(10).default(3).describe("one in so many goes on to the next rung"),
  firstEpochs: z
    .int()
    .min(1)
    .max(100_000)
    .default(1)
    .describe("epochs of the first rung; reduction times more in each"),
};

/** How trials are chosen. The last rung of halving and asha trains the base's `epochs`, the whole training. */
export const search = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("grid"),
    points: z.int().min(2).max(mostTrials).default(3).describe("values of a range; choices are all taken"),
  }),
  z.strictObject({ kind: z.literal("random"), trials }),
  z.strictObject({ kind: z.literal("halving"), ...rungs }),
  z.strictObject({ kind: z.literal("asha"), ...rungs }),
]);
export type SearchRequest = z.infer<typeof search>;

export const objective = z.strictObject({
  metric: z.enum(["accuracy", "loss"]).default("accuracy").describe("accuracy: most is best; loss: least is best"),
  split: z
    .enum(["validation", "test"])
    .default("validation")
    .describe("the test split only where it is named, and then a warning says so"),
});
export type Objective = z.infer<typeof objective>;

export const sweepStopWhen = z.strictObject({
  maxSeconds: z
    .number()
    .gt(0)
    .max(31_536_000)
    .nullable()
    .default(null)
    .describe("seconds in which the sweep ran, pauses apart"),
  accuracy: z.number().gt(0).max(1).nullable().default(null).describe("enough, on the objective's split"),
});

export const sweepRequest = z.strictObject({
  name: z.string().min(1).max(200).nullable().default(null),
  base: sweepBase.describe("a job request; the space's values are put into it"),
  space: z.union([z.literal("auto"), space]).describe("JSON pointers into the job request, and what they may be"),
  search: search.optional().describe("by default chosen from the epochs of the base and from stopWhen.maxSeconds"),
  objective: objective.prefault({}),
  seed: z.int().min(0).max(4_294_967_295).default(1).describe("of the draws; the jobs' own seed stands in the base"),
  parallel: z.int().min(1).max(1000).default(4).describe("most trials in the queue or running at once"),
  stopWhen: sweepStopWhen.prefault({}),
  priority: z.int().min(-100).max(100).default(0).describe("of its jobs; higher goes first"),
  metadata: metadata.default({}),
});
export type SweepRequestInput = z.input<typeof sweepRequest>;
export type SweepRequest = z.infer<typeof sweepRequest>;

/** With space and search as they were chosen: all that decides what is trained. */
export const completeSweepRequest = sweepRequest.extend({ space, search });
export type CompleteSweepRequest = z.infer<typeof completeSweepRequest>;

/** A sweep goes through the same statuses as a job (`jobTransitions`). */
export const sweepStatus = jobStatus;

export const trialStatus = z.enum(["queued", "running", "stopped", "succeeded", "failed"]);
export type TrialStatus = z.infer<typeof trialStatus>;

export const trialParameters = z
  .record(z.string(), z.unknown())
  .describe("JSON pointer into the job request → the value put there");
export type TrialParameters = z.infer<typeof trialParameters>;

/** A row of `GET /v1/sweeps/{id}/trials`. */
export const trial = z.strictObject({
  trial: z.int().min(0),
  parameters: trialParameters,
  job: jobId.nullable().describe("null until it was queued"),
  rung: z.int().min(0),
  epochs: z.int().min(0).describe("trained so far"),
  value: z.number().nullable().describe("of the objective; null until measured, and where it is not finite"),
  status: trialStatus.describe("stopped: it ran, or waited, and will not go on"),
});
export type Trial = z.infer<typeof trial>;

export const bestTrial = z.strictObject({
  trial: z.int().min(0),
  job: jobId,
  model: modelId.nullable().describe("null while its training goes on"),
  value: z.number(),
  parameters: trialParameters,
});

export const rung = z.strictObject({
  rung: z.int().min(0),
  trials: z.int().min(1).describe("at most so many reach it; with asha a few more may"),
  epochs: z.int().min(1).nullable().describe("trained at its end; null: as each trial's own request says"),
});
export type Rung = z.infer<typeof rung>;

const sentences = z.array(z.string());

export const sweepStopReason = z.enum(["trials", "accuracy", "maxSeconds"]);
export type SweepStopReason = z.infer<typeof sweepStopReason>;

const trialCounts = z.strictObject({
  total: z.int(),
  queued: z.int().describe("not begun yet, or waiting for their rung to end"),
  running: z.int(),
  stopped: z.int(),
  succeeded: z.int(),
  failed: z.int(),
});
export type TrialCounts = z.infer<typeof trialCounts>;

export const sweep = z.strictObject({
  id: sweepId,
  object: z.literal("sweep"),
  name: z.string().nullable(),
  status: sweepStatus,
  terminal: z.boolean(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  finishedAt: timestamp.nullable(),
  dataset: z.strictObject({ id: datasetId, revision: sha256 }),
  request: completeSweepRequest,
  rungs: z.array(rung),
  trials: trialCounts,
  best: bestTrial.nullable(),
  stopReason: sweepStopReason.nullable(),
  elapsedSeconds: z.number().min(0),
  error: jobError.nullable(),
  reasons: sentences,
  warnings: sentences,
  urls: z.record(z.string(), z.string()),
  metadata,
});
export type Sweep = z.infer<typeof sweep>;

/** The answer to a dry run: what would be trained, and what it would cost if no trial failed. */
export const sweepEstimate = z.strictObject({
  request: completeSweepRequest,
  rungs: z.array(rung),
  trials: z.int(),
  requests: z
    .array(z.strictObject({ trial: z.int().min(0), parameters: trialParameters, request: z.unknown() }))
    .max(100)
    .describe("the first hundred trials with their complete job requests"),
  epochs: z.int().describe("of all trials together"),
  secondsPerEpoch: z.number().nullable().describe("of the first trial; null where no worker has reported a rate"),
  seconds: z.number().nullable().describe("of training, on one worker slot"),
  reasons: sentences,
  warnings: sentences,
});
export type SweepEstimate = z.infer<typeof sweepEstimate>;

export const createSweepQuery = z.strictObject({
  dryRun: queryFlag.optional().describe("check and estimate; queue nothing"),
});
export const sweepsQuery = pageQuery.extend({
  status: sweepStatus.optional(),
  dataset: z.string().max(200).optional().describe("id or alias"),
});
export const trialsQuery = pageQuery.extend({
  status: trialStatus.optional(),
  sort: usually(z.enum(["trial", "value"]), "trial").describe(
    "trial by default; value: the best first, those without last",
  ),
  after: z.string().max(64).optional().describe("nextAfter of the page before"),
  order: usually(pageOrder, "asc").describe("asc by default"),
});

export const sweepPage = pageOf(sweep);
export type SweepPage = z.infer<typeof sweepPage>;
export const trialPage = pageOf(trial);
export type TrialPage = z.infer<typeof trialPage>;

const eventBase = { id: z.string().describe("position in the sweep's sequence"), at: timestamp };

/** What happened to a sweep, in order. */
export const sweepEvent = z.discriminatedUnion("type", [
  z.strictObject({
    ...eventBase,
    type: z.literal("status"),
    data: z.strictObject({ status: sweepStatus, terminal: z.boolean(), reason: z.string().nullable() }),
  }),
  z.strictObject({ ...eventBase, type: z.literal("trial"), data: trial }),
  z.strictObject({ ...eventBase, type: z.literal("best"), data: bestTrial }),
  z.strictObject({
    ...eventBase,
    type: z.literal("warning"),
    data: z.strictObject({ code: z.string(), detail: z.string() }),
  }),
]);
export type SweepEvent = z.infer<typeof sweepEvent>;

/** The answer to `GET /v1/sweeps/{id}/events`, which takes what a job's events take (`eventsQuery`). */
export const sweepEventPage = pageOf(sweepEvent);
export type SweepEventPage = z.infer<typeof sweepEventPage>;
