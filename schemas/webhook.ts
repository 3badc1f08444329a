/** What became of the calls to a job's webhook: one delivery for each change of status. */
import { z } from "zod";
import { timestamp } from "./ids.ts";
import { pageLimit, pageOf, pageOrder } from "./page.ts";
import { usually } from "./query.ts";

export const webhookDelivery = z.strictObject({
  event: z.string().describe("id of the job's event that it tells of"),
  message: z.string().describe("the header webhook-id of every try: the receiver knows by it what it has seen"),
  type: z.string().describe("what it tells: job.running, job.succeeded and so on, by status"),
  at: timestamp.describe("when the event happened; the body shows the job as it was then"),
  state: z
    .enum(["waiting", "delivered", "failed"])
    .describe("waiting: not delivered yet; delivered: the server took it; failed: given up after the last try"),
  tries: z.int().min(0).describe("times that it was sent until now"),
  lastTry: z
    .strictObject({
      at: timestamp.describe("when it was sent, ISO 8601 in UTC"),
      status: z.int().nullable().describe("HTTP status that the server answered; null where it did not"),
      detail: z.string().nullable().describe("why it was not delivered; null where it was"),
    })
    .nullable()
    .describe("the last time it was sent; null before the first"),
});
export type WebhookDelivery = z.infer<typeof webhookDelivery>;

export const webhookPage = pageOf(webhookDelivery);
export type WebhookPage = z.infer<typeof webhookPage>;

export const webhooksQuery = z.strictObject({
  limit: usually(pageLimit, 50).describe("entries of a page; 50 by default"),
  after: z
    .string()
    .regex(/^\d{1,15}$/, "expected the nextAfter of the page before")
    .optional()
    .describe("nextAfter of the page before: the id of an event"),
  order: usually(pageOrder, "asc").describe("by event; asc by default"),
});
