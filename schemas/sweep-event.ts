/** What happened to a sweep and its trials, in order: one sequence for polling and for server-sent events. */
import { z } from "zod";
import { warning } from "./event.ts";
import { timestamp } from "./ids.ts";
import { pageOf } from "./page.ts";
import { sweepStatus } from "./sweep.ts";
import { bestTrial, trial } from "./trial.ts";

const base = {
  id: z.string().describe("position in the sweep's sequence; pass it as Last-Event-ID or ?after="),
  at: timestamp.describe("when it happened, ISO 8601 in UTC"),
};

const happened = (what: string) => `what happened: ${what}`;

export const sweepEvent = z.discriminatedUnion("type", [
  z.strictObject({
    ...base,
    type: z.literal("status").describe(happened("the sweep has another status")),
    data: z
      .strictObject({
        status: sweepStatus.describe("the status from then on"),
        terminal: z.boolean().describe("whether the sweep has ended for good"),
        reason: z.string().nullable().describe("why, in words; null where the status says it all"),
      })
      .describe("the new status"),
  }),
  z.strictObject({
    ...base,
    type: z.literal("trial").describe(happened("a trial began, went on, or came to its rung's end")),
    data: trial.describe("the trial from then on"),
  }),
  z.strictObject({
    ...base,
    type: z.literal("best").describe(happened("another trial is the best so far, or the best one has its model")),
    data: bestTrial.describe("the best trial"),
  }),
  z.strictObject({
    ...base,
    type: z.literal("warning").describe(happened("something went wrong that did not end the sweep")),
    data: warning,
  }),
]);
export type SweepEvent = z.infer<typeof sweepEvent>;

/** The answer to `GET /v1/sweeps/{id}/events`, which takes what a job's events take (`eventsQuery`). */
export const sweepEventPage = pageOf(sweepEvent);
export type SweepEventPage = z.infer<typeof sweepEventPage>;
