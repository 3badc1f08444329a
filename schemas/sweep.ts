/**
 * A sweep: many trainings of one base request, which differ in the values that a space allows, and the best of them by
 * an objective. search/ chooses; here are the words.
 */
import { z } from "zod";
import { sweepExamples } from "./examples.ts";
import { datasetId, metadata, sha256, sweepId, timestamp } from "./ids.ts";
import { jobRequest, jobStatus, view } from "./job.ts";
import { jobError } from "./job-result.ts";
import { datasetFilter, nameFilter, pageOf, pageQuery, withMetadata } from "./page.ts";
import { fault } from "./problem.ts";
import { queryFlag, usually } from "./query.ts";
import { bestTrial, rung, trialCounts, trialParameters } from "./trial.ts";

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
    kind: z.literal("grid").describe("all combinations of the space's values"),
    points: z.int().min(2).max(mostTrials).default(3).describe("values of a range; choices are all taken"),
  }),
  z.strictObject({
    kind: z.literal("random").describe("values drawn for each trial"),
    trials: trials.describe("how many are drawn"),
  }),
  z.strictObject({
    kind: z
      .literal("halving")
      .describe("rung by rung, the best of each go on; the same winner on any number of workers"),
    ...rungs,
  }),
  z.strictObject({
    kind: z.literal("asha").describe("the same, but nobody waits: the best so far go on as results come"),
    ...rungs,
  }),
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
    .describe("seconds from the first training on, pauses apart; then what runs ends with what it has; null: no limit"),
  accuracy: z
    .number()
    .gt(0)
    .max(1)
    .nullable()
    .default(null)
    .describe("enough, on the objective's split: a trial that reaches it ends the sweep; null: none is"),
});

const sweepFields = z.strictObject({
  name: z.string().min(1).max(200).nullable().default(null).describe("what you call it; null: it has no name"),
  base: sweepBase.describe("a job request; the space's values are put into it"),
  space: z.union([z.literal("auto"), space]).describe("JSON pointers into the job request, and what they may be"),
  search: search.optional().describe("by default chosen from the epochs of the base and from stopWhen.maxSeconds"),
  objective: objective.prefault({}).describe("by which trials are compared"),
  seed: z.int().min(0).max(4_294_967_295).default(1).describe("of the draws; the jobs' own seed stands in the base"),
  parallel: z.int().min(1).max(1000).default(4).describe("most trials in the queue or running at once"),
  stopWhen: sweepStopWhen.prefault({}).describe("what ends it before all trials are done"),
  priority: z.int().min(-100).max(100).default(0).describe("of its jobs; higher goes first"),
  metadata: metadata.default({}),
});
export const sweepRequest = sweepFields.meta({ examples: sweepExamples }).describe("a search for the best values");
export type SweepRequestInput = z.input<typeof sweepRequest>;
export type SweepRequest = z.infer<typeof sweepRequest>;

/** With space and search as they were chosen: all that decides what is trained. */
export const completeSweepRequest = sweepFields
  .extend({
    space: space.describe("JSON pointers into the job request, and what each may be"),
    search: search.describe("how trials are chosen"),
  })
  .describe("the request with space and search as they were chosen: all that decides what is trained");
export type CompleteSweepRequest = z.infer<typeof completeSweepRequest>;

/** A sweep goes through the same statuses as a job. */
export const sweepStatus = jobStatus;

const sentences = z.array(z.string());

export const sweepStopReason = z.enum(["trials", "accuracy", "maxSeconds"]);
export type SweepStopReason = z.infer<typeof sweepStopReason>;

/** What the check finds when a dataset that was waited for is ready is told as the api would have told it. */
const sweepError = jobError.extend({
  errors: z
    .array(fault)
    .default([])
    .describe("what does not fit the dataset that it waited for, place by place; empty where it failed otherwise"),
});

export const sweep = z.strictObject({
  id: sweepId,
  object: z.literal("sweep").describe("what this is: always sweep"),
  name: z.string().nullable().describe("what the request calls it; null where it has no name"),
  status: sweepStatus,
  terminal: z.boolean().describe("whether it has ended for good: cancelled, succeeded or failed"),
  createdAt: timestamp.describe("when it was accepted, ISO 8601 in UTC"),
  startedAt: timestamp.nullable().describe("when a worker first took it up, ISO 8601 in UTC; null before that"),
  finishedAt: timestamp.nullable().describe("when it ended for good, ISO 8601 in UTC; null before that"),
  dataset: z
    .strictObject({
      id: datasetId,
      revision: sha256
        .nullable()
        .describe("SHA-256 digest of the dataset's content; null while the sweep waits for a dataset still being made"),
    })
    .describe("what its trials are trained on"),
  request: completeSweepRequest,
  rungs: z.array(rung).describe("stages of the search; one for grid and random"),
  trials: trialCounts.describe("how many trials stand where"),
  best: bestTrial.nullable().describe("the best trial so far; null while none has a value"),
  stopReason: sweepStopReason
    .nullable()
    .describe("why it ended: all trials were done, or a field of stopWhen; null until it did by itself"),
  elapsedSeconds: z.number().min(0).describe("seconds from the first training on, pauses apart"),
  error: sweepError.nullable().describe("why it failed; null where it did not"),
  reasons: sentences.describe("what was chosen for it and why"),
  warnings: sentences.describe("what is legal in the request and likely wrong"),
  urls: z.record(z.string(), z.string()).describe("paths of what belongs to it, by name: trials, events, jobs"),
  metadata,
});
export type Sweep = z.infer<typeof sweep>;

/** A sweep in a list: all of it but long connection tables of its base. */
export const sweepSummary = sweep.extend({
  request: completeSweepRequest
    .extend({
      base: z
        .looseObject({ dataset: z.string().describe("the dataset as the request names it") })
        .describe("the job request that trials vary; a long connection table is shown as its count"),
    })
    .describe("with space and search as they were chosen"),
});
export type SweepSummary = z.infer<typeof sweepSummary>;

/** The answer to a dry run: what would be trained, and what it would cost if no trial failed. */
export const sweepEstimate = z.strictObject({
  request: completeSweepRequest,
  rungs: z.array(rung).describe("stages of the search; one for grid and random"),
  trials: z.int().describe("how many trials there would be"),
  requests: z
    .array(
      z.strictObject({
        trial: z.int().min(0).describe("its number, from 0"),
        parameters: trialParameters,
        request: z.unknown().describe("its complete job request"),
      }),
    )
    .max(100)
    .describe("the first hundred trials with their complete job requests"),
  epochs: z.int().describe("of all trials together"),
  secondsPerEpoch: z.number().nullable().describe("of the first trial; null where no worker has reported a rate"),
  seconds: z.number().nullable().describe("of training, on one worker slot; null where no worker has reported a rate"),
  reasons: sentences.describe("what would be chosen and why"),
  warnings: sentences.describe("what is legal in the request and likely wrong"),
});
export type SweepEstimate = z.infer<typeof sweepEstimate>;

export const createSweepQuery = z.strictObject({
  dryRun: queryFlag.optional().describe("check and estimate; queue nothing"),
});
export const sweepsQuery = withMetadata(
  pageQuery.extend({
    status: sweepStatus.optional().describe("only those of this status"),
    name: nameFilter,
    dataset: datasetFilter,
    view: usually(view, "summary").describe("full: with long connection tables; a page then has fewer entries"),
  }),
);
export const deleteSweepQuery = z.strictObject({
  models: queryFlag.optional().describe("also the model of its best trial"),
});
export const sweepPage = pageOf(sweepSummary);
export type SweepPage = z.infer<typeof sweepPage>;
