/** What happened to a job, in order: one sequence for polling and for server-sent events. */
import { z } from "zod";
import { attempt, jobStatus } from "./job.ts";
import { checkpoint } from "./checkpoint.ts";
import { modelId, timestamp } from "./ids.ts";
import { metricRow } from "./metrics.ts";
import { pageLimit, pageOf, pageOrder, pageQuery } from "./page.ts";
import { progress } from "./progress.ts";
import { usually } from "./query.ts";

const base = {
  id: z.string().describe("position in the job's sequence; pass it as Last-Event-ID or ?after="),
  at: timestamp.describe("when it happened, ISO 8601 in UTC"),
};

const happened = (what: string) => `what happened: ${what}`;

/** Told while a job or a sweep goes on. */
export const warning = z
  .strictObject({
    code: z.string().describe("the kind for programs, explained at /problems/{code}"),
    detail: z.string().describe("what went wrong and what is done about it"),
  })
  .describe("the warning");

export const event = z.discriminatedUnion("type", [
  z.strictObject({
    ...base,
    type: z.literal("status").describe(happened("the job has another status")),
    data: z
      .strictObject({
        status: jobStatus.describe("the status from then on"),
        terminal: z.boolean().describe("whether the job has ended for good"),
        reason: z.string().nullable().describe("why, in words; null where the status says it all"),
      })
      .describe("the new status"),
  }),
  z.strictObject({
    ...base,
    type: z.literal("progress").describe(happened("the training went on")),
    data: progress.describe("where it stood then"),
  }),
  z.strictObject({
    ...base,
    type: z.literal("epoch").describe(happened("an epoch ended")),
    data: metricRow.describe("the epoch's row of metrics"),
  }),
  z.strictObject({
    ...base,
    type: z.literal("checkpoint").describe(happened("a checkpoint was kept")),
    data: checkpoint.describe("the checkpoint"),
  }),
  z.strictObject({
    ...base,
    type: z.literal("warning").describe(happened("something went wrong that did not end the job")),
    data: warning,
  }),
  z.strictObject({
    ...base,
    type: z.literal("attempt").describe(happened("a worker began or ended an attempt")),
    data: attempt.describe("the attempt"),
  }),
  z.strictObject({
    ...base,
    type: z.literal("model").describe(happened("the job left its model behind")),
    data: z.strictObject({ model: modelId }).describe("the model"),
  }),
]);
export type Event = z.infer<typeof event>;
export type EventType = Event["type"];
export const eventPage = pageOf(event);
export type EventPage = z.infer<typeof eventPage>;

export const eventsQuery = pageQuery.extend({
  limit: usually(pageLimit, 200).describe("entries of a page; 200 by default"),
  after: z.string().max(20).optional().describe("id of the last event seen; the page or stream goes on behind it"),
  order: usually(pageOrder, "asc").describe("asc by default; a stream goes no other way"),
});
