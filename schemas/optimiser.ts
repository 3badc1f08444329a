/** How weights move: optimisers, and the schedule of the learning rate. */
import { z } from "zod";

/** Above zero also as a float32: what rounds to zero there divides by zero, or never moves anything. */
const least = 1e-30;
/** The largest rate of the sweep in docs/RESULTS.md at which nothing diverged, or what is safe in longer trainings too. */
const learningRate = (byDefault: number) => z.number().min(least).max(1000).default(byDefault);
const common = {
  weightDecay: z
    .number()
    .min(0)
    .max(10)
    .default(0)
    .describe("λ of λw, added to the gradient of filters and dense weights"),
  clipNorm: z
    .number()
    .min(least)
    .max(1e9)
    .nullable()
    .default(null)
    .describe("longest gradient allowed, as an L2 norm over all parameters"),
};

export const optimiser = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sgd"),
    learningRate: learningRate(0.1),
    momentum: z.number().min(0).lt(1).default(0),
    ...common,
  }),
  z.strictObject({
    kind: z.literal("nesterov"),
    learningRate: learningRate(0.03),
    momentum: z.number().min(0).lt(1).default(0.9),
    ...common,
  }),
  z.strictObject({
    kind: z.literal("adam"),
    learningRate: learningRate(0.003),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.999),
    epsilon: z.number().min(least).max(1).default(1e-8),
    ...common,
  }),
  z.strictObject({
    kind: z.literal("diagonal-levenberg-marquardt"),
    learningRate: learningRate(0.003),
    mu: z
      .number()
      .min(least)
      .max(1000)
      .default(0.02)
      .describe("μ of η/(μ + h): keeps steps finite where the curvature is flat"),
    samples: z
      .int()
      .min(1)
      .max(100_000)
      .default(500)
      .describe("training samples from which the curvature is estimated, before each epoch"),
    ...common,
  }),
]);
export type Optimiser = z.infer<typeof optimiser>;
export type OptimiserOf<Kind extends Optimiser["kind"]> = Extract<Optimiser, { kind: Kind }>;

const warmup = {
  warmup: z.int().min(0).max(10_000_000).default(0).describe("steps over which the rate rises linearly from zero"),
};

export const schedule = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), ...warmup }),
  z.strictObject({
    kind: z.literal("step"),
    every: z.int().min(1).max(100_000).default(10).describe("epochs"),
    factor: z.number().gt(0).max(10).default(0.1),
    ...warmup,
  }),
  z.strictObject({
    kind: z.literal("exponential"),
    factor: z.number().gt(0).max(2).default(0.95).describe("applied after each epoch"),
    ...warmup,
  }),
  z.strictObject({
    kind: z.literal("cosine"),
    minimum: z.number().min(0).max(1000).default(0).describe("rate at the last step"),
    ...warmup,
  }),
  z.strictObject({
    kind: z.literal("one-cycle"),
    peak: z.number().min(least).max(1000).optional().describe("highest rate; by default the optimiser's learningRate"),
    start: z.number().gt(0).max(1).default(0.04).describe("first rate as a share of the peak"),
    end: z.number().min(0).max(1).default(0.0001).describe("last rate as a share of the peak"),
    rise: z.number().min(0).max(1).default(0.3).describe("share of all steps that rise"),
    ...warmup,
  }),
]);
export type Schedule = z.infer<typeof schedule>;
