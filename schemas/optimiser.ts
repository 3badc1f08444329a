/** How weights move: optimisers, and the schedule of the learning rate. */
import { z } from "zod";

/** Above zero also as a float32: what rounds to zero there divides by zero, or never moves anything. */
const least = 1e-30;
/** The largest rate of the sweep in docs/RESULTS.md at which nothing diverged, or what is safe in longer trainings too. */
const learningRate = (byDefault: number) =>
  z
    .number()
    .min(least)
    .max(1000)
    .default(byDefault)
    .describe("η: how far a step goes along the mean gradient of a batch");
const momentum = (byDefault: number) =>
  z.number().min(0).lt(1).default(byDefault).describe("share of the last step that is added to the next");
const common = {
  weightDecay: z
    .number()
    .min(0)
    .max(10)
    .default(0)
    .describe("λ of λw, added to the gradient of filters and dense weights; 0: none"),
  clipNorm: z
    .number()
    .min(least)
    .max(1e9)
    .nullable()
    .default(null)
    .describe("longest gradient allowed, as an L2 norm over all parameters; longer ones are shortened; null: any"),
};

export const optimiser = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sgd").describe("stochastic gradient descent, with momentum where it is given"),
    learningRate: learningRate(0.1),
    momentum: momentum(0),
    ...common,
  }),
  z.strictObject({
    kind: z
      .literal("nesterov")
      .describe("descent with Nesterov's momentum: the gradient is taken where the step leads"),
    learningRate: learningRate(0.03),
    momentum: momentum(0.9),
    ...common,
  }),
  z.strictObject({
    kind: z.literal("adam").describe("Adam (Kingma & Ba 2015): a step of its own for each parameter"),
    learningRate: learningRate(0.003),
    beta1: z.number().min(0).lt(1).default(0.9).describe("how long the mean of the gradients remembers"),
    beta2: z.number().min(0).lt(1).default(0.999).describe("how long the mean of their squares remembers"),
    epsilon: z
      .number()
      .min(least)
      .max(1)
      .default(1e-8)
      .describe("added to the root of the squares, so that a gradient of zero does not divide by zero"),
    ...common,
  }),
  z.strictObject({
    kind: z
      .literal("diagonal-levenberg-marquardt")
      .describe("LeCun 1998: each parameter's rate by the curvature of the loss along it"),
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
  warmup: z
    .int()
    .min(0)
    .max(10_000_000)
    .default(0)
    .describe("steps over which the rate rises linearly to what the schedule says; 0: none"),
};

export const schedule = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant").describe("the rate stays as it is"), ...warmup }),
  z.strictObject({
    kind: z.literal("step").describe("the rate falls by a factor every few epochs"),
    every: z.int().min(1).max(100_000).default(10).describe("epochs from one fall to the next"),
    factor: z.number().gt(0).max(10).default(0.1).describe("what the rate is multiplied by at each"),
    ...warmup,
  }),
  z.strictObject({
    kind: z.literal("exponential").describe("the rate falls by a factor after each epoch"),
    factor: z.number().gt(0).max(2).default(0.95).describe("what the rate is multiplied by after each epoch"),
    ...warmup,
  }),
  z.strictObject({
    kind: z.literal("cosine").describe("the rate falls along half a cosine over the whole training"),
    minimum: z.number().min(0).max(1000).default(0).describe("the rate at the last step; at most the learningRate"),
    ...warmup,
  }),
  z.strictObject({
    kind: z.literal("one-cycle").describe("the rate rises to a peak and falls to almost nothing (Smith 2018)"),
    peak: z.number().min(least).max(1000).optional().describe("highest rate; by default the optimiser's learningRate"),
    start: z.number().gt(0).max(1).default(0.04).describe("first rate as a share of the peak"),
    end: z.number().min(0).max(1).default(0.0001).describe("last rate as a share of the peak"),
    rise: z.number().min(0).max(1).default(0.3).describe("share of all steps that rise"),
    ...warmup,
  }),
]);
export type Schedule = z.infer<typeof schedule>;

/** Whether a schedule is made for a training of a certain length, so that cut off it has not done what it is for. */
export const hasEnd = ({ kind }: Schedule): boolean => kind === "cosine" || kind === "one-cycle";

/** A schedule that has an end, fitted to the time that was left. */
const rescheduling = z.strictObject({
  step: z.int().min(1).describe("batches that were done when the schedule was fitted to the time left"),
  end: z.int().min(1).describe("the batch that it was to end with from then on"),
});
export type Rescheduling = z.infer<typeof rescheduling>;
export const reschedulings = z
  .array(rescheduling)
  .default([])
  .describe(
    "how a cosine or one-cycle schedule was fitted to the time that stopWhen.maxSeconds left, oldest first; a reproduction does the same; empty where it ran as requested",
  );
