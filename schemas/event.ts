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
  at: timestamp,
};

export const event = z.discriminatedUnion("type", [
  z.strictObject({
    ...base,
    type: z.literal("status"),
    data: z.strictObject({ status: jobStatus, terminal: z.boolean(), reason: z.string().nullable() }),
  }),
  z.strictObject({ ...base, type: z.literal("progress"), data: progress }),
  z.strictObject({ ...base, type: z.literal("epoch"), data: metricRow }),
  z.strictObject({ ...base, type: z.literal("checkpoint"), data: checkpoint }),
  z.strictObject({
    ...base,
    type: z.literal("warning"),
    data: z.strictObject({ code: z.string(), detail: z.string() }),
  }),
  z.strictObject({ ...base, type: z.literal("attempt"), data: attempt }),
  z.strictObject({ ...base, type: z.literal("model"), data: z.strictObject({ model: modelId }) }),
]);
export type Event = z.infer<typeof event>;
export type EventType = Event["type"];
export const eventPage = pageOf(event);
export type EventPage = z.infer<typeof eventPage>;

export const eventsQuery = pageQuery.extend({
  limit: usually(pageLimit, 200).describe("entries of a page; 50 by default"),
  after: z.string().max(20).optional().describe("id of the last event seen"),
  order: usually(pageOrder, "asc").describe("asc by default; a stream goes no other way"),
});
